/** Filling parameters as `torch.nn.init`, from the same random stream, so that a ported model starts from the same numbers. */
import {
  ArgumentError,
  noGrad,
  randperm,
  type Shape,
  ShapeError,
  scope,
  stack,
  type Tensor,
  where,
} from '@course/tensor';

/** The functions that {@link calculateGain} knows. */
export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leaky_relu' | 'selu';

/** The gain that keeps variance through a nonlinearity, as `torch.nn.init.calculate_gain`. */
export function calculateGain(nonlinearity: Nonlinearity, slope = 0.01): number {
  const gains: Record<Nonlinearity, number> = {
    linear: 1,
    sigmoid: 1,
    tanh: 5 / 3,
    relu: Math.SQRT2,
    leaky_relu: Math.sqrt(2 / (1 + slope ** 2)),
    selu: 0.75,
  };
  return gains[nonlinearity];
}

/** Inputs and outputs of one unit of a weight [out, in, ...receptive field]. */
export function calculateFanInAndFanOut(shape: Shape): { fanIn: number; fanOut: number } {
  const [out, into, ...field] = shape;
  if (out === undefined || into === undefined)
    throw new ShapeError(
      `init: Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, got [${shape.join(', ')}]`,
    );
  const size = field.reduce((a, b) => a * b, 1);
  return { fanIn: into * size, fanOut: out * size };
}

let skipped = false;

/**
 * Runs `make` with all random initialisers switched off, after `torch.nn.utils.skip_init`: for a model whose weights are about to be
 * loaded. What they would have drawn stays zero, and the random stream stays where it was.
 *
 * @example
 * const model = skipInit(() => new Linear(768, 768)); // then model.loadStateDict(...)
 */
export function skipInit<T>(make: () => T): T {
  const before = skipped;
  skipped = true;
  try {
    return make();
  } finally {
    skipped = before;
  }
}

/** Fills a tensor with numbers drawn uniformly from [from, to); returns it. */
export function uniform_(tensor: Tensor, from = 0, to = 1): Tensor {
  if (skipped) return tensor;
  return noGrad(() => tensor.uniform_(from, to));
}

/** Fills a tensor with normal numbers; returns it. */
export function normal_(tensor: Tensor, mean = 0, std = 1): Tensor {
  if (skipped) return tensor;
  return noGrad(() => tensor.normal_(mean, std));
}

/** Fills a tensor with one number; returns it. */
export function constant_(tensor: Tensor, value: number): Tensor {
  return noGrad(() => tensor.fill_(value));
}

/** Fills a tensor with 0; returns it. */
export function zeros_(tensor: Tensor): Tensor {
  return constant_(tensor, 0);
}

/** Fills a tensor with 1; returns it. */
export function ones_(tensor: Tensor): Tensor {
  return constant_(tensor, 1);
}

/** Fills one row of a table with 0, that of a padding token; returns the table. As the draws before it, it is left out under {@link skipInit}. */
export function zeroRow_(table: Tensor, row: number): Tensor {
  if (!skipped) noGrad(() => scope(() => void table.select(0, row).zero_()));
  return table;
}

/** Options of He's initialisers. */
export interface KaimingOptions {
  /** Slope of a leaky ReLU. */
  readonly a?: number;
  readonly mode?: 'fanIn' | 'fanOut';
  readonly nonlinearity?: Nonlinearity;
}

function kaimingStd(tensor: Tensor, { a = 0, mode = 'fanIn', nonlinearity = 'leaky_relu' }: KaimingOptions): number {
  const fan = calculateFanInAndFanOut(tensor.shape)[mode];
  if (fan === 0) throw new ArgumentError('init: initializing zero-element tensors is a no-op');
  return calculateGain(nonlinearity, a) / Math.sqrt(fan);
}

/** He et al. 2015, uniform. */
export function kaimingUniform_(tensor: Tensor, options: KaimingOptions = {}): Tensor {
  const bound = Math.sqrt(3) * kaimingStd(tensor, options);
  return uniform_(tensor, -bound, bound);
}

/** He et al. 2015, normal. */
export function kaimingNormal_(tensor: Tensor, options: KaimingOptions = {}): Tensor {
  return normal_(tensor, 0, kaimingStd(tensor, options));
}

function xavierStd(tensor: Tensor, gain: number): number {
  const { fanIn, fanOut } = calculateFanInAndFanOut(tensor.shape);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}

/** Glorot & Bengio 2010, uniform. */
export function xavierUniform_(tensor: Tensor, gain = 1): Tensor {
  const bound = Math.sqrt(3) * xavierStd(tensor, gain);
  return uniform_(tensor, -bound, bound);
}

/** Glorot & Bengio 2010, normal. */
export function xavierNormal_(tensor: Tensor, gain = 1): Tensor {
  return normal_(tensor, 0, xavierStd(tensor, gain));
}

/** Ones on the diagonal of a matrix, as `torch.nn.init.eye_`. */
export function eye_(tensor: Tensor): Tensor {
  const [rows = 0] = checkMatrix('eye_', tensor);
  const onDiagonal = tensor
    .newArange(rows)
    .view([-1, 1])
    .eq(tensor.newArange(tensor.size(1)));
  return noGrad(() => tensor.copy_(onDiagonal.to('float32')));
}

/** A convolution [out, in, length] that hands its channels through, as `torch.nn.init.dirac_`. */
export function dirac_(tensor: Tensor): Tensor {
  const [out, into, length] = tensor.shape;
  if (tensor.ndim !== 3 || out === undefined || into === undefined || length === undefined)
    throw new ShapeError(`init.dirac_: expected a weight [out, in, length], got [${tensor.shape.join(', ')}]`);
  return noGrad(() =>
    scope(() => {
      const channel = tensor
        .newArange(out)
        .view([-1, 1, 1])
        .eq(tensor.newArange(into).view([-1, 1]));
      return tensor.copy_(channel.logicalAnd(tensor.newArange(length).eq(length >> 1)).to('float32'));
    }),
  );
}

/**
 * A (semi-)orthogonal matrix of normal numbers (Saxe et al. 2013), as `torch.nn.init.orthogonal_`: rows, or columns if there are fewer, of
 * length `gain` at right angles. Dims after the first count as one.
 */
export function orthogonal_(tensor: Tensor, gain = 1): Tensor {
  if (tensor.ndim < 2)
    throw new ShapeError(
      `init.orthogonal_: Only tensors with 2 or more dimensions are supported, got [${tensor.shape.join(', ')}]`,
    );
  return noGrad(() =>
    scope(() => {
      const flat = normal_(tensor).reshape([tensor.size(0), -1]);
      const wide = flat.size(0) < flat.size(1);
      // Gram-Schmidt, twice over each vector: once loses the right angle where vectors are nearly parallel.
      const vectors: Tensor[] = [];
      for (const each of (wide ? flat : flat.T).unbind(0)) {
        let vector = each.clone();
        for (let pass = 0; pass < 2 && vectors.length > 0; pass++) {
          const basis = stack(vectors);
          vector = vector.sub(vector.matmul(basis.T).matmul(basis));
        }
        vectors.push(vector.div(vector.norm()));
      }
      const rows = stack(vectors);
      return tensor.copy_((wide ? rows : rows.T).mul(gain).reshape(tensor.shape));
    }),
  );
}

/** Normal numbers, and in each column a share of zeros at random places (Martens 2010), as `torch.nn.init.sparse_`. */
export function sparse_(tensor: Tensor, sparsity: number, std = 0.01): Tensor {
  const [rows = 0, columns = 0] = checkMatrix('sparse_', tensor);
  const zeroed = Math.ceil(sparsity * rows);
  if (!(sparsity >= 0 && sparsity <= 1))
    throw new ArgumentError(`init.sparse_: sparsity must lie in [0, 1], got ${sparsity}`);
  return noGrad(() =>
    scope(() => {
      normal_(tensor, 0, std);
      const places = tensor.newArange(rows).view([-1, 1]);
      const masks = Array.from({ length: columns }, () => {
        const order = randperm(rows);
        return places
          .eq(order.narrow(0, 0, zeroed))
          .sum(-1)
          .gt(0);
      });
      return tensor.copy_(tensor.maskedFill(stack(masks, 1), 0));
    }),
  );
}

function checkMatrix(name: string, tensor: Tensor): Shape {
  if (tensor.ndim !== 2)
    throw new ShapeError(
      `init.${name}: Only tensors with 2 dimensions are supported, got [${tensor.shape.join(', ')}]`,
    );
  return tensor.shape;
}

/** Φ, the normal distribution function,, by the series of erf near 0 and the continued fraction of erfc in the tails. */
function normalCdf(x: number): number {
  const z = Math.abs(x) * Math.SQRT1_2;
  let tail: number;
  if (z < 3) {
    let [term, sum] = [z, z];
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum) && n < 200; n++) {
      term *= (-z * z) / n;
      sum += term / (2 * n + 1);
    }
    tail = 0.5 - sum / Math.sqrt(Math.PI);
  } else {
    let fraction = 0;
    for (let n = 60; n > 0; n--) fraction = n / 2 / (z + fraction);
    tail = Math.exp(-z * z) / (2 * Math.sqrt(Math.PI) * (z + fraction));
  }
  return x < 0 ? tail : 1 - tail;
}

/** Options of the truncated normal initialiser. */
export interface TruncNormalOptions {
  readonly mean?: number;
  readonly std?: number;
  /** The least value. Default -2. */
  readonly a?: number;
  /** The largest value. Default 2. */
  readonly b?: number;
}

/** Normal numbers cut to [a, b], as `torch.nn.init.trunc_normal_`: uniform numbers through the inverse distribution function. */
export function truncNormal_(tensor: Tensor, { mean = 0, std = 1, a = -2, b = 2 }: TruncNormalOptions = {}): Tensor {
  if (!(a < b && std > 0))
    throw new ArgumentError(`init.truncNormal_: a (${a}) must be below b (${b}), and std (${std}) above 0`);
  const [low, high] = [normalCdf((a - mean) / std), normalCdf((b - mean) / std)];
  return noGrad(() =>
    scope(() => {
      uniform_(tensor, 2 * low - 1, 2 * high - 1);
      const normal = inverseErf(tensor).mul(std * Math.SQRT2);
      return tensor.copy_(normal.add(mean).clamp({ min: a, max: b }));
    }),
  );
}

/** The inverse of erf (Giles 2012, single precision) with one step of Newton's method. */
function inverseErf(y: Tensor): Tensor {
  const w = y.neg().add(1).mul(y.add(1)).log().neg();
  const polynomial = (x: Tensor, coefficients: readonly number[]): Tensor =>
    coefficients.slice(1).reduce((sum, each) => sum.mul(x).add(each), x.mul(0).add(coefficients[0] ?? 0));
  const central = polynomial(
    w.sub(2.5),
    [
      2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164,
      0.246640727, 1.50140941,
    ],
  );
  const tails = polynomial(
    w.clamp({ min: 5 }).sqrt().sub(3),
    [
      -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
      1.00167406, 2.83297682,
    ],
  );
  const guess = where(w.lt(5), central, tails).mul(y);
  const slope = guess
    .square()
    .neg()
    .exp()
    .mul(2 / Math.sqrt(Math.PI));
  return where(w.lt(5), guess.sub(guess.erf().sub(y).div(slope)), guess);
}

/** Filling parameters as `torch.nn.init`, from the same random stream, so that a ported model starts from the same numbers. */
import { ArgumentError, noGrad, type Shape, ShapeError, type Tensor } from '@course/tensor';

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

/** Fills a tensor with numbers drawn uniformly from [from, to); returns it. */
export function uniform_(tensor: Tensor, from = 0, to = 1): Tensor {
  return noGrad(() => tensor.uniform_(from, to));
}

/** Fills a tensor with normal numbers; returns it. */
export function normal_(tensor: Tensor, mean = 0, std = 1): Tensor {
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

// Ops over random shapes, each with its gradients, to be computed twice and compared: on a device and on a smaller one, on WebGPU and on the
// CPU. Values are multiples of 1/64 below 1, so that sums and products of a thousand of them are exact in float32, whatever their order.
import {
  cat,
  conv1d,
  crossEntropy,
  type DType,
  embedding,
  layerNorm,
  linear,
  maxPool1d,
  pad,
  rmsNorm,
  scaledDotProductAttention,
  scope,
  type Tensor,
  tensor,
  where,
} from '@course/tensor';
import { noise } from '../webgpu/gpu.js';

/** A whole number from `min` to `max`. */
export type Draw = (min: number, max: number) => number;

/** An operand before it is on a device. */
export interface Operand {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly values: readonly number[];
}

export interface Problem {
  readonly operands: readonly Operand[];
  run(...tensors: Tensor[]): Tensor;
}

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export function floats(draw: Draw, shape: readonly number[]): Operand {
  const values = noise(count(shape), draw(1, 1000)).map((value) => Math.trunc(value * 64) / 64);
  return { shape, dtype: 'float32', values };
}

/** Indices below `below`; a size of at least one is needed to have any. */
function indices(draw: Draw, shape: readonly number[], below: number): Operand {
  const values = noise(count(shape), draw(1, 1000)).map((value) => Math.floor(((value + 1) / 2) * below));
  return { shape, dtype: 'int32', values };
}

function truths(draw: Draw, shape: readonly number[]): Operand {
  return { shape, dtype: 'bool', values: noise(count(shape), draw(1, 1000)).map((value) => Number(value > 0)) };
}

/** A size: often small or odd, seldom none at all. */
const size = (draw: Draw, most = 40): number => (draw(0, 9) === 0 ? draw(0, 1) : draw(1, draw(1, most)));

/** A shape of `rank` dims. */
const shapeOf = (draw: Draw, rank: number, most?: number): number[] =>
  Array.from({ length: rank }, () => size(draw, most));

/** A shape that broadcasts to another. */
export const broadcastable = (draw: Draw, shape: readonly number[]): number[] => {
  const kept = shape.slice(draw(0, shape.length));
  return kept.map((length) => (draw(0, 2) === 0 ? 1 : length));
};

/** A tensor of a rank, and one of its dims. */
function along(
  draw: Draw,
  run: (x: Tensor, dim: number) => Tensor,
  { most, least = 0 }: { most?: number; least?: number } = {},
): Problem {
  const rank = draw(1, 3);
  const dim = draw(0, rank - 1);
  const shape = shapeOf(draw, rank, most);
  return {
    operands: [floats(draw, shape.with(dim, Math.max(least, shape[dim] ?? 0)))],
    run: (x) => run(x as Tensor, dim),
  };
}

/** A product's operands, or of two stacks of matrices. */
function product(draw: Draw): Problem {
  const [m, k, n] = [size(draw), size(draw), size(draw)];
  const batch = shapeOf(draw, draw(0, 2), 5);
  const other = broadcastable(draw, batch);
  const turned = draw(0, 1) === 1;
  return {
    operands: [floats(draw, [...batch, m, k]), floats(draw, turned ? [...other, n, k] : [...other, k, n])],
    run: (a, b) => (a as Tensor).matmul(turned ? (b as Tensor).transpose(-1, -2) : (b as Tensor)),
  };
}

function layer(draw: Draw): Problem {
  const [rows, width, out] = [size(draw, 60), size(draw), size(draw)];
  const withResidual = draw(0, 1) === 1;
  return {
    operands: [floats(draw, [rows, width]), floats(draw, [out, width]), floats(draw, [out]), floats(draw, [rows, out])],
    run: (x, w, b, residual) => {
      const y = linear(x as Tensor, w as Tensor, b as Tensor).relu();
      return withResidual ? y.add(residual as Tensor) : y;
    },
  };
}

function attended(draw: Draw): Problem {
  const [batch, heads, queries, keys] = [draw(1, 3), draw(1, 3), size(draw, 20), Math.max(1, size(draw, 20))];
  const [width, valueWidth] = [draw(1, 9), draw(1, 9)];
  const isCausal = draw(0, 1) === 1 && queries === keys;
  const mask = draw(0, 1) === 1 ? truths(draw, [1, 1, queries, keys]) : undefined;
  return {
    operands: [
      floats(draw, [batch, heads, queries, width]),
      floats(draw, [batch, heads, keys, width]),
      floats(draw, [batch, heads, keys, valueWidth]),
      ...(mask ? [mask] : []),
    ],
    run: (query, key, value, given) =>
      scaledDotProductAttention(query as Tensor, key as Tensor, value as Tensor, { isCausal, mask: given ?? null }),
  };
}

/** Every op of structure, by name. */
export const randomOps: Readonly<Record<string, (draw: Draw) => Problem>> = {
  matmul: product,
  linear: layer,
  attention: attended,
  sum: (draw) => along(draw, (x, dim) => x.sum(dim)),
  mean: (draw) => along(draw, (x, dim) => x.mean(dim), { least: 1 }),
  prod: (draw) => along(draw, (x, dim) => x.prod(dim)),
  amax: (draw) => along(draw, (x, dim) => x.amax(dim), { least: 1 }),
  argmax: (draw) => along(draw, (x, dim) => x.argmax(dim), { least: 1 }),
  any: (draw) => along(draw, (x, dim) => x.gt(0.5).any(dim)),
  logsumexp: (draw) => along(draw, (x, dim) => x.logsumexp(dim), { least: 1 }),
  'sum of all': (draw) => along(draw, (x) => x.sum()),
  norm: (draw) => along(draw, (x) => x.add(2).norm()),
  softmax: (draw) => along(draw, (x, dim) => x.softmax(dim)),
  logSoftmax: (draw) => along(draw, (x, dim) => x.logSoftmax(dim)),
  cumsum: (draw) => along(draw, (x, dim) => x.cumsum(dim)),
  cumprod: (draw) => along(draw, (x, dim) => x.add(1.5).mul(0.5).cumprod(dim), { most: 12 }),
  sort: (draw) => along(draw, (x, dim) => x.sort(dim).values),
  argsort: (draw) => along(draw, (x, dim) => x.argsort(dim)),
  flip: (draw) => along(draw, (x, dim) => x.flip(dim)),
  roll: (draw) => along(draw, (x, dim) => x.roll(3, dim)),
  cat: (draw) => along(draw, (x, dim) => cat([x, x.mul(2), x], dim)),
  repeat: (draw) =>
    along(draw, (x, dim) =>
      x
        .unsqueeze(dim)
        .expand([...x.shape.toSpliced(dim, 0, 3)])
        .contiguous(),
    ),
  narrow: (draw) => along(draw, (x, dim) => x.narrow(dim, 1, (x.shape[dim] ?? 0) - 1).mul(2), { least: 1 }),
  transpose: (draw) => along(draw, (x) => x.transpose(0, -1).contiguous().exp()),
  pad: (draw) => along(draw, (x) => pad(x, [2, 1])),
  layerNorm: (draw) => {
    const [rows, width] = [size(draw, 60), Math.max(1, size(draw))];
    return {
      operands: [floats(draw, [rows, width]), floats(draw, [width]), floats(draw, [width])],
      // A large eps: rows that differ by little would magnify their rounding.
      run: (x, weight, bias) =>
        layerNorm(x as Tensor, [width], { weight: weight as Tensor, bias: bias as Tensor, eps: 0.1 }),
    };
  },
  rmsNorm: (draw) => {
    const [rows, width] = [size(draw, 60), Math.max(1, size(draw))];
    return {
      operands: [floats(draw, [rows, width]), floats(draw, [width])],
      run: (x, weight) => rmsNorm(x as Tensor, [width], { weight: weight as Tensor, eps: 0.1 }),
    };
  },
  crossEntropy: (draw) => {
    const [rows, classes] = [Math.max(1, size(draw, 60)), Math.max(1, size(draw))];
    return {
      operands: [floats(draw, [rows, classes]), indices(draw, [rows], classes)],
      run: (logits, targets) => crossEntropy(logits as Tensor, targets as Tensor),
    };
  },
  embedding: (draw) => {
    const [rows, width, length] = [draw(1, 60), size(draw), size(draw, 60)];
    return {
      operands: [indices(draw, [length], rows), floats(draw, [rows, width])],
      run: (index, table) => embedding(index as Tensor, table as Tensor),
    };
  },
  gather: (draw) => {
    const [rows, columns, length] = [draw(1, 40), size(draw), size(draw, 60)];
    return {
      operands: [floats(draw, [rows, columns]), indices(draw, [length, columns], rows)],
      run: (x, index) => (x as Tensor).gather(0, index as Tensor),
    };
  },
  indexSelect: (draw) => {
    const [rows, columns, length] = [size(draw, 40), draw(1, 40), size(draw, 60)];
    return {
      operands: [floats(draw, [rows, columns]), indices(draw, [length], columns)],
      run: (x, index) => (x as Tensor).indexSelect(1, index as Tensor),
    };
  },
  scatterAdd: (draw) => {
    const [rows, columns, length] = [draw(1, 40), size(draw), size(draw, 60)];
    return {
      operands: [
        floats(draw, [rows, columns]),
        indices(draw, [length, columns], rows),
        floats(draw, [length, columns]),
      ],
      run: (x, index, values) => (x as Tensor).scatterAdd(0, index as Tensor, values as Tensor),
    };
  },
  where: (draw) => {
    const shape = shapeOf(draw, 2);
    const other = broadcastable(draw, shape);
    return {
      operands: [truths(draw, broadcastable(draw, shape)), floats(draw, shape), floats(draw, other)],
      run: (condition, a, b) => where(condition as Tensor, a as Tensor, b as Tensor),
    };
  },
  conv1d: (draw) => {
    const [batch, channels, kernel, out] = [draw(1, 3), draw(1, 6), draw(1, 4), draw(1, 6)];
    const options = { stride: draw(1, 2), padding: draw(0, 2), dilation: draw(1, 2) };
    const length = Math.max(size(draw, 60), (kernel - 1) * options.dilation + 1);
    return {
      operands: [floats(draw, [batch, channels, length]), floats(draw, [out, channels, kernel]), floats(draw, [out])],
      run: (x, weight, bias) => conv1d(x as Tensor, weight as Tensor, bias as Tensor, options),
    };
  },
  maxPool1d: (draw) => {
    const kernel = draw(1, 3);
    return {
      operands: [floats(draw, [draw(1, 3), draw(1, 6), Math.max(size(draw, 60), kernel)])],
      run: (x) => maxPool1d(x as Tensor, kernel),
    };
  },
};

/** The problem on the device in use: the result, and the gradients of the sum of its elements, each weighed by its place. */
export function solve({ operands, run }: Problem): Tensor[] {
  return scope(() => {
    const tensors = operands.map(({ shape, dtype, values }) =>
      tensor([...values], { shape, dtype, requiresGrad: dtype === 'float32' }),
    );
    const result = run(...tensors);
    if (!result.requiresGrad) return [result];
    const weights = Array.from({ length: count(result.shape) }, (_, i) => ((i * 7) % 13) / 8 - 0.75);
    result.backward({ gradient: tensor(weights, { shape: result.shape }) });
    return [result, ...tensors.flatMap(({ grad }) => (grad ? [grad] : []))];
  });
}

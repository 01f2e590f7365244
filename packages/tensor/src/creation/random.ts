/** Making tensors from PyTorch's CPU stream: after the same seed, the same numbers. */
import type { Draw } from '../backend/draw.js';
import { backendFor } from '../device.js';
import type { DType } from '../dtype.js';
import { ArgumentError, DTypeError, ShapeError } from '../errors.js';
import { checkSupported, checkValues, uploadInto } from '../host.js';
import { checkFloats } from '../ops/operands.js';
import { topk } from '../ops/sort.js';
import { defaultGenerator } from '../random/default.js';
import { drawnStorage, fill } from '../random/draw.js';
import type { Generator } from '../random/generator.js';
import { broadcastShapes, checkShape, formatShape, numel, type Shape } from '../shape.js';
import { Storage } from '../storage.js';
import { checkDifferentiable, Tensor } from '../tensor.js';
import { contiguousView } from '../view.js';
import type { TensorOptions } from './data.js';

const UNIFORM: Draw = { kind: 'uniform', from: 0, to: 1 };
const NORMAL: Draw = { kind: 'normal', mean: 0, std: 1 };

/** What a new random tensor may be told. */
export interface RandomOptions extends TensorOptions {
  /** The stream to draw from; the default generator if absent. */
  readonly generator?: Generator;
}

/** The dtype of numbers drawn as floats: those of the stream depend on it. */
function floatDType(name: string, dtype: DType): 'float32' | 'float64' {
  if (dtype === 'float32' || dtype === 'float64') return dtype;
  throw new DTypeError(`${name}: "${name}" not implemented for '${dtype}'`);
}

function random(name: string, shape: Shape, options: RandomOptions, draw: Draw): Tensor {
  const dtype = floatDType(name, options.dtype ?? 'float32');
  return drawn(name, checkShape(name, shape), dtype, draw, options);
}

function drawn(
  name: string,
  shape: Shape,
  dtype: 'float32' | 'float64' | 'int32',
  draw: Draw,
  { device, generator = defaultGenerator(), requiresGrad }: RandomOptions,
): Tensor {
  const backend = backendFor(name, device);
  checkSupported(name, backend, dtype);
  const result = new Tensor(
    drawnStorage(backend, dtype, numel(shape), draw, generator, { name, shape }),
    contiguousView(shape),
  );
  return requiresGrad ? result.requiresGrad_() : result;
}

/** Whole numbers, drawn as int32 whatever they are kept as. */
function whole(name: string, shape: Shape, draw: Draw, options: RandomOptions): Tensor {
  const { dtype = 'int32', device, generator = defaultGenerator(), requiresGrad } = options;
  const count = numel(shape);
  // What is refused is refused before anything is drawn: a dtype that the device lacks or that has no gradient, numbers that do not fit into it.
  if (requiresGrad) checkDifferentiable(dtype);
  if (dtype === 'int32') return drawn(name, shape, dtype, draw, options);
  const backend = backendFor(name, device);
  checkSupported(name, backend, dtype);
  fill(new Int32Array(0), draw, generator);
  checkValues(extremes(draw, count), dtype);
  const result = new Tensor(new Storage(backend, dtype, count, { name, shape }), contiguousView(shape));
  const values = new Int32Array(count);
  fill(values, draw, generator);
  uploadInto(result.storage, 0, values);
  return requiresGrad ? result.requiresGrad_() : result;
}

/** The least and the largest of so many whole numbers that a draw may give. */
function extremes(draw: Draw, count: number): number[] {
  if (draw.kind === 'integers') return [draw.low, draw.high - 1];
  return draw.kind === 'permutation' && count > 0 ? [0, count - 1] : [];
}

/** Uniform in [0, 1), bit for bit `torch.rand` on CPU after the same seed. */
export function rand(shape: Shape, options: RandomOptions = {}): Tensor {
  return random('rand', shape, options, UNIFORM);
}

/** Standard normal, `torch.randn` on CPU after the same seed (within 2e-6). */
export function randn(shape: Shape, options: RandomOptions = {}): Tensor {
  return random('randn', shape, options, NORMAL);
}

/** Whole numbers in [low, high), int32, as `torch.randint`. */
export function randint(low: number, high: number, shape: Shape, options: RandomOptions = {}): Tensor {
  return whole('randint', checkShape('randint', shape), { kind: 'integers', low, high }, options);
}

/** A random permutation of 0 … n - 1, int32, as `torch.randperm`. */
export function randperm(n: number, options: RandomOptions = {}): Tensor {
  return whole('randperm', checkShape('randperm', [n]), { kind: 'permutation' }, options);
}

/** What a random tensor like another may be told. */
export interface RandomLikeOptions {
  /** Default: that of the other. */
  readonly dtype?: DType;
  readonly generator?: Generator;
}

/** {@link rand} in another tensor's shape and dtype, on its device. */
export function randLike(like: Tensor, options: RandomLikeOptions = {}): Tensor {
  return filled('randLike', like, options, UNIFORM);
}

/** {@link randn} in another tensor's shape and dtype, on its device. */
export function randnLike(like: Tensor, options: RandomLikeOptions = {}): Tensor {
  return filled('randnLike', like, options, NORMAL);
}

/** Random floats of a shape, where another tensor is. */
function filled(
  name: string,
  like: Tensor,
  { dtype = like.dtype, generator = defaultGenerator() }: RandomLikeOptions,
  draw: Draw,
  shape: Shape = like.shape,
): Tensor {
  const { backend } = like.storage;
  return new Tensor(
    drawnStorage(backend, floatDType(name, dtype), numel(shape), draw, generator, { name, shape }),
    contiguousView(shape),
  );
}

/** The stream of a draw. */
export interface SampleOptions {
  /** The stream to draw from; the default generator if absent. */
  readonly generator?: Generator;
}

/**
 * Normal numbers with means and standard deviations of their own, broadcast; two numbers need a shape. As
 * [torch.normal](https://pytorch.org/docs/stable/generated/torch.normal.html). Gradients flow to means and deviations.
 *
 * @throws ArgumentError if both are numbers and there is no shape, or a deviation is negative.
 * @example
 * normal(tensor([0, 10]), 1);
 */
export function normal(
  mean: Tensor | number,
  std: Tensor | number,
  { shape, generator = defaultGenerator() }: SampleOptions & { readonly shape?: Shape } = {},
): Tensor {
  if (typeof std === 'number' && !(std >= 0))
    throw new ArgumentError(`normal: normal expects std >= 0.0, but found std ${std}`);
  const tensors = [mean, std].filter((each) => typeof each !== 'number');
  const [like] = tensors;
  if (!like) {
    if (!shape) throw new ArgumentError('normal: two numbers need a shape');
    return random('normal', shape, { generator }, { kind: 'normal', mean: Number(mean), std: Number(std) });
  }
  const sizes = broadcastShapes('normal', ...tensors.map((each) => each.shape));
  const standard = filled('normal', like, { generator }, NORMAL, sizes);
  return standard.mul(std).add(mean);
}

/**
 * 1 with the probability that stands at each element, else 0, in the dtype of the input. As [torch.bernoulli](https://pytorch.org/docs/stable/generated/torch.bernoulli.html):
 * one draw of the stream an element, compared on the device. Not differentiable.
 *
 * @throws DTypeError unless the probabilities are floats.
 * @example
 * bernoulli(tensor([0, 1])); // [0, 1]
 */
export function bernoulli(probabilities: Tensor, { generator = defaultGenerator() }: SampleOptions = {}): Tensor {
  checkFloats('bernoulli', { probabilities });
  const uniform = filled('bernoulli', probabilities, { generator }, UNIFORM);
  return uniform.lt(probabilities.detach()).to(probabilities.dtype);
}

/** What a draw of {@link multinomial} may be told. */
export interface MultinomialOptions extends SampleOptions {
  /** Whether a class may be drawn more than once. Default false. */
  readonly replacement?: boolean;
}

/**
 * Class numbers, int32, drawn with the weights of a row: [classes] → [count], [rows, classes] → [rows, count]; weights need not sum
 * to 1. As [torch.multinomial](https://pytorch.org/docs/stable/generated/torch.multinomial.html): without replacement by the exponential race
 * of its CPU kernel, with replacement by its cumulative sums. Not differentiable.
 *
 * @throws ArgumentError if more classes are to be drawn without replacement than there are.
 * @example
 * multinomial(tensor([0, 0, 5]), 1); // [2]
 */
export function multinomial(
  weights: Tensor,
  count: number,
  { replacement = false, generator = defaultGenerator() }: MultinomialOptions = {},
): Tensor {
  checkFloats('multinomial', { weights });
  const classes = weights.shape.at(-1) ?? 0;
  if (weights.shape.length < 1 || weights.shape.length > 2 || classes === 0)
    throw new ShapeError(`multinomial: prob_dist must be 1 or 2 dim, got ${formatShape(weights.shape)}`);
  if (!Number.isInteger(count) || count <= 0)
    throw new ArgumentError(`multinomial: cannot sample n_sample <= 0 samples, got ${count}`);
  if (!replacement && count > classes)
    throw new ArgumentError(
      `multinomial: cannot sample n_sample > prob_dist.size(-1) samples without replacement: ${count} of ${classes}`,
    );
  const shares = weights.detach();
  if (!replacement || count === 1) {
    // The first of exponential clocks of these rates to ring is each class with its probability.
    const clocks = filled('multinomial', shares, { generator }, { kind: 'exponential', rate: 1 });
    return topk(shares.div(clocks), count).indices.contiguous();
  }
  const rows = shares.shape.slice(0, -1);
  const draws = filled('multinomial', shares, { generator }, { kind: 'double' }, [...rows, count]);
  const bounds = shares.cumsum(-1);
  const total = bounds.narrow(-1, classes - 1, 1);
  // How many classes end below the draw; never past the last that has a weight.
  const below = bounds.div(total).unsqueeze(-2).lt(draws.unsqueeze(-1)).sum(-1);
  return below.minimum(bounds.lt(total).sum(-1, { keepDim: true }));
}

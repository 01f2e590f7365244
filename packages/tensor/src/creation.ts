/** Making tensors: from data, from a rule, from PyTorch's random stream. */
import { currentBackend } from './device.js';
import { checkDType, type DType, isFloating, numberCategory } from './dtype.js';
import { ArgumentError, DTypeError, ShapeError } from './errors.js';
import { pendingStorage } from './fuse/build.js';
import { uploadStorage } from './host.js';
import { defaultGenerator } from './random/default.js';
import { fillNormal, fillRandint, fillRandperm, fillUniform } from './random/distributions.js';
import type { Generator } from './random/generator.js';
import { checkShape, formatShape, numel, type Shape } from './shape.js';
import { Tensor } from './tensor.js';
import { contiguousView } from './view.js';

/** What a new tensor may be told. */
export interface TensorOptions {
  readonly dtype?: DType;
  /** Record operations on it for a backward pass. */
  readonly requiresGrad?: boolean;
}

/** What a new random tensor may be told. */
export interface RandomOptions extends TensorOptions {
  /** The stream to draw from; the default generator if absent. */
  readonly generator?: Generator;
}

/** Numbers or truth values, nested evenly to any depth. */
export type NestedArray = number | boolean | readonly NestedArray[];
type TypedArray =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint8Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Uint32Array;

function wrap(data: ArrayLike<number>, shape: Shape, dtype: DType, requiresGrad: boolean): Tensor {
  const result = new Tensor(uploadStorage(currentBackend(), data, dtype), contiguousView(shape));
  return requiresGrad ? result.requiresGrad_() : result;
}

/**
 * A tensor from nested arrays, a number, or a typed array with a `shape`; as `torch.tensor`, except that whole JavaScript numbers make
 * float32 too (JavaScript does not tell `1` from `1.0`): typed integer arrays and `{ dtype: 'int32' }` make integers, booleans make bool.
 *
 * @throws ShapeError if the nesting is uneven or the shape does not hold the data.
 * @example
 * tensor([[1, 2], [3, 4]], { requiresGrad: true });
 */
export function tensor(
  data: NestedArray | TypedArray,
  options: TensorOptions & { readonly shape?: Shape } = {},
): Tensor {
  const { requiresGrad = false } = options;
  if (ArrayBuffer.isView(data)) {
    const shape = checkShape('tensor', options.shape ?? [data.length]);
    if (numel(shape) !== data.length)
      throw new ShapeError(`tensor: shape '${formatShape(shape)}' is invalid for input of size ${data.length}`);
    return wrap(data, shape, checkDType(options.dtype ?? typedDType(data)), requiresGrad);
  }
  const flat: number[] = [];
  const found = { booleans: true };
  const nested = flatten(data, flat, found, 0);
  const shape = options.shape ? checkShape('tensor', options.shape) : nested;
  if (numel(shape) !== flat.length)
    throw new ShapeError(`tensor: shape '${formatShape(shape)}' is invalid for input of size ${flat.length}`);
  return wrap(
    flat,
    shape,
    checkDType(options.dtype ?? (found.booleans && flat.length > 0 ? 'bool' : 'float32')),
    requiresGrad,
  );
}

function typedDType(data: TypedArray): DType {
  if (data instanceof Float32Array || data instanceof Float64Array) return 'float32';
  return data instanceof Uint8Array ? 'uint8' : 'int32';
}

/** Appends the numbers in row-major order and returns the shape. */
function flatten(data: NestedArray, into: number[], found: { booleans: boolean }, depth: number): number[] {
  if (!Array.isArray(data)) {
    if (typeof data === 'boolean') into.push(Number(data));
    else if (typeof data === 'number') {
      found.booleans = false;
      into.push(data);
    } else
      throw new ArgumentError(
        `tensor: expected numbers, booleans or arrays of them, got ${data === null ? 'null' : typeof data}`,
      );
    return [];
  }
  const shapes = (data as readonly NestedArray[]).map((each) => flatten(each, into, found, depth + 1));
  const [first = []] = shapes;
  for (const [i, shape] of shapes.entries()) {
    if (formatShape(shape) !== formatShape(first))
      throw new ShapeError(
        `tensor: expected sequence of shape ${formatShape(first)} at dim ${depth + 1} (got ${formatShape(shape)} at entry ${i})`,
      );
  }
  return [data.length, ...first];
}

/** A tensor filled with one value: dtype float32, or bool for a truth value. */
export function full(shape: Shape, value: number | boolean, options: TensorOptions = {}): Tensor {
  const dtype = checkDType(options.dtype ?? (typeof value === 'boolean' ? 'bool' : 'float32'));
  const sizes = checkShape('full', shape);
  const storage = pendingStorage(currentBackend(), 'copy', dtype, dtype, sizes, [{ scalar: Number(value), dtype }]);
  const result = new Tensor(storage, contiguousView(sizes));
  return options.requiresGrad ? result.requiresGrad_() : result;
}

/** A tensor of zeros. */
export function zeros(shape: Shape, options: TensorOptions = {}): Tensor {
  return full(shape, 0, { dtype: 'float32', ...options });
}

/** A tensor of ones. */
export function ones(shape: Shape, options: TensorOptions = {}): Tensor {
  return full(shape, 1, { dtype: 'float32', ...options });
}

/** Zeros of another tensor's shape, dtype and device. */
export function zerosLike(like: Tensor): Tensor {
  return like.newFull(like.shape, 0);
}

/** Ones of another tensor's shape, dtype and device. */
export function onesLike(like: Tensor): Tensor {
  return like.newFull(like.shape, 1);
}

/**
 * `start, start + step, …` below `end` (or from 0 below the only argument), as `torch.arange`: int32 if all are whole, else float32.
 *
 * @example
 * arange(1, 4); // [1, 2, 3]
 */
export function arange(startOrEnd: number, end?: number, step = 1, options: TensorOptions = {}): Tensor {
  const [from, to] = end === undefined ? [0, startOrEnd] : [startOrEnd, end];
  if (step === 0 || !Number.isFinite(from) || !Number.isFinite(to) || (to - from) * step < 0)
    throw new ArgumentError(
      `arange: upper bound and larger bound inconsistent with step sign: from ${from} to ${to} by ${step}`,
    );
  const count = Math.ceil((to - from) / step);
  const whole = [from, to, step].every((value) => numberCategory(value) === 'int');
  const values = Float64Array.from({ length: count }, (_, i) => from + i * step);
  return wrap(values, [count], options.dtype ?? (whole ? 'int32' : 'float32'), options.requiresGrad ?? false);
}

function random(
  name: string,
  shape: Shape,
  options: RandomOptions,
  fill: (out: Float32Array, generator: Generator) => void,
): Tensor {
  const dtype = options.dtype ?? 'float32';
  if (!isFloating(dtype)) throw new DTypeError(`${name}: "${name}" not implemented for '${dtype}'`);
  const sizes = checkShape(name, shape);
  const values = new Float32Array(numel(sizes));
  fill(values, options.generator ?? defaultGenerator());
  return wrap(values, sizes, dtype, options.requiresGrad ?? false);
}

/** Uniform in [0, 1), bit for bit `torch.rand` on CPU after the same seed. */
export function rand(shape: Shape, options: RandomOptions = {}): Tensor {
  return random('rand', shape, options, (out, generator) => fillUniform(out, 0, 1, generator));
}

/** Standard normal, `torch.randn` on CPU after the same seed (within 2e-6). */
export function randn(shape: Shape, options: RandomOptions = {}): Tensor {
  return random('randn', shape, options, (out, generator) => fillNormal(out, 0, 1, generator));
}

/** Whole numbers in [low, high), int32, as `torch.randint`. */
export function randint(low: number, high: number, shape: Shape, options: RandomOptions = {}): Tensor {
  const sizes = checkShape('randint', shape);
  const values = new Int32Array(numel(sizes));
  fillRandint(values, low, high, options.generator ?? defaultGenerator());
  return wrap(values, sizes, options.dtype ?? 'int32', options.requiresGrad ?? false);
}

/** A random permutation of 0 … n - 1, int32, as `torch.randperm`. */
export function randperm(n: number, options: RandomOptions = {}): Tensor {
  const [size = 0] = checkShape('randperm', [n]);
  const values = new Int32Array(size);
  fillRandperm(values, options.generator ?? defaultGenerator());
  return wrap(values, [size], options.dtype ?? 'int32', false);
}

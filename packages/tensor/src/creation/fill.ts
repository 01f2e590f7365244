/** Making tensors from a rule: one value, a range, an identity, a grid. */
import { backendFor } from '../device.js';
import { checkDType, type DType, hostArray, numberCategory } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { pendingStorage } from '../fuse/build.js';
import { checkSupported } from '../host.js';
import { checkDTypes } from '../ops/operands.js';
import { checkRoom } from '../room.js';
import { checkShape, formatShape, numel, type Shape } from '../shape.js';
import { Storage } from '../storage.js';
import { Tensor } from '../tensor.js';
import { contiguousView } from '../view.js';
import { type TensorOptions, wrap } from './data.js';

/** A tensor filled with one value: dtype float32, or bool for a truth value. */
export function full(shape: Shape, value: number | boolean, options: TensorOptions = {}): Tensor {
  return filled('full', shape, value, options);
}

/** {@link full} under the name of the op that is made of it. */
function filled(name: string, shape: Shape, value: number | boolean, options: TensorOptions): Tensor {
  const dtype = checkDType(options.dtype ?? (typeof value === 'boolean' ? 'bool' : 'float32'));
  const sizes = checkShape(name, shape);
  const backend = backendFor(name, options.device);
  checkSupported(name, backend, dtype);
  const storage = pendingStorage(backend, 'copy', dtype, dtype, sizes, [{ scalar: Number(value), dtype }], name);
  const result = new Tensor(storage, contiguousView(sizes));
  return options.requiresGrad ? result.requiresGrad_() : result;
}

/** A tensor of zeros. */
export function zeros(shape: Shape, options: TensorOptions = {}): Tensor {
  return filled('zeros', shape, 0, options);
}

/** A tensor of ones. */
export function ones(shape: Shape, options: TensorOptions = {}): Tensor {
  return filled('ones', shape, 1, options);
}

/** Zeros of another tensor's shape, dtype and device. */
export function zerosLike(like: Tensor, options?: LikeOptions): Tensor {
  return filledLike('zerosLike', like, 0, options);
}

/** Ones of another tensor's shape, dtype and device. */
export function onesLike(like: Tensor, options?: LikeOptions): Tensor {
  return filledLike('onesLike', like, 1, options);
}

/** {@link fullLike} under the name of the op that is made of it. */
function filledLike(name: string, like: Tensor, value: number, { dtype = like.dtype }: LikeOptions = {}): Tensor {
  const { shape, storage } = like;
  checkSupported(name, storage.backend, dtype);
  const own = pendingStorage(storage.backend, 'copy', dtype, dtype, shape, [{ scalar: value, dtype }], name);
  return new Tensor(own, contiguousView(shape));
}

/**
 * `start, start + step, …` below `end` (or from 0 below the only number), as `torch.arange`: int32 if all are whole, else float32. Options may
 * stand behind any of the numbers.
 *
 * @throws ArgumentError where the step leads away from the end.
 * @example
 * arange(1, 4); // [1, 2, 3]
 * arange(3, { dtype: 'float32' }); // [0, 1, 2]
 */
export function arange(end: number, options?: TensorOptions): Tensor;
export function arange(start: number, end: number | undefined, options?: TensorOptions): Tensor;
export function arange(
  start: number,
  end: number | undefined,
  step: number | undefined,
  options?: TensorOptions,
): Tensor;
export function arange(first: number, ...rest: readonly (number | TensorOptions | undefined)[]): Tensor {
  const options = rest.find((each): each is TensorOptions => typeof each === 'object') ?? {};
  const [second, step = 1] = rest.map((each) => (typeof each === 'number' ? each : undefined));
  const [from, to] = second === undefined ? [0, first] : [first, second];
  if (step === 0 || !Number.isFinite(from) || !Number.isFinite(to) || (to - from) * step < 0)
    throw new ArgumentError(
      `arange: upper bound and larger bound inconsistent with step sign: from ${from} to ${to} by ${step}`,
    );
  const count = Math.ceil((to - from) / step);
  const whole = [from, to, step].every((value) => numberCategory(value) === 'int');
  const dtype = checkDType(options.dtype ?? (whole ? 'int32' : 'float32'));
  if (whole && fitsInt32(from) && fitsInt32(to) && fitsInt32(step) && (dtype === 'int32' || dtype === 'float32'))
    return wholeRange(from, step, count, dtype, options);
  checkRoom(backendFor('arange', options.device), dtype, count, { name: 'arange', shape: [count] });
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = from + i * step;
  return wrap('arange', values, [count], dtype, options);
}

const fitsInt32 = (value: number) => value === (value | 0);

/** A range of whole numbers, which devices count themselves: exact, and a step of the kernel that reads it. */
function wholeRange(
  from: number,
  step: number,
  count: number,
  dtype: 'int32' | 'float32',
  options: TensorOptions,
): Tensor {
  const backend = backendFor('arange', options.device);
  const sizes = [count];
  const view = contiguousView(sizes);
  let storage = pendingStorage(backend, 'index', 'int32', 'int32', sizes, [], 'arange');
  const then = (op: 'mul' | 'add' | 'cast', to: DType, scalar?: number): void => {
    const own = { storage, view };
    const next = pendingStorage(
      backend,
      op,
      'int32',
      to,
      sizes,
      scalar === undefined ? [own] : [own, { scalar, dtype: 'int32' }],
      'arange',
    );
    storage.release();
    storage = next;
  };
  if (step !== 1) then('mul', 'int32', step);
  if (from !== 0) then('add', 'int32', from);
  if (dtype !== 'int32') then('cast', dtype);
  const result = new Tensor(storage, view);
  return options.requiresGrad ? result.requiresGrad_() : result;
}

/** What a tensor like another may be told. */
export interface LikeOptions {
  /** Default: that of the other. */
  readonly dtype?: DType;
}

/** One value in another tensor's shape, dtype and device, as `torch.full_like`. */
export function fullLike(like: Tensor, value: number, options?: LikeOptions): Tensor {
  return filledLike('fullLike', like, value, options);
}

/** A tensor whose elements may be anything until they are written, as [torch.empty](https://pytorch.org/docs/stable/generated/torch.empty.html). */
export function empty(shape: Shape, { dtype = 'float32', requiresGrad = false, device }: TensorOptions = {}): Tensor {
  const sizes = checkShape('empty', shape);
  const backend = backendFor('empty', device);
  checkSupported('empty', backend, checkDType(dtype));
  const result = new Tensor(
    new Storage(backend, dtype, numel(sizes), { name: 'empty', shape: sizes }),
    contiguousView(sizes),
  );
  return requiresGrad ? result.requiresGrad_() : result;
}

/** {@link empty} in another tensor's shape, dtype and device. */
export function emptyLike(like: Tensor, { dtype = like.dtype }: LikeOptions = {}): Tensor {
  checkSupported('emptyLike', like.storage.backend, dtype);
  const { shape } = like;
  const storage = new Storage(like.storage.backend, dtype, numel(shape), { name: 'emptyLike', shape });
  return new Tensor(storage, contiguousView(shape));
}

/** So many numbers are made on the device, where it does that. */
const LONG_LINE = 256;

/**
 * `steps` numbers from `start` to `end`, both included, at equal distances; computed from the nearer end, as [torch.linspace](https://pytorch.org/docs/stable/generated/torch.linspace.html).
 *
 * @example
 * linspace(0, 1, 5); // [0, 0.25, 0.5, 0.75, 1]
 */
export function linspace(start: number, end: number, steps: number, options: TensorOptions = {}): Tensor {
  if (!Number.isInteger(steps) || steps < 0)
    throw new ArgumentError(`linspace: number of steps must be non-negative, got ${steps}`);
  const dtype = checkDType(options.dtype ?? 'float32');
  const round = dtype === 'float64' ? (x: number) => x : Math.fround;
  const step = round((round(end) - round(start)) / Math.max(1, steps - 1));
  const [first, last] = [round(start), round(end)];
  const backend = backendFor('linspace', options.device);
  if (dtype === 'float32' && steps >= LONG_LINE && backend.drawLine) {
    const storage = new Storage(backend, dtype, steps, { name: 'linspace', shape: [steps] });
    backend.drawLine(storage.buffer, steps, { first, last, step });
    const result = new Tensor(storage, contiguousView([steps]));
    return options.requiresGrad ? result.requiresGrad_() : result;
  }
  checkRoom(backend, dtype, steps, { name: 'linspace', shape: [steps] });
  // In float32 each element has one rounding, of a product and a sum together.
  const values = hostArray(dtype === 'float64' ? 'float64' : 'float32', steps);
  for (let i = 0; i < steps; i++) values[i] = i < steps / 2 ? first + step * i : last - step * (steps - i - 1);
  return wrap('linspace', values, [steps], dtype, options);
}

/** `base` to the power of numbers from `start` to `end` at equal distances, as `torch.logspace`. */
export function logspace(
  start: number,
  end: number,
  steps: number,
  { base = 10, ...options }: TensorOptions & { readonly base?: number } = {},
): Tensor {
  if (!Number.isInteger(steps) || steps < 0)
    throw new ArgumentError(`logspace: number of steps must be non-negative, got ${steps}`);
  const step = (end - start) / Math.max(1, steps - 1);
  const dtype = checkDType(options.dtype ?? 'float32');
  checkRoom(backendFor('logspace', options.device), dtype, steps, { name: 'logspace', shape: [steps] });
  const values = new Float64Array(steps);
  for (let i = 0; i < steps; i++) values[i] = base ** (start + step * i);
  return wrap('logspace', values, [steps], dtype, options);
}

/**
 * A matrix [n, m] (or [n, n]) with ones on the diagonal, as [torch.eye](https://pytorch.org/docs/stable/generated/torch.eye.html).
 *
 * @example
 * eye(2); // [[1, 0], [0, 1]]
 */
export function eye(
  n: number,
  m = n,
  { dtype = 'float32', requiresGrad = false, ...place }: TensorOptions = {},
): Tensor {
  const [rows = 0, columns = 0] = checkShape('eye', [n, m]);
  const shape = [rows, columns];
  checkRoom(backendFor('eye', place.device), checkDType(dtype), numel(shape), { name: 'eye', shape }, true);
  const places = arange(0, rows, 1, place)
    .view([rows, 1])
    .eq(arange(0, columns, 1, place))
    .to(dtype);
  return requiresGrad ? places.requiresGrad_() : places;
}

/**
 * A row of `numClasses` for every label, 1 at the label and 0 elsewhere, int32: [...labels, numClasses]. As
 * [torch.nn.functional.one_hot](https://pytorch.org/docs/stable/generated/torch.nn.functional.one_hot.html). Without a number of classes, one more than
 * the largest label, it is asynchronous: the labels are read back. A label outside gives zeros. Not differentiable.
 *
 * @throws DTypeError unless the labels are integers.
 * @example
 * oneHot(tensor([1, 0], { dtype: 'int32' }), 2); // [[0, 1], [1, 0]]
 */
export function oneHot(labels: Tensor, numClasses: number): Tensor;
export function oneHot(labels: Tensor, numClasses?: -1): Promise<Tensor>;
export function oneHot(labels: Tensor, numClasses = -1): Tensor | Promise<Tensor> {
  checkDTypes('oneHot', 'labels', labels, ['int32', 'uint8']);
  if (numClasses === -1) return oneHotOfAll(labels);
  if (!Number.isInteger(numClasses) || numClasses <= 0)
    throw new ArgumentError(`oneHot: num_classes should be positive, got ${numClasses}`);
  return labels.unsqueeze(-1).eq(labels.newArange(numClasses)).to('int32');
}

async function oneHotOfAll(labels: Tensor): Promise<Tensor> {
  if (labels.numel() === 0)
    throw new ArgumentError('oneHot: Can not infer total number of classes from empty tensor: give numClasses');
  return oneHot(labels, (await labels.amax().item()) + 1);
}

/**
 * Grids of the coordinates of vectors: the i-th one varies along dim i (`ij`), or the first two along each other's (`xy`). Views, as
 * [torch.meshgrid](https://pytorch.org/docs/stable/generated/torch.meshgrid.html).
 *
 * @throws ShapeError unless all are vectors or scalars.
 * @example
 * const [rows, columns] = meshgrid([arange(2), arange(3)]);
 */
export function meshgrid(
  vectors: readonly Tensor[],
  { indexing = 'ij' }: { readonly indexing?: 'ij' | 'xy' } = {},
): Tensor[] {
  if (vectors.length === 0) throw new ArgumentError('meshgrid: expects a non-empty list of tensors');
  if (indexing !== 'ij' && indexing !== 'xy')
    throw new ArgumentError(`meshgrid: indexing must be one of "xy" or "ij", but received: ${indexing}`);
  for (const vector of vectors)
    if (vector.shape.length > 1)
      throw new ShapeError(
        `meshgrid: Expected scalar or 1D tensor in the tensor list but got: ${formatShape(vector.shape)}`,
      );
  const sizes = vectors.map((vector) => vector.numel());
  const swap = indexing === 'xy' && vectors.length > 1;
  const shape = swap ? [sizes[1] ?? 1, sizes[0] ?? 1, ...sizes.slice(2)] : sizes;
  return vectors.map((vector, i) => {
    const dim = swap && i < 2 ? 1 - i : i;
    return vector.reshape(shape.map((_, d) => (d === dim ? -1 : 1))).expand(shape);
  });
}

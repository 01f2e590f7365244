/** Making tensors from data. */
import type { DeviceKind } from '../backend/backend.js';
import { backendFor } from '../device.js';
import { checkDType, type DType } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { uploadStorage } from '../host.js';
import { checkShape, formatShape, numel, type Shape } from '../shape.js';
import { Tensor } from '../tensor.js';
import { contiguousView } from '../view.js';

/** What a new tensor may be told. */
export interface TensorOptions {
  readonly dtype?: DType;
  /** Record operations on it for a backward pass. */
  readonly requiresGrad?: boolean;
  /** Where it is made: the device in use, unless another one that is open is named. */
  readonly device?: DeviceKind;
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

type BigArray = BigInt64Array | BigUint64Array;

/** 64-bit whole numbers as int32, the widest integer that devices have. */
function narrowed(data: BigArray): Int32Array {
  return Int32Array.from(data as Iterable<bigint>, (value) => {
    if (value !== BigInt.asIntN(32, value))
      throw new ArgumentError(`tensor: value ${value} cannot be converted to type int32 without overflow`);
    return Number(value);
  });
}

/** A tensor of host elements. */
export function wrap(
  op: string,
  data: ArrayLike<number>,
  shape: Shape,
  dtype: DType,
  { device, requiresGrad }: Omit<TensorOptions, 'dtype'>,
): Tensor {
  const result = new Tensor(
    uploadStorage(backendFor(op, device), data, dtype, { name: op, shape }),
    contiguousView(shape),
  );
  return requiresGrad ? result.requiresGrad_() : result;
}

/**
 * A tensor from nested arrays, a number, or a typed array with a `shape`; as `torch.tensor`, except that whole JavaScript numbers make
 * float32 too (JavaScript does not tell `1` from `1.0`): typed integer arrays and `{ dtype: 'int32' }` make integers, booleans make bool.
 * Float64Array makes float32 unless `{ dtype: 'float64' }` is given; integers wider than int32 are narrowed.
 *
 * @throws ShapeError if the nesting is uneven or the shape does not hold the data, ArgumentError for a number that the dtype cannot hold.
 * @example
 * tensor([[1, 2], [3, 4]], { requiresGrad: true });
 */
export function tensor(
  data: NestedArray | TypedArray | BigArray,
  options: TensorOptions & { readonly shape?: Shape } = {},
): Tensor {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return tensor(narrowed(data), options);
  if (ArrayBuffer.isView(data)) {
    const shape = checkShape('tensor', options.shape ?? [data.length]);
    if (numel(shape) !== data.length)
      throw new ShapeError(`tensor: shape '${formatShape(shape)}' is invalid for input of size ${data.length}`);
    return wrap('tensor', data, shape, checkDType(options.dtype ?? typedDType(data)), options);
  }
  const flat: number[] = [];
  const found = { booleans: true };
  const nested = flatten(data, flat, found, 0);
  const shape = options.shape ? checkShape('tensor', options.shape) : nested;
  if (numel(shape) !== flat.length)
    throw new ShapeError(`tensor: shape '${formatShape(shape)}' is invalid for input of size ${flat.length}`);
  return wrap(
    'tensor',
    flat,
    shape,
    checkDType(options.dtype ?? (found.booleans && flat.length > 0 ? 'bool' : 'float32')),
    options,
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

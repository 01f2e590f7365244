/** Checks that ops share: where operands live, and their storage as kernels want it. */
import type { Backend } from '../backend/backend.js';
import { deviceMismatch } from '../backend/mismatch.js';
import type { Dense } from '../backend/requests.js';
import { makeTensor } from '../construct.js';
import type { DType } from '../dtype.js';
import { DTypeError } from '../errors.js';
import { uploadStorage } from '../host.js';
import type { Wanted } from '../room.js';
import type { Shape } from '../shape.js';
import { formatShape, numel } from '../shape.js';
import { Storage } from '../storage.js';
import type { Tensor } from '../tensor.js';
import { contiguousView } from '../view.js';

/** The backend that all tensors are on. */
export function commonBackend(op: string, first: Tensor, ...rest: readonly Tensor[]): Backend {
  first.checkAlive(op);
  for (const other of rest) {
    other.checkAlive(op);
    if (other.storage.backend !== first.storage.backend)
      throw deviceMismatch(op, first.storage.backend, other.storage.backend);
  }
  return first.storage.backend;
}

/** Throws unless a tensor has one of the dtypes. */
export function checkDTypes(op: string, name: string, tensor: Tensor, allowed: readonly DType[]): void {
  if (!allowed.includes(tensor.dtype)) {
    throw new DTypeError(
      `${op}: ${name} must be ${allowed.join(' or ')}, got ${tensor.dtype} of shape ${formatShape(tensor.shape)}`,
    );
  }
}

/** The dtypes that products, normalisations and losses compute in. */
export const FLOATS: readonly DType[] = ['float32', 'float64', 'float16'];

/** The dtype of a row's statistics, which the gradient needs in full. */
export function statisticsDType(dtype: DType): DType {
  return dtype === 'float16' ? 'float32' : dtype;
}

/** Computes of a float16 tensor in float32 and rounds the result: for steps that leave the range of halves on the way. */
export function inFull(x: Tensor, compute: (wide: Tensor) => Tensor): Tensor {
  return x.dtype === 'float16' ? compute(x.to('float32')).to('float16') : compute(x);
}

/** Throws unless tensors are floats of one dtype: kernels do not convert, and PyTorch does not either. Absent ones are passed over. */
export function checkFloats(op: string, tensors: Readonly<Record<string, Tensor | null | undefined>>): void {
  let known: { name: string; dtype: DType } | null = null;
  // Every op comes through here: a list of entries would be made each time.
  for (const name in tensors) {
    const tensor = tensors[name];
    if (!tensor) continue;
    checkDTypes(op, name, tensor, FLOATS);
    if (known && known.dtype !== tensor.dtype)
      throw new DTypeError(
        `${op}: expected ${known.name} and ${name} to have the same dtype, but got: ${known.dtype} != ${tensor.dtype}; convert one with to()`,
      );
    known ??= { name, dtype: tensor.dtype };
  }
}

/** A tensor's elements as a dense kernel operand; copies if the view is not row-major. */
export function dense(tensor: Tensor): Dense {
  tensor.checkAlive('kernel operand');
  const { storage, layout } = tensor.contiguous();
  return { buffer: storage.buffer, dtype: storage.dtype, offset: layout.offset };
}

/** A fresh dense tensor for a kernel to write, of the shape that is wanted. */
export function emptyOn(
  backend: Backend,
  dtype: DType,
  wanted: Wanted,
): { readonly tensor: Tensor; readonly operand: Dense } {
  const { shape } = wanted;
  const storage = new Storage(backend, dtype, numel(shape), wanted);
  return { tensor: makeTensor(storage, contiguousView(shape)), operand: { buffer: storage.buffer, dtype, offset: 0 } };
}

/** A tensor of elements that the host has computed. */
export function hostTensor(backend: Backend, data: ArrayLike<number>, shape: Shape, dtype: DType): Tensor {
  return makeTensor(uploadStorage(backend, data, dtype, { name: 'tensor', shape }), contiguousView(shape));
}

/**
 * Reading a tensor of a file into one that is there. It goes straight into the memory of the device, piece by piece: neither the host nor
 * the device ever holds it twice, and what stood there before is not even computed.
 */
import { noGrad } from '../autograd/mode.js';
import type { Backend } from '../backend/backend.js';
import { tensor } from '../creation/data.js';
import { isFloating } from '../dtype.js';
import { ShapeError } from '../errors.js';
import { uploadInto } from '../host.js';
import { formatShape, sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { isContiguous } from '../view.js';
import type { HostTensor } from './dtypes.js';
import type { SafetensorsFile } from './file.js';

/** Options of {@link loadInto}. */
export interface LoadIntoOptions {
  /** Memory that pieces are read into, one after the other, where the source can: one buffer for many tensors, whose size is that of a piece. */
  readonly scratch?: ArrayBuffer;
}

/** Bytes of a piece where no scratch memory says otherwise. */
const PIECE_BYTES = 4 * 2 ** 20;
/** A GPU's queue holds on to all that was handed to it; past so many bytes it is waited for. */
const MOST_UNDERWAY = 8 * 2 ** 20;
/** Bytes that each device was handed since it was last waited for. */
const underway = new WeakMap<Backend, number>();

/**
 * Reads a tensor of a file into another of its shape, on that one's device and in its dtype; not recorded. Where reading fails, a part may
 * have been read.
 *
 * @throws ArgumentError when the file has no such tensor; ShapeError when its shape differs; else as `file.array`.
 * @example
 * const file = await open('model.safetensors');
 * await loadInto(file, 'classifier.weight', new Linear(8, 2).weight);
 */
export async function loadInto(
  file: SafetensorsFile<unknown>,
  name: string,
  target: Tensor,
  { scratch }: LoadIntoOptions = {},
): Promise<void> {
  const { shape, byteLength } = file.info(name);
  if (!sameShape(shape, target.shape))
    throw new ShapeError(
      `${file.name}: tensor '${name}' of shape ${formatShape(shape)} cannot be read into one of shape ${formatShape(target.shape)}`,
    );
  // In float64 a file of float64 keeps all its digits.
  const dtype = target.dtype === 'float64' ? 'float64' : 'float32';
  const count = target.numel();
  // Even numbers of elements, so that halves begin at a word.
  const step =
    count === 0 ? 0 : 2 * Math.max(1, Math.floor(((scratch?.byteLength ?? PIECE_BYTES) * count) / byteLength / 2));
  for (let begin = 0; begin < count; begin += step) {
    const end = Math.min(count, begin + step);
    const piece = await file.elements(name, begin, end, { dtype, ...(scratch && { scratch }) });
    target.checkAlive('loadInto');
    if (!fitsAsItIs(piece, target)) {
      const whole = end - begin === count ? piece : await file.array(name, { dtype });
      return overwrite(target, whole);
    }
    const { storage } = target;
    if (begin === 0) storage.beforeOverwrite();
    else storage.beforeWrite();
    await handed(storage.backend, uploadInto(storage, begin, piece.data));
  }
}

/** Whether elements of a file are those of the tensor's memory, from its beginning to its end. */
function fitsAsItIs({ dtype }: HostTensor, { dtype: own, layout, storage }: Tensor): boolean {
  const isWhole =
    layout.offset === 0 && isContiguous(layout) && storage.size === layout.shape.reduce((a, b) => a * b, 1);
  return isWhole && (dtype === own || (isFloating(dtype) && isFloating(own)));
}

/** Kinds of number that differ, or a part of a larger memory: through a tensor, as every other write in place. */
function overwrite(target: Tensor, { data, dtype }: HostTensor): void {
  noGrad(() => {
    const source = tensor(data, { shape: target.shape, dtype, device: target.device });
    target.copy_(source);
    source.dispose();
  });
}

async function handed(backend: Backend, bytes: number): Promise<void> {
  const sum = (underway.get(backend) ?? 0) + bytes;
  underway.set(backend, sum < MOST_UNDERWAY ? sum : 0);
  if (sum >= MOST_UNDERWAY) await backend.synchronize();
}

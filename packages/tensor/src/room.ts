/**
 * Whether a device has room for a tensor, and the error where it has not: the device knows bytes and limits, the op what it wanted them for. All
 * memory of tensors is asked for in `storage.ts`, which comes here.
 */
import type { Backend } from './backend/backend.js';
import { type DType, wordBytes } from './dtype.js';
import { DeviceError } from './errors.js';
import { formatShape, type Shape } from './shape.js';

/** What memory is for, as an error about it says. */
export interface Wanted {
  /** The op, by the name that it is called by. */
  readonly name: string;
  readonly shape: Shape;
  /** The shapes of the operands, where the result has another than they. */
  readonly from?: readonly Shape[] | undefined;
}

/** Bytes of so many elements, in whole words: an odd number of float16 leaves half a word unused. */
export function bytesOf(dtype: DType, size: number): number {
  return Math.ceil((size * wordBytes(dtype)) / 4) * 4;
}

/**
 * Throws unless an empty device could hold so many elements. A pending value may become part of a kernel whose result is half as wide (of
 * float32 and float16, for one), and then never has memory: only what would not fit even so is refused when it is asked for.
 */
export function checkRoom(
  backend: Pick<Backend, 'kind' | 'largest' | 'supports'>,
  dtype: DType,
  size: number,
  wanted: Wanted,
  isPending = false,
): void {
  const most = backend.largest.byteLength;
  // Nothing but arithmetic for what fits: every result comes by here.
  if (size * 8 <= most) return;
  const mayNarrow = isPending && (dtype === 'float64' || (dtype !== 'float16' && backend.supports('float16')));
  if (bytesOf(dtype, size) > (mayNarrow ? 2 * most : most)) throw tooLarge(backend, dtype, size, wanted);
}

function tooLarge(backend: Pick<Backend, 'kind' | 'largest'>, dtype: DType, size: number, wanted: Wanted): DeviceError {
  const { kind, largest } = backend;
  const { byteLength, because } = largest;
  return new DeviceError(
    `${describe(dtype, size, wanted)}; ${kind}: ${because}, ${Math.floor(byteLength / wordBytes(dtype))} elements of ${dtype}`,
  );
}

/** The error of a device that has no more memory, with what the memory was for; any other error as it is. */
export function withoutRoom(error: unknown, backend: Backend, dtype: DType, size: number, wanted: Wanted): unknown {
  if (!(error instanceof DeviceError) || backend.isLost) return error;
  if (bytesOf(dtype, size) > backend.largest.byteLength) return tooLarge(backend, dtype, size, wanted);
  return new DeviceError(`${describe(dtype, size, wanted)}; ${error.message}`, { cause: error });
}

/** `matmul: a tensor of shape [512, 512] and dtype float32, from [512, 8] and [8, 512], takes 1048576 bytes`. */
function describe(dtype: DType, size: number, { name, shape, from = [] }: Wanted): string {
  const operands = from.length > 0 ? `, from ${from.map(formatShape).join(' and ')},` : '';
  return `${name}: a tensor of shape ${formatShape(shape)} and dtype ${dtype}${operands} takes ${bytesOf(dtype, size)} bytes`;
}

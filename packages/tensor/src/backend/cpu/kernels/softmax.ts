/** Softmax and its backward on the CPU. */
import { numel } from '../../../shape.js';
import type { SoftmaxBackwardRequest, SoftmaxRequest } from '../../requests.js';
import type { Launcher } from '../launch.js';
import { SoftmaxField } from '../layout.generated.js';

/** Rows of a piece, so that it holds some thousand elements. */
const grain = (width: number) => Math.ceil(8192 / width);

export function softmax(launcher: Launcher, request: SoftmaxRequest): void {
  const { shape, mask } = request;
  const width = shape.at(-1) ?? 1;
  const rank = Math.max(shape.length - 1, 0);
  if (numel(shape) === 0) return;
  const record = launcher.record(SoftmaxField.length);
  const sizesAt = launcher.more(rank);
  const stridesAt = launcher.more(rank);
  const { i32, f32 } = launcher;
  i32[record + SoftmaxField.log] = Number(request.log);
  i32[record + SoftmaxField.width] = width;
  f32[record + SoftmaxField.scale] = request.scale;
  i32[record + SoftmaxField.input] = launcher.pointer(request.input);
  i32[record + SoftmaxField.out] = launcher.pointer(request.out);
  i32[record + SoftmaxField.mask] = launcher.pointer(mask);
  i32[record + SoftmaxField.maskStride] = mask?.strides[rank] ?? 0;
  i32[record + SoftmaxField.rank] = rank;
  i32[record + SoftmaxField.sizes] = sizesAt * 4;
  i32[record + SoftmaxField.maskStrides] = stridesAt * 4;
  for (let d = 0; d < rank; d++) {
    i32[sizesAt + d] = shape[d] ?? 1;
    i32[stridesAt + d] = mask?.strides[d] ?? 0;
  }
  launcher.launch('softmax', record, numel(shape.slice(0, rank)), grain(width));
}

export function softmaxBackward(launcher: Launcher, request: SoftmaxBackwardRequest): void {
  const { rows, width } = request;
  if (rows * width === 0) return;
  const record = launcher.record(SoftmaxField.length);
  const { i32, f32 } = launcher;
  i32[record + SoftmaxField.log] = Number(request.log);
  i32[record + SoftmaxField.width] = width;
  f32[record + SoftmaxField.scale] = request.scale;
  i32[record + SoftmaxField.input] = launcher.pointer(request.output);
  i32[record + SoftmaxField.out] = launcher.pointer(request.out);
  i32[record + SoftmaxField.grad] = launcher.pointer(request.grad);
  launcher.launch('softmaxBackward', record, rows, grain(width));
}

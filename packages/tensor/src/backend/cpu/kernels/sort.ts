/** The order of rows, on the CPU. */
import type { SortRequest } from '../../requests.js';
import { ALIGNMENT } from '../allocator.js';
import type { Launcher } from '../launch.js';
import { SortField } from '../layout.generated.js';

export function sort(launcher: Launcher, request: SortRequest): void {
  const { rows, length, input } = request;
  if (rows * length === 0) return;
  // Taken before the record: memory that grows would leave its view behind.
  const space = launcher.take(rows * length * 16);
  const record = launcher.record(SortField.length);
  const { i32 } = launcher;
  i32[record + SortField.count] = length;
  i32[record + SortField.descending] = Number(request.descending);
  i32[record + SortField.float] = Number(input.dtype === 'float32');
  i32[record + SortField.input] = launcher.pointer(input);
  i32[record + SortField.out] = launcher.pointer(request.out);
  i32[record + SortField.space] = space.start * ALIGNMENT;
  launcher.launch('sort', record, rows, Math.ceil(4096 / length));
  launcher.give(space);
}

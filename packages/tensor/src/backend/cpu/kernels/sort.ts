/** The order of rows, on the CPU. */
import type { SortRequest } from '../../requests.js';
import { ALIGNMENT } from '../allocator.js';
import type { Launcher } from '../launch.js';
import { ItemSize, SortField } from '../layout.generated.js';

/** Up to this share of a row, its first places are selected; above, sorting the whole is no slower. */
const SELECTED = 1 / 8;

/** Fewer rows than this are cut into runs, if they are longer than one. */
const FEW_ROWS = 16;

export function sort(launcher: Launcher, request: SortRequest): void {
  const { rows, length, input } = request;
  if (rows * length === 0) return;
  const most = (request.most ?? length) <= length * SELECTED ? (request.most ?? length) : length;
  // Taken before the record: memory that grows would leave its view behind.
  const space = launcher.take(rows * most * 16);
  const record = launcher.record(SortField.length);
  const { i32 } = launcher;
  i32[record + SortField.count] = length;
  i32[record + SortField.most] = most;
  i32[record + SortField.descending] = Number(request.descending);
  i32[record + SortField.float] = Number(input.dtype === 'float32');
  i32[record + SortField.input] = launcher.pointer(input);
  i32[record + SortField.out] = launcher.pointer(request.out);
  i32[record + SortField.space] = space.start * ALIGNMENT;
  if (most < length) launcher.launch('selectFirst', record, rows, Math.ceil(16_384 / length));
  else if (rows < FEW_ROWS && length > ItemSize.sortRun) sortLong(launcher, record, rows, length);
  else launcher.launch('sort', record, rows, Math.ceil(4096 / length));
  launcher.give(space);
}

/** Sorts runs, then merges them by pairs until one is left. */
function sortLong(launcher: Launcher, record: number, rows: number, length: number): void {
  const { i32 } = launcher;
  const space = i32[record + SortField.space] ?? 0;
  let [source, target] = [space, space + rows * length * 8];
  const items = rows * Math.ceil(length / ItemSize.sortRun);
  i32[record + SortField.source] = source;
  i32[record + SortField.target] = target;
  launcher.launch('sortRuns', record, items, 1);
  for (let width: number = ItemSize.sortRun; width < length; width *= 2) {
    i32[record + SortField.source] = source;
    i32[record + SortField.target] = target;
    i32[record + SortField.width] = width;
    i32[record + SortField.last] = Number(2 * width >= length);
    launcher.launch('mergeRuns', record, items, 2);
    [source, target] = [target, source];
  }
}

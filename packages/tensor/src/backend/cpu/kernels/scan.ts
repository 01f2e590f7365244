/** Linear recurrences along a dim, on the CPU. */
import type { ScanRequest } from '../../requests.js';
import { ALIGNMENT } from '../allocator.js';
import type { Launcher } from '../launch.js';
import { ScanField, SegmentField } from '../layout.generated.js';

/** Columns of a work item: their states fit L1 beside the rows. */
const COLUMN_GROUP = 256;

/** Elements of a segment of a long row, and rows so few that theirs are shared among threads. */
const SEGMENT = 16_384;
const FEW_ROWS = 16;

/**
 * Sums of long rows in two launches, of segments whose length is the same for any number of threads: their sums, then each from where the
 * ones before it end. (Products of segments could overflow where the whole does not.)
 */
function scanSegments(launcher: Launcher, { outer, length, reverse, terms, out }: ScanRequest): void {
  const segments = Math.ceil(length / SEGMENT);
  const items = outer * segments;
  const partials = launcher.take(8 * items);
  const record = launcher.record(SegmentField.length);
  const { i32 } = launcher;
  i32[record + SegmentField.count] = length;
  i32[record + SegmentField.segment] = SEGMENT;
  i32[record + SegmentField.segments] = segments;
  i32[record + SegmentField.reverse] = Number(reverse);
  i32[record + SegmentField.terms] = launcher.pointer(terms);
  i32[record + SegmentField.out] = launcher.pointer(out);
  i32[record + SegmentField.sums] = partials.start * ALIGNMENT;
  launcher.launch('segmentSums', record, items, 1);
  const sums = new Float64Array(i32.buffer, partials.start * ALIGNMENT, items);
  for (let row = 0; row < outer; row++) {
    let total = 0;
    for (let k = 0; k < segments; k++) {
      const at = row * segments + (reverse ? segments - 1 - k : k);
      const own = sums[at] ?? 0;
      sums[at] = total;
      total += own;
    }
  }
  launcher.launch('segmentScan', record, items, 1);
  launcher.give(partials);
}

export function scan(launcher: Launcher, request: ScanRequest): void {
  const { outer, length, inner, out } = request;
  if (outer * length * inner === 0) return;
  const isSum = out.dtype === 'float32' && request.terms !== undefined && request.factors === undefined;
  if (isSum && inner === 1 && outer < FEW_ROWS && length >= 4 * SEGMENT) {
    scanSegments(launcher, request);
    return;
  }
  const columnGroup = Math.min(COLUMN_GROUP, inner);
  const columnGroups = Math.ceil(inner / columnGroup);
  const record = launcher.record(ScanField.length);
  const { i32 } = launcher;
  i32[record + ScanField.count] = length;
  i32[record + ScanField.inner] = inner;
  i32[record + ScanField.columnGroup] = columnGroup;
  i32[record + ScanField.columnGroups] = columnGroups;
  i32[record + ScanField.reverse] = Number(request.reverse);
  i32[record + ScanField.factors] = launcher.pointer(request.factors);
  i32[record + ScanField.terms] = launcher.pointer(request.terms);
  i32[record + ScanField.out] = launcher.pointer(out);
  i32[record + ScanField.float] = Number(out.dtype === 'float32');
  launcher.launch('scan', record, outer * columnGroups, Math.ceil(16_384 / (length * columnGroup)));
}

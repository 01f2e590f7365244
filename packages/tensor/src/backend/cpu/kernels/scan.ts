/** Linear recurrences along a dim, on the CPU. */
import type { ScanRequest } from '../../requests.js';
import type { Launcher } from '../launch.js';
import { ScanField } from '../layout.generated.js';

/** Columns of a work item: their states fit L1 beside the rows. */
const COLUMN_GROUP = 256;

export function scan(launcher: Launcher, request: ScanRequest): void {
  const { outer, length, inner, out } = request;
  if (outer * length * inner === 0) return;
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

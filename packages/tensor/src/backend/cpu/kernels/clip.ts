/** The norm of many tensors together, and scaling them by it: a launch each. */
import { CourseError } from '../../../errors.js';
import type { ClipRequest, NormRequest, Run } from '../../requests.js';
import { ALIGNMENT } from '../allocator.js';
import type { Launcher } from '../launch.js';
import { ItemSize, NormField, ScaleField, TensorRun } from '../layout.generated.js';

/** Tensors of one launch: their table has to fit beside the record. */
const MOST = 2048;

export function norm(launcher: Launcher, { inputs, out }: NormRequest): void {
  let total = 0;
  for (let at = 0; at < inputs.length; at += MOST) total += sumOfSquares(launcher, inputs.slice(at, at + MOST));
  launcher.f32[launcher.pointer(out) / 4] = Math.sqrt(total);
}

/** Blocks are summed by the kernel, and their sums here, in the order of memory: no bit depends on the number of threads. */
function sumOfSquares(launcher: Launcher, runs: readonly Run[]): number {
  const items = itemsOf(runs);
  const block = launcher.take(Math.max(1, items) * 8);
  const record = launcher.record(NormField.length);
  launcher.i32[record + NormField.runs] = tableOf(launcher, runs) * 4;
  launcher.i32[record + NormField.runCount] = runs.length;
  launcher.i32[record + NormField.sums] = block.start * ALIGNMENT;
  launcher.launch('squares', record, items, 4);
  let total = 0;
  for (const sum of new Float64Array(launcher.f32.buffer, block.start * ALIGNMENT, items)) total += sum;
  launcher.give(block);
  return total;
}

export function clip(launcher: Launcher, { norm: total, maxNorm, targets }: ClipRequest): void {
  const value = launcher.f32[launcher.pointer(total) / 4];
  if (value === undefined) throw new CourseError('clip: the norm lies outside of memory');
  const factor = Math.min(1, maxNorm / (value + 1e-6));
  if (factor === 1) return;
  for (let at = 0; at < targets.length; at += MOST) {
    const runs = targets.slice(at, at + MOST);
    const record = launcher.record(ScaleField.length);
    launcher.i32[record + ScaleField.runs] = tableOf(launcher, runs) * 4;
    launcher.i32[record + ScaleField.runCount] = runs.length;
    launcher.f32[record + ScaleField.factor] = factor;
    launcher.launch('scale', record, itemsOf(runs), 4);
  }
}

function itemsOf(runs: readonly Run[]): number {
  return runs.reduce((items, { count }) => items + Math.ceil(count / ItemSize.adamBlock), 0);
}

/** Writes the table of tensors behind the record; the word that it begins at. */
function tableOf(launcher: Launcher, runs: readonly Run[]): number {
  const table = launcher.more(TensorRun.length * runs.length);
  const { i32 } = launcher;
  let items = 0;
  for (const [i, { count, data }] of runs.entries()) {
    const entry = table + i * TensorRun.length;
    i32[entry + TensorRun.firstItem] = items;
    i32[entry + TensorRun.count] = count;
    i32[entry + TensorRun.data] = launcher.pointer(data);
    items += Math.ceil(count / ItemSize.adamBlock);
  }
  return table;
}

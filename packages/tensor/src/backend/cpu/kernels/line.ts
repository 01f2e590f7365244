/** Numbers at equal distances, on the CPU. */
import type { Line } from '../../draw.js';
import type { Launcher } from '../launch.js';
import { LineField } from '../layout.generated.js';

/** Numbers of an item, and items that make a piece of work for a thread. */
const ITEM = 1024;
const GRAIN = 16;

/** Writes `count` numbers of a line from an address on. */
export function drawLine(launcher: Launcher, address: number, count: number, { first, last, step }: Line): void {
  const record = launcher.record(LineField.length);
  const numbers = launcher.more(6);
  const { i32 } = launcher;
  i32[record + LineField.count] = count;
  i32[record + LineField.out] = address;
  i32[record + LineField.numbers] = numbers * 4;
  i32.set(new Int32Array(new Float64Array([first, last, step]).buffer), numbers);
  launcher.launch('line', record, Math.ceil(count / ITEM), GRAIN);
}

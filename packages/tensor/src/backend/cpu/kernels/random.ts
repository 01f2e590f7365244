/**
 * Drawing from a generator's stream straight into linear memory. The words of the Mersenne Twister come one after the other, from
 * one thread; all threads make numbers of them. The generator's state lies in scratch memory meanwhile, and behind it the words of
 * draws that take more than one an element, or none that stay.
 */
import type { Mt19937State } from '../../../random/mt19937.js';
import type { Draw } from '../../draw.js';
import type { Launcher } from '../launch.js';
import { DrawField, DrawKind, ShuffleField, TwistField } from '../layout.generated.js';
import { SCRATCH_BYTES } from '../scratch.js';

const STATE_WORDS = 624;
/** Words behind the state: a multiple of 32, so that parts of a draw are whole items. */
const PART_WORDS = SCRATCH_BYTES / 4 - 1024;
/** Elements of an item, and items that make a piece of work for a thread. */
const ITEM = 16;
const GRAIN = 256;

/** Draws `count` numbers to an address, and returns the state behind them. */
export function draw(
  launcher: Launcher,
  address: number,
  count: number,
  draw: Draw,
  { words, position: start }: Mt19937State,
): Mt19937State {
  const state = launcher.scratch / 4;
  const part = launcher.scratch + 4096;
  let position = start;
  launcher.i32.set(words, state);

  const twist = (target: number, length: number): void => {
    const record = launcher.record(TwistField.length);
    const { i32 } = launcher;
    i32[record + TwistField.words] = launcher.scratch;
    i32[record + TwistField.position] = position;
    i32[record + TwistField.target] = target;
    i32[record + TwistField.count] = length;
    launcher.launch('twist', record, 1, 1);
    position = i32[record + TwistField.position] ?? 0;
  };
  const convert = (kind: DrawKind, target: number, length: number, p: number, q = 0): void => {
    const record = launcher.record(DrawField.length);
    const numbers = launcher.more(4);
    const { i32 } = launcher;
    i32[record + DrawField.kind] = kind;
    i32[record + DrawField.count] = length;
    i32[record + DrawField.target] = target;
    i32[record + DrawField.words] = part;
    i32[record + DrawField.numbers] = numbers * 4;
    i32.set(new Int32Array(new Float64Array([p, q]).buffer), numbers);
    launcher.launch('draw', record, Math.ceil(length / ITEM), GRAIN);
  };
  /** Two words an element, a part at a time. */
  const wide = (kind: DrawKind, p: number): void => {
    for (let first = 0; first < count; first += PART_WORDS / 2) {
      const length = Math.min(PART_WORDS / 2, count - first);
      twist(part, 2 * length);
      convert(kind, address + 4 * first, length, p);
    }
  };

  const { fround } = Math;
  switch (draw.kind) {
    case 'uniform': {
      twist(address, count);
      const from = fround(draw.from);
      convert(DrawKind.uniform, address, count, from, fround(fround(draw.to) - from));
      break;
    }
    case 'normal': {
      twist(address, count);
      convert(DrawKind.normal, address, count, fround(draw.mean), fround(draw.std));
      if (count % ITEM === 0) break;
      // The last group overlaps its neighbour, and is drawn anew.
      const last = address + 4 * (count - ITEM);
      twist(last, ITEM);
      convert(DrawKind.normal, last, ITEM, fround(draw.mean), fround(draw.std));
      break;
    }
    case 'integers':
      twist(address, count);
      convert(DrawKind.integers, address, count, draw.low, draw.high - draw.low);
      break;
    case 'double':
      wide(DrawKind.double, 0);
      break;
    case 'bernoulli':
      wide(DrawKind.bernoulli, draw.p);
      break;
    case 'exponential':
      wide(DrawKind.exponential, draw.rate);
      break;
    case 'permutation': {
      const { i32 } = launcher;
      for (let i = 0; i < count; i++) i32[address / 4 + i] = i;
      for (let first = 0; first < count - 1; first += PART_WORDS) {
        const length = Math.min(PART_WORDS, count - 1 - first);
        twist(part, length);
        const record = launcher.record(ShuffleField.length);
        i32[record + ShuffleField.target] = address;
        i32[record + ShuffleField.words] = part;
        i32[record + ShuffleField.count] = length;
        i32[record + ShuffleField.first] = first;
        i32[record + ShuffleField.total] = count;
        launcher.launch('shuffle', record, 1, 1);
      }
      break;
    }
  }
  return { words: new Uint32Array(launcher.i32.slice(state, state + STATE_WORDS).buffer), position };
}

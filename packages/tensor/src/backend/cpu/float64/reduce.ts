/** Reductions, running sums and products, and the order of elements, in float64. */
import type { ReduceRequest, ScanRequest, SortRequest } from '../../requests.js';
import type { Launcher } from '../launch.js';
import { type Elements, elements, optional, pairwise } from './elements.js';

/** What an op makes of the elements `get(0) … get(length - 1)`. */
type Reducer = (get: (i: number) => number, length: number) => number;

/** The first place that no later one beats; NaN is beyond everything. */
function firstPlace(beats: (a: number, b: number) => boolean): Reducer {
  return (get, length) => {
    let place = 0;
    for (let i = 1; i < length; i++) {
      const best = get(place);
      if (Number.isNaN(best)) break;
      const value = get(i);
      if (Number.isNaN(value) || beats(value, best)) place = i;
    }
    return place;
  };
}

function extreme(choose: (a: number, b: number) => number, neutral: number): Reducer {
  return (get, length) => {
    let result = neutral;
    for (let i = 0; i < length; i++) result = choose(result, get(i));
    return result;
  };
}

const REDUCERS: Readonly<Record<ReduceRequest['op'], Reducer>> = {
  sum: (get, length) => pairwise(0, length, get),
  sumOfSquares: (get, length) => pairwise(0, length, (i) => get(i) ** 2),
  prod: (get, length) => {
    let product = 1;
    for (let i = 0; i < length; i++) product *= get(i);
    return product;
  },
  // Math.max and Math.min give NaN where either argument is.
  max: extreme(Math.max, Number.NEGATIVE_INFINITY),
  min: extreme(Math.min, Number.POSITIVE_INFINITY),
  argmax: firstPlace((a, b) => a > b),
  argmin: firstPlace((a, b) => a < b),
  any: extreme((a, b) => Number(a !== 0 || b !== 0), 0),
  all: extreme((a, b) => Number(a !== 0 && b !== 0), 1),
};

export function reduce(launcher: Launcher, { op, outer, length, inner, scale, input, out }: ReduceRequest): void {
  const source = elements(launcher, input);
  const target = elements(launcher, out);
  const reducer = REDUCERS[op];
  const factor = op === 'sum' || op === 'sumOfSquares' ? scale : 1;
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++) {
      const start = o * length * inner + i;
      target[o * inner + i] = factor * reducer((at) => source[start + at * inner] as number, length);
    }
}

export function scan(launcher: Launcher, { reverse, outer, length, inner, ...operands }: ScanRequest): void {
  const factors = optional(launcher, operands.factors);
  const terms = optional(launcher, operands.terms);
  const out = elements(launcher, operands.out);
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++) {
      let y = terms ? 0 : 1;
      for (let k = 0; k < length; k++) {
        const at = (o * length + (reverse ? length - 1 - k : k)) * inner + i;
        y = y * (factors?.[at] ?? 1) + (terms?.[at] ?? 0);
        out[at] = y;
      }
    }
}

export function sort(launcher: Launcher, { descending, rows, length, input, out }: SortRequest): void {
  const source = elements(launcher, input);
  const target = elements(launcher, out);
  const compare = ascending(source);
  for (let row = 0; row < rows; row++) {
    const start = row * length;
    const order = Array.from({ length }, (_, i) => i);
    // Array.prototype.sort is stable, so equal elements keep their places in both directions.
    order.sort((a, b) => (descending ? compare(start + b, start + a) : compare(start + a, start + b)));
    target.set(order, start);
  }
}

/** Compares the elements at two places; NaN counts as the largest. */
function ascending(source: Elements): (a: number, b: number) => number {
  return (a, b) => {
    const [x, y] = [source[a] as number, source[b] as number];
    if (x < y) return -1;
    if (x > y) return 1;
    return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  };
}

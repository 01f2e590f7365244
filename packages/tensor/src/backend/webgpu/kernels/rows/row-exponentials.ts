/**
 * The largest element of a row and its sum of exponentials in one pass (online softmax: Milakov & Gimelshein 2018), for softmax and
 * cross-entropy. Memory is what bounds them, and on software adapters every load costs several multiply-adds; so a lane takes four vectors at
 * a time, and what it has summed shrinks where they exceed all before, which soon gets rare.
 */
import { BELOW_SCALE } from '../wgsl/exponential.js';
import { helperName, preludes } from '../wgsl/prelude.js';
import { indent, lines } from '../wgsl/source.js';
import { largestOf, sumOf, type Team, vectorOf } from './rows.js';

/** What the text below calls, and what else a kernel does: for single elements, and at the width of the team. */
export function exponentialsOf({ unit }: Team, single: readonly string[], wide: readonly string[] = []): string {
  return preludes([['expBelow', ...single], 1], [['expBelowIeee', ...wide], unit]);
}

const AT_ONCE = 4;

/**
 * Declares `largest`, and `sum` of exp(value - largest) times 2 ** 24. `value(c)` is the row's vector at `c`; where `keep(c)` is given and
 * false, an element does not count, and `keyCount` is the number of those that do. Needs the functions `teamMax` and `teamSum`.
 */
export function sumExponentials(team: Team, value: (c: string) => string, keep?: (c: string) => string): string {
  const { lanes } = team;
  const V = vectorOf(team);
  const exp = helperName('expBelowIeee', team.unit);
  const vectors = (count: number): string =>
    [
      lines(count, (i) => {
        const c = i === 0 ? 'c' : `c + ${i * lanes}u`;
        if (keep === undefined) return `let value${i} = ${value(c)};`;
        return `let keep${i} = ${keep(c)};\nlet value${i} = select(${V}(LOWEST), ${value(c)}, keep${i});`;
      }),
      `let high = ${Array.from({ length: count }, (_, i) => `value${i}`).reduce((a, b) => `max(${a}, ${b})`)};`,
      `let now = ${largestOf(team, 'high')};`,
      'if (now > own) {',
      `  sums *= expBelow(own - now) * ${BELOW_SCALE};`,
      '  own = now;',
      '}',
      lines(count, (i) => {
        const e = `${exp}(value${i} - own)`;
        return keep === undefined
          ? `sums += ${e};`
          : `sums += select(${V}(0.0), ${e}, keep${i});\nkeys += select(${V}(0.0), ${V}(1.0), keep${i});`;
      }),
    ].join('\n');
  const shrunk = lanes === 1 ? '' : ` * expBelow(own - largest) * ${BELOW_SCALE}`;
  return [
    '// A finite start: with an infinite one a row of -infinity alone would need a case of its own.',
    'var own = LOWEST;',
    `var sums = ${V}(0.0);`,
    ...(keep === undefined ? [] : [`var keys = ${V}(0.0);`]),
    'var c = l;',
    `for (; c + ${(AT_ONCE - 1) * lanes}u < p.width; c += ${AT_ONCE * lanes}u) {`,
    indent(vectors(AT_ONCE)),
    '}',
    `for (; c < p.width; c += ${lanes}u) {`,
    indent(vectors(1)),
    '}',
    'let largest = teamMax(own, lane);',
    `let sum = teamSum(${sumOf(team, 'sums')}${shrunk}, lane);`,
    ...(keep === undefined ? [] : [`let keyCount = teamSum(${sumOf(team, 'keys')}, lane);`]),
  ].join('\n');
}

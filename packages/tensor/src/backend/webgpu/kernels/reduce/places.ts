/**
 * The kernel of argmax and argmin. A strip yields the place of its extreme element; the passes after the first read the places
 * of candidates and look their values up. NaN is the most extreme value of all, and of equals the first wins, as in PyTorch.
 */
import type { DType } from '../../../../dtype.js';
import type { Team } from '../rows/rows.js';
import { helpersIn } from '../wgsl/prelude.js';
import { type KernelSource, read, storedAs, u32, write } from '../wgsl/source.js';
import { openStrip, STRIP_PARAMS } from './strip.js';

export interface PlacesVariant {
  readonly op: 'argmax' | 'argmin';
  readonly input: DType;
  /** Whether candidates' places are read instead of all elements. */
  readonly isFollowUp: boolean;
  readonly team: Team;
}

export function placesSource({ op, input, isFollowUp, team }: PlacesVariant): KernelSource {
  const { lanes, workgroupSize } = team;
  const from = storedAs(input);
  const than = op === 'argmax' ? '>' : '<';
  const extreme = op === 'argmax' ? '2147483647' : 'i32(-2147483648)';
  // Integer keys in the order of the values.
  const key = (x: string) => (from === 'f32' ? `select(order(${x}), ${extreme}, isNan(${x}))` : `i32(${x})`);
  const value = (at: string) => `x[p.xOffset + (o * p.wholeLength + ${at}) * p.inner + i]`;
  const place = (j: string) => (isFollowUp ? `u32(places[(o * p.length + ${j}) * p.inner + i])` : j);
  const main = [
    openStrip(team),
    `var best = ${place('begin')};`,
    `var bestKey = ${key(value('best'))};`,
    `for (var j = begin + ${lanes}u; j < end; j += ${lanes}u) {`,
    `  let at = ${place('j')};`,
    `  let key = ${key(value('at'))};`,
    `  if (key ${than} bestKey) {`,
    '    best = at;',
    '    bestKey = key;',
    '  }',
    '}',
    ...(lanes > 1 ? [tree(lanes, than)] : []),
    'out[p.outOffset + column] = i32(best);',
  ].join('\n');
  const shared = `var<workgroup> keys: array<i32, ${workgroupSize}>;\nvar<workgroup> candidates: array<u32, ${workgroupSize}>;`;
  return {
    label: `reduce ${op}${isFollowUp ? ', among candidates' : ''}`,
    about: `${lanes > 1 ? `${lanes} invocations search` : 'Each invocation searches'} one strip of a row.`,
    bindings: [read('x', from), ...(isFollowUp ? [read('places', 'i32')] : []), write('out', 'i32')],
    params: { ...STRIP_PARAMS, ...u32('wholeLength') },
    workgroupSize,
    declarations: [helpersIn(main), ...(lanes > 1 ? [shared] : [])].filter((part) => part !== '').join('\n\n'),
    main,
  };
}

/** Merges the lanes' candidates. Lanes that had no element take no part. */
function tree(lanes: number, than: '<' | '>'): string {
  return `keys[lane] = bestKey;
candidates[lane] = best;
workgroupBarrier();
let present = end - (begin - first);
for (var step = ${lanes / 2}u; step > 0u; step /= 2u) {
  if (first < step && first + step < present) {
    let key = keys[lane + step];
    let other = candidates[lane + step];
    let mine = keys[lane];
    if (key ${than} mine || (key == mine && other < candidates[lane])) {
      keys[lane] = key;
      candidates[lane] = other;
    }
  }
  workgroupBarrier();
}
if (first > 0u || !isRow) {
  return;
}
best = candidates[lane];`;
}

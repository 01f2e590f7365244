/**
 * Reductions of the middle dim of [outer, length, inner]. One pass reduces strips of the length; passes follow until one strip is left. An
 * invocation (or, along contiguous rows on a GPU, a team) takes one strip, in blocks of 32 elements that are added up
 * on their own, and at most 1024 elements: errors grow like the logarithm of the length, and no order depends on timing.
 */
import type { DType } from '../../../dtype.js';
import type { Dense, DeviceBuffer, ReduceRequest } from '../../requests.js';
import { groupsOf, type KernelContext } from '../context.js';
import { isHelper, prelude } from './prelude.js';
import { rowGroups, type Team, teamFunctions } from './rows.js';
import { f32, indent, type KernelSource, read, type Scalar, u32, write } from './source.js';

type Op = ReduceRequest['op'];

const BLOCK = 32;
const LONGEST_STRIP = 1024;
const SHORTEST_STRIP = 64;

interface Variant {
  readonly op: Op;
  readonly input: DType;
  readonly out: DType;
  /** After the first pass an arg-reduction reads candidates' places instead of all elements. */
  readonly isFollowUp: boolean;
  readonly team: Team;
  /** Whether a team shares a strip; otherwise each invocation has its own. */
  readonly isShared: boolean;
}

const isArg = (op: Op): op is 'argmax' | 'argmin' => op === 'argmax' || op === 'argmin';
const scalarOf = (dtype: DType): Scalar => (dtype === 'float32' ? 'f32' : dtype === 'bool' ? 'u32' : 'i32');

export function reduce(context: KernelContext, request: ReduceRequest): void {
  const { outer, inner, input, out, scale } = request;
  if (outer * inner === 0) return;
  let op = request.op;
  let source: Dense = input;
  let length = request.length;
  for (let isFollowUp = false; ; isFollowUp = true) {
    const team = teamOf(context, length, inner);
    const isShared = team.lanes > 1;
    const stripLength = chooseStrip(context, outer * inner, length, team);
    const strips = Math.max(1, Math.ceil(length / stripLength));
    const isLast = strips === 1;
    const target = isLast
      ? out
      : { buffer: context.temporary(outer * strips * inner * 4), dtype: out.dtype, offset: 0 };
    const variant: Variant = {
      op,
      input: isArg(op) ? input.dtype : source.dtype,
      out: out.dtype,
      isFollowUp,
      team,
      isShared,
    };
    const key = `reduce|${op}|${variant.input}|${out.dtype}|${isFollowUp}|${team.lanes}|${isShared}`;
    const kernel = context.kernel(key, () => reduceSource(variant));
    const columns = outer * strips * inner;
    context.dispatch(
      kernel,
      { x: isArg(op) ? input.buffer : source.buffer, places: source.buffer, out: target.buffer },
      {
        rows: columns,
        length,
        inner,
        strips,
        stripLength,
        wholeLength: request.length,
        xOffset: isArg(op) ? input.offset : source.offset,
        outOffset: target.offset,
        scale: isLast ? scale : 1,
      },
      isShared ? rowGroups(team, columns) : groupsOf(columns, team.workgroupSize),
    );
    if (isLast) return;
    // The squares have been taken; what is left is a sum.
    if (op === 'sumOfSquares') op = 'sum';
    source = target;
    length = strips;
  }
}

/** Sums `strips` rows of `width` in order: the second pass of sums over rows. */
export function sumStrips(
  context: KernelContext,
  buffer: DeviceBuffer,
  strips: number,
  width: number,
  out: Dense,
): void {
  const input: Dense = { buffer, dtype: 'float32', offset: 0 };
  reduce(context, { kind: 'reduce', op: 'sum', outer: 1, length: strips, inner: width, scale: 1, input, out });
}

function teamOf({ tuning }: KernelContext, length: number, inner: number): Team {
  const { lanes, workgroupSize } = tuning.rows;
  if (inner > 1 || lanes === 1) return { workgroupSize: tuning.reduce.workgroupSize, lanes: 1 };
  let wanted = 1;
  while (wanted < lanes && wanted * 8 <= length) wanted *= 2;
  return { workgroupSize, lanes: wanted };
}

/** Long enough to be worth an invocation, short enough to keep all of them busy and errors small. */
function chooseStrip({ tuning }: KernelContext, columns: number, length: number, { lanes }: Team): number {
  const strips = Math.max(1, Math.ceil(tuning.reduce.invocations / (columns * lanes)));
  const even = Math.ceil(length / strips);
  return Math.max(1, Math.min(Math.max(even, SHORTEST_STRIP * lanes), LONGEST_STRIP * lanes));
}

/** How elements become values, how values are merged, and what nothing amounts to. */
function arithmetic({ op, input, out }: Variant): {
  type: Scalar;
  start: string;
  element: (x: string) => string;
  merge: (a: string, b: string) => string;
} {
  const from = scalarOf(input);
  const type = isArg(op) ? 'i32' : scalarOf(out);
  const converted = (x: string) => (from === type ? x : `${type}(${x})`);
  const number = (value: number) => (type === 'f32' ? `${value}.0` : `${type}(${value})`);
  switch (op) {
    case 'sum':
      return { type, start: number(0), element: converted, merge: (a, b) => `${a} + ${b}` };
    case 'sumOfSquares':
      return {
        type,
        start: number(0),
        element: (x) => `${converted(x)} * ${converted(x)}`,
        merge: (a, b) => `${a} + ${b}`,
      };
    case 'prod':
      return { type, start: number(1), element: converted, merge: (a, b) => `${a} * ${b}` };
    case 'max':
      if (type === 'f32')
        return { type, start: '-infinity()', element: converted, merge: (a, b) => `maximum(${a}, ${b})` };
      return {
        type,
        start: `${type}(${type === 'i32' ? '-2147483648' : '0'})`,
        element: converted,
        merge: (a, b) => `max(${a}, ${b})`,
      };
    case 'min':
      if (type === 'f32')
        return { type, start: 'infinity()', element: converted, merge: (a, b) => `minimum(${a}, ${b})` };
      return {
        type,
        start: `${type}(${type === 'i32' ? '2147483647' : '4294967295'})`,
        element: converted,
        merge: (a, b) => `min(${a}, ${b})`,
      };
    case 'any':
      return { type, start: number(0), element: (x) => truthOf(x, from), merge: (a, b) => `${a} | ${b}` };
    case 'all':
      return { type, start: number(1), element: (x) => truthOf(x, from), merge: (a, b) => `${a} & ${b}` };
    default: {
      // Integer keys in the order of the values, where NaN is the most extreme of all.
      const last = op === 'argmax' ? '2147483647' : 'i32(-2147483648)';
      const key = (x: string) => (from === 'f32' ? `select(order(${x}), ${last}, isNan(${x}))` : converted(x));
      return { type, start: '0', element: key, merge: (a, b) => `${b} ${op === 'argmax' ? '>' : '<'} ${a}` };
    }
  }
}

function truthOf(x: string, from: Scalar): string {
  return from === 'f32' ? `u32(truth(${x}))` : `u32(${x} != ${from}(0))`;
}

function reduceSource(variant: Variant): KernelSource {
  const { op, input, out, isFollowUp, team, isShared } = variant;
  const { type, start, element, merge } = arithmetic(variant);
  const { lanes, workgroupSize } = team;
  const readsPlaces = isArg(op) && isFollowUp;
  // Column `column` of the output is element (o, strip, i) of [outer, strips, inner].
  const place = isShared
    ? [
        `let wanted = group * ${workgroupSize / lanes}u + lane / ${lanes}u;`,
        'let isRow = wanted < p.rows;',
        'let column = min(wanted, p.rows - 1u);',
        `let first = lane % ${lanes}u;`,
      ]
    : [
        `let column = group * ${workgroupSize}u + lane;`,
        'if (column >= p.rows) {',
        '  return;',
        '}',
        'let first = 0u;',
      ];
  const opening = [
    ...place,
    'let i = column % p.inner;',
    'let strip = (column / p.inner) % p.strips;',
    'let o = column / (p.inner * p.strips);',
    'let begin = strip * p.stripLength + first;',
    'let end = min((strip + 1u) * p.stripLength, p.length);',
  ];
  const xAt = (at: string) => `x[p.xOffset + (o * p.wholeLength + ${at}) * p.inner + i]`;
  const placeAt = (at: string) => `u32(places[(o * p.length + ${at}) * p.inner + i])`;

  const body = isArg(op)
    ? [
        `var best = ${readsPlaces ? placeAt('begin') : 'begin'};`,
        `var bestKey = ${element(xAt('best'))};`,
        `for (var j = begin + ${lanes}u; j < end; j += ${lanes}u) {`,
        `  let at = ${readsPlaces ? placeAt('j') : 'j'};`,
        `  let key = ${element(xAt('at'))};`,
        `  if (${merge('bestKey', 'key')}) {`,
        '    best = at;',
        '    bestKey = key;',
        '  }',
        '}',
        ...(isShared ? [argTree(team, merge)] : []),
      ]
    : [
        `var total: ${type} = ${start};`,
        `for (var block = begin; block < end; block += ${BLOCK * lanes}u) {`,
        `  let blockEnd = min(block + ${BLOCK * lanes}u, end);`,
        `  var sum: ${type} = ${start};`,
        `  for (var j = block; j < blockEnd; j += ${lanes}u) {`,
        // After the first pass the elements are partial results, `length` a row.
        `    let v = x[p.xOffset + (o * p.length + j) * p.inner + i];`,
        `    sum = ${merge('sum', element('v'))};`,
        '  }',
        `  total = ${merge('total', 'sum')};`,
        '}',
        ...(isShared ? ['total = teamMerge(total, lane);'] : []),
      ];
  const result = isArg(op) ? 'i32(best)' : type === 'f32' ? 'total * p.scale' : 'total';
  const store = `out[p.outOffset + column] = ${result};`;
  const closing = isShared ? `if (first == 0u && isRow) {\n  ${store}\n}` : store;
  const text = [...opening, ...body, closing].join('\n');
  const helpers = [...text.matchAll(/\b([a-zA-Z]\w*)\(/g)].map(([, name = '']) => name).filter(isHelper);
  const tree = isShared ? (isArg(op) ? argShared(team) : teamFunctions(team, { teamMerge: merge }, type)) : '';
  return {
    label: `reduce ${op}${isFollowUp ? ', second pass' : ''}`,
    about: isShared
      ? `${lanes} invocations reduce one strip of a row.`
      : 'Each invocation reduces one strip of one column.',
    bindings: [
      read('x', scalarOf(input)),
      ...(readsPlaces ? [read('places', 'i32')] : []),
      write('out', scalarOf(out)),
    ],
    params: {
      ...u32('rows', 'length', 'inner', 'strips', 'stripLength', 'wholeLength', 'xOffset', 'outOffset'),
      ...f32('scale'),
    },
    workgroupSize,
    declarations: [prelude(helpers, 1), tree].filter((part) => part !== '').join('\n\n'),
    main: text,
  };
}

function argShared({ workgroupSize }: Team): string {
  return `var<workgroup> keys: array<i32, ${workgroupSize}>;\nvar<workgroup> candidates: array<u32, ${workgroupSize}>;`;
}

/** Merges the lanes' candidates in a tree; of equal ones the first in the row wins. Lanes that had no element take no part. */
function argTree({ lanes }: Team, merge: (a: string, b: string) => string): string {
  return `keys[lane] = bestKey;
candidates[lane] = best;
workgroupBarrier();
let present = min(${lanes}u, end - (begin - first));
for (var step = ${lanes / 2}u; step > 0u; step /= 2u) {
  if (first < step && first + step < present) {
    let key = keys[lane + step];
    let other = candidates[lane + step];
    let mine = keys[lane];
    if (${merge('mine', 'key')} || (key == mine && other < candidates[lane])) {
${indent('keys[lane] = key;\ncandidates[lane] = other;', '      ')}
    }
  }
  workgroupBarrier();
}
best = candidates[lane];`;
}

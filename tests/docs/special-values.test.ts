// docs/special-values.md is made here: what every op does with NaN, the infinities and the zeros. The values of the page are those of the
// CPU, held to the float64 reference of each op; what it promises of WebGPU is then run there. `npm test -- tests/docs/special-values -u`
// writes the page anew.
import { type Tensor, tensor } from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { pointwise } from '../../packages/tensor/src/ops/pointwise/apply.js';
import { type PointwiseName, pointwiseNames, pointwiseTable } from '../../packages/tensor/src/ops/pointwise/table.js';
import { at } from '../../scripts/paths.mjs';
import { onEachDevice } from '../support/devices.js';

const [NAN, INF] = [Number.NaN, Number.POSITIVE_INFINITY];
const ARGUMENTS = [NAN, INF, -INF, 0, -0];
const PAIRS = [
  [NAN, 1],
  [1, NAN],
  [INF, INF],
  [INF, -INF],
  [INF, 0],
  [1, INF],
  [1, 0],
  [0, 0],
  [-0, 1],
] as const;

/** What WebGPU promises: WGSL lets compilers assume that NaN and infinity do not occur, so these go through the bits of numbers. */
const promised = new Set<string>(
  (
    'add sub mul div neg abs maximum minimum relu eq ne lt le gt ge isNan isFinite where ' + 'amax amin max min isinf'
  ).split(' '),
);

const floats = pointwiseNames.filter(
  (name) =>
    pointwiseTable[name].domain.includes('float') && !['where', 'cast', 'index', 'uniform', 'geluSlope'].includes(name),
);
const named: Partial<Record<PointwiseName, string>> = { isNan: 'isnan', isFinite: 'isfinite', geluTanh: 'gelu (tanh)' };

/** IEEE 754's powers of 1, where JavaScript says NaN. */
function referenceOf(name: PointwiseName, args: readonly number[]): number {
  if (name === 'pow' && args[0] === 1) return 1;
  return Math.fround(pointwiseTable[name].reference(...args));
}

async function compute(name: PointwiseName, rows: readonly (readonly number[])[]): Promise<number[]> {
  const columns = Array.from({ length: pointwiseTable[name].arity }, (_, i) => tensor(rows.map((row) => row[i] ?? 0)));
  return Array.from(await pointwise(name, columns).data());
}

const rowsOf = (name: PointwiseName): readonly (readonly number[])[] =>
  pointwiseTable[name].arity === 1 ? ARGUMENTS.map((x) => [x]) : PAIRS;

const LISTS = [
  [1, NAN],
  [1, INF],
  [INF, -INF],
  [-INF, -INF],
  [0, 0],
] as const;

const total = (list: readonly number[]): number => list.reduce((a, b) => a + b);
const largest = (list: readonly number[]): number => Math.max(...list);
const exps = (list: readonly number[]): number[] => list.map((x) => Math.exp(x - largest(list)));
const shares = (list: readonly number[]): number[] => exps(list).map((x) => x / total(exps(list)));
const logSum = (list: readonly number[]): number => {
  const shift = Number.isFinite(largest(list)) ? largest(list) : 0;
  return Math.log(total(list.map((x) => Math.exp(x - shift)))) + shift;
};
/** NaN is the largest, as in PyTorch. */
const rising = (list: readonly number[]): number[] =>
  [...list].sort((a, b) => Number(Number.isNaN(a)) - Number(Number.isNaN(b)) || (a === b ? 0 : a - b));

/** Ops on a row of two, with what they are in float64. */
const reductions: Record<string, [of: (x: Tensor) => Tensor, reference: (list: readonly number[]) => number[]]> = {
  sum: [(x) => x.sum(1), (list) => [total(list)]],
  mean: [(x) => x.mean(1), (list) => [total(list) / 2]],
  prod: [(x) => x.prod(1), ([a = 0, b = 0]) => [a * b]],
  'var, std': [(x) => x.var(1), ([a = 0, b = 0]) => [((a - (a + b) / 2) ** 2 + (b - (a + b) / 2) ** 2) / 1]],
  norm: [(x) => x.norm(1), ([a = 0, b = 0]) => [Math.sqrt(a * a + b * b)]],
  amax: [(x) => x.amax(1), (list) => [largest(list)]],
  amin: [(x) => x.amin(1), (list) => [Math.min(...list)]],
  max: [(x) => x.max(1).values, (list) => [largest(list)]],
  argmax: [(x) => x.argmax(1), ([a = 0, b = 0]) => [Number(Number.isNaN(b) || b > a)]],
  median: [(x) => x.median(1).values, (list) => [list.some(Number.isNaN) ? NAN : (rising(list)[0] ?? 0)]],
  'sort, topk': [(x) => x.sort(1).values, rising],
  cumsum: [(x) => x.cumsum(1), ([a = 0, b = 0]) => [a, a + b]],
  cumprod: [(x) => x.cumprod(1), ([a = 0, b = 0]) => [a, a * b]],
  logsumexp: [(x) => x.logsumexp(1), (list) => [logSum(list)]],
  softmax: [(x) => x.softmax(1), shares],
  logSoftmax: [(x) => x.logSoftmax(1), (list) => shares(list).map(Math.log)],
  any: [(x) => x.any(1), (list) => [Number(list.some((x) => x !== 0))]],
  all: [(x) => x.all(1), (list) => [Number(list.every((x) => x !== 0))]],
  countNonzero: [(x) => x.countNonzero(1), (list) => [list.filter((x) => x !== 0).length]],
};

async function reduceLists(name: string): Promise<number[][]> {
  const [of] = reductions[name] ?? [];
  const values = of ? Array.from(await of(tensor(LISTS.map((list) => [...list]))).data()) : [];
  const width = values.length / LISTS.length;
  return LISTS.map((_, i) => values.slice(i * width, (i + 1) * width));
}

/** Equal, with NaN equal to itself; the zeros apart where `signs` matter. Values within `ulps` of float32. */
function same(actual: number, expected: number, signs: boolean): boolean {
  if (Object.is(actual, expected)) return true;
  if (actual === 0 && expected === 0) return !signs;
  return Number.isFinite(expected) && Math.abs(actual - expected) <= 2 ** -21 * Math.abs(expected);
}

onEachDevice('special values', (device) => {
  describe.each(floats.filter((name) => device === 'cpu' || promised.has(name)))('%s', (name) => {
    it(device === 'cpu' ? 'follows IEEE 754' : 'keeps what WebGPU promises', async () => {
      const rows = rowsOf(name);
      const found = await compute(name, rows);
      const wrong = rows.flatMap((row, i) => {
        const expected = referenceOf(name, row);
        return same(found[i] ?? 0, expected, device === 'cpu' && !/imum/.test(name))
          ? []
          : [`${name}(${row.map(text).join(', ')}) is ${text(found[i] ?? 0)}, expected ${text(expected)}`];
      });
      expect(wrong).toEqual([]);
    });
  });

  const names = Object.keys(reductions).filter((name) => device === 'cpu' || promised.has(name));
  it.each(names)('%s over a row', async (name) => {
    const found = await reduceLists(name);
    const wrong = LISTS.flatMap((list, i) => {
      const expected = (reductions[name]?.[1](list) ?? []).map(Math.fround);
      return expected.length === found[i]?.length && expected.every((want, k) => same(found[i]?.[k] ?? 0, want, false))
        ? []
        : [`${name}([${list.map(text)}]) is ${found[i]?.map(text)}, expected ${expected.map(text)}`];
    });
    expect(wrong).toEqual([]);
  });

  if (device === 'cpu')
    it('stand in the page that this test makes', async () => {
      await expect(await page()).toMatchFileSnapshot(at('docs/special-values.md'));
    });
});

function text(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '-∞';
  if (Object.is(value, -0)) return '-0';
  return String(Number(value.toPrecision(5)));
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

const onWebGPU = (name: string): string => (promised.has(name) ? 'yes' : '');

async function page(): Promise<string> {
  const truth = (name: PointwiseName, value: number): string =>
    pointwiseTable[name].result === 'bool' ? String(value !== 0) : text(value);
  const rowOf = async (name: PointwiseName): Promise<string[]> => [
    `\`${named[name] ?? name}\``,
    ...(await compute(name, rowsOf(name))).map((value) => truth(name, value)),
    onWebGPU(name),
  ];
  const rows = (arity: number): Promise<string[][]> =>
    Promise.all(floats.filter((name) => pointwiseTable[name].arity === arity).map(rowOf));
  const lists = await Promise.all(
    Object.keys(reductions).map(async (name) => [
      name
        .split(', ')
        .map((each) => `\`${each}\``)
        .join(', '),
      ...(await reduceLists(name)).map((values) => values.map(text).join(', ')),
      onWebGPU(name),
    ]),
  );
  return `---
title: NaN and infinity
---

# NaN and infinity

On the CPU every operation follows IEEE 754: a NaN goes through arithmetic, an infinity is a number, comparisons with NaN are false. On
WebGPU shader compilers may assume that NaN and infinity do not occur; the operations marked in the last column are computed so that
they hold there all the same, of the others that is not promised. Zeros keep their sign on the CPU; between \`0\` and \`-0\`, \`maximum\`
and \`minimum\` may give either.

A mean over nothing is NaN, a sum over nothing 0, a product over nothing 1; the largest of nothing is an error. The tests make these
tables from the operations, and hold them to float64.

## One argument

${table(['', ...ARGUMENTS.map(text), 'on WebGPU'], await rows(1))}

## Two arguments

${table(['', ...PAIRS.map((pair) => pair.map(text).join(', ')), 'on WebGPU'], await rows(2))}

\`where\` and \`maskedFill\` choose and never look at what they do not take; \`clamp\` leaves NaN as it is. All of them do so on WebGPU too.

## Over a row

${table(['', ...LISTS.map((list) => list.map(text).join(', ')), 'on WebGPU'], lists)}

\`softmax\` with a mask, and attention, give zeros where the mask leaves nothing (PyTorch gives NaN there). In a sort NaN counts as the
largest.
`;
}

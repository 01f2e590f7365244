/** The kernel of reductions that merge values: sums, products, extremes, truth. */
import type { DType } from '../../../../dtype.js';
import type { ReduceRequest } from '../../../requests.js';
import { type Team, teamFunctions } from '../rows/rows.js';
import { helperName, helpersIn, type Width } from '../wgsl/prelude.js';
import { type Element, f32, type KernelSource, read, type Scalar, storedAs, write } from '../wgsl/source.js';
import { openStrip, STRIP_PARAMS } from './strip.js';

export interface ValuesVariant {
  readonly op: Exclude<ReduceRequest['op'], 'argmax' | 'argmin'>;
  readonly input: DType;
  readonly out: DType;
  /** Columns: vectors are neighbouring columns, and stay apart. Rows: vectors lie along the row, and are merged at the end. */
  readonly isColumn: boolean;
  readonly team: Team;
}

/** Elements added up on their own before they join the rest. */
const BLOCK = 32;

interface Arithmetic {
  /** What the reduction of nothing yields. */
  readonly start: string;
  /** An element as a value. */
  readonly element: (x: string) => string;
  readonly merge: (a: string, b: string) => string;
}

function arithmetic({ op, input, out }: ValuesVariant, width: Width): Arithmetic {
  const from = storedAs(input);
  const type = storedAs(out);
  const vector = (scalar: Scalar): Element => (width === 4 ? `vec4<${scalar}>` : scalar);
  const call = (helper: string, ...args: string[]) => `${helperName(helper, width)}(${args.join(', ')})`;
  const number = (value: string) => `${vector(type)}(${value})`;
  const same = (x: string) => (from === type ? x : `${vector(type)}(${x})`);
  const truth = (x: string) => `${vector('u32')}(${from === 'f32' ? call('truth', x) : `${x} != ${vector(from)}(0)`})`;
  switch (op) {
    case 'sum':
      return { start: number('0'), element: same, merge: (a, b) => `${a} + ${b}` };
    case 'sumOfSquares':
      return { start: number('0'), element: (x) => `${same(x)} * ${same(x)}`, merge: (a, b) => `${a} + ${b}` };
    case 'prod':
      return { start: number('1'), element: same, merge: (a, b) => `${a} * ${b}` };
    case 'max':
      if (type === 'f32')
        return { start: `-${call('infinity')}`, element: same, merge: (a, b) => call('maximum', a, b) };
      return { start: number(type === 'i32' ? '-2147483648' : '0'), element: same, merge: (a, b) => `max(${a}, ${b})` };
    case 'min':
      if (type === 'f32') return { start: call('infinity'), element: same, merge: (a, b) => call('minimum', a, b) };
      return {
        start: number(type === 'i32' ? '2147483647' : '4294967295'),
        element: same,
        merge: (a, b) => `min(${a}, ${b})`,
      };
    case 'any':
      return { start: number('0'), element: truth, merge: (a, b) => `${a} | ${b}` };
    case 'all':
      return { start: number('1'), element: truth, merge: (a, b) => `${a} & ${b}` };
  }
}

export function valuesSource(variant: ValuesVariant): KernelSource {
  const { op, input, out, isColumn, team } = variant;
  const { lanes, unit, workgroupSize } = team;
  const { start, element, merge } = arithmetic(variant, unit);
  const one = arithmetic(variant, 1).merge;
  const scalar = storedAs(out);
  const type = unit === 4 ? `vec4<${scalar}>` : scalar;
  const isMerged = unit === 4 && !isColumn;
  const main = [
    openStrip(team),
    `var total = ${start};`,
    `for (var block = begin; block < end; block += ${BLOCK * lanes}u) {`,
    `  let blockEnd = min(block + ${BLOCK * lanes}u, end);`,
    `  var part = ${start};`,
    `  for (var j = block; j < blockEnd; j += ${lanes}u) {`,
    '    let v = x[p.xOffset + (o * p.length + j) * p.inner + i];',
    `    part = ${merge('part', element('v'))};`,
    '  }',
    `  total = ${merge('total', 'part')};`,
    '}',
    isMerged
      ? `var result = ${one(`(${one('total.x', 'total.y')})`, `(${one('total.z', 'total.w')})`)};`
      : 'var result = total;',
    ...(lanes > 1 ? ['result = teamMerge(result, lane);', 'if (first > 0u || !isRow) {', '  return;', '}'] : []),
    `out[p.outOffset + column] = ${scalar === 'f32' ? 'result * p.scale' : 'result'};`,
  ].join('\n');
  const tree = lanes > 1 ? teamFunctions(team, { teamMerge: one }, scalar) : '';
  return {
    label: `reduce ${op}`,
    about: `${lanes > 1 ? `${lanes} invocations reduce` : 'Each invocation reduces'} one strip of a ${isColumn ? 'column' : 'row'}, ${type} at a time.`,
    bindings: [
      read('x', unit === 4 ? `vec4<${storedAs(input)}>` : storedAs(input)),
      write('out', unit === 4 && isColumn ? `vec4<${scalar}>` : scalar),
    ],
    params: { ...STRIP_PARAMS, ...f32('scale') },
    workgroupSize,
    declarations: [helpersIn(`${main}\n${tree}`), tree].filter((part) => part !== '').join('\n\n'),
    main,
  };
}

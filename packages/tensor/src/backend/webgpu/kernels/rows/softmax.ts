/**
 * Softmax and log-softmax along the last dim, with an optional mask, and their gradients. Two passes over a row: its largest element with the
 * sum of exponentials, then the result.
 */
import { contiguousStrides, numel } from '../../../../shape.js';
import type { SoftmaxBackwardRequest, SoftmaxRequest, Strided } from '../../../requests.js';
import type { KernelContext } from '../../context.js';
import { mergeBatch } from '../matmul/matmul.js';
import { BELOW_SCALE } from '../wgsl/exponential.js';
import { helperName, prelude } from '../wgsl/prelude.js';
import { f32, type KernelSource, read, u32, write } from '../wgsl/source.js';
import { exponentialsOf, sumExponentials } from './row-exponentials.js';
import {
  add,
  larger,
  openRow,
  overRow,
  rowGroups,
  sumOf,
  type Team,
  teamFor,
  teamFunctions,
  teamKey,
  vectorOf,
} from './rows.js';

/** How the mask lies along a row: in vectors like the row, by single words with a step, or not at all. */
type MaskWalk = 'none' | 'vectors' | 'words';

export function softmax(context: KernelContext, request: SoftmaxRequest): void {
  const { shape, log, scale, input, mask, out } = request;
  if (numel(shape) === 0) return;
  const width = shape.at(-1) ?? 1;
  const rowShape = shape.slice(0, -1);
  const rows = numel(rowShape);
  // Dims of the rows that the mask walks in one go are one dim.
  const merged = mergeBatch(rowShape, mask ? [contiguousStrides(rowShape), mask.strides] : []);
  const rank = mask ? merged.sizes.length : 0;
  const team = teamFor(context, width, [input, out]);
  const walk = maskWalk(mask, team);
  const kernel = context.kernel(`softmax|${log}|${walk}|${rank}|${teamKey(team)}`, () =>
    softmaxSource(log, walk, rank, team),
  );
  const maskUnit = walk === 'vectors' ? 4 : 1;
  const params: Record<string, number> = {
    rows,
    width: width / team.unit,
    scale,
    inOffset: input.offset / team.unit,
    outOffset: out.offset / team.unit,
    maskOffset: (mask?.offset ?? 0) / maskUnit,
    maskStep: mask?.strides.at(-1) ?? 0,
  };
  for (let d = 0; d < rank; d++) {
    params[`size${d}`] = merged.sizes[d] ?? 1;
    params[`maskStride${d}`] = (merged.strides[1]?.[d] ?? 0) / maskUnit;
  }
  context.dispatch(kernel, { x: input.buffer, mask: mask?.buffer, y: out.buffer }, params, rowGroups(team, rows));
}

function maskWalk(mask: Strided | undefined, { unit }: Team): MaskWalk {
  if (mask === undefined) return 'none';
  const outer = mask.strides.slice(0, -1);
  const aligned = mask.offset % 4 === 0 && mask.strides.at(-1) === 1 && outer.every((stride) => stride % 4 === 0);
  return unit === 4 && aligned ? 'vectors' : 'words';
}

function softmaxSource(log: boolean, walk: MaskWalk, rank: number, team: Team): KernelSource {
  const V = vectorOf(team);
  const masked = walk !== 'none';
  const exp = helperName('expBelow', team.unit);
  const maskStart = Array.from({ length: rank }, (_, i) => rank - 1 - i).map((d) =>
    d === 0
      ? 'maskStart += rest * p.maskStride0;'
      : `maskStart += (rest % p.size${d}) * p.maskStride${d};\nrest /= p.size${d};`,
  );
  const word = (c: string, i: number) => `mask[maskStart + ((${c}) * ${team.unit}u + ${i}u) * p.maskStep]`;
  const words = (c: string) =>
    team.unit === 4 ? `vec4<u32>(${[0, 1, 2, 3].map((i) => word(c, i)).join(', ')})` : word(c, 0);
  const keep = (c: string) =>
    `${walk === 'vectors' ? `mask[maskStart + ${c}]` : words(c)} != ${vectorOf(team, 'u32')}(0u)`;
  // Without a key the result is 0, or -infinity as a logarithm, whatever the other keys are.
  const kept = (value: string, otherwise: string) =>
    masked ? `select(${V}(${otherwise}), ${value}, ${keep('c')})` : value;
  const value = 'p.scale * x[start + c]';
  const main = [
    openRow(team),
    'let start = p.inOffset + row * p.width;',
    'let outStart = p.outOffset + row * p.width;',
    ...(masked
      ? [
          'var maskStart = p.maskOffset;',
          ...(rank > 0 ? [rank > 1 ? 'var rest = row;' : 'let rest = row;'] : []),
          ...maskStart,
        ]
      : []),
    '',
    sumExponentials(team, (c) => `p.scale * x[start + ${c}]`, masked ? keep : undefined),
    'if (!isRow) {',
    '  return;',
    '}',
    log
      ? `// Not one shift of both: the logarithm would drown in a large element.\nlet logSum = logIeee(sum * ${BELOW_SCALE});`
      : `let factor = ${masked ? 'select(1.0 / sum, 0.0, keyCount == 0.0)' : '1.0 / sum'};`,
    overRow(
      team,
      log
        ? `y[outStart + c] = ${kept(`${value} - largest - logSum`, `-${helperName('infinity', team.unit)}()`)};`
        : `y[outStart + c] = ${kept(`${exp}(${value} - largest) * factor`, '0.0')};`,
    ),
  ].join('\n');
  return {
    label: `${log ? 'log-softmax' : 'softmax'}${masked ? ' with mask' : ''}`,
    about: `Rows of p.width ${V}, ${team.lanes} invocations a row.`,
    bindings: [
      read('x', V),
      ...(masked ? [read('mask', walk === 'vectors' ? 'vec4<u32>' : 'u32')] : []),
      write('y', V),
    ],
    params: {
      ...u32('rows', 'width', 'inOffset', 'outOffset', 'maskOffset', 'maskStep'),
      ...f32('scale'),
      ...u32(...Array.from({ length: rank }, (_, d) => [`size${d}`, `maskStride${d}`]).flat()),
    },
    workgroupSize: team.workgroupSize,
    declarations: [
      'const LOWEST = -3.4028234e38;',
      exponentialsOf(team, log ? ['logIeee'] : [], log && masked ? ['infinity'] : []),
      teamFunctions(team, { teamMax: larger, teamSum: add }),
    ].join('\n\n'),
    main,
  };
}

export function softmaxBackward(context: KernelContext, request: SoftmaxBackwardRequest): void {
  const { log, rows, width, scale, grad, output, out } = request;
  if (rows * width === 0) return;
  const team = teamFor(context, width, [grad, output, out]);
  const { unit } = team;
  const kernel = context.kernel(`softmaxBackward|${log}|${teamKey(team)}`, () => softmaxBackwardSource(log, team));
  context.dispatch(
    kernel,
    { grad: grad.buffer, y: output.buffer, out: out.buffer },
    {
      rows,
      width: width / unit,
      scale,
      gradOffset: grad.offset / unit,
      yOffset: output.offset / unit,
      outOffset: out.offset / unit,
    },
    rowGroups(team, rows),
  );
}

function softmaxBackwardSource(log: boolean, team: Team): KernelSource {
  const V = vectorOf(team);
  const g = 'grad[gradStart + c]';
  const y = 'y[yStart + c]';
  const exp = helperName('expIeee', team.unit);
  const main = [
    openRow(team),
    'let gradStart = p.gradOffset + row * p.width;',
    'let yStart = p.yOffset + row * p.width;',
    `var sums = ${V}(0.0);`,
    overRow(team, log ? `sums += ${g};` : `sums += ${g} * ${y};`),
    `let sum = teamSum(${sumOf(team, 'sums')}, lane);`,
    'if (!isRow) {',
    '  return;',
    '}',
    'let outStart = p.outOffset + row * p.width;',
    overRow(team, `out[outStart + c] = p.scale * ${log ? `(${g} - ${exp}(${y}) * sum)` : `${y} * (${g} - sum)`};`),
  ].join('\n');
  return {
    label: `${log ? 'log-softmax' : 'softmax'} backward`,
    about: `Rows of p.width ${V}, ${team.lanes} invocations a row: their dot product, then the gradient.`,
    bindings: [read('grad', V), read('y', V), write('out', V)],
    params: { ...u32('rows', 'width', 'gradOffset', 'yOffset', 'outOffset'), ...f32('scale') },
    workgroupSize: team.workgroupSize,
    declarations: [...(log ? [prelude(['expIeee'], team.unit)] : []), teamFunctions(team, { teamSum: add })].join(
      '\n\n',
    ),
    main,
  };
}

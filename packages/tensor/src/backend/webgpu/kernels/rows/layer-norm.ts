/** Layer normalisation, with or without a mean to subtract: rows, in two passes over each. Its gradients are in `layer-norm-backward.ts`. */
import type { LayerNormRequest } from '../../../requests.js';
import type { KernelContext } from '../../context.js';
import { f32, type KernelSource, read, u32, write } from '../wgsl/source.js';
import {
  add,
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

export function layerNorm(context: KernelContext, request: LayerNormRequest): void {
  const { rows, width, eps, centered = true, input, weight, bias, out, mean, rstd } = request;
  if (rows === 0) return;
  const team = teamFor(context, width, [input, weight, bias, out]);
  const { unit } = team;
  const hasWeight = weight !== undefined;
  const hasBias = bias !== undefined;
  const kernel = context.kernel(`layerNorm|${centered}|${hasWeight}|${hasBias}|${teamKey(team)}`, () =>
    layerNormSource(centered, hasWeight, hasBias, team),
  );
  context.dispatch(
    kernel,
    {
      x: input.buffer,
      weight: weight?.buffer,
      bias: bias?.buffer,
      y: out.buffer,
      mean: mean.buffer,
      rstd: rstd.buffer,
    },
    {
      rows,
      width: width / unit,
      count: width,
      eps,
      xOffset: input.offset / unit,
      weightOffset: (weight?.offset ?? 0) / unit,
      biasOffset: (bias?.offset ?? 0) / unit,
      yOffset: out.offset / unit,
      meanOffset: mean.offset,
      rstdOffset: rstd.offset,
    },
    rowGroups(team, rows),
  );
}

function layerNormSource(centered: boolean, hasWeight: boolean, hasBias: boolean, team: Team): KernelSource {
  const V = vectorOf(team);
  const scaled = hasWeight
    ? '(x[start + c] - center) * scale * weight[p.weightOffset + c]'
    : '(x[start + c] - center) * scale';
  const main = [
    openRow(team),
    'let start = p.xOffset + row * p.width;',
    ...(centered
      ? [
          `var sums = ${V}(0.0);`,
          overRow(team, 'sums += x[start + c];'),
          `let center = teamSum(${sumOf(team, 'sums')}, lane) / p.count;`,
        ]
      : ['let center = 0.0;']),
    '// The deviations are summed in a second pass: the difference of two large sums would lose what it is after.',
    `var squares = ${V}(0.0);`,
    overRow(team, 'let d = x[start + c] - center;', 'squares += d * d;'),
    `let scale = 1.0 / sqrt(teamSum(${sumOf(team, 'squares')}, lane) / p.count + p.eps);`,
    'if (!isRow) {',
    '  return;',
    '}',
    'if (l == 0u) {',
    '  mean[p.meanOffset + row] = center;',
    '  rstd[p.rstdOffset + row] = scale;',
    '}',
    'let outStart = p.yOffset + row * p.width;',
    overRow(team, `y[outStart + c] = ${scaled}${hasBias ? ' + bias[p.biasOffset + c]' : ''};`),
  ].join('\n');
  return {
    label: 'layer norm',
    about: `Rows of p.width ${V}, p.count elements, ${team.lanes} invocations a row.`,
    bindings: [
      read('x', V),
      ...(hasWeight ? [read('weight', V)] : []),
      ...(hasBias ? [read('bias', V)] : []),
      write('y', V),
      write('mean'),
      write('rstd'),
    ],
    params: {
      ...u32('rows', 'width', 'xOffset', 'weightOffset', 'biasOffset', 'yOffset', 'meanOffset', 'rstdOffset'),
      ...f32('count', 'eps'),
    },
    workgroupSize: team.workgroupSize,
    declarations: teamFunctions(team, { teamSum: add }),
    main,
  };
}

/**
 * Layer normalisation, with or without a mean to subtract, and its gradients. The gradient of the input is a row kernel; those of weight and bias are sums
 * over all rows, taken in two passes: strips of rows first, then the strips in order, so the same bits come out every time.
 */
import type { LayerNormBackwardRequest, LayerNormRequest } from '../../requests.js';
import { groupsOf, type KernelContext } from '../context.js';
import type { Width } from './prelude.js';
import { sumStrips } from './reduce.js';
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
import { f32, type KernelSource, read, u32, write } from './source.js';

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

export function layerNormBackward(context: KernelContext, request: LayerNormBackwardRequest): void {
  inputGradient(context, request);
  parameterGradients(context, request);
}

function inputGradient(context: KernelContext, request: LayerNormBackwardRequest): void {
  const { rows, width, centered = true, grad, input, weight, mean, rstd, gradInput } = request;
  if (gradInput === undefined || rows * width === 0) return;
  const team = teamFor(context, width, [grad, input, weight, gradInput]);
  const { unit } = team;
  const hasWeight = weight !== undefined;
  const kernel = context.kernel(`layerNormInput|${centered}|${hasWeight}|${teamKey(team)}`, () =>
    inputGradientSource(centered, hasWeight, team),
  );
  context.dispatch(
    kernel,
    {
      grad: grad.buffer,
      x: input.buffer,
      weight: weight?.buffer,
      mean: mean.buffer,
      rstd: rstd.buffer,
      out: gradInput.buffer,
    },
    {
      rows,
      width: width / unit,
      count: width,
      gradOffset: grad.offset / unit,
      xOffset: input.offset / unit,
      weightOffset: (weight?.offset ?? 0) / unit,
      meanOffset: mean.offset,
      rstdOffset: rstd.offset,
      outOffset: gradInput.offset / unit,
    },
    rowGroups(team, rows),
  );
}

/** With h = (x - mean) * rstd and u = grad * weight: rstd * (u - mean(u) - h * mean(u * h)), mean(u) only where a mean was subtracted. */
function inputGradientSource(centered: boolean, hasWeight: boolean, team: Team): KernelSource {
  const V = vectorOf(team);
  const u = hasWeight ? 'grad[gradStart + c] * weight[p.weightOffset + c]' : 'grad[gradStart + c]';
  const h = '(x[xStart + c] - center) * scale';
  const main = [
    openRow(team),
    'let gradStart = p.gradOffset + row * p.width;',
    'let xStart = p.xOffset + row * p.width;',
    'let center = mean[p.meanOffset + row];',
    'let scale = rstd[p.rstdOffset + row];',
    ...(centered ? [`var sums = ${V}(0.0);`] : []),
    `var products = ${V}(0.0);`,
    overRow(team, `let u = ${u};`, ...(centered ? ['sums += u;'] : []), `products += u * (${h});`),
    centered ? `let meanU = teamSum(${sumOf(team, 'sums')}, lane) / p.count;` : 'let meanU = 0.0;',
    `let meanUH = teamSum(${sumOf(team, 'products')}, lane) / p.count;`,
    'if (!isRow) {',
    '  return;',
    '}',
    'let outStart = p.outOffset + row * p.width;',
    overRow(team, `out[outStart + c] = scale * (${u} - meanU - ${h} * meanUH);`),
  ].join('\n');
  return {
    label: 'layer norm backward, input',
    about: `Rows of p.width ${V}, p.count elements, ${team.lanes} invocations a row.`,
    bindings: [
      read('grad', V),
      read('x', V),
      ...(hasWeight ? [read('weight', V)] : []),
      read('mean'),
      read('rstd'),
      write('out', V),
    ],
    params: {
      ...u32('rows', 'width', 'gradOffset', 'xOffset', 'weightOffset', 'meanOffset', 'rstdOffset', 'outOffset'),
      ...f32('count'),
    },
    workgroupSize: team.workgroupSize,
    declarations: teamFunctions(team, { teamSum: add }),
    main,
  };
}

/** Rows of a strip: few enough that their running sum keeps its digits. */
const LONGEST_STRIP = 128;
const SHORTEST_STRIP = 16;

function parameterGradients(context: KernelContext, request: LayerNormBackwardRequest): void {
  const { rows, width, grad, input, mean, rstd, gradWeight, gradBias } = request;
  if ((gradWeight === undefined && gradBias === undefined) || width === 0) return;
  const { workgroupSize, invocations } = context.tuning.reduce;
  const unit: Width = width % 4 === 0 && grad.offset % 4 === 0 && input.offset % 4 === 0 ? 4 : 1;
  const columns = width / unit;
  const stripRows = Math.max(SHORTEST_STRIP, Math.min(LONGEST_STRIP, Math.ceil((rows * columns) / invocations)));
  const strips = Math.max(1, Math.ceil(rows / stripRows));
  const hasWeight = gradWeight !== undefined;
  const hasBias = gradBias !== undefined;
  const weightStrips = hasWeight ? context.temporary(strips * width * 4) : undefined;
  const biasStrips = hasBias ? context.temporary(strips * width * 4) : undefined;
  const kernel = context.kernel(`layerNormParameters|${hasWeight}|${hasBias}|${unit}`, () =>
    parameterSource(hasWeight, hasBias, unit, workgroupSize),
  );
  context.dispatch(
    kernel,
    { grad: grad.buffer, x: input.buffer, mean: mean.buffer, rstd: rstd.buffer, weightStrips, biasStrips },
    {
      rows,
      width: columns,
      strips,
      stripRows,
      gradOffset: grad.offset / unit,
      xOffset: input.offset / unit,
      meanOffset: mean.offset,
      rstdOffset: rstd.offset,
    },
    groupsOf(strips * columns, workgroupSize),
  );
  if (gradWeight && weightStrips) sumStrips(context, weightStrips, strips, width, gradWeight);
  if (gradBias && biasStrips) sumStrips(context, biasStrips, strips, width, gradBias);
}

function parameterSource(hasWeight: boolean, hasBias: boolean, unit: Width, workgroupSize: number): KernelSource {
  const V = unit === 4 ? 'vec4<f32>' : 'f32';
  const main = [
    `let i = group * ${workgroupSize}u + lane;`,
    'if (i >= p.strips * p.width) {',
    '  return;',
    '}',
    'let c = i % p.width;',
    'let first = (i / p.width) * p.stripRows;',
    'let last = min(first + p.stripRows, p.rows);',
    ...(hasWeight ? [`var weightSum = ${V}(0.0);`] : []),
    ...(hasBias ? [`var biasSum = ${V}(0.0);`] : []),
    'for (var row = first; row < last; row++) {',
    '  let g = grad[p.gradOffset + row * p.width + c];',
    ...(hasWeight
      ? ['  weightSum += g * (x[p.xOffset + row * p.width + c] - mean[p.meanOffset + row]) * rstd[p.rstdOffset + row];']
      : []),
    ...(hasBias ? ['  biasSum += g;'] : []),
    '}',
    ...(hasWeight ? ['weightStrips[i] = weightSum;'] : []),
    ...(hasBias ? ['biasStrips[i] = biasSum;'] : []),
  ].join('\n');
  return {
    label: 'layer norm backward, weight and bias',
    about: `An invocation sums one column of ${V} over one strip of rows.`,
    bindings: [
      read('grad', V),
      ...(hasWeight ? [read('x', V), read('mean'), read('rstd'), write('weightStrips', V)] : []),
      ...(hasBias ? [write('biasStrips', V)] : []),
    ],
    params: u32('rows', 'width', 'strips', 'stripRows', 'gradOffset', 'xOffset', 'meanOffset', 'rstdOffset'),
    workgroupSize,
    main,
  };
}

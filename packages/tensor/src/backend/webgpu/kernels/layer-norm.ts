/**
 * Layer normalisation and its gradients. The gradient of the input is a row kernel; those of weight and bias are sums
 * over all rows, taken in two passes: strips of rows first, then the strips in order, so the same bits come out every time.
 */
import type { LayerNormBackwardRequest, LayerNormRequest } from '../../requests.js';
import { groupsOf, type KernelContext } from '../context.js';
import { sumStrips } from './reduce.js';
import { add, openRow, overRow, rowGroups, type Team, teamFor, teamFunctions } from './rows.js';
import { f32, type KernelSource, read, u32, write } from './source.js';

export function layerNorm(context: KernelContext, request: LayerNormRequest): void {
  const { rows, width, eps, input, weight, bias, out, mean, rstd } = request;
  if (rows === 0) return;
  const team = teamFor(context, width);
  const hasWeight = weight !== undefined;
  const hasBias = bias !== undefined;
  const kernel = context.kernel(`layerNorm|${hasWeight}|${hasBias}|${team.lanes}`, () =>
    layerNormSource(hasWeight, hasBias, team),
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
      width,
      eps,
      xOffset: input.offset,
      weightOffset: weight?.offset ?? 0,
      biasOffset: bias?.offset ?? 0,
      yOffset: out.offset,
      meanOffset: mean.offset,
      rstdOffset: rstd.offset,
    },
    rowGroups(team, rows),
  );
}

function layerNormSource(hasWeight: boolean, hasBias: boolean, team: Team): KernelSource {
  const scaled = hasWeight
    ? '(x[start + c] - center) * scale * weight[p.weightOffset + c]'
    : '(x[start + c] - center) * scale';
  const main = [
    openRow(team),
    'let start = p.xOffset + row * p.width;',
    'var sum = 0.0;',
    overRow(team, 'sum += x[start + c];'),
    'let center = teamSum(sum, lane) / f32(p.width);',
    '// The deviations are summed in a second pass: the difference of two large sums would lose what it is after.',
    'var squares = 0.0;',
    overRow(team, 'let d = x[start + c] - center;\nsquares += d * d;'),
    'let scale = 1.0 / sqrt(teamSum(squares, lane) / f32(p.width) + p.eps);',
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
    about: `Rows of p.width elements, ${team.lanes} invocations a row.`,
    bindings: [
      read('x'),
      ...(hasWeight ? [read('weight')] : []),
      ...(hasBias ? [read('bias')] : []),
      write('y'),
      write('mean'),
      write('rstd'),
    ],
    params: {
      ...u32('rows', 'width', 'xOffset', 'weightOffset', 'biasOffset', 'yOffset', 'meanOffset', 'rstdOffset'),
      ...f32('eps'),
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
  const { rows, width, grad, input, weight, mean, rstd, gradInput } = request;
  if (gradInput === undefined || rows * width === 0) return;
  const team = teamFor(context, width);
  const hasWeight = weight !== undefined;
  const kernel = context.kernel(`layerNormInput|${hasWeight}|${team.lanes}`, () =>
    inputGradientSource(hasWeight, team),
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
      width,
      gradOffset: grad.offset,
      xOffset: input.offset,
      weightOffset: weight?.offset ?? 0,
      meanOffset: mean.offset,
      rstdOffset: rstd.offset,
      outOffset: gradInput.offset,
    },
    rowGroups(team, rows),
  );
}

/** With h = (x - mean) * rstd and u = grad * weight: rstd * (u - mean(u) - h * mean(u * h)). */
function inputGradientSource(hasWeight: boolean, team: Team): KernelSource {
  const u = hasWeight ? 'grad[gradStart + c] * weight[p.weightOffset + c]' : 'grad[gradStart + c]';
  const h = '(x[xStart + c] - center) * scale';
  const main = [
    openRow(team),
    'let gradStart = p.gradOffset + row * p.width;',
    'let xStart = p.xOffset + row * p.width;',
    'let center = mean[p.meanOffset + row];',
    'let scale = rstd[p.rstdOffset + row];',
    'var sum = 0.0;',
    'var product = 0.0;',
    overRow(team, `let u = ${u};\nsum += u;\nproduct += u * (${h});`),
    'let meanU = teamSum(sum, lane) / f32(p.width);',
    'let meanUH = teamSum(product, lane) / f32(p.width);',
    'if (!isRow) {',
    '  return;',
    '}',
    'let outStart = p.outOffset + row * p.width;',
    overRow(team, `out[outStart + c] = scale * (${u} - meanU - ${h} * meanUH);`),
  ].join('\n');
  return {
    label: 'layer norm backward, input',
    about: `Rows of p.width elements, ${team.lanes} invocations a row.`,
    bindings: [
      read('grad'),
      read('x'),
      ...(hasWeight ? [read('weight')] : []),
      read('mean'),
      read('rstd'),
      write('out'),
    ],
    params: u32('rows', 'width', 'gradOffset', 'xOffset', 'weightOffset', 'meanOffset', 'rstdOffset', 'outOffset'),
    workgroupSize: team.workgroupSize,
    declarations: teamFunctions(team, { teamSum: add }),
    main,
  };
}

function parameterGradients(context: KernelContext, request: LayerNormBackwardRequest): void {
  const { rows, width, grad, input, mean, rstd, gradWeight, gradBias } = request;
  if ((gradWeight === undefined && gradBias === undefined) || width === 0) return;
  const { workgroupSize, invocations } = context.tuning.reduce;
  const strips = Math.max(1, Math.min(Math.ceil(rows / 16), Math.ceil(invocations / width)));
  const hasWeight = gradWeight !== undefined;
  const hasBias = gradBias !== undefined;
  const weightStrips = hasWeight ? context.temporary(strips * width * 4) : undefined;
  const biasStrips = hasBias ? context.temporary(strips * width * 4) : undefined;
  const kernel = context.kernel(`layerNormParameters|${hasWeight}|${hasBias}`, () =>
    parameterSource(hasWeight, hasBias, workgroupSize),
  );
  context.dispatch(
    kernel,
    { grad: grad.buffer, x: input.buffer, mean: mean.buffer, rstd: rstd.buffer, weightStrips, biasStrips },
    {
      rows,
      width,
      strips,
      stripRows: Math.ceil(rows / strips),
      gradOffset: grad.offset,
      xOffset: input.offset,
      meanOffset: mean.offset,
      rstdOffset: rstd.offset,
    },
    groupsOf(strips * width, workgroupSize),
  );
  if (gradWeight && weightStrips) sumStrips(context, weightStrips, strips, width, gradWeight);
  if (gradBias && biasStrips) sumStrips(context, biasStrips, strips, width, gradBias);
}

function parameterSource(hasWeight: boolean, hasBias: boolean, workgroupSize: number): KernelSource {
  const main = [
    `let i = group * ${workgroupSize}u + lane;`,
    'if (i >= p.strips * p.width) {',
    '  return;',
    '}',
    'let c = i % p.width;',
    'let first = (i / p.width) * p.stripRows;',
    'let last = min(first + p.stripRows, p.rows);',
    'var weightSum = 0.0;',
    'var biasSum = 0.0;',
    'for (var row = first; row < last; row++) {',
    '  let g = grad[p.gradOffset + row * p.width + c];',
    ...(hasWeight
      ? [
          '  let h = (x[p.xOffset + row * p.width + c] - mean[p.meanOffset + row]) * rstd[p.rstdOffset + row];',
          '  weightSum += g * h;',
        ]
      : []),
    ...(hasBias ? ['  biasSum += g;'] : []),
    '}',
    ...(hasWeight ? ['weightStrips[i] = weightSum;'] : []),
    ...(hasBias ? ['biasStrips[i] = biasSum;'] : []),
  ].join('\n');
  return {
    label: 'layer norm backward, weight and bias',
    about: 'An invocation sums one column over one strip of rows.',
    bindings: [
      read('grad'),
      ...(hasWeight ? [read('x'), read('mean'), read('rstd')] : []),
      ...(hasWeight ? [write('weightStrips')] : []),
      ...(hasBias ? [write('biasStrips')] : []),
    ],
    params: u32('rows', 'width', 'strips', 'stripRows', 'gradOffset', 'xOffset', 'meanOffset', 'rstdOffset'),
    workgroupSize,
    main,
  };
}

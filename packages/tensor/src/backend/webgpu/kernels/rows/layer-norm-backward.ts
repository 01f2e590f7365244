/**
 * The gradients of layer normalisation, with or without a mean. That of the input goes by rows; those of weight and bias are sums over all rows, taken in
 * two passes: strips of rows first, then the strips in order, so the same bits come out every time. Rows and strips share a launch, as
 * workgroups of their own: both read the same, and neither waits for the other.
 */
import type { DeviceBuffer, LayerNormBackwardRequest } from '../../../requests.js';
import { groupsOf, type KernelContext } from '../../context.js';
import {
  type BindingSource,
  f32,
  indent,
  type KernelSource,
  openInvocation,
  read,
  u32,
  write,
} from '../wgsl/source.js';
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
import { type StripSums, sumStrips } from './strip-sums.js';

/** Which gradients a kernel makes, and of what. */
interface BackwardVariant {
  readonly centered: boolean;
  readonly hasWeight: boolean;
  /** Gradients of the input, by rows; of weight and bias, by strips. */
  readonly ofInput: boolean;
  readonly ofWeight: boolean;
  readonly ofBias: boolean;
  readonly team: Team;
}

/** Rows of a strip: few enough that their running sum keeps its digits. */
const LONGEST_STRIP = 128;
const SHORTEST_STRIP = 16;
/** One strip of so many takes no longer than another launch would. */
const FEW_ROWS = 64;

export function layerNormBackward(context: KernelContext, request: LayerNormBackwardRequest): void {
  const { rows, width, centered = true, grad, input, weight, mean, rstd, gradInput, gradWeight, gradBias } = request;
  const [ofWeight, ofBias] = [gradWeight !== undefined, gradBias !== undefined];
  const ofInput = gradInput !== undefined && rows > 0;
  if (width === 0 || !(ofInput || ofWeight || ofBias)) return;
  const team = teamFor(context, width, [grad, input, weight, gradInput, gradWeight, gradBias]);
  const { unit, workgroupSize } = team;
  const columns = width / unit;
  const even = Math.ceil((rows * columns) / context.tuning.reduce.invocations);
  const stripRows = rows <= FEW_ROWS ? FEW_ROWS : Math.max(SHORTEST_STRIP, Math.min(LONGEST_STRIP, even));
  const strips = ofWeight || ofBias ? Math.max(1, Math.ceil(rows / stripRows)) : 0;
  // One strip is the whole sum.
  const target = (out: LayerNormBackwardRequest['gradWeight']): Target | undefined =>
    out && (strips === 1 ? out : { buffer: context.temporary(strips * width * 4), offset: 0 });
  const [weightSums, biasSums] = [target(gradWeight), target(gradBias)];
  const variant: BackwardVariant = { centered, hasWeight: weight !== undefined, ofInput, ofWeight, ofBias, team };
  const inputGroups = ofInput ? rowGroups(team, rows) : 0;
  const key = `layerNormBackward|${centered}|${variant.hasWeight}|${ofInput}|${ofWeight}|${ofBias}|${teamKey(team)}`;
  context.dispatch(
    context.kernel(key, () => backwardSource(variant)),
    {
      grad: grad.buffer,
      x: input.buffer,
      weight: ofInput ? weight?.buffer : undefined,
      mean: mean.buffer,
      rstd: rstd.buffer,
      out: ofInput ? gradInput.buffer : undefined,
      weightSums: weightSums?.buffer,
      biasSums: biasSums?.buffer,
    },
    {
      rows,
      width: columns,
      count: width,
      strips,
      stripRows,
      inputGroups,
      gradOffset: grad.offset / unit,
      xOffset: input.offset / unit,
      weightOffset: (weight?.offset ?? 0) / unit,
      meanOffset: mean.offset,
      rstdOffset: rstd.offset,
      outOffset: (gradInput?.offset ?? 0) / unit,
      weightSumsOffset: (weightSums?.offset ?? 0) / unit,
      biasSumsOffset: (biasSums?.offset ?? 0) / unit,
    },
    inputGroups + groupsOf(strips * columns, workgroupSize),
  );
  if (strips <= 1) return;
  const sums: StripSums[] = [];
  if (weightSums && gradWeight) sums.push({ strips: weightSums.buffer, out: gradWeight });
  if (biasSums && gradBias) sums.push({ strips: biasSums.buffer, out: gradBias });
  sumStrips(context, sums, strips, columns, team);
}

interface Target {
  readonly buffer: DeviceBuffer;
  readonly offset: number;
}

/** Rows, then strips: a workgroup belongs to the one or the other. */
function backwardSource(variant: BackwardVariant): KernelSource {
  const { hasWeight, ofInput, ofWeight, ofBias, team } = variant;
  const V = vectorOf(team);
  const hasStrips = ofWeight || ofBias;
  const readsRows = ofInput || ofWeight;
  const bindings: BindingSource[] = [
    read('grad', V),
    ...(readsRows ? [read('x', V), read('mean'), read('rstd')] : []),
    ...(ofInput && hasWeight ? [read('weight', V)] : []),
    ...(ofInput ? [write('out', V)] : []),
    ...(ofWeight ? [write('weightSums', V)] : []),
    ...(ofBias ? [write('biasSums', V)] : []),
  ];
  const branch = (condition: string, text: string) => `${condition}{\n${indent(text)}\n}`;
  const main =
    ofInput && hasStrips
      ? `${branch('if (group < p.inputGroups) ', rowText(variant))} else ${branch('', stripText(variant))}`
      : ofInput
        ? rowText(variant)
        : stripText(variant);
  const names = [...(ofInput ? ['input'] : []), ...(ofWeight ? ['weight'] : []), ...(ofBias ? ['bias'] : [])];
  return {
    label: `layer norm backward, ${names.join(', ')}`,
    about: [
      ...(ofInput ? [`Rows of p.width ${V}, p.count elements, ${team.lanes} invocations a row.`] : []),
      ...(hasStrips ? [`Behind p.inputGroups an invocation sums one column of ${V} over one strip of rows.`] : []),
    ].join('\n'),
    bindings,
    params: {
      ...u32('rows', 'width', 'strips', 'stripRows', 'inputGroups', 'gradOffset', 'xOffset', 'weightOffset'),
      ...u32('meanOffset', 'rstdOffset', 'outOffset', 'weightSumsOffset', 'biasSumsOffset'),
      ...f32('count'),
    },
    workgroupSize: team.workgroupSize,
    ...(ofInput && { declarations: teamFunctions(team, { teamSum: add }) }),
    main,
  };
}

/** With h = (x - mean) * rstd and u = grad * weight: rstd * (u - mean(u) - h * mean(u * h)), mean(u) only where a mean was subtracted. */
function rowText({ centered, hasWeight, team }: BackwardVariant): string {
  const V = vectorOf(team);
  const u = hasWeight ? 'grad[gradStart + c] * weight[p.weightOffset + c]' : 'grad[gradStart + c]';
  const h = '(x[xStart + c] - center) * scale';
  return [
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
}

function stripText({ ofInput, ofWeight, ofBias, team }: BackwardVariant): string {
  const V = vectorOf(team);
  const group = ofInput ? '(group - p.inputGroups)' : 'group';
  return [
    openInvocation(['i', 'p.strips * p.width'], team.workgroupSize, group),
    'let c = i % p.width;',
    'let first = (i / p.width) * p.stripRows;',
    'let last = min(first + p.stripRows, p.rows);',
    ...(ofWeight ? [`var weightSum = ${V}(0.0);`] : []),
    ...(ofBias ? [`var biasSum = ${V}(0.0);`] : []),
    'for (var row = first; row < last; row++) {',
    '  let g = grad[p.gradOffset + row * p.width + c];',
    ...(ofWeight
      ? ['  weightSum += g * (x[p.xOffset + row * p.width + c] - mean[p.meanOffset + row]) * rstd[p.rstdOffset + row];']
      : []),
    ...(ofBias ? ['  biasSum += g;'] : []),
    '}',
    ...(ofWeight ? ['weightSums[p.weightSumsOffset + i] = weightSum;'] : []),
    ...(ofBias ? ['biasSums[p.biasSumsOffset + i] = biasSum;'] : []),
  ].join('\n');
}

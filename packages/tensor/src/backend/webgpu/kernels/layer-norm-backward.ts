/**
 * The gradients of layer normalisation, with or without a mean. That of the input goes by rows; those of weight and bias are sums over all rows, taken in
 * two passes: strips of rows first, then the strips in order, so the same bits come out every time. Rows and strips share a launch, as
 * workgroups of their own: both read the same, and neither waits for the other.
 */
import type { DeviceBuffer, LayerNormBackwardRequest } from '../../requests.js';
import { groupsOf, type KernelContext } from '../context.js';
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
import { type BindingSource, f32, indent, type KernelSource, read, u32, write } from './source.js';

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
  if (strips > 1) sumStrips(context, { weightSums, biasSums, gradWeight, gradBias, strips, columns, team });
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
  return [
    `let i = ${ofInput ? '(group - p.inputGroups)' : 'group'} * ${team.workgroupSize}u + lane;`,
    'if (i >= p.strips * p.width) {',
    '  return;',
    '}',
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

/** Strips of both gradients, and where they go. */
interface Strips {
  readonly weightSums: Target | undefined;
  readonly biasSums: Target | undefined;
  readonly gradWeight: Target | undefined;
  readonly gradBias: Target | undefined;
  readonly strips: number;
  readonly columns: number;
  readonly team: Team;
}

/** Adds up the strips of weight and bias in one launch. */
function sumStrips(context: KernelContext, { strips, columns, team, ...targets }: Strips): void {
  const { weightSums, biasSums, gradWeight, gradBias } = targets;
  const { unit, workgroupSize } = team;
  const V = vectorOf(team);
  const names = [...(gradWeight ? ['weight'] : []), ...(gradBias ? ['bias'] : [])];
  const kernel = context.kernel(`layerNormStrips|${names.join('|')}|${unit}`, () =>
    stripsSource(names, V, workgroupSize),
  );
  context.dispatch(
    kernel,
    {
      weightSums: weightSums?.buffer,
      biasSums: biasSums?.buffer,
      weightOut: gradWeight?.buffer,
      biasOut: gradBias?.buffer,
    },
    {
      strips,
      width: columns,
      weightOffset: (gradWeight?.offset ?? 0) / unit,
      biasOffset: (gradBias?.offset ?? 0) / unit,
    },
    names.length * groupsOf(columns, workgroupSize),
  );
}

/** Strips that are added up on their own before they join the rest, so that errors grow slowly. */
const BLOCK = 32;

function stripsSource(names: readonly string[], V: ReturnType<typeof vectorOf>, workgroupSize: number): KernelSource {
  const sum = (name: string) => `var total = ${V}();
for (var block = 0u; block < p.strips; block += ${BLOCK}u) {
  var part = ${V}();
  for (var strip = block; strip < min(block + ${BLOCK}u, p.strips); strip++) {
    part += ${name}Sums[strip * p.width + c];
  }
  total += part;
}
${name}Out[p.${name}Offset + c] = total;`;
  const [first = '', second] = names;
  return {
    label: 'layer norm backward, sum of strips',
    about: `Each invocation sums the strips of one column of ${V}${second ? '; the second half of the workgroups those of the bias' : ''}.`,
    bindings: names.flatMap((name) => [read(`${name}Sums`, V), write(`${name}Out`, V)]),
    params: u32('strips', 'width', 'weightOffset', 'biasOffset'),
    workgroupSize,
    main: `let groups = (p.width + ${workgroupSize - 1}u) / ${workgroupSize}u;
let c = (group % groups) * ${workgroupSize}u + lane;
if (c >= p.width) {
  return;
}
${second ? `if (group < groups) {\n${indent(sum(first))}\n} else ${`if (group < 2u * groups) {\n${indent(sum(second))}\n}`}` : sum(first)}`,
  };
}

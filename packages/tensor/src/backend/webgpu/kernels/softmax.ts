/**
 * Softmax and log-softmax along the last dim, with an optional mask, and their gradients. Three passes over a row: its
 * largest element, the sum of exponentials, the result.
 */
import { contiguousStrides, numel } from '../../../shape.js';
import type { SoftmaxBackwardRequest, SoftmaxRequest } from '../../requests.js';
import type { KernelContext } from '../context.js';
import { mergeBatch } from './matmul.js';
import { prelude } from './prelude.js';
import { add, larger, openRow, overRow, rowGroups, type Team, teamFor, teamFunctions } from './rows.js';
import { dedent, f32, type KernelSource, read, u32, write } from './source.js';

export function softmax(context: KernelContext, request: SoftmaxRequest): void {
  const { shape, log, scale, input, mask, out } = request;
  if (numel(shape) === 0) return;
  const width = shape.at(-1) ?? 1;
  const rowShape = shape.slice(0, -1);
  const rows = numel(rowShape);
  // Dims of the rows that the mask walks in one go are one dim.
  const merged = mergeBatch(rowShape, mask ? [contiguousStrides(rowShape), mask.strides] : []);
  const rank = mask ? merged.sizes.length : 0;
  const team = teamFor(context, width);
  const kernel = context.kernel(`softmax|${log}|${mask !== undefined}|${rank}|${team.lanes}`, () =>
    softmaxSource(log, mask !== undefined, rank, team),
  );
  const params: Record<string, number> = {
    rows,
    width,
    scale,
    inOffset: input.offset,
    outOffset: out.offset,
    maskOffset: mask?.offset ?? 0,
    maskStep: mask?.strides.at(-1) ?? 0,
  };
  for (let d = 0; d < rank; d++) {
    params[`size${d}`] = merged.sizes[d] ?? 1;
    params[`maskStride${d}`] = merged.strides[1]?.[d] ?? 0;
  }
  context.dispatch(kernel, { x: input.buffer, mask: mask?.buffer, y: out.buffer }, params, rowGroups(team, rows));
}

function softmaxSource(log: boolean, masked: boolean, rank: number, team: Team): KernelSource {
  const maskStart = Array.from({ length: rank }, (_, i) => rank - 1 - i).map((d) =>
    d === 0
      ? 'maskStart += rest * p.maskStride0;'
      : `maskStart += (rest % p.size${d}) * p.maskStride${d};\nrest /= p.size${d};`,
  );
  const keep = 'mask[maskStart + c * p.maskStep] != 0u';
  // Without a key the result is 0, or -infinity as a logarithm, whatever the other keys are.
  const kept = (value: string, otherwise: string) => (masked ? `select(${otherwise}, ${value}, ${keep})` : value);
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
    '// A finite start: with an infinite one a row of -infinity alone would need a case of its own.',
    'var largest = LOWEST;',
    overRow(team, `largest = max(largest, ${kept(value, 'LOWEST')});`),
    'largest = teamMax(largest, lane);',
    'var sum = 0.0;',
    ...(masked ? ['var keys = 0.0;'] : []),
    overRow(
      team,
      [
        `let e = ${kept(`expIeee(${value} - largest)`, '0.0')};`,
        'sum += e;',
        ...(masked ? [`keys += ${kept('1.0', '0.0')};`] : []),
        ...(log ? [] : ['if (isRow) {', '  y[outStart + c] = e;', '}']),
      ].join('\n'),
    ),
    'sum = teamSum(sum, lane);',
    ...(masked ? ['keys = teamSum(keys, lane);'] : []),
    'if (!isRow) {',
    '  return;',
    '}',
    log
      ? `// Not one shift of both: the logarithm would drown in a large element.\nlet logSum = logIeee(sum);`
      : `let factor = ${masked ? 'select(1.0 / sum, 0.0, keys == 0.0)' : '1.0 / sum'};`,
    overRow(
      team,
      log ? `y[outStart + c] = ${kept(`${value} - largest - logSum`, '-infinity()')};` : 'y[outStart + c] *= factor;',
    ),
  ].join('\n');
  return {
    label: `${log ? 'log-softmax' : 'softmax'}${masked ? ' with mask' : ''}`,
    about: `Rows of p.width elements, ${team.lanes} invocations a row.`,
    bindings: [read('x'), ...(masked ? [read('mask', 'u32')] : []), write('y')],
    params: {
      ...u32('rows', 'width', 'inOffset', 'outOffset', 'maskOffset', 'maskStep'),
      ...f32('scale'),
      ...u32(...Array.from({ length: rank }, (_, d) => [`size${d}`, `maskStride${d}`]).flat()),
    },
    workgroupSize: team.workgroupSize,
    declarations: [
      'const LOWEST = -3.4028234e38;',
      prelude(log ? ['expIeee', 'logIeee', 'infinity'] : ['expIeee'], 1),
      teamFunctions(team, { teamMax: larger, teamSum: add }),
    ].join('\n\n'),
    main,
  };
}

export function softmaxBackward(context: KernelContext, request: SoftmaxBackwardRequest): void {
  const { log, rows, width, scale, grad, output, out } = request;
  if (rows * width === 0) return;
  const team = teamFor(context, width);
  const kernel = context.kernel(`softmaxBackward|${log}|${team.lanes}`, () => softmaxBackwardSource(log, team));
  context.dispatch(
    kernel,
    { grad: grad.buffer, y: output.buffer, out: out.buffer },
    { rows, width, scale, gradOffset: grad.offset, yOffset: output.offset, outOffset: out.offset },
    rowGroups(team, rows),
  );
}

function softmaxBackwardSource(log: boolean, team: Team): KernelSource {
  const g = 'grad[gradStart + c]';
  const y = 'y[yStart + c]';
  const main = `
    ${openRow(team).replaceAll('\n', '\n    ')}
    let gradStart = p.gradOffset + row * p.width;
    let yStart = p.yOffset + row * p.width;
    var sum = 0.0;
    ${overRow(team, log ? `sum += ${g};` : `sum += ${g} * ${y};`).replaceAll('\n', '\n    ')}
    sum = teamSum(sum, lane);
    if (!isRow) {
      return;
    }
    let outStart = p.outOffset + row * p.width;
    ${overRow(
      team,
      `out[outStart + c] = p.scale * ${log ? `(${g} - expIeee(${y}) * sum)` : `${y} * (${g} - sum)`};`,
    ).replaceAll('\n', '\n    ')}`;
  return {
    label: `${log ? 'log-softmax' : 'softmax'} backward`,
    about: `Rows of p.width elements, ${team.lanes} invocations a row: their dot product, then the gradient.`,
    bindings: [read('grad'), read('y'), write('out')],
    params: { ...u32('rows', 'width', 'gradOffset', 'yOffset', 'outOffset'), ...f32('scale') },
    workgroupSize: team.workgroupSize,
    declarations: [prelude(log ? ['expIeee'] : [], 1), teamFunctions(team, { teamSum: add })]
      .filter((text) => text !== '')
      .join('\n\n'),
    main: dedent(main),
  };
}

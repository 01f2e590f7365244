/**
 * The weights of attention's backward pass and the gradient of the scores in one kernel, by tiles as in the forward pass, for products
 * that go on from there: where the matmul kernels make scores no faster, one kernel in place of three saves what these pass on in memory.
 */
import type { AttentionBackwardRequest, DeviceBuffer } from '../../../requests.js';
import type { KernelContext } from '../../context.js';
import { BELOW_SCALE } from '../wgsl/exponential.js';
import { indent, type KernelSource, lines, read, u32, write } from '../wgsl/source.js';
import {
  type AttentionOperandName,
  type AttentionVariant,
  accessors,
  attentionFunctions,
  bindingsOf,
  columnsOf,
  DROPOUT_PLACES,
  maskScores,
  openTile,
  paramsOf,
  rowsOf,
  variantKey,
} from './common.js';
import { attentionParams, chooseVariant, type Operands } from './launch.js';
import { dotTile, ownStarts, rowStarts } from './tiles.js';

/**
 * Writes weights and slopes down, those that there is memory for, in rows of `keyQuads` vectors. Products go over zeros up to the end of
 * their tile of at most `span` rows: they are written too.
 */
export function tiledWeights(
  context: KernelContext,
  request: AttentionBackwardRequest,
  firstMatrix: number,
  scratch: {
    readonly stats: DeviceBuffer;
    readonly weights: DeviceBuffer | undefined;
    readonly slopes: DeviceBuffer | undefined;
  },
  span: number,
  keyQuads: number,
): void {
  const { queries, query, key, value, mask, grad } = request;
  const wanted = { weights: scratch.weights !== undefined, slopes: scratch.slopes !== undefined };
  const operands: Operands = { query, key, ...(wanted.slopes && { value, grad }), ...(mask && { mask }) };
  const variant = chooseVariant(context.tuning, request, operands, queries, () => 0);
  const kernel = context.kernel(
    variantKey(`attentionWeights|${wanted.weights}|${wanted.slopes}|${span}`, variant),
    () => weightsSource(variant, wanted, span),
  );
  const { params, groups } = attentionParams(variant, request, operands, queries, { firstMatrix, keyQuads });
  const inputs = { query: query.buffer, key: key.buffer, value: value.buffer, grad: grad.buffer, mask: mask?.buffer };
  context.dispatch(kernel, { ...inputs, ...scratch }, params, groups);
}

/** Which of its two results the kernel of weights leaves behind. */
interface Wanted {
  readonly weights: boolean;
  readonly slopes: boolean;
}

function weightsSource(variant: AttentionVariant, wanted: Wanted, span: number): KernelSource {
  const { rows, groupRows, groupColumns, isCausal, hasDropout, mask } = variant;
  const reads: AttentionOperandName[] = ['query', 'key', ...(wanted.slopes ? (['value', 'grad'] as const) : [])];
  const operands: AttentionOperandName[] = [...reads, ...(mask === 'none' ? [] : ['mask' as const])];
  const drop = (value: string) => (hasDropout ? `${value} * factors` : value);
  const tile = [
    'let firstKey = k0 + 4u * threadColumn;',
    rowStarts('key', 4, 'firstKey', 'p.keys'),
    dotTile(variant, 'score', 'query', 'key', 'quads'),
    ...(wanted.slopes
      ? [rowStarts('value', 4, 'firstKey', 'p.keys'), dotTile(variant, 'slope', 'grad', 'value', 'valueQuads')]
      : []),
    'let column = vec4<u32>(firstKey) + vec4<u32>(0u, 1u, 2u, 3u);',
    lines(rows, (i) =>
      [
        '{',
        indent(maskScores(variant, `vec4<u32>(firstRow + ${i}u)`, 'column', `score${i}`)),
        `  let weight = select(vec4<f32>(), expBelowIeee4(scaled - stats${i}.x) * ${BELOW_SCALE}, kept);`,
        ...(hasDropout ? [`  let factors = dropoutFactors(${DROPOUT_PLACES});`] : []),
        `  if (firstRow + ${i}u < p.queries && firstKey < p.keys) {`,
        `    let at = (own * p.queries + firstRow + ${i}u) * p.keyQuads + firstKey / 4u;`,
        ...(wanted.weights ? [`    weights[at] = ${drop('weight')};`] : []),
        ...(wanted.slopes ? [`    slopes[at] = p.scale * weight * (${drop(`slope${i}`)} - stats${i}.y);`] : []),
        '  }',
        '}',
      ].join('\n'),
    ),
  ].join('\n');
  const main = [
    openTile(variant, operands),
    ownStarts(variant, 'query', 'p.queries'),
    ...(wanted.slopes ? [ownStarts(variant, 'grad', 'p.queries')] : []),
    lines(rows, (i) => `let stats${i} = stats[matrix * p.queries + min(firstRow + ${i}u, p.queries - 1u)];`),
    isCausal
      ? `let end = min(p.keys, ((tile + 1u) * ${rowsOf(variant)}u + ${span - 1}u) / ${span}u * ${span}u);`
      : 'let end = p.keys;',
    `for (var k0 = 0u; k0 < end; k0 += ${columnsOf(variant)}u) {`,
    indent(tile),
    '}',
  ].join('\n');
  return {
    label: 'attention backward, weights',
    about: `A workgroup of ${groupRows}x${groupColumns} writes down the weights of ${rowsOf(variant)} queries and the gradient of their scores, by blocks of ${columnsOf(variant)} keys;
      an invocation computes ${rows} queries by 4 keys.`,
    bindings: [
      ...bindingsOf(variant, reads, []),
      read('stats', 'vec2<f32>'),
      ...(wanted.weights ? [write('weights', 'vec4<f32>')] : []),
      ...(wanted.slopes ? [write('slopes', 'vec4<f32>')] : []),
    ],
    params: { ...paramsOf(variant, operands), ...u32('keyQuads') },
    workgroupSize: groupRows * groupColumns,
    usesSubgroups: variant.isSubgroup,
    declarations: [attentionFunctions(variant), accessors(variant, reads, [])].join('\n\n'),
    main,
  };
}

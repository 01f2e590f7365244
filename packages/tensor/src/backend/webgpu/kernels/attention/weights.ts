/**
 * Attention's elementwise part, where matrix products have written scores down: the softmax of each row in the forward pass; in the
 * backward pass the weights again, from what is kept of every row, and the gradient of the scores. An invocation has a row, in
 * place, by vectors of four keys. Keys that a query does not see get zeros, whatever memory held; those past the diagonal's last tile are not looked at.
 */

import { BELOW_SCALE } from '../wgsl/exponential.js';
import { indent, type KernelSource, read, u32, write } from '../wgsl/source.js';
import {
  type AttentionOperandName,
  type AttentionVariant,
  attentionFunctions,
  bindingsOf,
  DROPOUT_PLACES,
  maskScores,
  openTile,
  paramsOf,
  rowsOf,
} from './common.js';

/** What both kernels are specialised on. Products go over zeros up to the end of their tile of at most `span` rows: they are written too. */
export interface WeightsVariant {
  readonly variant: AttentionVariant;
  readonly span: number;
}

/** The keys of vector `c`. */
const KEYS = 'vec4<u32>(4u * c) + vec4<u32>(0u, 1u, 2u, 3u)';

const operandsOf = ({ mask }: AttentionVariant): AttentionOperandName[] => (mask === 'none' ? [] : ['mask']);

/** Finds the row of the invocation, where it lies in the scratch, and where what it sees ends. */
function openScores({ variant, span }: WeightsVariant): string {
  return [
    openTile(variant, operandsOf(variant)),
    'if (firstRow >= p.queries) {',
    '  return;',
    '}',
    'let start = (own * p.queries + firstRow) * p.keyQuads;',
    'let row = matrix * p.queries + firstRow;',
    variant.isCausal
      ? `let end = min(p.keyQuads, (firstRow / ${span}u + 1u) * ${span / 4}u);`
      : 'let end = p.keyQuads;',
  ].join('\n');
}

/** A loop over the row's vectors, which lie at `at`. */
function overRow(...body: readonly string[]): string {
  return `for (var c = 0u; c < end; c++) {\n  let at = start + c;\n${indent(body.join('\n'))}\n}`;
}

/** What `maskScores` finds of the scores at `at`. */
function maskedAt(variant: AttentionVariant): string {
  return maskScores(variant, 'vec4<u32>(firstRow)', KEYS, 'weights[at]');
}

/** What both kernels state alike. */
function stated({ variant, span }: WeightsVariant) {
  return {
    params: { ...paramsOf(variant, operandsOf(variant)), ...u32('keyQuads') },
    workgroupSize: rowsOf(variant),
    about: `An invocation has a row of scores, by vectors of four keys${variant.isCausal ? `, up to the end of the tile of ${span} that it is in` : ''}.`,
  };
}

/** Scores become weights, with dropout; `logSumExp` is kept of each row where `hasSums`. */
export function softmaxSource(given: WeightsVariant, hasSums: boolean): KernelSource {
  const { variant } = given;
  const { hasDropout } = variant;
  const main = [
    openScores(given),
    '// A finite start: with an infinite one a row without keys would need a case of its own.',
    'var high = vec4<f32>(LOWEST);',
    overRow(maskedAt(variant), 'high = max(high, select(vec4<f32>(LOWEST), scaled, kept));'),
    'let highest = max(max(high.x, high.y), max(high.z, high.w));',
    '// Reading a vector once more costs less than another exponential.',
    'var sums = vec4<f32>();',
    overRow(
      maskedAt(variant),
      'let weight = select(vec4<f32>(), expBelowIeee4(scaled - highest), kept);',
      'sums += weight;',
      'weights[at] = weight;',
    ),
    'let total = dot(sums, vec4<f32>(1.0));',
    'let share = select(1.0 / total, 0.0, total == 0.0);',
    overRow(
      ...(hasDropout ? ['let queryAt = vec4<u32>(firstRow);', `let keyAt = ${KEYS};`] : []),
      `weights[at] *= share${hasDropout ? ` * dropoutFactors(${DROPOUT_PLACES})` : ''};`,
    ),
    ...(hasSums ? [`logSumExp[p.sumsOffset + row] = highest + logIeee(total * ${BELOW_SCALE});`] : []),
  ].join('\n');
  return {
    ...stated(given),
    label: 'attention, weights',
    bindings: [...bindingsOf(variant, [], []), write('weights', 'vec4<f32>'), ...(hasSums ? [write('logSumExp')] : [])],
    declarations: ['const LOWEST = -3.4028234e38;', attentionFunctions(variant, ...(hasSums ? ['logIeee'] : []))].join(
      '\n\n',
    ),
    main,
  };
}

/** Scores become weights, with dropout, by what `stats` says of every row, and where `hasSlopes` the weights' gradients become those of the scores. */
export function slopesSource(given: WeightsVariant, hasSlopes: boolean): KernelSource {
  const { variant } = given;
  const drop = (value: string) => (variant.hasDropout ? `${value} * factors` : value);
  const main = [
    openScores(given),
    'let sums = stats[row];',
    overRow(
      maskedAt(variant),
      `let weight = select(vec4<f32>(), expBelowIeee4(scaled - sums.x) * ${BELOW_SCALE}, kept);`,
      ...(variant.hasDropout ? [`let factors = dropoutFactors(${DROPOUT_PLACES});`] : []),
      `weights[at] = ${drop('weight')};`,
      ...(hasSlopes
        ? [`slopes[at] = select(vec4<f32>(), p.scale * weight * (${drop('slopes[at]')} - sums.y), kept);`]
        : []),
    ),
  ].join('\n');
  return {
    ...stated(given),
    label: 'attention backward, weights',
    bindings: [
      ...bindingsOf(variant, [], []),
      read('stats', 'vec2<f32>'),
      write('weights', 'vec4<f32>'),
      ...(hasSlopes ? [write('slopes', 'vec4<f32>')] : []),
    ],
    declarations: attentionFunctions(variant),
    main,
  };
}

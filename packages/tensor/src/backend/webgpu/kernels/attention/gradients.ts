/**
 * The kernels of attention's gradients. A small one puts down what every row needs, the logarithm of its sum of exponentials and the dot
 * product of its gradient and result; then one by tiles of queries makes their gradient, and one by tiles of keys those of keys
 * and values. Both compute the weights again.
 */

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
} from './common.js';
import {
  barrier,
  dotTile,
  handOver,
  openHandOver,
  ownStarts,
  rowStarts,
  sharedWeights,
  storeSums,
  weigh,
  zeroSums,
} from './tiles.js';

export function statsSource(variant: AttentionVariant, workgroupSize: number): KernelSource {
  const operands: AttentionOperandName[] = ['out', 'grad'];
  const { batchRank } = variant;
  const dims = Array.from({ length: batchRank }, (_, i) => batchRank - 1 - i);
  const main = [
    `let wanted = group * ${workgroupSize}u + lane;`,
    'if (wanted >= p.rows) {',
    '  return;',
    '}',
    'var rest = wanted / p.queries;',
    ...operands.map((name) => `var ${name}Line = p.${name}Offset + (wanted % p.queries) * p.${name}Row;`),
    ...dims.flatMap((d) => [
      `let batch${d} = rest % p.batch${d};`,
      `rest /= p.batch${d};`,
      ...operands.map((name) => `${name}Line += batch${d} * p.${name}Batch${d};`),
    ]),
    'var sum = 0.0;',
    'for (var c = 0u; c < p.valueQuads; c++) {',
    '  sum += dot(loadOut(outLine, c), loadGrad(gradLine, c));',
    '}',
    'stats[wanted] = vec2<f32>(logSumExp[p.sumsOffset + wanted], sum);',
  ].join('\n');
  return {
    label: 'attention backward, rows',
    about: "An invocation puts down one row's logarithm and the dot product of its result and gradient.",
    bindings: [...bindingsOf(variant, ['out', 'grad'], []), read('logSumExp'), write('stats', 'vec2<f32>')],
    params: { ...paramsOf(variant, operands), ...u32('rows') },
    workgroupSize,
    declarations: accessors(variant, ['out', 'grad'], []),
    main,
  };
}

const inputsOf = ({ mask }: AttentionVariant): AttentionOperandName[] => [
  'query',
  'key',
  'value',
  'grad',
  ...(mask === 'none' ? [] : ['mask' as const]),
];

export function queriesSource(variant: AttentionVariant): KernelSource {
  const { rows, groupRows, groupColumns, quads, isCausal, hasDropout } = variant;
  const operands: AttentionOperandName[] = [...inputsOf(variant), 'gradQuery'];
  const tile = [
    ...openHandOver(variant, 'slopes'),
    'let firstKey = k0 + 4u * threadColumn;',
    rowStarts('key', 4, 'firstKey', 'p.keys'),
    rowStarts('value', 4, 'firstKey', 'p.keys'),
    dotTile(variant, 'score', 'query', 'key', 'quads'),
    dotTile(variant, 'slope', 'grad', 'value', 'valueQuads'),
    'let column = vec4<u32>(firstKey) + vec4<u32>(0u, 1u, 2u, 3u);',
    lines(rows, (i) =>
      [
        '{',
        indent(maskScores(variant, `vec4<u32>(firstRow + ${i}u)`, 'column', `score${i}`)),
        `  let weight = select(vec4<f32>(), expBelowIeee4(scaled - stats${i}.x) * ${BELOW_SCALE}, kept);`,
        `  let slope = slope${i}${hasDropout ? ` * dropoutFactors(${DROPOUT_PLACES})` : ''};`,
        `  ${handOver(variant, 'slopes', i)} = p.scale * weight * (slope - stats${i}.y);`,
        '}',
      ].join('\n'),
    ),
    ...barrier(variant),
    weigh(variant, [['slopes', 'key', 'sum', quads, 'quads']], 'k0', 'end'),
    ...barrier(variant),
  ].join('\n');
  const main = [
    openTile(variant, operands),
    ownStarts(variant, 'query', 'p.queries'),
    ownStarts(variant, 'grad', 'p.queries'),
    lines(rows, (i) => `let stats${i} = stats[matrix * p.queries + min(firstRow + ${i}u, p.queries - 1u)];`),
    zeroSums('sum', variant, quads),
    isCausal ? `let end = min(p.keys, (tile + 1u) * ${rowsOf(variant)}u);` : 'let end = p.keys;',
    `for (var k0 = 0u; k0 < end; k0 += ${columnsOf(variant)}u) {`,
    indent(tile),
    '}',
    storeSums(variant, 'gradQuery', 'sum', quads, 'queries', () => ''),
  ].join('\n');
  return {
    label: 'attention backward, queries',
    about: `A workgroup of ${groupRows}x${groupColumns} makes the gradient of ${rowsOf(variant)} queries over blocks of ${columnsOf(variant)} keys;
      an invocation computes ${rows} queries by 4 keys of the scores' gradient, then ${rows} by ${4 * quads} of the result.`,
    bindings: [...bindingsOf(variant, ['query', 'key', 'value', 'grad'], ['gradQuery']), read('stats', 'vec2<f32>')],
    params: paramsOf(variant, operands),
    workgroupSize: groupRows * groupColumns,
    usesSubgroups: variant.isSubgroup,
    declarations: [
      ...sharedWeights(variant, 'slopes', '[query][keys / 4]'),
      attentionFunctions(variant),
      accessors(variant, ['query', 'key', 'value', 'grad'], ['gradQuery']),
    ].join('\n\n'),
    main,
  };
}

export function keysSource(
  variant: AttentionVariant,
  wanted: { readonly key: boolean; readonly value: boolean },
): KernelSource {
  const { rows, groupRows, groupColumns, quads, valueQuads, isCausal, hasDropout } = variant;
  const writes: AttentionOperandName[] = [
    ...(wanted.key ? ['gradKey' as const] : []),
    ...(wanted.value ? ['gradValue' as const] : []),
  ];
  const operands: AttentionOperandName[] = [...inputsOf(variant), ...writes];
  const drop = (value: string) => (hasDropout ? `${value} * factors` : value);
  const tile = [
    ...openHandOver(variant, ...(wanted.value ? ['weights'] : []), ...(wanted.key ? ['slopes'] : [])),
    'let firstQuery = q0 + 4u * threadColumn;',
    rowStarts('query', 4, 'firstQuery', 'p.queries'),
    dotTile(variant, 'score', 'key', 'query', 'quads'),
    ...(wanted.key
      ? [rowStarts('grad', 4, 'firstQuery', 'p.queries'), dotTile(variant, 'slope', 'value', 'grad', 'valueQuads')]
      : []),
    'let column = vec4<u32>(firstQuery) + vec4<u32>(0u, 1u, 2u, 3u);',
    lines(4, (j) => `let stats${j} = stats[matrix * p.queries + min(firstQuery + ${j}u, p.queries - 1u)];`),
    'let logSums = vec4<f32>(stats0.x, stats1.x, stats2.x, stats3.x);',
    ...(wanted.key ? ['let inner = vec4<f32>(stats0.y, stats1.y, stats2.y, stats3.y);'] : []),
    lines(rows, (i) =>
      [
        '{',
        indent(maskScores(variant, 'column', `vec4<u32>(firstRow + ${i}u)`, `score${i}`)),
        `  let weight = select(vec4<f32>(), expBelowIeee4(scaled - logSums) * ${BELOW_SCALE}, kept);`,
        ...(hasDropout ? [`  let factors = dropoutFactors(${DROPOUT_PLACES});`] : []),
        ...(wanted.value ? [`  ${handOver(variant, 'weights', i)} = ${drop('weight')};`] : []),
        ...(wanted.key
          ? [`  ${handOver(variant, 'slopes', i)} = p.scale * weight * (${drop(`slope${i}`)} - inner);`]
          : []),
        '}',
      ].join('\n'),
    ),
    ...barrier(variant),
    weigh(
      variant,
      [
        ...(wanted.value ? [['weights', 'grad', 'valueSum', valueQuads, 'valueQuads'] as const] : []),
        ...(wanted.key ? [['slopes', 'query', 'keySum', quads, 'quads'] as const] : []),
      ],
      'q0',
      'p.queries',
    ),
    ...barrier(variant),
  ].join('\n');
  const main = [
    openTile(variant, operands),
    ownStarts(variant, 'key', 'p.keys'),
    ...(wanted.key ? [ownStarts(variant, 'value', 'p.keys'), zeroSums('keySum', variant, quads)] : []),
    ...(wanted.value ? [zeroSums('valueSum', variant, valueQuads)] : []),
    isCausal
      ? `// Earlier queries see none of these keys.\nlet start = tile * ${rowsOf(variant)}u;`
      : 'let start = 0u;',
    `for (var q0 = start; q0 < p.queries; q0 += ${columnsOf(variant)}u) {`,
    indent(tile),
    '}',
    ...(wanted.key ? [storeSums(variant, 'gradKey', 'keySum', quads, 'keys', () => '')] : []),
    ...(wanted.value ? [storeSums(variant, 'gradValue', 'valueSum', valueQuads, 'keys', () => '')] : []),
  ].join('\n');
  const reads: AttentionOperandName[] = ['query', 'key', ...(wanted.key ? ['value' as const] : []), 'grad'];
  return {
    label: 'attention backward, keys and values',
    about: `A workgroup of ${groupRows}x${groupColumns} makes the gradients of ${rowsOf(variant)} keys and values over blocks of ${columnsOf(variant)} queries;
      an invocation computes ${rows} keys by 4 queries of weights and of the scores' gradient, then its share of the results' columns.`,
    bindings: [...bindingsOf(variant, reads, writes), read('stats', 'vec2<f32>')],
    params: paramsOf(variant, operands),
    workgroupSize: groupRows * groupColumns,
    usesSubgroups: variant.isSubgroup,
    declarations: [
      ...(wanted.value ? sharedWeights(variant, 'weights', '[key][queries / 4]') : []),
      ...(wanted.key ? sharedWeights(variant, 'slopes', '[key][queries / 4]') : []),
      attentionFunctions(variant),
      accessors(variant, reads, writes),
    ].join('\n\n'),
    main,
  };
}

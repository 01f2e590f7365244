/** The kernel of attention's forward pass: one pass over the keys, with the online softmax. */

import { BELOW_SCALE } from '../wgsl/exponential.js';
import { indent, type KernelSource, lines, write } from '../wgsl/source.js';
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

export function forwardSource(variant: AttentionVariant, hasSums: boolean): KernelSource {
  const { rows, groupRows, groupColumns, valueQuads, mask, isCausal, hasDropout } = variant;
  const operands: AttentionOperandName[] = [
    'query',
    'key',
    'value',
    ...(mask === 'none' ? [] : ['mask' as const]),
    'out',
  ];
  const eachRow = (piece: (i: number) => string) => lines(rows, piece);
  const cell = (i: number, column: string) => `[(threadRow + ${i}u) * ${groupColumns}u + ${column}]`;
  const { isSubgroup, isSplit } = variant;

  const everyColumn = (by: string, body: string) =>
    `${by}for (var l = 0u; l < ${groupColumns}u; l++) {\n${by}  ${body}\n${by}}`;

  const tile = [
    ...openHandOver(variant, 'weights'),
    'let firstKey = k0 + 4u * threadColumn;',
    rowStarts('key', 4, 'firstKey', 'p.keys'),
    dotTile(variant, 'score', 'query', 'key', 'quads'),
    'let column = vec4<u32>(firstKey) + vec4<u32>(0u, 1u, 2u, 3u);',
    eachRow((i) =>
      [
        `var kept${i} = vec4<bool>();`,
        ...(isSubgroup ? [`var largest${i} = LOWEST;`] : []),
        '{',
        indent(maskScores(variant, `vec4<u32>(firstRow + ${i}u)`, 'column', `score${i}`)),
        `  score${i} = select(vec4<f32>(LOWEST), scaled, kept);`,
        `  kept${i} = kept;`,
        `  let pair = max(score${i}.xy, score${i}.zw);`,
        `  ${isSubgroup ? `largest${i}` : `partial${cell(i, 'threadColumn')}`} = max(pair.x, pair.y);`,
        '}',
      ].join('\n'),
    ),
    ...barrier(variant),
    '// What was summed below an earlier maximum shrinks to the present one.',
    eachRow((i) =>
      [
        '{',
        ...(isSubgroup
          ? [`  let now = max(highest${i}, subgroupMax(largest${i}));`]
          : [`  var now = highest${i};`, everyColumn('  ', `now = max(now, partial${cell(i, 'l')});`)]),
        `  let factor = expBelow(highest${i} - now) * ${BELOW_SCALE};`,
        `  highest${i} = now;`,
        `  ${hasDropout ? 'var' : 'let'} weight = select(vec4<f32>(), expBelowIeee4(score${i} - now), kept${i});`,
        `  total${i} = total${i} * factor + dot(weight, vec4<f32>(1.0));`,
        ...(hasDropout
          ? [
              `  let queryAt = vec4<u32>(firstRow + ${i}u);`,
              '  let keyAt = column;',
              `  weight *= dropoutFactors(${DROPOUT_PLACES});`,
            ]
          : []),
        `  ${handOver(variant, 'weights', i)} = weight;`,
        lines(valueQuads, (n) => `  sum${i}_${n} *= factor;`),
        '}',
      ].join('\n'),
    ),
    ...barrier(variant),
    weigh(variant, [['weights', 'value', 'sum', valueQuads, 'valueQuads']], 'k0', 'end'),
  ].join('\n');

  const main = [
    openTile(variant, operands),
    ownStarts(variant, 'query', 'p.queries'),
    '// A finite start: with an infinite one a row without keys would need a case of its own.',
    eachRow((i) => `var highest${i} = LOWEST;\nvar total${i} = 0.0;`),
    zeroSums('sum', variant, valueQuads),
    isCausal ? `let seen = min(p.keys, (tile + 1u) * ${rowsOf(variant)}u);` : 'let seen = p.keys;',
    isSplit ? 'let end = min(seen, firstColumn + p.slice);' : 'let end = seen;',
    `for (var k0 = ${isSplit ? 'firstColumn' : '0u'}; k0 < end; k0 += ${columnsOf(variant)}u) {`,
    indent(tile),
    '}',
    '',
    ...(isSubgroup ? [] : [eachRow((i) => `partial${cell(i, 'threadColumn')} = total${i};`), 'workgroupBarrier();']),
    eachRow((i) =>
      [
        ...(isSubgroup
          ? [`let all${i} = subgroupAdd(total${i});`]
          : [`var all${i} = 0.0;`, everyColumn('', `all${i} += partial${cell(i, 'l')};`)]),
        `let share${i} = select(1.0 / all${i}, 0.0, all${i} == 0.0);`,
      ].join('\n'),
    ),
    storeSums(variant, 'out', 'sum', valueQuads, 'queries', (i) => ` * share${i}`),
    ...(hasSums
      ? [
          'if (threadColumn == 0u) {',
          eachRow((i) =>
            [
              `  if (firstRow + ${i}u < p.queries) {`,
              `    logSumExp[p.sumsOffset + ${isSplit ? 'place' : 'matrix'} * p.queries + firstRow + ${i}u] = highest${i} + logIeee(all${i} * ${BELOW_SCALE});`,
              '  }',
            ].join('\n'),
          ),
          '}',
        ]
      : []),
  ].join('\n');

  return {
    label: 'attention',
    about: `A workgroup of ${groupRows}x${groupColumns} computes ${rowsOf(variant)} queries of one matrix over blocks of ${columnsOf(variant)} keys;
      an invocation ${rows} queries by 4 keys of scores, then ${rows} by ${4 * valueQuads} of the result.`,
    bindings: [...bindingsOf(variant, ['query', 'key', 'value'], ['out']), ...(hasSums ? [write('logSumExp')] : [])],
    params: paramsOf(variant, operands),
    workgroupSize: groupRows * groupColumns,
    usesSubgroups: isSubgroup,
    declarations: [
      'const LOWEST = -3.4028234e38;',
      ...(isSubgroup
        ? []
        : [`var<workgroup> partial: array<f32, ${rowsOf(variant) * groupColumns}>; // [query][invocation]`]),
      ...sharedWeights(variant, 'weights', '[query][keys / 4]'),
      attentionFunctions(variant, ...(hasSums ? ['logIeee'] : [])),
      accessors(variant, ['query', 'key', 'value'], ['out']),
    ].join('\n\n'),
    main,
  };
}

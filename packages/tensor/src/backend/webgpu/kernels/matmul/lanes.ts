/**
 * The matmul kernel of a row, or a few, whose subgroups split k: each lane takes its own steps of k of one row and four columns, and in the end
 * all lanes' sums are added up. Nothing is shared but B, which lies along k, so that a subgroup reads whole lines of it. A workgroup is one
 * subgroup.
 */

import { indent, type KernelSource } from '../wgsl/source.js';
import { matmulBindings, matmulParams, matmulPlace, matmulStore } from './common.js';
import { fourSteps, lineStarts, loaders, singleStep } from './direct.js';
import type { MatmulVariant } from './matmul.js';

export function laneSource(variant: MatmulVariant): KernelSource {
  const { tile, transposeA } = variant;
  const { groupColumns: size } = tile;
  const main = [
    matmulPlace(variant),
    'let row = tileM;',
    'let column = tileN * 4u;',
    ...lineStarts(variant),
    'var sum0_0 = vec4<f32>();',
    '',
    `// ${4 * size} steps of k at a time, four a lane, then the rest, one a lane.`,
    `let whole = firstK + ((endK - firstK) / ${4 * size}u) * ${4 * size}u;`,
    `for (var k0 = firstK; k0 < whole; k0 += ${4 * size}u) {`,
    '  let k = k0 + 4u * subgroupLane;',
    indent(fourSteps(variant)),
    '}',
    `for (var k = whole + subgroupLane; k < endK; k += ${size}u) {`,
    indent(singleStep(variant)),
    '}',
    '',
    'let total = subgroupAdd(sum0_0);',
    'if (subgroupLane == 0u) {',
    '  store(outStart, row, column, total);',
    '}',
  ].join('\n');

  return {
    label: `matmul ${transposeA ? 'Aᵀ' : 'A'} Bᵀ, a row x 4 over lanes of k`,
    about: `A subgroup of ${size} computes one row x 4 columns of one product; its lanes take turns at the steps of k.`,
    bindings: matmulBindings(variant),
    params: matmulParams(variant),
    workgroupSize: size,
    usesSubgroups: true,
    declarations: [loaders(variant), matmulStore(variant)].join('\n\n'),
    main,
  };
}

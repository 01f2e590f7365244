/**
 * The matmul kernel without shared memory: each invocation keeps a tile of the output in registers and loads its own rows of A and
 * columns of B, four steps of k at a time. The wider the tile, the fewer loads a multiply-add needs. Rows and columns past the edge are
 * clamped to the last one when loading, and skipped when storing.
 */

import { indent, type KernelSource, lines } from '../wgsl/source.js';
import { matmulBindings, matmulParams, matmulPlace, matmulStore } from './common.js';
import { fourSteps, lineStarts, loaders, singleStep } from './direct.js';
import type { MatmulVariant } from './matmul.js';

export function registerSource(variant: MatmulVariant): KernelSource {
  const { tile, transposeA, transposeB } = variant;
  const { rows, columns, groupRows, groupColumns } = tile;
  const quads = columns / 4;
  const everyQuad = (piece: (q: number) => string) => lines(quads, piece);
  const everyRow = (piece: (r: number) => string) => lines(rows, piece);

  const main = [
    matmulPlace(variant),
    `let row = tileM * ${rows * groupRows}u + (lane / ${groupColumns}u) * ${rows}u;`,
    `let column = tileN * ${columns * groupColumns}u + (lane % ${groupColumns}u) * ${columns}u;`,
    'if (row >= p.m || column >= p.n) {',
    '  return;',
    '}',
    ...lineStarts(variant),
    everyRow((r) => everyQuad((q) => `var sum${r}_${q} = vec4<f32>();`)),
    '',
    '// Four steps of k at a time, then the rest one by one.',
    'let whole = firstK + ((endK - firstK) & ~3u);',
    'for (var k = firstK; k < whole; k += 4u) {',
    indent(fourSteps(variant)),
    '}',
    'for (var k = whole; k < endK; k++) {',
    indent(singleStep(variant)),
    '}',
    '',
    everyRow((r) => everyQuad((q) => `store(outStart, row + ${r}u, column + ${4 * q}u, sum${r}_${q});`)),
  ].join('\n');

  return {
    label: `matmul ${transposeA ? 'Aᵀ' : 'A'} ${transposeB ? 'Bᵀ' : 'B'}, ${rows}x${columns} in registers`,
    about: `Each invocation computes ${rows} rows x ${columns} columns of one product, without shared memory.`,
    bindings: matmulBindings(variant),
    params: matmulParams(variant),
    workgroupSize: groupRows * groupColumns,
    declarations: [loaders(variant), matmulStore(variant)].join('\n\n'),
    main,
  };
}

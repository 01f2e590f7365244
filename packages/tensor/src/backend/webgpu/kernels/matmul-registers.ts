/**
 * The matmul kernel without shared memory: each invocation keeps a tile of the output in registers and loads its own rows of A and
 * columns of B, four steps of k at a time. The wider the tile, the fewer loads a multiply-add needs. Rows and columns past the edge are
 * clamped to the last one when loading, and skipped when storing.
 */
import type { MatmulVariant } from './matmul.js';
import { matmulBindings, matmulParams, matmulPlace, matmulStore } from './matmul-common.js';
import { lineStarts, loaders, singleStep, stepsOfB } from './matmul-direct.js';
import { indent, type KernelSource, lines } from './source.js';

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
    'let whole = p.k & ~3u;',
    'for (var k = 0u; k < whole; k += 4u) {',
    indent(block(variant)),
    '}',
    'for (var k = whole; k < p.k; k++) {',
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

/** Four steps of k. */
function block(variant: MatmulVariant): string {
  const { rows, columns } = variant.tile;
  const a = stepsOfA(variant);
  const text = [a.loads];
  for (let q = 0; q < columns / 4; q++) {
    text.push(stepsOfB(variant, q, `z${q}`, 'k'));
    for (let kk = 0; kk < 4; kk++) text.push(lines(rows, (r) => `sum${r}_${q} += ${a.element(r, kk)} * z${q}_${kk};`));
  }
  return text.join('\n');
}

/** The rows of A at four steps of k, and what their elements are called. */
function stepsOfA({ tile, transposeA }: MatmulVariant): { loads: string; element: (r: number, kk: number) => string } {
  const { rows } = tile;
  if (!transposeA) {
    return { loads: lines(rows, (r) => `let x${r} = loadA(a${r}, k);`), element: (r, kk) => `x${r}[${kk}]` };
  }
  const line = (kk: number) => `aStart + (k + ${kk}u) * p.aRow`;
  // Stored [k, m]: four rows at a time, where tiles begin at multiples of four.
  if (rows % 4 === 0) {
    return {
      loads: lines(4, (kk) => lines(rows / 4, (g) => `let y${kk}_${g} = loadA(${line(kk)}, row + ${4 * g}u);`)),
      element: (r, kk) => `y${kk}_${r >> 2}[${r & 3}]`,
    };
  }
  return {
    loads: lines(4, (kk) => lines(rows, (r) => `let y${kk}_${r} = oneA(${line(kk)}, min(row + ${r}u, p.m - 1u));`)),
    element: (r, kk) => `y${kk}_${r}`,
  };
}

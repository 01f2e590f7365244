/**
 * The matmul kernel without shared memory: each invocation keeps a tile of the output in registers and loads its own rows of A and
 * columns of B, four steps of k at a time. The wider the tile, the fewer loads a multiply-add needs. Rows and columns past the edge are
 * clamped to the last one when loading, and skipped when storing.
 */
import type { MatmulVariant } from './matmul.js';
import { matmulBindings, matmulParams, matmulPlace, matmulStore } from './matmul-common.js';
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
    ...(transposeA ? [] : [everyRow((r) => `let a${r} = aStart + min(row + ${r}u, p.m - 1u) * p.aRow;`)]),
    ...(transposeB ? [lines(columns, (c) => `let b${c} = bStart + min(column + ${c}u, p.n - 1u) * p.bRow;`)] : []),
    everyRow((r) => everyQuad((q) => `var sum${r}_${q} = vec4<f32>();`)),
    '',
    '// Four steps of k at a time, then the rest one by one.',
    'let whole = p.k & ~3u;',
    'for (var k = 0u; k < whole; k += 4u) {',
    indent(block(variant)),
    '}',
    'for (var k = whole; k < p.k; k++) {',
    indent(single(variant)),
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

/** `loadA` and `loadB` read four neighbours in storage; `oneA` and `oneB` a single element. */
function loaders({ vectorA, vectorB }: MatmulVariant): string {
  const loader = (name: string, array: string, isVector: boolean) =>
    isVector
      ? `// Four elements from a place that counts vectors, plus \`at\` elements (a multiple of four).
fn load${name}(start: u32, at: u32) -> vec4<f32> {
  return ${array}[start + at / 4u];
}

fn one${name}(start: u32, at: u32) -> f32 {
  return ${array}[start + at / 4u][at % 4u];
}`
      : `fn load${name}(start: u32, at: u32) -> vec4<f32> {
  let i = start + at;
  return vec4<f32>(${array}[i], ${array}[i + 1u], ${array}[i + 2u], ${array}[i + 3u]);
}

fn one${name}(start: u32, at: u32) -> f32 {
  return ${array}[start + at];
}`;
  return `${loader('A', 'a', vectorA)}\n\n${loader('B', 'b', vectorB)}`;
}

/** Four steps of k. */
function block({ tile, transposeA, transposeB }: MatmulVariant): string {
  const { rows, columns } = tile;
  const quads = columns / 4;
  const text: string[] = [];
  // x{r}: four steps of k of row r; or y{kk}_{g}: rows 4g.. at step kk, if A is stored [k, m].
  if (transposeA) {
    for (let kk = 0; kk < 4; kk++) {
      for (let g = 0; g < rows / 4; g++)
        text.push(`let y${kk}_${g} = loadA(aStart + (k + ${kk}u) * p.aRow, row + ${4 * g}u);`);
    }
  } else for (let r = 0; r < rows; r++) text.push(`let x${r} = loadA(a${r}, k);`);
  const valueOfA = (r: number, kk: number) => (transposeA ? `y${kk}_${r >> 2}[${r & 3}]` : `x${r}[${kk}]`);

  for (let q = 0; q < quads; q++) {
    if (transposeB) {
      for (let c = 0; c < 4; c++) text.push(`let t${q}_${c} = loadB(b${4 * q + c}, k);`);
    }
    for (let kk = 0; kk < 4; kk++) {
      const value = transposeB
        ? `vec4<f32>(${[0, 1, 2, 3].map((c) => `t${q}_${c}[${kk}]`).join(', ')})`
        : `loadB(bStart + (k + ${kk}u) * p.bRow, column + ${4 * q}u)`;
      text.push(`let z${q}_${kk} = ${value};`);
      for (let r = 0; r < rows; r++) text.push(`sum${r}_${q} += ${valueOfA(r, kk)} * z${q}_${kk};`);
    }
  }
  return text.join('\n');
}

/** One step of k, element by element. */
function single({ tile, transposeA, transposeB }: MatmulVariant): string {
  const { rows, columns } = tile;
  const text: string[] = [];
  for (let q = 0; q < columns / 4; q++) {
    const parts = [0, 1, 2, 3].map((c) =>
      transposeB ? `oneB(b${4 * q + c}, k)` : `oneB(bStart + k * p.bRow, min(column + ${4 * q + c}u, p.n - 1u))`,
    );
    text.push(`let z${q} = vec4<f32>(${parts.join(', ')});`);
  }
  for (let r = 0; r < rows; r++) {
    text.push(
      `let x${r} = ${transposeA ? `oneA(aStart + k * p.aRow, min(row + ${r}u, p.m - 1u))` : `oneA(a${r}, k)`};`,
    );
    for (let q = 0; q < columns / 4; q++) text.push(`sum${r}_${q} += x${r} * z${q};`);
  }
  return text.join('\n');
}

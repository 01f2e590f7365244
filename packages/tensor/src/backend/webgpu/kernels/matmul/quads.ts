/**
 * The matmul kernel of SwiftShader, which runs an invocation's text instruction by instruction for four lanes at once and keeps few values in
 * registers. A load there costs as much as twenty multiply-adds, handing a value to every lane as much as two, and swapping it
 * within a quad next to nothing. So each lane loads rows of A of its own and the quad swaps them around: every lane meets every row, each in
 * an order of its own. Sums are scalars, made by dot products along k: those of vectors would spill at every step. A workgroup is one
 * subgroup.
 */

import { indent, type KernelSource, lines } from '../wgsl/source.js';
import { matmulBindings, matmulParams, matmulPlace, matmulStore } from './common.js';
import { loaders } from './direct.js';
import type { MatmulVariant } from './matmul.js';
import { partName, withArrays } from './parts.js';
import { lineOf } from './windows.js';

/** Where a value of A comes from: the lane itself, then its three neighbours. */
const SWAPS = ['', 'quadSwapX', 'quadSwapY', 'quadSwapDiagonal'] as const;
const FOUR = [0, 1, 2, 3] as const;

/** The kernel; of several products, each has the tile's columns, and the rows of A are loaded once for all. */
export function quadSource(variant: MatmulVariant): KernelSource {
  const { tile, transposeA, transposeB, parts } = variant;
  const { rows, columns, groupColumns: size, depth } = tile;
  const own = rows / 4;
  const quads = columns / 4;
  // Columns of all products behind one another: of which product a column or a vector of four is, and which of its own.
  const everyColumn = (piece: (c: number, part: number, of: number) => string) =>
    lines(parts * columns, (c) => piece(c, Math.floor(c / columns), c % columns));
  const everyQuad = (piece: (q: number, part: number, of: number) => string) =>
    lines(parts * quads, (q) => piece(q, Math.floor(q / quads), q % quads));
  const everyRow = (piece: (row: string) => string) => lines(own, (i) => lines(4, (swap) => piece(`${i}_${swap}`)));
  const everySum = (piece: (row: string, c: number) => string) =>
    everyRow((row) => lines(parts * columns, (c) => piece(row, c)));

  // The own rows of A at four steps of k, as vectors along k: `x0`, ….
  const ownRows = (at: string) =>
    transposeA
      ? lines(own / 4, (j) =>
          [
            lines(4, (kk) => `let t${j}_${kk} = loadA(${lineOf(variant, 'A', `${at} + ${kk}u`)}, aRow${j});`),
            lines(4, (i) => `let x${4 * j + i} = vec4<f32>(${FOUR.map((kk) => `t${j}_${kk}[${i}]`).join(', ')});`),
          ].join('\n'),
        )
      : lines(own, (i) => `let x${i} = loadA(aLine${i}, ${at});`);
  // The own columns of B, likewise: `z0`, ….
  const ownColumns = (at: string) =>
    transposeB
      ? everyColumn((c, part, of) => `let z${c} = ${partName('loadB', part)}(bLine${of}, ${at});`)
      : everyQuad((q, part, of) => {
          const load = (kk: number) =>
            `${partName('loadB', part)}(${lineOf(variant, 'B', `${at} + ${kk}u`)}, column${of})`;
          return [
            lines(4, (kk) => `let u${q}_${kk} = ${load(kk)};`),
            lines(4, (c) => `let z${4 * q + c} = vec4<f32>(${FOUR.map((kk) => `u${q}_${kk}[${c}]`).join(', ')});`),
          ].join('\n');
        });
  const swapped = lines(own, (i) => lines(4, (swap) => `let y${i}_${swap} = ${SWAPS[swap]}(x${i});`));
  const fourSteps = (at: string) => {
    const sums = everySum((row, c) => `sum${row}_${c} += dot(y${row}, z${c});`);
    return `{\n${indent([ownRows(at), ownColumns(at), swapped, sums].join('\n'))}\n}`;
  };
  const oneStep = [
    lines(own, (i) => {
      const place = transposeA
        ? `${lineOf(variant, 'A', 'k')}, min(aRow${i >> 2} + ${i & 3}u, p.m - 1u)`
        : `aLine${i}, k`;
      return `let x${i} = oneA(${place});`;
    }),
    everyColumn((c, part, of) => {
      const place = transposeB
        ? `bLine${of}, k`
        : `${lineOf(variant, 'B', 'k')}, min(column${of >> 2} + ${of & 3}u, p.n - 1u)`;
      return `let z${c} = ${partName('oneB', part)}(${place});`;
    }),
    swapped,
    everySum((row, c) => `sum${row}_${c} += y${row} * z${c};`),
  ].join('\n');

  // A lane's rows: one of every four, or where A lies along m, four of every sixteen. After a swap they are the neighbour's.
  const rowOf = transposeA ? '16u * (i / 4u) + 4u * (quadLane ^ swap) + i % 4u' : '4u * i + (quadLane ^ swap)';
  // One text for all that is stored, however long what follows the product.
  const leave = (part: number) => {
    const sums = partName('sums', part);
    const vector = (row: string, q: number) =>
      `vec4<f32>(${FOUR.map((c) => `sum${row}_${part * columns + 4 * q + c}`).join(', ')})`;
    const values = everyRow((row) => lines(quads, (q) => `${vector(row, q)},`));
    return [
      `var ${sums} = array<vec4<f32>, ${rows * quads}>(\n${indent(values)}\n);`,
      `for (var place = 0u; place < ${rows * quads}u; place++) {`,
      `  let i = place / ${4 * quads}u;`,
      `  let swap = place / ${quads}u % 4u;`,
      `  let at = column + ${4 * size}u * (place % ${quads}u);`,
      `  ${partName('store', part)}(outStart, row + ${rowOf}, at, ${sums}[place]);`,
      '}',
    ].join('\n');
  };

  const main = [
    matmulPlace(variant),
    'let quadLane = subgroupLane % 4u;',
    `let row = tileM * ${rows}u;`,
    `let column = tileN * ${columns * size}u + 4u * subgroupLane;`,
    lines(quads, (q) => `let column${q} = column + ${4 * size * q}u;`),
    transposeA
      ? lines(own / 4, (j) => `let aRow${j} = row + ${16 * j}u + 4u * quadLane;`)
      : lines(own, (i) => `let aLine${i} = ${lineOf(variant, 'A', `min(row + ${4 * i}u + quadLane, p.m - 1u)`)};`),
    ...(transposeB
      ? [
          lines(
            columns,
            (c) => `let bLine${c} = ${lineOf(variant, 'B', `min(column${c >> 2} + ${c & 3}u, p.n - 1u)`)};`,
          ),
        ]
      : []),
    everySum((row, c) => `var sum${row}_${c} = 0f;`),
    '',
    `// ${depth} steps of k at a time: keeping a sum from one turn of the loop to the next costs as much as four`,
    '// multiply-adds. Then the rest one by one.',
    `let whole = firstK + (endK - firstK) / ${depth}u * ${depth}u;`,
    `for (var k = firstK; k < whole; k += ${depth}u) {`,
    indent(lines(depth / 4, (i) => fourSteps(i === 0 ? 'k' : `k + ${4 * i}u`))),
    '}',
    'for (var k = whole; k < endK; k++) {',
    indent(oneStep),
    '}',
    '',
    lines(parts, leave),
  ].join('\n');

  const kernel: KernelSource = {
    label: `matmul ${transposeA ? 'Aᵀ' : 'A'} ${transposeB ? 'Bᵀ' : 'B'}, ${rows}x${columns * size} by swapping in quads`,
    about: `A subgroup of ${size} computes ${rows} rows x ${columns * size} columns of a product, ${columns} columns a lane.`,
    bindings: matmulBindings(variant),
    params: matmulParams(variant),
    workgroupSize: size,
    usesSubgroups: true,
    declarations: [loaders(variant), matmulStore(variant)].join('\n\n'),
    main,
  };
  return withArrays(kernel, parts);
}

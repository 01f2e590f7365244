/**
 * The matmul kernel of software adapters that have subgroups. There every load costs as much as several multiply-adds, and the lanes of a
 * subgroup compute the same rows: so each lane loads a vector of A for all, and the others get it by broadcast, instead
 * of all loading the same. A workgroup is one subgroup, whatever the order of its lanes.
 */

import { indent, type KernelSource, lines } from '../wgsl/source.js';
import { matmulBindings, matmulParams, matmulPlace, matmulStore } from './common.js';
import { addProducts, lineStarts, loaders, singleStep, stepsOfB } from './direct.js';
import type { MatmulVariant } from './matmul.js';
import { lineOf } from './windows.js';

export function subgroupSource(variant: MatmulVariant): KernelSource {
  const { tile, transposeA, transposeB } = variant;
  const { rows, columns, groupColumns: size } = tile;
  const slots = Math.ceil(rows / size);
  // Rows of A as they lie, or stored [k, m] four rows at each of four steps.
  const element = (r: number, kk: number) => (transposeA ? `y${(kk * rows) / 4 + (r >> 2)}[${r & 3}]` : `y${r}[${kk}]`);
  const ownLines = lines(slots, (i) => {
    const vector = i === 0 ? 'subgroupLane' : `(${i * size}u + subgroupLane)`;
    return transposeA
      ? `let deep${i} = min(${vector} / ${rows / 4}u, 3u);\nlet along${i} = row + ${vector} % ${rows / 4}u * 4u;`
      : `let aLine${i} = ${lineOf(variant, 'A', `min(row + ${vector}, p.m - 1u)`)};`;
  });
  const everyPair = (piece: (r: number, q: number) => string) =>
    lines(rows, (r) => lines(columns / 4, (q) => piece(r, q)));

  const block = [
    '// The vectors of A that the tile needs for four steps of k, each loaded by one lane.',
    lines(slots, (i) =>
      transposeA
        ? `let x${i} = loadA(${lineOf(variant, 'A', `k + deep${i}`)}, along${i});`
        : `let x${i} = loadA(aLine${i}, k);`,
    ),
    lines(rows, (v) => `let y${v} = subgroupBroadcast(x${Math.floor(v / size)}, ${v % size}u);`),
    lines(columns / 4, (q) =>
      [
        stepsOfB(variant, q, `z${q}`, 'k'),
        lines(rows, (r) =>
          addProducts(
            `sum${r}_${q}`,
            (kk) => element(r, kk),
            (kk) => `z${q}_${kk}`,
          ),
        ),
      ].join('\n'),
    ),
  ].join('\n');

  const main = [
    matmulPlace(variant),
    `let row = tileM * ${rows}u;`,
    `let column = tileN * ${columns * size}u + subgroupLane * ${columns}u;`,
    ...lineStarts(variant),
    ownLines,
    everyPair((r, q) => `var sum${r}_${q} = vec4<f32>();`),
    '',
    '// Four steps of k at a time, then the rest one by one.',
    'let whole = firstK + ((endK - firstK) & ~3u);',
    'for (var k = firstK; k < whole; k += 4u) {',
    indent(block),
    '}',
    'for (var k = whole; k < endK; k++) {',
    indent(singleStep(variant)),
    '}',
    '',
    everyPair((r, q) => `store(outStart, row + ${r}u, column + ${4 * q}u, sum${r}_${q});`),
  ].join('\n');

  return {
    label: `matmul ${transposeA ? 'Aᵀ' : 'A'} ${transposeB ? 'Bᵀ' : 'B'}, ${rows}x${columns * size} a subgroup`,
    about: `A subgroup of ${size} computes ${rows} rows x ${columns * size} columns of one product, ${columns} columns a lane.`,
    bindings: matmulBindings(variant),
    params: matmulParams(variant),
    workgroupSize: size,
    usesSubgroups: true,
    declarations: [loaders(variant), matmulStore(variant)].join('\n\n'),
    main,
  };
}

/**
 * The matmul kernel of software adapters that have subgroups. There every load costs as much as several multiply-adds, and the lanes of a
 * subgroup compute the same rows: so each lane loads one step of k of every row, and the others get it by broadcast, instead
 * of all loading the same. A workgroup is one subgroup, whatever the order of its lanes.
 */
import type { MatmulVariant } from './matmul.js';
import { matmulBindings, matmulParams, matmulPlace, matmulStore } from './matmul-common.js';
import { lineStarts, loaders, singleStep, stepsOfB } from './matmul-direct.js';
import { indent, type KernelSource, lines } from './source.js';

export function subgroupSource(variant: MatmulVariant): KernelSource {
  const { tile, transposeA, transposeB } = variant;
  const { rows, columns, groupColumns: size } = tile;
  const everyPair = (piece: (r: number, q: number) => string) =>
    lines(rows, (r) => lines(columns / 4, (q) => piece(r, q)));

  const block = [
    "// One step of k of every row: the lane's own.",
    lines(rows, (r) =>
      transposeA
        ? `let x${r} = oneA(aStart + (k + subgroupLane) * p.aRow, min(row + ${r}u, p.m - 1u));`
        : `let x${r} = oneA(a${r}, k + subgroupLane);`,
    ),
    lines(columns / 4, (q) =>
      lines(size / 4, (g) =>
        [
          stepsOfB(variant, q, `z${q}_${g}`, g === 0 ? 'k' : `k + ${4 * g}u`),
          lines(4, (kk) =>
            lines(rows, (r) => `sum${r}_${q} += subgroupBroadcast(x${r}, ${4 * g + kk}u) * z${q}_${g}_${kk};`),
          ),
        ].join('\n'),
      ),
    ),
  ].join('\n');

  const main = [
    matmulPlace(variant),
    `let row = tileM * ${rows}u;`,
    `let column = tileN * ${columns * size}u + subgroupLane * ${columns}u;`,
    ...lineStarts(variant),
    everyPair((r, q) => `var sum${r}_${q} = vec4<f32>();`),
    '',
    `// ${size} steps of k at a time, then the rest one by one.`,
    `let whole = p.k - p.k % ${size}u;`,
    `for (var k = 0u; k < whole; k += ${size}u) {`,
    indent(block),
    '}',
    'for (var k = whole; k < p.k; k++) {',
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

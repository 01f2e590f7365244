/**
 * The matmul kernel whose subgroups split k: each lane keeps the whole tile for its own steps of k, and in the end the lanes
 * add theirs up. So a load, dear on software adapters, always brings four elements that nobody else asks for, and nothing is handed between lanes
 * but the sums. Each lane then stores every so many rows. A workgroup is one subgroup.
 */
import type { MatmulVariant } from './matmul.js';
import { matmulBindings, matmulParams, matmulPlace, matmulStore } from './matmul-common.js';
import { fourSteps, lineStarts, loaders, singleStep } from './matmul-direct.js';
import { indent, type KernelSource, lines } from './source.js';

export function laneSource(variant: MatmulVariant): KernelSource {
  const { tile, transposeA, transposeB } = variant;
  const { rows, columns, groupColumns: size } = tile;
  const quads = columns / 4;

  const total = (r: number, q: number): string => `subgroupAdd(sum${r}_${q})`;
  // Rows first, first + 1, … of a quad: one for each lane.
  const share = (first: number, q: number): string => {
    const count = Math.min(size, rows - first);
    return [
      `var total${first}_${q} = ${total(first, q)};`,
      lines(
        count - 1,
        (i) =>
          `total${first}_${q} = select(total${first}_${q}, ${total(first + i + 1, q)}, subgroupLane == ${i + 1}u);`,
      ),
      `${count < size ? `if (subgroupLane < ${count}u) {\n  ` : ''}store(outStart, row + ${first}u + subgroupLane, column + ${4 * q}u, total${first}_${q});${count < size ? '\n}' : ''}`,
    ]
      .filter((text) => text !== '')
      .join('\n');
  };

  const main = [
    matmulPlace(variant),
    `let row = tileM * ${rows}u;`,
    `let column = tileN * ${columns}u;`,
    ...lineStarts(variant),
    lines(rows, (r) => lines(quads, (q) => `var sum${r}_${q} = vec4<f32>();`)),
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
    lines(Math.ceil(rows / size), (g) => lines(quads, (q) => share(g * size, q))),
  ].join('\n');

  return {
    label: `matmul ${transposeA ? 'Aᵀ' : 'A'} ${transposeB ? 'Bᵀ' : 'B'}, ${rows}x${columns} over lanes of k`,
    about: `A subgroup of ${size} computes ${rows} rows x ${columns} columns of one product; its lanes take turns at the steps of k.`,
    bindings: matmulBindings(variant),
    params: matmulParams(variant),
    workgroupSize: size,
    usesSubgroups: true,
    declarations: [loaders(variant), matmulStore(variant)].join('\n\n'),
    main,
  };
}

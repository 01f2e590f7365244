/**
 * The matmul kernel for GPUs: a workgroup computes a tile of the output and walks k in slices; its invocations copy a slice of
 * A and of B into workgroup memory and multiply from there, both operands in vectors. With two stages the memory holds two slices: the next one's
 * loads are under way while this one is multiplied, and one barrier a slice is enough. That takes registers and memory, which cost
 * workgroups on a multiprocessor; so it pays where those are too few to hide the loads of one behind the work of another.
 */

import { indent, type KernelSource, lines } from '../wgsl/source.js';
import { matmulBindings, matmulParams, matmulPlace, matmulStore } from './common.js';
import type { MatmulVariant } from './matmul.js';
import { stagingOf } from './staging.js';

export function sharedSource(variant: MatmulVariant): KernelSource {
  const { tile, transposeA, transposeB } = variant;
  const { rows, columns, groupRows, groupColumns, depth, stages = 1 } = tile;
  const tileRows = rows * groupRows;
  const tileColumns = columns * groupColumns;
  const invocations = groupRows * groupColumns;
  const everyPair = (piece: (r: number, q: number) => string) =>
    lines(rows, (r) => lines(columns / 4, (q) => piece(r, q)));

  const a = stagingOf(variant, 'A');
  // Where neither operand has work for all invocations, each gets those of its own.
  const alone = stagingOf(variant, 'B');
  const b = a.busy + alone.busy <= invocations ? stagingOf(variant, 'B', a.busy) : alone;
  const load = (k: string) => [a.load(k), b.load(k)].join('\n');
  const cut = (k: string) =>
    [`if (${k} + ${depth}u > endK) {`, indent([a.cut(k), b.cut(k)].join('\n')), '}'].join('\n');
  const store = (at: string) => [a.store(at), b.store(at)].join('\n');

  /** Multiplies the slice that begins at line `at` of the tiles, four steps a turn. */
  const multiply = (at: string) =>
    [
      `for (var deep = 0u; deep < ${depth}u; deep += 4u) {`,
      `  let rowPlace = threadRow${a.turn && ` ^ (${a.turn})`};`,
      `  let columnPlace = threadColumn${b.turn && ` ^ (${b.turn})`};`,
      lines(4, (kk) => {
        const line = `${at}deep${kk > 0 ? ` + ${kk}u` : ''}`;
        // Quads of one invocation are a whole group apart, so that neighbours read neighbouring addresses.
        const apart = (i: number, group: number) => (i > 0 ? ` + ${i * group}u` : '');
        return [
          '  {',
          lines(rows / 4, (g) => `    let x${g} = tileA[${line}][rowPlace${apart(g, groupRows)}];`),
          lines(columns / 4, (q) => `    let z${q} = tileB[${line}][columnPlace${apart(q, groupColumns)}];`),
          everyPair((r, q) => `    sum${r}_${q} = fma(vec4<f32>(x${r >> 2}[${r & 3}]), z${q}, sum${r}_${q});`),
          '  }',
        ].join('\n');
      }),
      '}',
    ].join('\n');

  const single = [
    `for (var k = firstK; k < endK; k += ${depth}u) {`,
    indent([load('k'), cut('k'), store('')].join('\n')),
    '  workgroupBarrier();',
    indent(multiply('')),
    '  workgroupBarrier();',
    '}',
  ];
  const double = [
    load('firstK'),
    cut('firstK'),
    store(''),
    'workgroupBarrier();',
    '// The slice at hand begins at this line of the tiles; the next one goes to the other half.',
    'var half = 0u;',
    `for (var k = firstK; k < endK; k += ${depth}u) {`,
    `  let next = k + ${depth}u;`,
    '  if (next < endK) {',
    indent(load('next'), '    '),
    '  }',
    indent(multiply('half + ')),
    `  half = ${depth}u - half;`,
    '  if (next < endK) {',
    indent([cut('next'), store('half + ')].join('\n'), '    '),
    '  }',
    '  workgroupBarrier();',
    '}',
  ];

  const main = [
    matmulPlace(variant),
    ...placeInGroup(groupRows, groupColumns),
    `let firstRow = tileM * ${tileRows}u;`,
    `let firstColumn = tileN * ${tileColumns}u;`,
    'let lastK = max(endK, 1u) - 1u;',
    a.begin,
    b.begin,
    everyPair((r, q) => `var sum${r}_${q} = vec4<f32>();`),
    '',
    ...(stages === 2 ? double : single),
    '',
    everyPair((r, q) => {
      const row = `firstRow + ${(r >> 2) * groupRows * 4 + (r & 3)}u + threadRow * 4u`;
      return `store(outStart, ${row}, firstColumn + ${q * groupColumns * 4}u + threadColumn * 4u, sum${r}_${q});`;
    }),
  ].join('\n');

  // Two dims, so that where indices are checked the check of the place in a line is the same at every step, and leaves the loop.
  const tileOf = (name: string, extent: number) =>
    `var<workgroup> tile${name}: array<array<vec4<f32>, ${extent / 4}>, ${depth * stages}>;`;
  return {
    label: `matmul ${transposeA ? 'Aᵀ' : 'A'} ${transposeB ? 'Bᵀ' : 'B'}, ${tileRows}x${tileColumns} shared${stages === 2 ? ' twice' : ''}`,
    about: `A workgroup of ${groupRows}x${groupColumns} computes ${tileRows}x${tileColumns} of one product, ${rows}x${columns} an invocation,
      from ${stages === 2 ? 'two slices' : 'a slice'} of ${depth} steps of k in workgroup memory.`,
    bindings: matmulBindings(variant),
    params: matmulParams(variant),
    workgroupSize: invocations,
    declarations: [
      `${tileOf('A', tileRows)} // [depth][rows / 4]`,
      `${tileOf('B', tileColumns)} // [depth][columns / 4]`,
      a.loader,
      b.loader,
      matmulStore(variant),
    ].join('\n\n'),
    main,
  };
}

/** Rows and columns that neighbouring invocations, as a subgroup has them, cover: the squarer, the less they read from workgroup memory. */
const BLOCK = { rows: 4, columns: 8 };

/** `threadRow` and `threadColumn` of an invocation in its workgroup. */
function placeInGroup(groupRows: number, groupColumns: number): string[] {
  const { rows, columns } = BLOCK;
  if (groupRows % rows !== 0 || groupColumns % columns !== 0 || groupColumns === columns) {
    return [`let threadRow = lane / ${groupColumns}u;`, `let threadColumn = lane % ${groupColumns}u;`];
  }
  const across = groupColumns / columns;
  return [
    `// Blocks of ${rows}x${columns} neighbours.`,
    `let block = lane / ${rows * columns}u;`,
    `let threadRow = (block / ${across}u) * ${rows}u + (lane / ${columns}u) % ${rows}u;`,
    `let threadColumn = (block % ${across}u) * ${columns}u + lane % ${columns}u;`,
  ];
}

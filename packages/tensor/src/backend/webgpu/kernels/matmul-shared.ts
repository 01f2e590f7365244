/**
 * The matmul kernel for GPUs: a workgroup computes a tile of the output and walks k in slices; its invocations copy a slice of
 * A and of B into shared memory, wait for each other, and multiply from there. A is staged transposed ([depth, rows]), so
 * that both operands are read as vectors. Elements past the edges are staged as zeros and skipped when storing.
 */
import type { MatmulVariant } from './matmul.js';
import { matmulBindings, matmulParams, matmulPlace, matmulStore } from './matmul-common.js';
import { indent, type KernelSource, lines } from './source.js';

export function sharedSource(variant: MatmulVariant): KernelSource {
  const { tile, transposeA, transposeB } = variant;
  const { rows, columns, groupRows, groupColumns, depth } = tile;
  const tileRows = rows * groupRows;
  const tileColumns = columns * groupColumns;
  const threads = groupRows * groupColumns;
  const rowQuads = rows / 4;
  const columnQuads = columns / 4;
  const everyPair = (piece: (r: number, q: number) => string) =>
    lines(rows, (r) => lines(columnQuads, (q) => piece(r, q)));

  const multiply = [
    // Quads of one invocation are a whole group apart, so that neighbours read neighbouring addresses.
    lines(rowQuads, (g) => `let x${g} = tileA[kk * ${tileRows / 4}u + ${g * groupRows}u + threadRow];`),
    lines(columnQuads, (q) => `let z${q} = tileB[kk * ${tileColumns / 4}u + ${q * groupColumns}u + threadColumn];`),
    everyPair((r, q) => `sum${r}_${q} = fma(vec4<f32>(x${r >> 2}[${r & 3}]), z${q}, sum${r}_${q});`),
  ].join('\n');

  const main = [
    matmulPlace(variant),
    `let threadRow = lane / ${groupColumns}u;`,
    `let threadColumn = lane % ${groupColumns}u;`,
    `let firstRow = tileM * ${tileRows}u;`,
    `let firstColumn = tileN * ${tileColumns}u;`,
    everyPair((r, q) => `var sum${r}_${q} = vec4<f32>();`),
    '',
    `for (var k = firstK; k < endK; k += ${depth}u) {`,
    indent(stage('A', transposeA, tileRows, depth, threads)),
    indent(stage('B', !transposeB, tileColumns, depth, threads)),
    '  workgroupBarrier();',
    `  for (var kk = 0u; kk < ${depth}u; kk++) {`,
    indent(multiply, '    '),
    '  }',
    '  workgroupBarrier();',
    '}',
    '',
    everyPair((r, q) => {
      const row = `firstRow + ${(r >> 2) * groupRows * 4 + (r & 3)}u + threadRow * 4u`;
      return `store(outStart, ${row}, firstColumn + ${q * groupColumns * 4}u + threadColumn * 4u, sum${r}_${q});`;
    }),
  ].join('\n');

  return {
    label: `matmul ${transposeA ? 'Aᵀ' : 'A'} ${transposeB ? 'Bᵀ' : 'B'}, ${tileRows}x${tileColumns} shared`,
    about: `A workgroup of ${groupRows}x${groupColumns} computes ${tileRows}x${tileColumns} of one product, ${rows}x${columns} an invocation,
      from slices of ${depth} steps of k in shared memory.`,
    bindings: matmulBindings(variant),
    params: matmulParams(variant),
    workgroupSize: threads,
    declarations: [
      `var<workgroup> tileA: array<vec4<f32>, ${(tileRows * depth) / 4}>; // [depth][rows / 4]`,
      `var<workgroup> tileB: array<vec4<f32>, ${(tileColumns * depth) / 4}>; // [depth][columns / 4]`,
      loader('A', 'a', variant.vectorA),
      loader('B', 'b', variant.vectorB),
      matmulStore(variant),
    ].join('\n\n'),
    main,
  };
}

/**
 * `loadA(start, outer, inner, outers, inners)`: four neighbours in storage, of line `outer` from element `inner` on; zeros past the
 * ends.
 */
function loader(name: string, array: string, isVector: boolean): string {
  const head = `fn load${name}(start: u32, outer: u32, inner: u32, outers: u32, inners: u32) -> vec4<f32> {
  if (outer >= outers || inner >= inners) {
    return vec4<f32>();
  }`;
  if (isVector) {
    // The line's last vector may reach past its end, into whatever follows: those elements are put out.
    return `${head}
  let value = ${array}[start + outer * p.${array}Row + inner / 4u];
  let left = vec4<u32>(inners - inner);
  return select(vec4<f32>(), value, left > vec4<u32>(0u, 1u, 2u, 3u));
}`;
  }
  return `${head}
  let at = start + outer * p.${array}Row + inner;
  var value = vec4<f32>();
  for (var i = 0u; i < min(4u, inners - inner); i++) {
    value[i] = ${array}[at + i];
  }
  return value;
}`;
}

/**
 * Copies one slice of an operand into shared memory, as [depth][extent] in vectors along the extent (rows of A, columns of B).
 * `isStraight`: the storage is contiguous along the extent too; otherwise along k, and 4x4 blocks are turned on the way.
 */
function stage(name: 'A' | 'B', isStraight: boolean, extent: number, depth: number, threads: number): string {
  const first = name === 'A' ? 'firstRow' : 'firstColumn';
  const size = name === 'A' ? 'p.m' : 'p.n';
  const start = name === 'A' ? 'aStart' : 'bStart';
  const quads = extent / 4;
  if (isStraight) {
    return `for (var i = lane; i < ${quads * depth}u; i += ${threads}u) {
  tile${name}[i] = load${name}(${start}, k + i / ${quads}u, ${first} + (i % ${quads}u) * 4u, endK, ${size});
}`;
  }
  return `for (var i = lane; i < ${(quads * depth) / 4}u; i += ${threads}u) {
  let along = (i / ${depth / 4}u) * 4u;
  let deep = (i % ${depth / 4}u) * 4u;
${lines(4, (j) => `  let line${j} = load${name}(${start}, ${first} + along + ${j}u, k + deep, ${size}, endK);`)}
${lines(4, (j) => `  tile${name}[(deep + ${j}u) * ${quads}u + along / 4u] = vec4<f32>(line0[${j}], line1[${j}], line2[${j}], line3[${j}]);`)}
}`;
}

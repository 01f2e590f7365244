/**
 * The WGSL of attention (FlashAttention: Dao 2022) and of its backward. A workgroup owns a tile of rows and lets tiles of columns go by:
 * rows are queries and columns keys, but in the kernel of the gradients of keys and values, where they change places. An invocation
 * computes a few rows by four columns of scores, the workgroup exchanges them as weights through shared memory (or, where a workgroup is one
 * subgroup, by broadcasts), and each invocation then sums its share of the result's columns, in quads of four. No score ever reaches global memory. Rows and columns
 * past the edges are clamped to the last one when loading, count for nothing, and are skipped when storing.
 */
import type { ParameterType } from '../params.js';
import { preludes } from './prelude.js';
import { type Element, f32, lines, read, u32, write } from './source.js';

export type AttentionOperandName =
  | 'query'
  | 'key'
  | 'value'
  | 'mask'
  | 'out'
  | 'grad'
  | 'gradQuery'
  | 'gradKey'
  | 'gradValue';

/** What an attention kernel is specialised on. */
export interface AttentionVariant {
  /** Rows of an invocation, and invocations of a workgroup down and across a tile. */
  readonly rows: number;
  readonly groupRows: number;
  readonly groupColumns: number;
  /** Quads of query and key, and of value, that an invocation sums. */
  readonly quads: number;
  readonly valueQuads: number;
  /** Whether a workgroup is one subgroup, whose lanes load rows and hand on weights for one another without shared memory. */
  readonly isSubgroup: boolean;
  /** Whether workgroups share the columns of a tile of rows, and leave partial results to another kernel (forward alone). */
  readonly isSplit: boolean;
  /** Whether all rows start on multiples of four elements and can be read in vectors. */
  readonly vectors: boolean;
  readonly mask: 'none' | 'bool' | 'float';
  readonly isCausal: boolean;
  readonly hasDropout: boolean;
  /** Dims of the batch, after merging. */
  readonly batchRank: number;
}

export function variantKey(kind: string, variant: AttentionVariant): string {
  let key = kind;
  for (const name in variant) key += `|${variant[name as keyof AttentionVariant]}`;
  return key;
}

/** Columns of a tile. */
export const columnsOf = ({ groupColumns }: AttentionVariant): number => 4 * groupColumns;
/** Rows of a tile. */
export const rowsOf = ({ rows, groupRows }: AttentionVariant): number => rows * groupRows;

const elementOf = ({ vectors }: AttentionVariant): Element => (vectors ? 'vec4<f32>' : 'f32');

export function bindingsOf(variant: AttentionVariant, reads: readonly string[], writes: readonly string[]) {
  const element = elementOf(variant);
  return [
    ...reads.map((name) => read(name, element)),
    ...(variant.mask === 'none' ? [] : [read('mask', variant.mask === 'bool' ? 'u32' : 'f32')]),
    ...writes.map((name) => write(name, element)),
  ];
}

/** Sizes, and of each operand its offset, the step of a row and those of the batch. */
export function paramsOf(
  { batchRank, isSplit }: AttentionVariant,
  operands: readonly AttentionOperandName[],
): Record<string, ParameterType> {
  const own = (name: string) => [
    `${name}Offset`,
    `${name}Row`,
    ...Array.from({ length: batchRank }, (_, d) => `${name}Batch${d}`),
  ];
  return {
    ...u32('queries', 'keys', 'width', 'valueWidth', 'quads', 'valueQuads', 'tiles', 'groups', 'sumsOffset'),
    ...u32('maskColumn', 'seedLow', 'seedHigh', 'dropoutOffset'),
    ...(isSplit ? u32('slices', 'slice') : {}),
    ...f32('scale', 'dropoutP', 'dropoutScale'),
    ...u32(...Array.from({ length: batchRank }, (_, d) => `batch${d}`)),
    ...u32(...operands.flatMap(own)),
  };
}

/** Finds the tile and the matrix of a workgroup, where its operands start, and the rows of the invocation. */
export function openTile(variant: AttentionVariant, operands: readonly AttentionOperandName[]): string {
  const { batchRank, rows, groupColumns, isSubgroup, isSplit } = variant;
  const dims = Array.from({ length: batchRank }, (_, i) => batchRank - 1 - i);
  return [
    'if (group >= p.groups) {',
    '  return;',
    '}',
    'let tile = group % p.tiles;',
    ...(isSplit
      ? [
          '// The slices of a matrix lie behind one another.',
          'let place = group / p.tiles;',
          'let matrix = place / p.slices;',
          'let firstColumn = (place % p.slices) * p.slice;',
        ]
      : ['let matrix = group / p.tiles;']),
    ...operands.map((name) => `var ${name}Start = p.${name}Offset;`),
    ...(batchRank > 0 ? [batchRank > 1 ? 'var rest = matrix;' : 'let rest = matrix;'] : []),
    ...dims.flatMap((d) => [
      `let batch${d} = ${d === 0 ? 'rest' : `rest % p.batch${d}`};`,
      ...(d > 0 ? [`rest /= p.batch${d};`] : []),
      ...operands.map((name) => `${name}Start += batch${d} * p.${name}Batch${d};`),
    ]),
    ...(isSubgroup
      ? ['let threadRow = 0u;', 'let threadColumn = subgroupLane;']
      : [`let threadRow = (lane / ${groupColumns}u) * ${rows}u;`, `let threadColumn = lane % ${groupColumns}u;`]),
    ...(isSplit ? ['outStart += (place % p.slices) * p.queries * p.outRow;'] : []),
    `let firstRow = tile * ${rowsOf(variant)}u + threadRow;`,
  ].join('\n');
}

/** `let query0 = …`: where the rows of an operand begin for this invocation, the last row for those past the end. */
export function rowStarts(name: AttentionOperandName, count: number, first: string, size: string): string {
  return lines(count, (i) => `let ${name}${i} = ${name}Start + min(${first} + ${i}u, ${size} - 1u) * p.${name}Row;`);
}

/** Rows of a tile that an invocation loads itself: all of its own, or its share of those of the subgroup. */
const ownLoads = ({ rows, groupColumns, isSubgroup }: AttentionVariant): number =>
  isSubgroup ? Math.ceil(rows / groupColumns) : rows;

/** Where the rows of the tile begin that the invocation loads. */
export function ownStarts(variant: AttentionVariant, name: AttentionOperandName, size: string): string {
  if (!variant.isSubgroup) return rowStarts(name, variant.rows, 'firstRow', size);
  return lines(
    ownLoads(variant),
    (i) =>
      `let ${name}${i} = ${name}Start + min(firstRow + ${i * variant.groupColumns}u + subgroupLane, ${size} - 1u) * p.${name}Row;`,
  );
}

/**
 * `name0 … name(rows-1)`, each a vector: the dot products of the invocation's rows of one operand with four rows of another.
 */
export function dotTile(
  variant: AttentionVariant,
  name: string,
  own: AttentionOperandName,
  other: AttentionOperandName,
  quads: string,
): string {
  const { rows, groupColumns, isSubgroup } = variant;
  const row = (i: number): string =>
    isSubgroup ? `subgroupBroadcast(own${Math.floor(i / groupColumns)}, ${i % groupColumns}u)` : `own${i}`;
  return [
    lines(rows, (i) => `var ${name}${i} = vec4<f32>();`),
    `for (var c = 0u; c < p.${quads}; c++) {`,
    lines(4, (j) => `  let y${j} = ${loaderOf(other)}(${other}${j}, c);`),
    lines(ownLoads(variant), (i) => `  let own${i} = ${loaderOf(own)}(${own}${i}, c);`),
    lines(
      rows,
      (i) => `  let x${i} = ${row(i)};
  ${name}${i} += vec4<f32>(dot(x${i}, y0), dot(x${i}, y1), dot(x${i}, y2), dot(x${i}, y3));`,
    ),
    '}',
  ].join('\n');
}

/**
 * `sum` of each row and quad grows by the weights, in shared memory or in the lanes that computed them, times the rows of an operand that they stand for. `first` is the
 * number of the first of these rows, `end` where they stop.
 */
export function weigh(
  variant: AttentionVariant,
  pairs: readonly (readonly [
    weights: string,
    operand: AttentionOperandName,
    sums: string,
    quads: number,
    all: string,
  ])[],
  first: string,
  end: string,
): string {
  const { rows, groupColumns, isSubgroup } = variant;
  // Four rows of each operand, those of the lane or vector `g`; all four go into a sum at once.
  const four = (g: string): string =>
    pairs
      .map(([weights, operand, sums, quads, all]) =>
        [
          lines(
            4,
            (j) =>
              `  let ${operand}Line${j} = ${operand}Start + min(${first} + 4u * ${g} + ${j}u, ${end} - 1u) * p.${operand}Row;`,
          ),
          lines(quads, (n) =>
            [
              lines(
                4,
                (j) =>
                  `  let ${operand}Quad${j}_${n} = ${loaderOf(operand)}(${operand}Line${j}, min(threadColumn + ${n * groupColumns}u, p.${all} - 1u));`,
              ),
              lines(
                rows,
                (i) =>
                  `  ${sums}${i}_${n} += ${[0, 1, 2, 3].map((j) => `${weights}Of${i}[${j}] * ${operand}Quad${j}_${n}`).join(' + ')};`,
              ),
            ].join('\n'),
          ),
        ].join('\n'),
      )
      .join('\n');
  const width = pairs.reduce((sum, [, , , quads]) => sum + quads, 0);
  if (isSubgroup && (groupColumns > 4 || width > 4)) {
    // Unrolled, this would be a text that takes seconds to compile.
    return [
      `for (var g = 0u; g < ${groupColumns}u; g++) {`,
      ...pairs.map(([weights]) => lines(rows, (i) => `  let ${weights}Of${i} = subgroupShuffle(${weights}${i}, g);`)),
      four('g'),
      '}',
    ].join('\n');
  }
  if (isSubgroup) {
    return lines(groupColumns, (g) =>
      [
        '{',
        ...pairs.map(([weights]) =>
          lines(rows, (i) => `  let ${weights}Of${i} = subgroupBroadcast(${weights}${i}, ${g}u);`),
        ),
        four(`${g}u`),
        '}',
      ].join('\n'),
    );
  }
  return [
    `for (var g = 0u; g < min(${groupColumns}u, (${end} - ${first} + 3u) / 4u); g++) {`,
    ...pairs.map(([weights]) =>
      lines(rows, (i) => `  let ${weights}Of${i} = ${weights}[(threadRow + ${i}u) * ${groupColumns}u + g];`),
    ),
    four('g'),
    '}',
  ].join('\n');
}

/** Where weights go: into shared memory, or a variable of the lane. */
export function handOver(variant: AttentionVariant, name: string, i: number): string {
  return variant.isSubgroup ? `${name}${i}` : `${name}[(threadRow + ${i}u) * ${variant.groupColumns}u + threadColumn]`;
}

/** What must stand before a tile whose weights are handed over, and between its steps. */
export function openHandOver({ isSubgroup, rows }: AttentionVariant, ...names: readonly string[]): string[] {
  return isSubgroup ? names.map((name) => lines(rows, (i) => `var ${name}${i} = vec4<f32>();`)) : [];
}

export function barrier({ isSubgroup }: AttentionVariant): string[] {
  return isSubgroup ? [] : ['workgroupBarrier();'];
}

/** The shared memory of weights. */
export function sharedWeights(variant: AttentionVariant, name: string, what: string): string[] {
  if (variant.isSubgroup) return [];
  return [`var<workgroup> ${name}: array<vec4<f32>, ${rowsOf(variant) * variant.groupColumns}>; // ${what}`];
}

/** `var sum0_0 = …`. */
export function zeroSums(name: string, { rows }: AttentionVariant, quads: number): string {
  return lines(rows, (i) => lines(quads, (n) => `var ${name}${i}_${n} = vec4<f32>();`));
}

/** Stores the sums of the invocation's rows, each times `factor(i)`. */
export function storeSums(
  { rows, groupColumns }: AttentionVariant,
  name: AttentionOperandName,
  sums: string,
  quads: number,
  size: string,
  factor: (i: number) => string,
): string {
  return lines(rows, (i) =>
    [
      `if (firstRow + ${i}u < p.${size}) {`,
      `  let line = ${name}Start + (firstRow + ${i}u) * p.${name}Row;`,
      lines(
        quads,
        (n) => `  ${storerOf(name)}(line, threadColumn + ${n * groupColumns}u, ${sums}${i}_${n}${factor(i)});`,
      ),
      '}',
    ].join('\n'),
  );
}

const capital = (name: string): string => name[0]?.toUpperCase() + name.slice(1);
const loaderOf = (name: string): string => `load${capital(name)}`;
const storerOf = (name: string): string => `store${capital(name)}`;
/** The parameters that say how wide the rows of an operand are. */
const widthOf = (name: AttentionOperandName): 'width' | 'valueWidth' =>
  name === 'query' || name === 'key' || name === 'gradQuery' || name === 'gradKey' ? 'width' : 'valueWidth';

/** `loadQuery(line, c)`: quad c of a row; `storeOut(line, c, value)`. Elements past the row's end are zeros, and not stored. */
export function accessors(
  { vectors }: AttentionVariant,
  reads: readonly AttentionOperandName[],
  writes: readonly AttentionOperandName[],
): string {
  const loaders = reads.map((name) =>
    vectors
      ? `fn ${loaderOf(name)}(line: u32, c: u32) -> vec4<f32> {
  return ${name}[line + c];
}`
      : `fn ${loaderOf(name)}(line: u32, c: u32) -> vec4<f32> {
  let at = line + 4u * c;
  let left = p.${widthOf(name)} - 4u * c;
  let value = vec4<f32>(${[0, 1, 2, 3].map((i) => `${name}[at + min(${i}u, left - 1u)]`).join(', ')});
  return select(vec4<f32>(), value, vec4<u32>(left) > vec4<u32>(0u, 1u, 2u, 3u));
}`,
  );
  const storers = writes.map((name) => {
    const quads = widthOf(name) === 'width' ? 'quads' : 'valueQuads';
    return vectors
      ? `fn ${storerOf(name)}(line: u32, c: u32, value: vec4<f32>) {
  if (c < p.${quads}) {
    ${name}[line + c] = value;
  }
}`
      : `fn ${storerOf(name)}(line: u32, c: u32, value: vec4<f32>) {
${lines(4, (i) => `  if (4u * c + ${i}u < p.${widthOf(name)}) {\n    ${name}[line + 4u * c + ${i}u] = value[${i}];\n  }`)}
}`;
  });
  return [...loaders, ...storers].join('\n\n');
}

/** The functions of a kernel beside its accessors: exponentials, and dropout where it is. */
export function attentionFunctions({ hasDropout }: AttentionVariant, ...others: readonly string[]): string {
  const exponentials = preludes([['expBelow', ...(hasDropout ? ['philox'] : []), ...others], 1], [['expBelowIeee'], 4]);
  if (!hasDropout) return exponentials;
  return `${exponentials}

// What dropout multiplies four weights by, whose places in the stream are given.
fn dropoutFactors(places: vec4<u32>) -> vec4<f32> {
  var words = philox(places.x / 4u, p.dropoutOffset, p.seedLow, p.seedHigh);
  var block = places.x / 4u;
  var uniform = vec4<f32>();
  for (var i = 0u; i < 4u; i++) {
    if (places[i] / 4u != block) {
      block = places[i] / 4u;
      words = philox(block, p.dropoutOffset, p.seedLow, p.seedHigh);
    }
    uniform[i] = f32(words[places[i] % 4u] >> 8u) * ${2 ** -24};
  }
  return select(vec4<f32>(p.dropoutScale), vec4<f32>(), uniform < vec4<f32>(p.dropoutP));
}`;
}

/**
 * For row i of the invocation and four columns: `kept`, whether a query sees a key, and `scaled`, the score with scale and mask.
 * `row` and `column` are vectors of queries and keys, in this order where rows are queries, else exchanged.
 */
export function maskScores(variant: AttentionVariant, i: number, score: string, rowsAreQueries: boolean): string {
  const { mask, isCausal } = variant;
  const [query, key] = rowsAreQueries ? ['row', 'column'] : ['column', 'row'];
  const place = (j: number): string =>
    `maskStart + min(${query}[${j}], p.queries - 1u) * p.maskRow + min(${key}[${j}], p.keys - 1u) * p.maskColumn`;
  const four = [0, 1, 2, 3].map((j) => `mask[${place(j)}]`).join(', ');
  return [
    `let row = vec4<u32>(firstRow + ${i}u);`,
    `var kept = (row < vec4<u32>(p.${rowsAreQueries ? 'queries' : 'keys'})) & (column < vec4<u32>(p.${rowsAreQueries ? 'keys' : 'queries'}));`,
    ...(isCausal ? [`kept = kept & (${key} <= ${query});`] : []),
    ...(mask === 'bool' ? [`kept = kept & (vec4<u32>(${four}) != vec4<u32>());`] : []),
    ...(mask === 'float'
      ? [
          `let added = vec4<f32>(${four});`,
          '// -infinity, which takes a key away, is known by its bits: compilers may assume that there is none.',
          'kept = kept & (bitcast<vec4<u32>>(added) != vec4<u32>(0xff800000u));',
          `let scaled = p.scale * ${score} + select(vec4<f32>(), added, kept);`,
        ]
      : [`let scaled = p.scale * ${score};`]),
  ].join('\n');
}

/** The places in the dropout stream of four weights. */
export function dropoutPlaces(rowsAreQueries: boolean): string {
  const [query, key] = rowsAreQueries ? ['row', 'column'] : ['column', 'row'];
  return `(vec4<u32>(matrix * p.queries) + ${query}) * p.keys + ${key}`;
}

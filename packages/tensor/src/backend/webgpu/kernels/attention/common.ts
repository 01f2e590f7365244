/**
 * What the WGSL of attention and of its gradients has in common: what a kernel is specialised on, its parameters and bindings, how it finds its
 * matrix and loads rows, masks, and dropout. A workgroup owns a tile of rows and lets tiles of columns go by: rows are queries and columns
 * keys, but in the kernel of the gradients of keys and values, where they change places. Rows and columns past the edges are
 * clamped to the last one when loading, count for nothing, and are skipped when storing.
 */
import type { ParameterType } from '../../params.js';
import { preludes } from '../wgsl/prelude.js';
import { type Element, f32, lines, read, u32, write } from '../wgsl/source.js';

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
    ...u32(
      'queries',
      'keys',
      'width',
      'valueWidth',
      'quads',
      'valueQuads',
      'tiles',
      'groups',
      'firstMatrix',
      'sumsOffset',
    ),
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
      : ['let own = group / p.tiles;', 'let matrix = p.firstMatrix + own;']),
    ...operands.map((name) => `var ${name}Start = p.${name}Offset;`),
    ...(batchRank > 0 ? [`${batchRank > 1 ? 'var' : 'let'} rest = ${isSplit ? 'matrix' : 'own'};`] : []),
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

const capital = (name: string): string => name[0]?.toUpperCase() + name.slice(1);
export const loaderOf = (name: string): string => `load${capital(name)}`;
export const storerOf = (name: string): string => `store${capital(name)}`;
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
 * For four pairs of a query and a key: `kept`, whether the one sees the other, and `scaled`, the score with scale and mask. Both are given
 * as vectors, and named `queryAt` and `keyAt` from there on.
 */
export function maskScores(variant: AttentionVariant, queries: string, keys: string, score: string): string {
  const { mask, isCausal } = variant;
  const place = (j: number): string =>
    `maskStart + min(queryAt[${j}], p.queries - 1u) * p.maskRow + min(keyAt[${j}], p.keys - 1u) * p.maskColumn`;
  const four = [0, 1, 2, 3].map((j) => `mask[${place(j)}]`).join(', ');
  return [
    `let queryAt = ${queries};`,
    `let keyAt = ${keys};`,
    'var kept = (queryAt < vec4<u32>(p.queries)) & (keyAt < vec4<u32>(p.keys));',
    ...(isCausal ? ['kept = kept & (keyAt <= queryAt);'] : []),
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

/** The places in the dropout stream of four weights, whose queries and keys `maskScores` named. */
export const DROPOUT_PLACES = '(vec4<u32>(matrix * p.queries) + queryAt) * p.keys + keyAt';

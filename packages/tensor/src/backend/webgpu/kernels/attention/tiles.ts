/**
 * The steps of a tile of scores (FlashAttention: Dao 2022). An invocation computes a few rows by four columns of scores, the workgroup exchanges
 * them as weights through shared memory (or, where a workgroup is one subgroup, by broadcasts), and each invocation then sums its
 * share of the result's columns, in quads of four. No score reaches global memory.
 */

import { lines } from '../wgsl/source.js';
import { type AttentionOperandName, type AttentionVariant, loaderOf, rowsOf, storerOf } from './common.js';

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
 * `sum` of each row and quad grows by the weights, in shared memory or in the lanes that computed them, times the rows of an operand that
 * they stand for. `first` is the number of the first of these rows, `end` where they stop.
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

/**
 * A split in which each class has its share of both parts, row for row that of `train_test_split(stratify_by_column=…)` of Hugging Face's
 * `datasets`, which has it from scikit-learn.
 */
import { ArgumentError } from '@course/tensor';
import type { NumpyGenerator } from '../random/numpy.js';
import { compareTexts } from './sort.js';

/** The rows of both parts. */
export interface SplitRows {
  readonly train: ArrayLike<number>;
  readonly test: ArrayLike<number>;
}

/** Draws from each class in proportion; what is left over goes to those with the largest remainders, ties at random. */
function approximateMode(counts: readonly number[], draws: number, generator: NumpyGenerator): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const continuous = counts.map((count) => (draws * count) / total);
  const floored = continuous.map(Math.floor);
  let missing = Math.trunc(draws - floored.reduce((sum, count) => sum + count, 0));
  if (missing === 0) return floored;
  const remainders = continuous.map((value, i) => value - (floored[i] ?? 0));
  for (const value of [...new Set(remainders)].sort((a, b) => b - a)) {
    const classes = remainders.flatMap((remainder, i) => (remainder === value ? [i] : []));
    const chosen = generator.choice(classes.length, Math.min(classes.length, missing));
    for (const place of chosen) {
      const i = classes[place] ?? 0;
      floored[i] = (floored[i] ?? 0) + 1;
    }
    missing -= chosen.length;
    if (missing === 0) break;
  }
  return floored;
}

/**
 * Splits rows by their classes.
 *
 * @throws ArgumentError when a class has one row, or a part has fewer rows than there are classes.
 */
export function stratifiedSplit(
  labels: readonly unknown[],
  trainCount: number,
  testCount: number,
  generator: NumpyGenerator,
): SplitRows {
  const rowsOf = new Map<unknown, number[]>();
  for (const [i, label] of labels.entries()) {
    if (typeof label !== 'number' && typeof label !== 'string' && typeof label !== 'boolean')
      throw new ArgumentError(
        `trainTestSplit: the class of row ${i} must be a number, text or truth value, got ${label}`,
      );
    const rows = rowsOf.get(label);
    if (rows === undefined) rowsOf.set(label, [i]);
    else rows.push(i);
  }
  const classes = [...rowsOf.keys()].sort((a, b) =>
    typeof a === 'string' && typeof b === 'string' ? compareTexts(a, b) : Number(a) - Number(b),
  );
  const rows = classes.map((label) => rowsOf.get(label) ?? []);
  for (const [i, { length }] of rows.entries()) {
    if (length < 2)
      throw new ArgumentError(`trainTestSplit: class ${classes[i]} has only 1 row; stratifying needs 2 of each`);
  }
  for (const [part, count] of Object.entries({ train: trainCount, test: testCount })) {
    if (count < classes.length)
      throw new ArgumentError(
        `trainTestSplit: ${count} rows for the ${part} part are fewer than the ${classes.length} classes`,
      );
  }
  const counts = rows.map(({ length }) => length);
  const trainOf = approximateMode(counts, trainCount, generator);
  const testOf = approximateMode(
    counts.map((count, i) => count - (trainOf[i] ?? 0)),
    testCount,
    generator,
  );
  const train: number[] = [];
  const test: number[] = [];
  for (const [i, own] of rows.entries()) {
    const order = generator.permutation(own.length);
    const [trains = 0, tests = 0] = [trainOf[i], testOf[i]];
    for (const place of order.subarray(0, trains)) train.push(own[place] ?? 0);
    for (const place of order.subarray(trains, trains + tests)) test.push(own[place] ?? 0);
  }
  return { train: generator.shuffle(train), test: generator.shuffle(test) };
}

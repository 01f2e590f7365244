/** Which rows go into which part of a data set: those that `shuffle` and `train_test_split` of Hugging Face's `datasets` take for a seed. */
import { ArgumentError, defaultGenerator } from '@course/tensor';
import { NumpyGenerator } from '../random/numpy.js';
import { type SplitRows, stratifiedSplit } from './stratify.js';

/** Options of `shuffle`. */
export interface ShuffleOptions {
  /** A whole number in [0, 2^53); without one, it is drawn from the default generator, which `manualSeed` sets. */
  readonly seed?: number;
}

/** Options of `trainTestSplit`. */
export interface SplitOptions<Name extends PropertyKey = string> extends ShuffleOptions {
  /** The share (below 1, rounded up to whole rows) or the number of rows for the test part; 0.25 by default. */
  readonly testSize?: number;
  /** The share (rounded down) or the number of rows for the training part; by default all others. */
  readonly trainSize?: number;
  /** Whether rows are shuffled first; true by default. */
  readonly shuffle?: boolean;
  /** A column of classes, each of which has its share of both parts. */
  readonly stratifyByColumn?: Name;
}

/**
 * The rows of both parts.
 *
 * @param classes The class of each row, where each class is to have its share of both.
 * @throws ArgumentError when one part would be empty, or when classes cannot be stratified.
 */
export function splitRows(
  length: number,
  options: SplitOptions<PropertyKey>,
  classes: readonly unknown[] | undefined,
): SplitRows {
  const { shuffle = true } = options;
  const [trains, tests] = splitSizes(options, length);
  if (!shuffle) {
    if (classes !== undefined) throw new ArgumentError('trainTestSplit: stratifyByColumn needs shuffle');
    const rows = Int32Array.from({ length: trains + tests }, (_, i) => i);
    return { train: rows.subarray(0, trains), test: rows.subarray(trains) };
  }
  const generator = new NumpyGenerator(options.seed ?? drawSeed());
  if (classes !== undefined) return stratifiedSplit(classes, trains, tests, generator);
  const order = generator.permutation(length);
  return { train: order.subarray(tests, tests + trains), test: order.subarray(0, tests) };
}

/** Numbers of rows of both parts. */
function splitSizes({ testSize, trainSize }: SplitOptions<PropertyKey>, length: number): [train: number, test: number] {
  const rows = (size: number, round: (rows: number) => number): number => (size < 1 ? round(size * length) : size);
  const train = trainSize === undefined ? undefined : rows(trainSize, Math.floor);
  const asked = testSize ?? (train === undefined ? 0.25 : undefined);
  const test = asked === undefined ? length - (train ?? 0) : rows(asked, Math.ceil);
  const rest = train ?? length - test;
  if (Number.isInteger(test) && Number.isInteger(rest) && test > 0 && rest > 0 && test + rest <= length)
    return [rest, test];
  const sizes = `testSize ${testSize ?? asked ?? 'the rest'}${trainSize === undefined ? '' : ` and trainSize ${trainSize}`}`;
  throw new ArgumentError(
    `trainTestSplit: ${sizes} of ${length} rows leaves a part empty; ` +
      'it must be a share in (0, 1) or a number of rows',
  );
}

/** A seed where none is given: drawn from the generator that `manualSeed` sets. */
export function drawSeed(): number {
  return defaultGenerator().random();
}

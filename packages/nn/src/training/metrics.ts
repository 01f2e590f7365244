/** Metrics on host arrays, as `computeMetrics` of a `Trainer` gets them; the definitions are scikit-learn's. */
import { ArgumentError, ShapeError } from '@course/tensor';

/** Numbers in row-major order and their shape. */
export interface HostTensor {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

/** The label of what does not count: padding. */
const IGNORED = -100;

/** The place of the largest number of each row of the last dim. */
export function argmax({ data, shape }: HostTensor): HostTensor {
  const width = shape.at(-1) ?? 0;
  if (width === 0) throw new ShapeError(`argmax: expected [..., classes], got [${shape.join(', ')}]`);
  const places = new Int32Array(data.length / width);
  for (let row = 0; row < places.length; row++) {
    let best = 0;
    for (let i = 1; i < width; i++) if ((data[row * width + i] ?? 0) > (data[row * width + best] ?? 0)) best = i;
    places[row] = best;
  }
  return { data: places, shape: shape.slice(0, -1) };
}

/** Class numbers of predictions and labels, those labelled -100 left out. */
function pairs(name: string, predictions: HostTensor, labels: HostTensor): { predicted: number[]; actual: number[] } {
  const classes = predictions.shape.length === labels.shape.length ? predictions : argmax(predictions);
  if (classes.shape.join() !== labels.shape.join())
    throw new ShapeError(
      `${name}: predictions [${predictions.shape.join(', ')}] and labels [${labels.shape.join(', ')}] do not fit: predictions are logits [..., classes] or class numbers in the shape of the labels`,
    );
  const [predicted, actual]: [number[], number[]] = [[], []];
  for (let i = 0; i < labels.data.length; i++) {
    const label = labels.data[i] ?? IGNORED;
    if (label === IGNORED) continue;
    predicted.push(classes.data[i] ?? Number.NaN);
    actual.push(label);
  }
  return { predicted, actual };
}

/**
 * The share of labels that were predicted. Predictions are logits [..., classes] or class numbers; labels of -100 do not count.
 *
 * @example
 * accuracy({ data: [0.1, 0.9, 2, 1], shape: [2, 2] }, { data: [1, 1], shape: [2] }); // 0.5
 */
export function accuracy(predictions: HostTensor, labels: HostTensor): number {
  const { predicted, actual } = pairs('accuracy', predictions, labels);
  return actual.filter((label, i) => label === predicted[i]).length / actual.length;
}

/** Counts [actual, predicted] of every pair of classes. */
export function confusionMatrix(
  predictions: HostTensor,
  labels: HostTensor,
  { numClasses }: { readonly numClasses?: number } = {},
): HostTensor & { readonly data: Int32Array } {
  const { predicted, actual } = pairs('confusionMatrix', predictions, labels);
  const classes = numClasses ?? Math.max(-1, ...predicted, ...actual) + 1;
  const data = new Int32Array(classes * classes);
  for (const [i, label] of actual.entries()) {
    const guess = predicted[i] ?? -1;
    for (const each of [label, guess])
      if (!(Number.isInteger(each) && each >= 0 && each < classes))
        throw new ArgumentError(`confusionMatrix: class ${each} is not among ${classes} classes`);
    const at = label * classes + guess;
    data[at] = (data[at] ?? 0) + 1;
  }
  return { data, shape: [classes, classes] };
}

/** How the values of classes become one. */
export type Average = 'binary' | 'macro' | 'micro' | 'weighted';

/** Options of {@link precisionRecallF1}. */
export interface PrecisionRecallOptions {
  /**
   * `binary`: of class `positive` alone; `macro`: the mean over classes; `weighted`: weighted by how often each occurs; `micro`: of all
   * decisions together. Default: binary for two classes, else macro.
   */
  readonly average?: Average;
  /** The class that `binary` is about. Default 1. */
  readonly positive?: number;
}

/** What {@link precisionRecallF1} gives. */
export interface PrecisionRecall {
  /** Of what was predicted to be of a class, the share that is. */
  readonly precision: number;
  /** Of what is of a class, the share that was predicted. */
  readonly recall: number;
  /** Their harmonic mean. */
  readonly f1: number;
}

const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);

/**
 * Precision, recall and F1, as scikit-learn's `precision_recall_fscore_support`; where nothing was predicted or nothing occurs they are 0.
 * Macro and weighted means are over the classes that occur in predictions or labels.
 */
export function precisionRecallF1(
  predictions: HostTensor,
  labels: HostTensor,
  options: PrecisionRecallOptions = {},
): PrecisionRecall {
  const { data, shape } = confusionMatrix(predictions, labels);
  const classes = shape[0] ?? 0;
  const { average = classes <= 2 ? 'binary' : 'macro', positive = 1 } = options;
  if (!['binary', 'macro', 'micro', 'weighted'].includes(average))
    throw new ArgumentError(`precisionRecallF1: average may be binary, macro, micro or weighted, got '${average}'`);
  const count = (row: number, column: number): number => data[row * classes + column] ?? 0;
  const range = Array.from({ length: classes }, (_, i) => i);
  const perClass = range
    .map((each) => {
      const hits = count(each, each);
      const predicted = range.reduce((sum, row) => sum + count(row, each), 0);
      const support = range.reduce((sum, column) => sum + count(each, column), 0);
      const f1 = ratio(2 * hits, predicted + support);
      return { each, hits, predicted, support, precision: ratio(hits, predicted), recall: ratio(hits, support), f1 };
    })
    .filter(({ predicted, support }) => predicted + support > 0);
  if (average === 'binary') {
    const own = perClass.find(({ each }) => each === positive);
    return { precision: own?.precision ?? 0, recall: own?.recall ?? 0, f1: own?.f1 ?? 0 };
  }
  if (average === 'micro') {
    const share = ratio(
      perClass.reduce((sum, { hits }) => sum + hits, 0),
      perClass.reduce((sum, { support }) => sum + support, 0),
    );
    return { precision: share, recall: share, f1: share };
  }
  const weight = ({ support }: { readonly support: number }): number => (average === 'macro' ? 1 : support);
  const total = perClass.reduce((sum, each) => sum + weight(each), 0);
  const mean = (name: 'precision' | 'recall' | 'f1'): number =>
    ratio(
      perClass.reduce((sum, each) => sum + weight(each) * each[name], 0),
      total,
    );
  return { precision: mean('precision'), recall: mean('recall'), f1: mean('f1') };
}

/** F1 alone, see {@link precisionRecallF1}. */
export function f1Score(predictions: HostTensor, labels: HostTensor, options: PrecisionRecallOptions = {}): number {
  return precisionRecallF1(predictions, labels, options).f1;
}

/** How many tokens a language model hesitates between, e to the power of its mean cross-entropy. */
export function perplexity(loss: number): number {
  return Math.exp(loss);
}

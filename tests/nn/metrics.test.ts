// Metrics on cases worked out by hand, after scikit-learn's definitions.
import { accuracy, argmax, confusionMatrix, f1Score, type HostTensor, perplexity, precisionRecallF1 } from '@course/nn';
import { ArgumentError, ShapeError } from '@course/tensor';
import { expect, it } from 'vitest';

const list = (...data: number[]): HostTensor => ({ data, shape: [data.length] });
// Three classes: of four 0s two are found, of three 1s two, of one 2 none.
const labels = list(0, 0, 0, 0, 1, 1, 1, 2);
const predictions = list(0, 0, 1, 2, 1, 1, 0, 1);

it('finds the largest of each row', () => {
  expect(argmax({ data: [1, 3, 2, 9, 8, 7], shape: [2, 3] })).toEqual({ data: Int32Array.of(1, 0), shape: [2] });
  expect(() => argmax({ data: [], shape: [0, 0] })).toThrow(ShapeError);
});

it('counts what was right, of logits or classes, padding left out', () => {
  expect(accuracy(predictions, labels)).toBe(4 / 8);
  const logits = { data: [0.1, 0.9, 2, 1, 0, 5], shape: [1, 3, 2] };
  expect(accuracy(logits, { data: [1, 1, -100], shape: [1, 3] })).toBe(0.5);
  expect(() => accuracy(list(1, 2), list(1))).toThrow('predictions [2] and labels [1] do not fit');
});

it('counts pairs of classes', () => {
  expect(confusionMatrix(predictions, labels)).toEqual({
    data: Int32Array.of(2, 1, 1, 1, 2, 0, 0, 1, 0),
    shape: [3, 3],
  });
  expect(confusionMatrix(list(1), list(0), { numClasses: 2 }).data).toEqual(Int32Array.of(0, 1, 0, 0));
  expect(() => confusionMatrix(list(3), list(0), { numClasses: 2 })).toThrow(ArgumentError);
});

it('averages precision, recall and F1 as scikit-learn does', () => {
  // Per class: precision 2/3, 2/4, 0/1; recall 2/4, 2/3, 0/1; F1 4/7, 4/7, 0.
  const macro = precisionRecallF1(predictions, labels);
  expect(macro.precision).toBeCloseTo((2 / 3 + 1 / 2) / 3, 12);
  expect(macro.recall).toBeCloseTo((1 / 2 + 2 / 3) / 3, 12);
  expect(macro.f1).toBeCloseTo(8 / 7 / 3, 12);
  const weighted = precisionRecallF1(predictions, labels, { average: 'weighted' });
  expect(weighted.precision).toBeCloseTo((4 * (2 / 3) + 3 * (1 / 2)) / 8, 12);
  expect(weighted.recall).toBeCloseTo(4 / 8, 12);
  expect(f1Score(predictions, labels, { average: 'micro' })).toBe(0.5);
  expect(f1Score(list(1, 0, 1, 1), list(1, 1, 0, 1))).toBeCloseTo(2 / 3, 12);
  expect(f1Score(list(1, 0, 1, 1), list(1, 1, 0, 1), { positive: 0 })).toBe(0);
  expect(precisionRecallF1(list(0, 0), list(0, 0))).toEqual({ precision: 0, recall: 0, f1: 0 });
  expect(() => f1Score(predictions, labels, { average: 'none' as 'macro' })).toThrow(ArgumentError);
});

it('turns a cross-entropy into a perplexity', () => {
  expect(perplexity(Math.log(50))).toBeCloseTo(50, 10);
});

// The training loop leaves nothing behind: neither tensors nor bytes grow from step to step.
import { TextClassifier } from '@course/models';
import { init, memory } from '@course/tensor';
import { expect, it } from 'vitest';
import { syntheticCorpus } from '../../examples/src/sentiment/data.js';
import { batchesOf, encodeTexts, learnTokenizer } from '../../examples/src/sentiment/encoding.js';
import { evaluate } from '../../examples/src/sentiment/evaluation.js';
import { train } from '../../examples/src/sentiment/training.js';

it('keeps as much memory after every epoch and evaluation as after the first', async () => {
  await init({ device: 'cpu' });
  const { train: texts, labels } = syntheticCorpus();
  const some = texts.take(120);
  const maxLength = 32;
  const { signal } = new AbortController();
  const tokenizer = learnTokenizer(some, { vocabSize: 300, maxLength });
  const encoded = await encodeTexts(some, tokenizer, { labels, maxLength }, signal);
  const batches = batchesOf(encoded, tokenizer, { batchSize: 8, shuffle: true, seed: 0 });
  const model = new TextClassifier({ vocabSize: tokenizer.vocabSize, labels, maxLength, dim: 16, layers: 1, heads: 2 });
  const held: { tensors: number; bytes: number }[] = [];
  await train(model, batches, {
    epochs: 4,
    lr: 1e-3,
    signal,
    onProgress: () => undefined,
    onEpoch: async () => {
      const evaluation = await evaluate(model, batches, signal);
      const { tensors, bytes } = memory();
      held.push({ tensors, bytes });
      return evaluation;
    },
  });
  expect(held).toHaveLength(4);
  for (const each of held) expect(each).toEqual(held[0]);
});

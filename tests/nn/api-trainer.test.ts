// The excerpt that fixes how a Trainer is used, as it stands: tokenized rows in, a bar and a log, checkpoints, metrics out.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BertTokenizer, Dataset } from '@course/data';
import { TextClassifier } from '@course/models';
import { accuracy, Trainer } from '@course/nn';
import { manualSeed } from '@course/tensor';
import { expect, it, vi } from 'vitest';
import { onEachDevice } from '../support/devices.js';

const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'good', 'bad', 'a', 'film'];
const texts = (count: number): Dataset<{ text: string; label: number }> =>
  Dataset.fromRows(Array.from({ length: count }, (_, i) => ({ text: i % 2 ? 'a good film' : 'bad', label: i % 2 })));

onEachDevice('the excerpt of a Trainer', () => {
  it('runs as it stands', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'api-trainer-test-'));
    const printed = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    try {
      manualSeed(1);
      const tokenizer = new BertTokenizer({ vocab });
      const tokenize = async (count: number) =>
        await texts(count).map((row) => ({ ...tokenizer.encode(row.text), label: row.label }));
      const [tokenizedTrain, tokenizedTest] = [await tokenize(64), await tokenize(10)];
      const model = new TextClassifier({ vocabSize: vocab.length, labels: ['no', 'yes'], dim: 8, heads: 2 });
      const outputDir = join(folder, 'results');

      const trainer = new Trainer({
        model,
        tokenizer,
        args: {
          outputDir,
          numTrainEpochs: 3,
          perDeviceTrainBatchSize: 16,
          perDeviceEvalBatchSize: 32,
          learningRate: 5e-2,
          warmupRatio: 0.1,
          evalStrategy: 'steps',
          evalSteps: 5,
          loggingSteps: 10,
          saveStrategy: 'epoch',
          seed: 42,
        },
        trainDataset: tokenizedTrain,
        evalDataset: tokenizedTest,
        computeMetrics: ({ logits, labels }) => ({ accuracy: accuracy(logits, labels) }), // host arrays { data, shape }
      });
      await trainer.train();
      const found = await trainer.evaluate();

      expect(found.evalAccuracy).toBe(1);
      expect(Object.keys(found).slice(0, 2)).toEqual(['evalLoss', 'evalAccuracy']);
      expect(await readdir(outputDir)).toEqual(['checkpoint-12', 'checkpoint-4', 'checkpoint-8']);
      expect(trainer.state.logHistory.map(({ step }) => step)).toEqual([5, 10, 10]);
      expect(printed).toHaveBeenCalledTimes(3);
      await trainer.train({ resumeFromCheckpoint: true });
      expect(trainer.state.globalStep).toBe(12);
    } finally {
      printed.mockRestore();
      await rm(folder, { recursive: true });
    }
  });
});

// What the examples of the courses reach on the real data sets, beside the same models in PyTorch on the same rows: COURSE_LONG=1 asks for it,
// where the data are (COURSE_DATA, or shared/data beside the project). It takes a quarter of an hour.
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AutoTokenizer, Dataset } from '@course/data';
import { AutoModelForSequenceClassification } from '@course/models';
import { Trainer } from '@course/nn';
import { init, manualSeed } from '@course/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { runWhole } from './support/course.js';

const data = process.env.COURSE_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url));
const checkpoint = join(data, 'models/tiny-bert-mlm');
const minutes = 60_000;

/** PyTorch's accuracies, in percent; what is reached here may differ by a point. */
const pytorch = { 'bag-of-words': 85.2, 'embedding-pooling': 80.2, yelp: 57.1, sst2: 80.6 };

const why = process.env.COURSE_LONG === '1' ? `if there is ${data}` : 'COURSE_LONG=1 runs them';
describe.skipIf(process.env.COURSE_LONG !== '1' || !existsSync(data))(`on real data (${why})`, () => {
  beforeAll(() => init({ device: 'cpu' }));

  it.each(['bag-of-words', 'embedding-pooling'] as const)(
    '%s judges IMDb as PyTorch does, in the mean of three seeds',
    async (name) => {
      let sum = 0;
      for (const seed of ['0', '1', '2']) {
        const { code, errors, values } = await runWhole(name, '--data', join(data, 'datasets/imdb'), '--seed', seed);
        expect({ code, errors }).toEqual({ code: 0, errors: '' });
        sum += (values.val_acc as readonly number[]).at(-1) ?? 0;
      }
      expect(Math.abs((100 * sum) / 3 - pytorch[name])).toBeLessThanOrEqual(1);
    },
    10 * minutes,
  );

  it(
    'best-performance judges Yelp within a point of PyTorch, or better',
    async () => {
      const { code, errors, values } = await runWhole(
        'best-performance',
        ...['--model', checkpoint, '--data', join(data, 'datasets/yelp5'), '--seed', '42'],
      );
      expect({ code, errors }).toEqual({ code: 0, errors: '' });
      const { evalAccuracy } = values['All rows, with a schedule'] as { readonly evalAccuracy: number };
      expect(100 * evalAccuracy).toBeGreaterThanOrEqual(pytorch.yelp - 1);
    },
    15 * minutes,
  );

  it(
    'a Trainer with the settings of PyTorch judges SST-2 within a point of it, or better',
    async () => {
      manualSeed(42);
      const tokenizer = await AutoTokenizer.fromPretrained(checkpoint);
      const model = await AutoModelForSequenceClassification.fromPretrained(checkpoint, { numLabels: 2 });
      const rows = (name: string) =>
        Dataset.fromRows(
          readFileSync(join(data, 'datasets/sst2', name), 'utf8')
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line) as { text: string; label: number })
            .map(({ text, label }) => ({
              inputIds: tokenizer.encode(text, { truncation: true, maxLength: 64 }).inputIds,
              label,
            })),
        );
      const outputDir = await mkdtemp(join(tmpdir(), 'course-sst2-'));
      try {
        const trainer = new Trainer({
          model,
          args: {
            ...{ outputDir, maxSteps: 800, perDeviceTrainBatchSize: 64, learningRate: 3e-4, warmupSteps: 100 },
            ...{ weightDecay: 0.01, seed: 42, saveStrategy: 'no', reportTo: 'none', disableTqdm: true },
          },
          trainDataset: rows('train.jsonl'),
          evalDataset: rows('dev.jsonl'),
          tokenizer,
          computeMetrics: ({ logits, labels }) => {
            const [count = 0, classes = 0] = logits.shape;
            let right = 0;
            for (let i = 0; i < count; i++) {
              const scores = Array.from(logits.data, Number).slice(i * classes, (i + 1) * classes);
              if (scores.indexOf(Math.max(...scores)) === Number(labels.data[i])) right++;
            }
            return { accuracy: right / count };
          },
        });
        await trainer.train();
        const { evalAccuracy = 0 } = await trainer.evaluate();
        expect(100 * evalAccuracy).toBeGreaterThanOrEqual(pytorch.sst2 - 1);
      } finally {
        await rm(outputDir, { recursive: true });
      }
    },
    15 * minutes,
  );
});

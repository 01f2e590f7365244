// The same run on every device: the same data, initial weights and dropout masks, so that only rounding differs.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateReviews } from '../../examples/src/sentiment/reviews.js';
import { devices } from '../support/devices.js';
import { jsonl, runCaptured, tiny } from './support/run.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sentiment-devices-'));
  await writeFile(join(folder, 'train.jsonl'), jsonl(generateReviews({ train: 200, test: 0 }).train));
});
afterAll(() => rm(folder, { recursive: true }));

interface Outcome {
  readonly device: string;
  readonly finalLoss: number;
  readonly predictions: readonly { readonly label: string; readonly score: number }[];
}

async function outcome(...args: readonly string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await runCaptured(
    '--json',
    '--text',
    'not bad at all',
    '--text',
    'a waste',
    ...args,
  );
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

describe.skipIf(!devices.includes('webgpu'))('on webgpu', () => {
  const device = 'webgpu';
  it('training and judging come to what they come to on the CPU', async () => {
    const out = join(folder, device);
    const training = [...tiny, '--train', join(folder, 'train.jsonl'), '--out', out];
    const expected = await outcome(...training);
    const actual = await outcome(...training, '--device', device);
    expect(actual.device).toBe(device);
    // Both compute in float32, in another order: 24 steps of Adam, which divides by small numbers, leave three digits.
    expect(actual.finalLoss).toBeCloseTo(expected.finalLoss, 3);
    for (const [i, { score, label }] of actual.predictions.entries()) {
      expect(label).toBe(expected.predictions[i]?.label);
      expect(score).toBeCloseTo(expected.predictions[i]?.score ?? 0, 3);
    }
    // A model belongs to no device: saved on one, it says the same on another.
    const loaded = await outcome('--load', out, '--device', 'cpu');
    for (const [i, { score }] of loaded.predictions.entries()) {
      // Inference alone: float32 rounding of a few sums of 16 and 32 terms.
      expect(score).toBeCloseTo(actual.predictions[i]?.score ?? 0, 5);
    }
  });
});

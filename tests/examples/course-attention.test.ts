// The printed numbers of the notebooks about attention: four decimals exactly, all printed digits within 2 ulp on the CPU and 1e-6 on
// WebGPU, whose exp is less exact.
import { device } from '@course/tensor';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import { runCourse } from './support/course.js';

/** Printed digits of float32 numbers: 2 ulp on the CPU. */
const printed = () => (device.kind === 'cpu' ? { rtol: 2 * 2 ** -23 } : { atol: 1e-6 });

onEachDevice('notebook values', () => {
  it('AICC303 4.2, 1.1: scaled dot-product attention', async () => {
    const { values, text } = await runCourse('scaled-dot-product');
    expect((values['Attention weights'] as number[][][]).flat(2)).toBeClose(
      [0.3017341, 0.30983964, 0.3884262, 0.2450955, 0.3801395, 0.37476498, 0.29378855, 0.2293217, 0.4768897],
      printed(),
    );
    expect(text).toContain(
      'tensor([[[0.3017, 0.3098, 0.3884],\n         [0.2451, 0.3801, 0.3748],\n         [0.2938, 0.2293, 0.4769]]])',
    );
  });

  it('UCI day 3, 2.1: cosine similarities of three vectors', async () => {
    const { values } = await runCourse('cosine-similarity');
    // By hand: dot products over products of lengths.
    const lengths = [Math.sqrt(7), Math.sqrt(6), Math.sqrt(5)];
    const dots = [7, -1, 5, -1, 6, 0, 5, 0, 5];
    const expected = dots.map((dot, i) => dot / ((lengths[Math.floor(i / 3)] ?? 1) * (lengths[i % 3] ?? 1)));
    for (const name of ['Cosine similarities', 'The same as one product'])
      expect((values[name] as number[][]).flat()).toBeClose(expected, { atol: 1e-6 });
  });

  it('class 4.0: the transformer learns to say sequences backwards', async () => {
    const { values } = await runCourse('transformer');
    // A guess is right in one of 15 words.
    expect(values['Share of words that are right']).toBeGreaterThan(0.7);
    const losses = values.losses as number[];
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 4);
  }, 120_000);

  it('lesson 3: two circles, and 263,005 parameters', async () => {
    const { values } = await runCourse('two-circles');
    expect(values['Accuracy of the linear model']).toBeLessThan(0.75);
    expect(values['Accuracy with the feature x1² + x2²']).toBe(1);
    expect(values['Accuracy of the rule made by hand']).toBe(1);
    expect(values['Accuracy of the network']).toBeGreaterThan(0.98);
    expect((await runCourse('parameter-count')).values['Trainable parameters']).toBe(263_005);
  }, 120_000);

  it('UCI day 3, 2.1: the attention matrix', async () => {
    const { values } = await runCourse('attention-matrix');
    const weights = values['Attention weights (softmax over rows)'] as number[][];
    // Printed with five digits: half a unit of the last one.
    for (const [i, expected] of [5.8978e-3, 1.3969e-5, 9.94e-1, 9.1529e-5].entries())
      expect(weights[0]?.[i]?.toExponential(4)).toBe(expected.toExponential(4));
  });
});

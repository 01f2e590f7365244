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

  it('UCI day 3, 2.1: the attention matrix', async () => {
    const { values } = await runCourse('attention-matrix');
    const weights = values['Attention weights (softmax over rows)'] as number[][];
    // Printed with five digits: half a unit of the last one.
    for (const [i, expected] of [5.8978e-3, 1.3969e-5, 9.94e-1, 9.1529e-5].entries())
      expect(weights[0]?.[i]?.toExponential(4)).toBe(expected.toExponential(4));
  });
});

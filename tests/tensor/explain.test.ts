// What `explain` says of a pending value, on both devices.
import { device, explain, type Tensor, tensor } from '@course/tensor';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

onEachDevice('explain', () => {
  it('lists the steps that share a kernel, and the text the device makes of them', async () => {
    const x = tensor([1, 2, 3]);
    const y = x.add(1).mul(2).gelu();
    const text = explain(y);
    expect(text).toContain(`1 kernel over [3] (3 elements) on ${device.kind}: 1 input, 3 steps, 1 output`);
    expect(text).toContain(
      '%0 = input 0: float32\n  %1 = 1: float32\n  %2 = 2: float32\n  %3 = add(%0, %1): float32\n  %4 = mul(%3, %2): float32\n  %5 = gelu(%4): float32\n  write %5',
    );
    if (device.kind === 'webgpu') expect(text).toMatch(/@compute @workgroup_size/);
    await y.data();
    expect(explain(y)).toBe('0 kernels: this value of shape [3] is computed');
  });

  it('never reads more inputs than a kernel can have, though values have been computed since', async () => {
    const { maxStorageBuffersPerShaderStage: bindings = 1, maxPointwiseInputs: most = bindings - 1 } =
      device.info().limits;
    const inputs = Array.from({ length: most }, (_, i) => tensor([i, 1, 2, 3, 5]));
    const [first, second] = inputs as [Tensor, Tensor];
    const both = first.mul(second);
    // Of `most` inputs; once the product of the first two is there, of one more, since they are read beside it.
    const total = inputs.reduce((sum, each) => sum.add(each), both);
    expect(await both.toArray()).toEqual([0, 1, 4, 9, 25]);
    const [, count = '0'] = /: (\d+) inputs?, \d+ steps?, 1 output/.exec(explain(total)) ?? [];
    expect(Number(count)).toBeGreaterThan(0);
    expect(Number(count)).toBeLessThanOrEqual(most);
    expect(await total.toArray()).toEqual([
      (most * (most - 1)) / 2,
      most + 1,
      2 * most + 4,
      3 * most + 9,
      5 * most + 25,
    ]);
  });
});

// Pointwise programs of any ops over operands of any layout: on WebGPU they give the bits that they give on the CPU.
import { init, scope, type Tensor, withDevice } from '@course/tensor';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { devices } from '../../support/devices.js';
import { randomProgram } from '../support/random-programs.js';

describe.runIf(devices.includes('webgpu'))('random pointwise programs', () => {
  beforeAll(async () => {
    await init({ device: 'webgpu' });
    await init({ device: 'cpu' });
  });

  it('are the same on both devices', async () => {
    await fc.assert(
      fc.asyncProperty(fc.gen(), async (gen) => {
        const { text, run } = randomProgram((min, max) => gen(fc.integer, { min, max }));
        const on = (kind: 'cpu' | 'webgpu'): Tensor[] => withDevice(kind, () => scope(run));
        const [expected, actual] = [on('cpu'), on('webgpu')];
        for (const [i, each] of actual.entries()) {
          expect(each.shape, text).toEqual(expected[i]?.shape);
          // + 0: the sign of zero is not compared.
          const numbers = async (x: Tensor | undefined) =>
            Array.from((await x?.data()) ?? [], (value) => Number(value) + 0);
          expect(await numbers(each), `${text}, value ${i}`).toEqual(await numbers(expected[i]));
        }
        for (const each of [...actual, ...expected]) each.dispose();
      }),
      { numRuns: 120, seed: 3 },
    );
  });
});

// Every kernel on operands that lie beyond 2 GiB of linear memory, where addresses no longer fit a signed word, and across that border: the
// bits of the same work near its beginning. What lies before is taken but never touched, so it costs addresses and no memory.
import { describe, expect, it } from 'vitest';
import { ALIGNMENT } from '../../../packages/tensor/src/backend/cpu/allocator.js';
import { CpuBackend } from '../../../packages/tensor/src/backend/cpu/cpu-backend.js';
import { drawLine } from '../../../packages/tensor/src/backend/cpu/kernels/line.js';
import { draw } from '../../../packages/tensor/src/backend/cpu/kernels/random.js';
import { Launcher } from '../../../packages/tensor/src/backend/cpu/launch.js';
import { LinearMemory } from '../../../packages/tensor/src/backend/cpu/memory.js';
import { loadKernels, type SimdBuild } from '../../../packages/tensor/src/backend/cpu/module.js';
import { Mt19937 } from '../../../packages/tensor/src/random/mt19937.js';
import { cases } from './cases.js';
import { type Computer, computerOf, Machine } from './machine.js';

/** A machine whose operands lie behind so many bytes. */
async function behind(bytes: number, build: SimdBuild): Promise<{ launcher: Launcher; machine: Machine<Computer> }> {
  const memory = new LinearMemory();
  const launcher = new Launcher(memory, await loadKernels(build, memory.wasm));
  if (bytes > 0) launcher.take(bytes);
  return { launcher, machine: new Machine(computerOf(launcher)) };
}

describe.each(['simd', 'relaxed-simd'] as const)('beyond 2 GiB (%s)', (build) => {
  it.each([
    ['beyond', 2 ** 31 + 2 ** 20],
    // The operands of most cases begin before it and end behind.
    ['across', 2 ** 31 - 2 ** 21],
  ])('%s the border every kernel gives the same bits', async (_, bytes) => {
    const near = new Machine(await CpuBackend.create({ build, share: false }));
    for (const [name, run] of Object.entries(cases)) {
      const { machine } = await behind(bytes, build);
      expect(await run(machine), name).toEqual(await run(near));
    }
    near.backend.destroy();
  });

  it('numbers are drawn as well', async () => {
    const drawn = async (bytes: number): Promise<Int32Array> => {
      const { launcher } = await behind(bytes, build);
      const count = 200_003;
      const address = launcher.take(4 * count).start * ALIGNMENT;
      const all: number[] = [];
      const state = new Mt19937(1).state();
      for (const each of [
        { kind: 'normal', mean: 0, std: 1 },
        { kind: 'exponential', rate: 1 },
        { kind: 'permutation' },
      ] as const) {
        draw(launcher, address, count, each, state);
        all.push(...launcher.i32.slice(address / 4, address / 4 + 1000));
      }
      drawLine(launcher, address, count, { first: 0, last: 1, step: 1 / (count - 1) });
      all.push(...launcher.i32.slice(address / 4 + count - 1000, address / 4 + count));
      return Int32Array.from(all);
    };
    expect(await drawn(2 ** 31 - 2 ** 19)).toEqual(await drawn(0));
  });
});

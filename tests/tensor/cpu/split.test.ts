// What threads will rely on: a launch may be cut into pieces of any size, computed in any order, and not a bit changes. The pieces
// here run one after the other in one instance, last one first, with scratch memory dirtied in between.
import { describe, expect, it } from 'vitest';
import { CpuBackend } from '../../../packages/tensor/src/backend/cpu/cpu-backend.js';
import { Launcher } from '../../../packages/tensor/src/backend/cpu/launch.js';
import { LinearMemory } from '../../../packages/tensor/src/backend/cpu/memory.js';
import { type Kernel, loadKernels, type SimdBuild } from '../../../packages/tensor/src/backend/cpu/module.js';
import { cases } from './cases.js';
import { type Computer, computerOf, Machine, noise } from './machine.js';

/** Cuts a kernel's work items into pieces of 1, 2, 3, 1, … items, and runs them from the last to the first. */
function cut(kernel: Kernel, dirty: () => void): Kernel {
  return (record, begin, end) => {
    const pieces: [number, number][] = [];
    for (let at = begin, size = 1; at < end; at += size, size = (size % 3) + 1)
      pieces.push([at, Math.min(at + size, end)]);
    for (const [from, to] of pieces.reverse()) {
      dirty();
      kernel(record, from, to);
    }
  };
}

/** A backend whose launches are all cut. */
async function cutBackend(build: SimdBuild): Promise<Computer> {
  const memory = new LinearMemory();
  const module = await loadKernels(build, memory.wasm);
  let scratch = 0;
  const dirty = () => memory.i32.fill(0x7fc12345, scratch / 4, scratch / 4 + 100_000);
  const kernels = Object.fromEntries(
    Object.entries(module.kernels).map(([name, kernel]) => [name, cut(kernel, dirty)]),
  );
  const launcher = new Launcher(memory, {
    ...module,
    kernels: kernels as typeof module.kernels,
    setScratch: (address) => {
      scratch = address;
      module.setScratch(address);
    },
  });
  return computerOf(launcher);
}

describe.each(['simd', 'relaxed-simd'] as const)('a launch cut into pieces (%s)', (build) => {
  it.each(Object.entries(cases))('gives the same bits: %s', async (_, run) => {
    const whole = new Machine(await CpuBackend.create({ build }));
    expect(await run(new Machine(await cutBackend(build)))).toEqual(await run(whole));
    whole.backend.destroy();
  });

  it('reports the same fault', async () => {
    const machine = new Machine(await cutBackend(build));
    const indices = machine.put([0, 1, 9, 2, 8, 7, 1], 'int32');
    const request = {
      kind: 'gatherRows',
      rows: 7,
      width: 2,
      tableRows: 3,
      table: machine.put(noise(6, 1)),
      indices,
      out: machine.room(14),
    } as const;
    expect(() => machine.run(request)).toThrow('index 9 at position 2');
  });
});

// Threads change no bit, wherever a launch is cut and whoever computes a piece; they sleep, wake, follow memory that grows, report the
// same faults, and end with their device.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CpuBackend } from '../../../packages/tensor/src/backend/cpu/cpu-backend.js';
import { Launcher } from '../../../packages/tensor/src/backend/cpu/launch.js';
import { LinearMemory } from '../../../packages/tensor/src/backend/cpu/memory.js';
import { type KernelName, loadKernels, type SimdBuild } from '../../../packages/tensor/src/backend/cpu/module.js';
import { chooseThreads } from '../../../packages/tensor/src/backend/cpu/threads.js';
import { ArgumentError } from '../../../packages/tensor/src/errors.js';
import { Program } from '../../../packages/tensor/src/fuse/program.js';
import { cases } from './cases.js';
import { type Computer, computerOf, Machine, noise, strided } from './machine.js';

/** Divides whatever has two work items. */
class EagerLauncher extends Launcher {
  override start(kernel: KernelName, record: number, items: number): void {
    super.start(kernel, record, items, 1);
  }
}

const plusOne = new Program({
  inputs: ['float32'],
  scalars: ['float32'],
  steps: [{ op: 'add', type: 'float32', dtype: 'float32', args: [0, 1] }],
  outputs: [2],
});

function addOne(machine: Machine<Computer>, operand: ReturnType<Machine['put']>, length: number): void {
  const view = strided(operand, 1);
  machine.run({ kind: 'pointwise', program: plusOne, shape: [length], inputs: [view], scalars: [1], outputs: [view] });
}

// What the suite runs under is not what is tested here.
const wish = process.env.COURSE_THREADS;
const open: Launcher[] = [];
beforeEach(() => {
  delete process.env.COURSE_THREADS;
});
afterEach(() => {
  for (const launcher of open.splice(0)) launcher.pool.close();
  if (wish === undefined) delete process.env.COURSE_THREADS;
  else process.env.COURSE_THREADS = wish;
});

/** A machine all of whose threads have arrived. */
async function threaded(build: SimdBuild, threads: number, Kind: typeof Launcher = EagerLauncher) {
  const memory = new LinearMemory(undefined, true);
  const launcher = new Kind(memory, await loadKernels(build, memory.wasm), threads);
  open.push(launcher);
  const machine = new Machine(computerOf(launcher));
  const operand = machine.put(new Array(100_000).fill(0));
  addOne(machine, operand, 100_000);
  while (launcher.pool.arrived < threads - 1) await sleep(2);
  return { memory, launcher, machine };
}

describe.each(['simd', 'relaxed-simd'] as const)('threads (%s)', (build) => {
  it.each([2, 4])('change no bit of any kernel: %i threads', async (threads) => {
    const { machine, launcher } = await threaded(build, threads);
    const alone = new Machine(await CpuBackend.create({ build, share: false }));
    for (const [name, run] of Object.entries(cases)) {
      const expected = await run(alone);
      const before = launcher.pool.forks;
      for (let round = 0; round < 5; round++) expect(await run(machine), name).toEqual(expected);
      expect(launcher.pool.forks, name).toBeGreaterThan(before);
    }
    alone.backend.destroy();
  });

  it('report the fault that one thread would report', async () => {
    const { machine } = await threaded(build, 4);
    const rows = 5000;
    const indices = machine.put(
      Array.from({ length: rows }, (_, i) => (i >= 1234 && i % 7 === 0 ? 1_000_000 + i : 0)),
      'int32',
    );
    const request = {
      kind: 'gatherRows',
      rows,
      width: 2,
      tableRows: 3,
      table: machine.put(noise(6, 1)),
      indices,
      out: machine.room(2 * rows),
    } as const;
    for (let round = 0; round < 100; round++)
      expect(() => machine.run(request)).toThrow('index 1001239 at position 1239');
  });
});

describe('a pool of threads', () => {
  it('takes part in work that is worth it, and not in little work', async () => {
    const { machine, launcher } = await threaded('simd', 4, Launcher);
    const [little, much] = [machine.put(new Array(1000).fill(0)), machine.put(new Array(200_000).fill(0))];
    const before = launcher.pool.forks;
    addOne(machine, little, 1000);
    expect(launcher.pool.forks).toBe(before);
    addOne(machine, much, 200_000);
    expect(launcher.pool.forks).toBe(before + 1);
  });

  it('sleeps when there is nothing to do, and wakes again', async () => {
    const { machine, launcher } = await threaded('simd', 4, Launcher);
    const operand = machine.put(new Array(200_000).fill(0));
    for (let round = 1; round <= 3; round++) {
      while (launcher.pool.asleep < 3) await sleep(1);
      addOne(machine, operand, 200_000);
      expect(new Set(await machine.get(operand, 200_000))).toEqual(new Set([round]));
    }
    while (launcher.pool.asleep < 3) await sleep(1);
  });

  it('computes a hundred thousand launches, asleep in between, while memory grows', async () => {
    const { machine, launcher } = await threaded('simd', 4);
    const length = 5000;
    const operand = machine.put(new Array(length).fill(0));
    for (let i = 0; i < 100_000; i++) {
      addOne(machine, operand, length);
      if (i % 10_000 === 9999) {
        launcher.take(20 * 2 ** 20);
        await sleep(5);
      }
    }
    expect(new Set(await machine.get(operand, length))).toEqual(new Set([100_000]));
  });

  it('reaches memory that has grown since the threads have started', async () => {
    const { machine } = await threaded('simd', 4);
    for (let round = 0; round < 20; round++) {
      const [rows, width] = [64, 70_000];
      // Rows of this width are copied by memory.copy, which checks the size of memory that a thread believes in.
      const table = machine.put(Array.from({ length: width }, (_, i) => i + round));
      const out = machine.room(rows * width);
      const indices = machine.put(new Array(rows).fill(0), 'int32');
      machine.run({ kind: 'gatherRows', rows, width, tableRows: 1, table, indices, out });
      expect((await machine.get({ ...out, offset: (rows - 1) * width }, width)).at(-1)).toBe(width - 1 + round);
    }
  });

  it('ends with its device, and begins anew with another size', async () => {
    const workers: Worker[] = [];
    const note = (worker: Worker) => workers.push(worker);
    process.on('worker', note);
    const backend = await CpuBackend.create({ threads: 3 });
    const machine = new Machine(backend);
    const operand = machine.put(new Array(100_000).fill(0));
    addOne(machine, operand, 100_000);
    expect(backend.info().threads).toBe(3);
    await sleep(0); // Node tells of a new worker a tick later.
    expect(workers).toHaveLength(2);
    const ended = workers.map((worker) => once(worker, 'exit'));
    backend.useThreads(2);
    expect(await Promise.all(ended)).toEqual([[0], [0]]);
    expect(backend.info().threads).toBe(2);
    addOne(machine, operand, 100_000);
    await sleep(0);
    expect(workers).toHaveLength(3);
    expect(new Set(await machine.get(operand, 100_000))).toEqual(new Set([2]));
    const last = once(workers[2] as Worker, 'exit');
    backend.destroy();
    expect(await last).toEqual([0]);
    process.off('worker', note);
  });

  it('is one thread where memory cannot be shared', async () => {
    const backend = await CpuBackend.create({ threads: 4, share: false });
    expect(backend.info().threads).toBe(1);
    backend.useThreads(4);
    expect(backend.info().threads).toBe(1);
    backend.destroy();
  });
});

describe('the number of threads', () => {
  it('is COURSE_THREADS, else what is wished, else what the machine has', () => {
    expect(chooseThreads(3)).toBe(3);
    expect(chooseThreads()).toBeGreaterThanOrEqual(1);
    expect(chooseThreads()).toBeLessThanOrEqual(16);
    process.env.COURSE_THREADS = '2';
    expect(chooseThreads()).toBe(2);
    expect(chooseThreads(3)).toBe(2);
    process.env.COURSE_THREADS = '';
    expect(chooseThreads(3)).toBe(3);
  });

  it.each(['0', '-1', '1.5', 'many', '1e1', '65', '0x4'])('cannot be COURSE_THREADS=%s', (text) => {
    process.env.COURSE_THREADS = text;
    expect(() => chooseThreads(2)).toThrow(ArgumentError);
    expect(() => chooseThreads(2)).toThrow(`COURSE_THREADS: expected a whole number from 1 to 64, got '${text}'`);
  });

  it.each([0, 65, 2.5, Number.NaN])('cannot be %s', (threads) => {
    expect(() => chooseThreads(threads)).toThrow(
      `init: threads: expected a whole number from 1 to 64, got '${threads}'`,
    );
  });
});

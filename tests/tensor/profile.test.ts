// profile and warmup: which kernels ran and how often is checked against what the program asks for; times are only looked at for being there.
import { Linear, Sequential } from '@course/nn';
import {
  ArgumentError,
  capture,
  device,
  memory,
  noGrad,
  type Profile,
  profile,
  rand,
  randn,
  type Tensor,
  warmup,
} from '@course/tensor';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

/** A program of a product, a chain that no kernel of a product takes (it adds a column), and a softmax. */
function program(x: Tensor): Tensor {
  return noGrad(() =>
    x
      .matmul(x.T)
      .mul(2)
      .add(x.narrow(1, 0, 1))
      .softmax(-1),
  );
}

onEachDevice('profile', (kind) => {
  it('counts kernels, their operations and their times', async () => {
    const x = randn([32, 16]);
    await warmup(program, [x]);
    const result = await profile(() => program(x));
    // The CPU may copy an operand of the product into panels first.
    expect(result.dispatches).toBeGreaterThanOrEqual(3);
    expect(result.compiledKernels).toBe(0);
    expect(result.events).toHaveLength(3);
    const product = result.kernels.find(({ flop }) => flop > 0);
    expect(product?.flop).toBe(2 * 32 * 32 * 16);
    expect(product?.bytes).toBe(4 * (32 * 16 + 32 * 32));
    expect(result.milliseconds).toBeGreaterThan(0);
    // Both software adapters have a clock.
    expect(result.isTimed).toBe(kind === 'cpu' || device.info().features.includes('timestamp-query'));
    if (result.isTimed) expect(result.kernelMilliseconds).toBeGreaterThan(0);
    for (const { start, milliseconds } of result.events) {
      expect(start).toBeGreaterThanOrEqual(0);
      expect(milliseconds).toBeGreaterThanOrEqual(0);
    }
  });

  it('is a table and a trace', async () => {
    const x = randn([8, 8]);
    const result = await profile(async () => {
      const y = x.matmul(x);
      await y.data();
      return [y.add(1), { z: y.mul(2) }];
    });
    const text = String(result).split('\n');
    expect(text[0]).toContain(device.info().adapter);
    expect(text[0]).toMatch(/, \d+ dispatches/);
    expect(text[1]).toMatch(/^kernel +times +ms +share +GFLOP\/s +GB\/s$/);
    expect(text.slice(2).some((line) => /matmul/.test(line))).toBe(true);
    const { traceEvents } = JSON.parse(result.toChromeTrace()) as { traceEvents: { ph: string; name: string }[] };
    expect(traceEvents.filter(({ ph }) => ph === 'X')).toHaveLength(3);
    expect(traceEvents.filter(({ ph }) => ph === 'M')).toHaveLength(1);
  });

  it('sees the kernels of a replay', async () => {
    const f = capture(program);
    const x = randn([8, 8]);
    const seen: string[][] = [];
    for (let i = 0; i < 4; i++) {
      const result: Profile = await profile(() => f(x));
      seen.push(result.events.map(({ name }) => name));
    }
    // Besides the program's own: copies of the argument, and of a result that is still held.
    expect(seen[3]?.filter((name) => /softmax/.test(name))).toHaveLength(1);
    expect(seen[3]?.filter((name) => /matmul/.test(name))).toHaveLength(1);
  });

  it('ends when the function throws, and is not nested', async () => {
    await expect(
      profile(() => {
        throw new RangeError('mine');
      }),
    ).rejects.toThrow(RangeError);
    await expect(profile(() => profile(() => undefined))).rejects.toThrow(ArgumentError);
    expect((await profile(() => undefined)).events).toEqual([]);
  });
});

onEachDevice('warmup', (kind) => {
  it('runs a module once and compiles all that it needs', async () => {
    const module = new Sequential(new Linear(4, 8), new Linear(8, 3));
    const x = rand([2, 4]);
    const { bytes } = memory();
    await warmup(module, [x]);
    const { compiledKernels } = memory().device;
    const y = module.forward(x);
    const z = module.forward(rand([5, 4]));
    expect((await y.data()).length).toBe(6);
    expect((await z.data()).length).toBe(15);
    expect(memory().device.compiledKernels).toBe(compiledKernels);
    expect(bytes).toBeGreaterThanOrEqual(0);
    if (kind === 'webgpu') expect(compiledKernels).toBeGreaterThan(0);
  });

  it('computes what it runs: writes, reads and values made before keep their order', async () => {
    const state = rand([3]).mul(0);
    const warming = warmup(() => {
      state.add_(1);
      capture((x: Tensor) => x.mul(2))(state);
    });
    // While kernels are compiled, the program goes on.
    state.add_(10);
    const read = state.data();
    await warming;
    expect([...(await read)]).toEqual([11, 11, 11]);
    expect([...(await state.data())]).toEqual([11, 11, 11]);
  });

  it('leaves no memory behind', async () => {
    const x = rand([4, 4]);
    x.compute();
    await warmup(() => x.matmul(x).relu());
    const { bytes } = memory().device;
    await warmup(() => x.matmul(x).relu());
    // Less, where what earlier tests dropped is collected meanwhile.
    expect(memory().device.bytes).toBeLessThanOrEqual(bytes);
  });

  it('refuses asynchronous functions, and lets errors of the function through', async () => {
    await expect(warmup(async () => undefined)).rejects.toThrow('must not be asynchronous');
    await expect(
      warmup(() => {
        throw new RangeError('mine');
      }),
    ).rejects.toThrow(RangeError);
    await expect(profile(() => warmup(() => undefined))).rejects.toThrow(ArgumentError);
  });
});

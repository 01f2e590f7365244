// profile and warmup: which kernels ran and how often is checked against what the program asks for; times are only looked at for being there.
import { Linear, Sequential } from '@course/nn';
import {
  ArgumentError,
  capture,
  DeviceError,
  device,
  embedding,
  init,
  linear,
  memory,
  noGrad,
  ones,
  type Profile,
  type ProfileEvent,
  profile,
  rand,
  randn,
  scaledDotProductAttention,
  type Tensor,
  tensor,
  warmup,
  zeros,
} from '@course/tensor';
import { expect, it, vi } from 'vitest';
import type { TappedBackend } from '../../packages/tensor/src/backend/tap.js';
import type { WebGpuBackend } from '../../packages/tensor/src/backend/webgpu/backend.js';
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

/** WebGPU's own device, under the one in use. */
const gpuDevice = (): GPUDevice => ((ones([1]).storage.backend as TappedBackend).device as WebGpuBackend).gpuDevice;

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
  });

  it('writes a trace of complete events in the order in which they ran, in microseconds', async () => {
    const layer = new Linear(8, 8);
    const step = () =>
      void layer
        .forward(randn([4, 8]))
        .relu()
        .sum()
        .backward();
    step();
    const result = await profile(step);
    const { displayTimeUnit, traceEvents } = JSON.parse(result.toChromeTrace()) as {
      displayTimeUnit: string;
      traceEvents: { ph: string; name: string; pid: number; tid: number; ts: number; dur: number; args: object }[];
    };
    expect(displayTimeUnit).toBe('ms');
    const [process, ...events] = traceEvents;
    expect(process).toMatchObject({
      ph: 'M',
      name: 'process_name',
      args: {
        name: `${kind}: ${device.info().adapter}${result.isTimed ? '' : ' (no timestamps: when requests were recorded)'}`,
      },
    });
    expect(events).toHaveLength(result.events.length);
    for (const [i, { ph, name, pid, tid, ts, dur, args }] of events.entries()) {
      const { start, milliseconds, flop, bytes, name: kernel } = result.events[i] as ProfileEvent;
      expect({ ph, name, pid, tid, args }).toEqual({ ph: 'X', name: kernel, pid: 1, tid: 1, args: { flop, bytes } });
      expect([ts, dur]).toEqual([start * 1000, milliseconds * 1000]);
      expect(ts).toBeGreaterThanOrEqual(events[i - 1]?.ts ?? 0);
      expect(dur).toBeGreaterThanOrEqual(0);
      expect(bytes).toBeGreaterThanOrEqual(0);
    }
  });

  // By hand: 4 bytes an element, operands that broadcast as they lie, a view as large as it is.
  const x = () => rand([1000]);
  const rows = (count: number, width: number) => rand([count, width]);
  it.each<[string, () => Tensor[], (...inputs: Tensor[]) => Tensor, number, number]>([
    ['a product', () => [rand([2, 8, 16]), rand([2, 16, 4])], (a, b) => a.matmul(b), 2048, 4 * (256 + 128 + 64)],
    ['a matrix times itself', () => [rows(8, 8)], (a) => a.matmul(a), 1024, 4 * 2 * 64],
    [
      'a product of some rows',
      () => [rows(1024, 16), rows(16, 4)],
      (a, b) => a.narrow(0, 8, 8).matmul(b),
      1024,
      4 * (128 + 64 + 32),
    ],
    [
      'a product with bias',
      () => [rows(8, 16), rows(4, 16), rand([4])],
      (a, w, b) => linear(a, w, b),
      1024,
      4 * (128 + 64 + 4 + 32),
    ],
    ['three operands', () => [x(), x(), x()], (a, b, c) => a.mul(b).add(c).exp(), 0, 4 * 4000],
    ['a row for all rows', () => [rows(100, 10), rand([10])], (a, b) => a.mul(b), 0, 4 * (1000 + 10 + 1000)],
    ['a column', () => [rows(100, 10)], (a) => a.narrow(1, 3, 1).mul(2), 0, 4 * 200],
    ['softmax', () => [rows(64, 128)], (a) => a.softmax(-1), 0, 4 * 2 * 8192],
    ['a sum', () => [rows(64, 128)], (a) => a.sum(1), 0, 4 * (8192 + 64)],
    [
      'a look-up',
      () => [rows(500, 8), tensor([3, 1, 4]).to('int32')],
      (table, ids) => embedding(ids, table),
      0,
      4 * (24 + 3 + 24),
    ],
    [
      'attention',
      () => [rand([2, 4, 64, 16]), rand([2, 4, 32, 16]), rand([2, 4, 32, 16])],
      (q, k, v) => scaledDotProductAttention(q, k, v),
      2 * 4 * 64 * 32 * (2 * 16 + 2 * 16),
      4 * 8 * 16 * (64 + 32 + 32 + 64),
    ],
  ])('counts the operations and bytes of %s', async (_, make, compute, flop, bytes) => {
    const inputs = make();
    for (const input of inputs) input.compute();
    const { events } = await profile(() => noGrad(() => compute(...inputs)));
    expect(events.reduce((sum, each) => sum + each.flop, 0)).toBe(flop);
    expect(events.reduce((sum, each) => sum + each.bytes, 0)).toBe(bytes);
  });

  it('shares what a product in slices costs among its kernels, by their time', async () => {
    const [a, b] = [rand([4, 4096]), rand([4096, 8])];
    a.compute();
    b.compute();
    const { events, isTimed } = await profile(() => noGrad(() => a.matmul(b)));
    const sum = (of: (event: ProfileEvent) => number) => events.reduce((total, event) => total + of(event), 0);
    expect(sum(({ flop }) => flop)).toBe(2 * 4 * 4096 * 8);
    const whole = sum(({ milliseconds }) => milliseconds);
    if (!isTimed || whole === 0) return;
    // In whole operations: half a one to either side.
    for (const { flop, milliseconds } of events)
      expect(Math.abs(flop - (2 * 4 * 4096 * 8 * milliseconds) / whole)).toBeLessThanOrEqual(1);
  });

  it('leaves out what another device computes', async () => {
    if (kind === 'cpu') return;
    await init({ device: 'cpu' });
    await init({ device: 'webgpu' });
    const [here, there] = [rand([10]), rand([20], { device: 'cpu' })];
    const both = () => [here.exp(), there.exp()];
    const names = async () => (await profile(both)).events.map(({ name, bytes }) => [name, bytes]);
    expect(await names()).toEqual([[expect.stringContaining('exp'), 80]]);
    await init({ device: 'cpu' });
    try {
      expect(await names()).toEqual([[expect.stringContaining('exp'), 160]]);
    } finally {
      await init({ device: 'webgpu' });
    }
  });

  it('reads and writes what changes in place', async () => {
    const state = zeros([1000]);
    state.compute();
    const { events } = await profile(() => noGrad(() => void state.add_(1)));
    expect(events.map(({ bytes }) => bytes)).toEqual([4 * 2000]);
  });

  it('takes more dispatches than a set of queries holds', async () => {
    const state = rand([4]);
    const result = await profile(() =>
      noGrad(() => {
        for (let i = 0; i < 4200; i++) state.add_(1);
      }),
    );
    expect(result.events).toHaveLength(4200);
    expect(result.dispatches).toBe(4200);
    expect(result.events.every(({ start, milliseconds }) => Number.isFinite(start) && milliseconds >= 0)).toBe(true);
    expect(result.events.every(({ start }, i, all) => start >= (all[i - 1]?.start ?? 0))).toBe(true);
  });

  it('goes on without a clock, and says so', async () => {
    if (kind === 'cpu') return;
    const { features } = gpuDevice();
    const has = vi.spyOn(features, 'has').mockImplementation(() => false);
    const result = await profile(() => program(randn([8, 8]))).finally(() => has.mockRestore());
    expect(result.isTimed).toBe(false);
    expect(result.kernelMilliseconds).toBe(0);
    expect(result.events).toHaveLength(3);
    const [summary, , ...lines] = String(result).split('\n');
    expect(summary).toContain('the adapter has no timestamps');
    for (const line of lines) expect(line).toMatch(/ 1 +- +- +- +-$/);
    expect(result.toChromeTrace()).toContain('no timestamps: when requests were recorded');
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

  it('is one at a time, also where two begin together', async () => {
    const x = ones([4]);
    const first = profile(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return x.mul(2);
    });
    await expect(profile(() => x.mul(3))).rejects.toThrow('profile: something is being profiled');
    expect((await first).events).toHaveLength(1);
    expect((await profile(() => x.mul(3))).events).toHaveLength(1);
  });

  it('refuses what is no function', async () => {
    await expect(profile('x' as unknown as () => void)).rejects.toThrow('profile: expected a function, got x');
    await expect(warmup({} as () => void)).rejects.toThrow('warmup: expected a function or a module');
    expect(() => capture(null as unknown as () => void)).toThrow('capture: expected a function, got null');
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

  it('gets several programs ready at once', async () => {
    const x = rand([3, 3]);
    const layer = new Linear(3, 3);
    await Promise.all([warmup(() => x.matmul(x)), warmup(layer, [x]), warmup(() => x.exp().sum())]);
    const { compiledKernels } = memory().device;
    await layer.forward(x).data();
    expect(memory().device.compiledKernels).toBe(compiledKernels);
  });

  it('goes through to the end where a kernel fails, and throws what it failed of', async () => {
    if (kind === 'cpu') return;
    const { backend } = ones([1]).storage;
    const { device: gpu } = backend as TappedBackend;
    const x = ones([4]);
    x.compute();
    const failing = vi.spyOn(gpu, 'run').mockImplementationOnce(() => {
      throw new DeviceError('made to fail');
    });
    const warming = warmup(() => x.mul(2));
    const state = zeros([4]);
    state.add_(5);
    const read = state.data();
    await expect(warming).rejects.toThrow('made to fail');
    failing.mockRestore();
    expect([...(await read)]).toEqual([5, 5, 5, 5]);
    expect(await state.toArray()).toEqual([5, 5, 5, 5]);
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

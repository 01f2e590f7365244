// What can go wrong with a device, and how it is told: typed errors at the call or at every pending and later read, and a new
// backend works afterwards.
import { spawn } from 'node:child_process';
import { DataLoader, Dataset } from '@course/data';
import { Linear } from '@course/nn';
import {
  capture,
  device,
  full,
  init,
  memory,
  noGrad,
  profile,
  scope,
  type Tensor,
  tensor,
  warmup,
  zeros,
} from '@course/tensor';
import { describe, expect, it, vi } from 'vitest';
import { TappedBackend } from '../../../packages/tensor/src/backend/tap.js';
import { isSoftwareAdapter, requestAdapter } from '../../../packages/tensor/src/backend/webgpu/adapter.js';
import { WebGpuBackend } from '../../../packages/tensor/src/backend/webgpu/backend.js';
import { type KernelSource, numbered, write } from '../../../packages/tensor/src/backend/webgpu/kernels/wgsl/source.js';
import { CourseError, DeviceError, DisposedError } from '../../../packages/tensor/src/errors.js';
import { Program } from '../../../packages/tensor/src/fuse/program.js';
import { Gpu, useGpu } from './gpu.js';

const copy = new Program({ inputs: ['float32'], scalars: [], steps: [], outputs: [0] });

/** The reason a promise is rejected with; it is an error of the test if it is not. */
async function rejection(promise: Promise<unknown>): Promise<CourseError> {
  const reason = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (reason instanceof CourseError) return reason;
  throw new TypeError(`expected a CourseError, got ${String(reason)}`);
}

/** The backend that init() opened. */
function opened(): WebGpuBackend {
  const { backend } = tensor([1]).storage;
  if (backend instanceof TappedBackend && backend.device instanceof WebGpuBackend) return backend.device;
  throw new TypeError('the device in use is not WebGPU');
}

/** Has the device in use lost, and waits until that is known. */
async function loseDevice(): Promise<void> {
  const backend = opened();
  backend.gpuDevice.destroy();
  await rejection(backend.synchronize());
}

describe('a lost device', () => {
  it('rejects pending and later reads, throws at later calls, and can be replaced', async () => {
    const gpu = await Gpu.open();
    const x = gpu.put([1, 2, 3]);
    const pending = [gpu.get(x, 3), gpu.get(x, 1), gpu.backend.synchronize()];
    gpu.backend.gpuDevice.destroy();
    for (const promise of pending) expect(await rejection(promise)).toBeInstanceOf(DeviceError);
    expect(gpu.backend.isLost).toBe(true);
    expect(await rejection(gpu.get(x, 3))).toBeInstanceOf(DeviceError);
    expect(await rejection(gpu.backend.synchronize())).toBeInstanceOf(DeviceError);
    expect(() => gpu.backend.allocate(4)).toThrow(DeviceError);
    expect(() => gpu.backend.write(x.buffer, 0, Uint32Array.of(1))).toThrow(DeviceError);
    expect(() =>
      gpu.run({
        kind: 'pointwise',
        program: copy,
        shape: [1],
        inputs: [{ ...x, strides: [1] }],
        scalars: [],
        outputs: [{ ...x, strides: [1] }],
      }),
    ).toThrow(/lost/);
    // Letting go of memory stays possible: scopes and finalizers do it.
    gpu.backend.free(x.buffer);
    gpu.backend.destroy();

    const again = await Gpu.open();
    expect(again.backend.isLost).toBe(false);
    expect(await again.get(again.put([4, 5]), 2)).toEqual([4, 5]);
    again.backend.destroy();
  });

  it('rejects the reads of its tensors, and init() opens another', async () => {
    await init({ device: 'webgpu' });
    const x = tensor([1, 2, 3]);
    const [pending, alsoPending] = [x.data(), x.sum().item()];
    const { backend } = x.storage;
    if (!(backend instanceof TappedBackend && backend.device instanceof WebGpuBackend))
      throw new TypeError('the tensor is not on WebGPU');
    backend.device.gpuDevice.destroy();
    for (const read of [pending, alsoPending]) expect(await rejection(read)).toBeInstanceOf(DeviceError);
    expect(() => tensor([1]), 'a new tensor on the lost device').toThrow(/lost/);
    expect(await rejection(x.toArray())).toBeInstanceOf(DeviceError);

    await init({ device: 'webgpu' });
    const fresh = tensor([4, 5]);
    expect(await fresh.mul(2).toArray()).toEqual([8, 10]);
    expect(() => fresh.add(x), 'tensors of the lost device are gone').toThrow(DeviceError);
    x.dispose();
  });

  it('says of its tensors, where they meet new ones, that they are gone', async () => {
    await init({ device: 'webgpu' });
    const lost = tensor([1, 2]);
    const layer = new Linear(2, 2);
    await loseDevice();
    await init({ device: 'webgpu' });
    const fresh = tensor([3, 4]);
    const gone =
      /Expected all tensors to be on the same device, but found .*webgpu \(the lost device '.+'\).* gone with it/;
    expect(() => fresh.add(lost)).toThrow(gone);
    expect(() => lost.add(fresh)).toThrow(gone);
    expect(() => layer.forward(fresh)).toThrow(gone);
    expect(() => fresh.copy_(lost)).toThrow('opened before: what was on a lost device is gone');
    const message = /was lost \(destroyed\): .*; init\(\) opens another, but the tensors of this one are gone/;
    expect((await rejection(lost.mul(2).data())).message).toMatch(message);
    expect((await rejection(lost.to('cpu'))).message).toMatch(message);
    expect(() => lost.add_(1)).toThrow(message);
    expect(await fresh.sum().item()).toBe(7);
  });

  const waiting: Record<string, (x: Tensor) => Promise<unknown>[]> = {
    'reads and synchronize': (x) => [x.matmul(x).data(), device.synchronize(), x.data()],
    'a replay': (x) => {
      const captured = capture((y: Tensor) => y.matmul(y).softmax(-1));
      for (let i = 0; i < 3; i++) captured(x).dispose();
      return [captured(x).data()];
    },
    'a profile': (x) => [profile(() => x.matmul(x).exp())],
    'a warm-up whose kernels are being compiled, and a read behind it': (x) => [
      warmup(() => x.softmax(-1).mul(3).exp()),
      x.data(),
    ],
  };
  it.each(Object.entries(waiting))('rejects what waits for it: %s', async (_, start) => {
    for (const when of ['at once', 'a turn later']) {
      await init({ device: 'webgpu' });
      const x = tensor(new Float32Array(4096), { shape: [64, 64] });
      const settled = Promise.allSettled(start(x));
      if (when === 'a turn later') await new Promise((resolve) => setImmediate(resolve));
      await loseDevice();
      // What was done before the device was lost is done; the rest knows why it never will be.
      for (const each of await settled)
        if (each.status === 'rejected') expect(each.reason).toBeInstanceOf(DeviceError);
        else expect(when).toBe('a turn later');
    }
  });

  it('is forgotten by captured functions, warm-ups and profiles', async () => {
    const double = capture((y: Tensor) => y.mul(2).sum());
    for (let round = 0; round < 3; round++) {
      await init({ device: 'webgpu' });
      const x = tensor([1, 2, round]);
      await warmup(() => x.exp());
      for (let i = 0; i < 4; i++) expect(await double(x).item()).toBe(2 * (3 + round));
      expect((await profile(() => x.mul(3))).events).toHaveLength(1);
      expect(memory().device.compiledKernels).toBeGreaterThan(0);
      await loseDevice();
      expect(() => double(x)).toThrow(/was lost/);
    }
    expect(double.statistics.replays).toBeGreaterThan(5);
    await init({ device: 'webgpu' });
  });

  it('tells a destroyed backend from a lost one', async () => {
    const gpu = await Gpu.open();
    const pending = gpu.get(gpu.put([1]), 1);
    gpu.backend.destroy();
    expect((await rejection(pending)).message).toContain('was destroyed');
    expect(() => gpu.backend.allocate(4)).toThrow('was destroyed');
  });
});

describe('memory', () => {
  const gpu = useGpu();

  it('refuses a buffer past the binding limit at once, and names the limit', async () => {
    const limit = gpu().backend.limits.maxStorageBufferBindingSize;
    expect(() => gpu().backend.allocate(limit + 4)).toThrow(DeviceError);
    expect(() => gpu().backend.allocate(limit + 4)).toThrow(`at most ${limit} bytes (maxStorageBufferBindingSize)`);
    expect(await gpu().get(gpu().put([1]), 1), 'the device goes on').toEqual([1]);
  });

  it('rejects reads once the device ran out of memory', async () => {
    // Debug mode would fill the memory that was refused.
    const own = new Gpu(await WebGpuBackend.create({ allowSoftware: true, debug: false }));
    const { gpuDevice, limits } = own.backend;
    const x = own.put([1, 2, 3]);
    // A software adapter takes its memory from the system, which cannot be exhausted here: the device is made to refuse.
    const create = gpuDevice.createBuffer.bind(gpuDevice);
    const refused = Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize);
    gpuDevice.createBuffer = (descriptor) => {
      if (descriptor.size < refused) return create(descriptor);
      // As after a real refusal, every use of the buffer is a validation error of its own.
      gpuDevice.pushErrorScope('validation');
      const invalid = create({ ...descriptor, size: 2 ** 52 });
      void gpuDevice.popErrorScope();
      outOfMemory(gpuDevice);
      return invalid;
    };
    const large = own.backend.allocate(refused);
    own.backend.write(large, 0, Uint32Array.of(1));
    const error = await rejection(own.get(x, 3));
    expect(error).toBeInstanceOf(DeviceError);
    expect(error.message).toContain('memory');
    expect(error.message).toContain(String(refused));
    expect(await rejection(own.get(x, 3))).toBe(error);
    own.backend.destroy();
  });

  it('names the request that ran out of memory in debug mode', async () => {
    const own = new Gpu(await WebGpuBackend.create({ allowSoftware: true, debug: true }));
    const { gpuDevice } = own.backend;
    const x = own.put([1, 2, 3, 4]);
    const out = { buffer: own.backend.allocate(4096), dtype: 'float32', offset: 0, strides: [1] } as const;
    const create = gpuDevice.createBuffer.bind(gpuDevice);
    gpuDevice.createBuffer = (descriptor) => {
      outOfMemory(gpuDevice);
      return create(descriptor);
    };
    const inputs = [{ ...x, strides: [1] }];
    own.run({ kind: 'pointwise', program: copy, shape: [4], scalars: [], inputs, outputs: [out] });
    const error = await rejection(own.get(x, 4));
    expect(error).toBeInstanceOf(DeviceError);
    expect(error.message).toContain("for the request 'pointwise' (shape [4]");
    own.backend.destroy();
  });

  /** Makes the error scope that is open report that memory ran out. */
  function outOfMemory(device: GPUDevice): void {
    const pop = device.popErrorScope.bind(device);
    device.popErrorScope = async () => {
      device.popErrorScope = pop;
      await pop();
      class GPUOutOfMemoryError {
        readonly message = 'Allocation failed';
      }
      return new GPUOutOfMemoryError();
    };
  }

  it('knows its own buffers, and those it has freed', async () => {
    const other = await Gpu.open();
    const foreign = other.put([1]);
    expect(() => gpu().backend.write(foreign.buffer, 0, Uint32Array.of(1))).toThrow(DeviceError);
    expect(() => gpu().backend.free({ byteLength: 4 })).toThrow(DeviceError);
    other.backend.destroy();
    const x = gpu().put([1]);
    gpu().backend.free(x.buffer);
    expect(() => gpu().backend.free(x.buffer)).toThrow(DisposedError);
    expect(await rejection(gpu().get(x, 1))).toBeInstanceOf(DisposedError);
  });

  it('refuses to read and write past the end', async () => {
    const x = gpu().put([1, 2]);
    expect(() => gpu().backend.write(x.buffer, 4, Uint32Array.of(1, 2))).toThrow(DeviceError);
    expect(await rejection(gpu().backend.read(x.buffer, 0, 12))).toBeInstanceOf(DeviceError);
    expect(await gpu().get(x, 2)).toEqual([1, 2]);
  });
});

describe('a program faster than the device', () => {
  /** The most submissions and dispatches that were under way at once while `run` went on. */
  async function mostInFlight(run: () => Promise<void>): Promise<{ submissions: number; dispatches: number }> {
    const { queue } = opened().gpuDevice;
    const most = { submissions: 0, dispatches: 0 };
    let [now, done] = [0, memory().device.dispatches];
    const submit = queue.submit.bind(queue);
    queue.submit = (commands) => {
      submit(commands);
      const { dispatches } = memory().device;
      most.submissions = Math.max(most.submissions, ++now);
      most.dispatches = Math.max(most.dispatches, dispatches - done);
      void queue.onSubmittedWorkDone().then(() => {
        now--;
        done = dispatches;
      });
    };
    await run();
    await device.synchronize();
    queue.submit = submit;
    return most;
  }

  it('is held up where it asks, with memory that stays flat', async () => {
    await init({ device: 'webgpu' });
    const x = full([2 ** 15], 0.5);
    let state = zeros([2 ** 15]);
    let reserved = 0;
    const most = await mostInFlight(async () => {
      for (let i = 0; i < 3000; i++) {
        const next = scope(() => state.mul(0.5).add(x));
        next.compute();
        state.dispose();
        state = next;
        await device.caughtUp();
        if (i === 100) reserved = memory().device.reservedBytes;
      }
      expect(memory().device.reservedBytes).toBe(reserved);
    });
    expect(most.submissions).toBeLessThanOrEqual(8);
    // Three batches of 128 and the open one; 3000 if nobody asked.
    expect(most.dispatches).toBeLessThan(1000);
    expect((await state.data())[0]).toBeCloseTo(1, 6);
  });

  it('is held up by reads that nobody waits for', async () => {
    await init({ device: 'webgpu' });
    const x = full([2 ** 15], 0.5);
    const reads: Promise<number>[] = [];
    const most = await mostInFlight(async () => {
      for (let i = 0; i < 200; i++) {
        reads.push(x.mul(i).sum().item());
        await device.caughtUp();
      }
    });
    // One more is submitted before the loop asks.
    expect(most.submissions).toBeLessThanOrEqual(9);
    expect(await Promise.all(reads)).toEqual(Array.from({ length: 200 }, (_, i) => i * 2 ** 14));
  });

  it('is held up between the batches of a loader', async () => {
    await init({ device: 'webgpu' });
    const rows = Array.from({ length: 100 }, (_, i) => ({ x: i }));
    const loader = new DataLoader(Dataset.fromRows(rows), { batchSize: 1, collate: (batch) => batch.length });
    const x = full([2 ** 15], 0.5);
    const most = await mostInFlight(async () => {
      for await (const _ of loader) for (let i = 0; i < 20; i++) noGrad(() => x.mul_(0.99));
    });
    expect(most.dispatches).toBeLessThan(1000);
  });

  it('goes on where the device is lost while it waits', async () => {
    await init({ device: 'webgpu' });
    const x = zeros([2 ** 15]);
    for (let i = 0; i < 2000; i++) noGrad(() => x.add_(1));
    const waiting = device.caughtUp();
    await loseDevice();
    await waiting;
    expect(await rejection(x.data())).toBeInstanceOf(DeviceError);
  });
});

describe('validation errors', () => {
  const wrong: KernelSource = {
    label: 'wrong',
    about: 'A kernel that does not compile.',
    bindings: [write('out')],
    params: { count: 'u32' },
    workgroupSize: 1,
    main: 'out[0] = missing(1.0);',
  };

  it('of a shader carry the message and the numbered source', async () => {
    const gpu = await Gpu.open();
    const x = gpu.put([1]);
    gpu.backend.dispatch(
      gpu.backend.kernel('wrong', () => wrong),
      { out: x.buffer },
      { count: 1 },
      1,
    );
    const error = await rejection(gpu.get(x, 1));
    expect(error).toBeInstanceOf(CourseError);
    expect(error.message).toContain("the kernel 'wrong' does not compile");
    expect(error.message).toMatch(/line 17:\d+: .*missing/);
    expect(error.message).toMatch(/^17 \| +out\[0\] = missing\(1\.0\);$/m);
    expect(await rejection(gpu.get(x, 1)), 'later reads fail of the same').toBe(error);
    gpu.backend.destroy();
  });

  it('end the device, which gives its memory back when init() opens another', async () => {
    await init({ device: 'webgpu' });
    const backend = opened();
    const destroy = vi.spyOn(backend.gpuDevice, 'destroy');
    const kernel = backend.kernel('wrong', () => wrong);
    backend.dispatch(kernel, { out: backend.allocate(4) }, { count: 1 }, 1);
    expect((await rejection(device.synchronize())).message).toContain('does not compile');
    expect(destroy).not.toHaveBeenCalled();
    await init({ device: 'webgpu' });
    expect(destroy).toHaveBeenCalledOnce();
    expect(await tensor([1, 2]).sum().item()).toBe(3);
  });

  it('of a dispatch reject the next read', async () => {
    const gpu = await Gpu.open();
    const x = gpu.put([1]);
    const empty: KernelSource = { ...wrong, label: 'empty', main: 'out[0] = 1.0;' };
    const { gpuDevice } = gpu.backend;
    const create = gpuDevice.createBuffer.bind(gpuDevice);
    gpuDevice.createBuffer = (descriptor) => {
      const buffer = create(descriptor);
      buffer.destroy();
      return buffer;
    };
    const gone = gpu.backend.allocate(4096);
    gpu.backend.dispatch(
      gpu.backend.kernel('empty', () => empty),
      { out: gone },
      { count: 1 },
      1,
    );
    gpuDevice.createBuffer = create;
    const error = await rejection(gpu.get(x, 1));
    expect(error.message).toContain('validation error');
    gpu.backend.destroy();
  });

  it('name the request in debug mode', async () => {
    const backend = await WebGpuBackend.create({ allowSoftware: true, debug: true });
    const gpu = new Gpu(backend);
    const x = gpu.put([1, 2, 3, 4]);
    const out = gpu.room(4);
    const request = { kind: 'pointwise', program: copy, shape: [4], scalars: [] } as const;
    gpu.run({ ...request, inputs: [{ ...x, strides: [1] }], outputs: [{ ...out, strides: [1] }] });
    expect(await gpu.get(out, 4), 'it computes as ever').toEqual([1, 2, 3, 4]);
    // Destroying a buffer under a dispatch is what validation finds out at the submission.
    const create = backend.gpuDevice.createBuffer.bind(backend.gpuDevice);
    backend.gpuDevice.createBuffer = (descriptor) => {
      const buffer = create(descriptor);
      buffer.destroy();
      return buffer;
    };
    const fresh = { buffer: backend.allocate(4096), dtype: 'float32', offset: 0, strides: [1] } as const;
    gpu.run({ ...request, inputs: [{ ...x, strides: [1] }], outputs: [fresh] });
    const error = await rejection(gpu.backend.synchronize());
    expect(error.message).toContain("'pointwise'");
    expect(error.message).toContain('shape [4]');
    backend.destroy();
  });

  it('never bind memory that a kernel writes twice', async () => {
    const gpu = await Gpu.open();
    const x = gpu.put([1, 2, 3, 4]);
    const run = () =>
      gpu.run({ kind: 'softmax', log: false, shape: [1, 2], scale: 1, input: x, out: { ...x, offset: 2 } });
    expect(run).toThrow("writes its operand 'y' in the same memory as its operand 'x'");
    expect(await gpu.get(x, 4)).toEqual([1, 2, 3, 4]);
    gpu.backend.destroy();
  });

  it('number lines so that columns stay aligned', () => {
    const text = Array.from({ length: 10 }, (_, i) => `l${i + 1}`).join('\n');
    expect(numbered(text).split('\n').at(0)).toBe(' 1 | l1');
    expect(numbered(text).split('\n').at(-1)).toBe('10 | l10');
  });
});

describe('adapters', () => {
  const info = (over: Partial<GPUAdapterInfo>): GPUAdapterInfo =>
    ({
      vendor: 'acme',
      architecture: '',
      device: '',
      description: '',
      isFallbackAdapter: false,
      ...over,
    }) as GPUAdapterInfo;

  it.each([
    { isFallbackAdapter: true },
    { architecture: 'swiftshader' },
    { description: 'llvmpipe (LLVM 15.0.6, 256 bits)' },
    { description: 'Mesa lavapipe' },
    { device: 'Microsoft Basic Render Driver' },
    { description: 'Microsoft WARP adapter' },
  ])('%j is a software adapter', (over) => {
    expect(isSoftwareAdapter(info(over))).toBe(true);
  });

  it.each([{ vendor: 'nvidia' }, { description: 'Warpcore GPU 9000' }, { vendor: 'apple', architecture: 'metal-3' }])(
    '%j is a hardware adapter',
    (over) => {
      expect(isSoftwareAdapter(info(over))).toBe(false);
    },
  );

  it('a software adapter is only given to those who allow it', async () => {
    const any = await requestAdapter({ allowSoftware: true });
    const strict = await requestAdapter();
    expect(any.adapter).not.toBeNull();
    if (any.adapter === null || !isSoftwareAdapter(any.adapter.info)) return;
    expect(strict.adapter).toBeNull();
    expect('tried' in strict && strict.tried).toContain('software adapter');
    const error = await rejection(WebGpuBackend.create());
    expect(error).toBeInstanceOf(DeviceError);
    expect(error.message).toMatch(/no adapter: .*Vulkan driver/);
  });
});

describe('the process', () => {
  /** Runs a program in a process of its own; what it prints, and how it ends. */
  function run(program: string): Promise<{ code: number | null; signal: string | null; output: string }> {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, ['--input-type=module', '--expose-gc', '--eval', program], {
        cwd: new URL('../../../packages/tensor', import.meta.url),
        timeout: 40_000,
      });
      let output = '';
      child.stdout.on('data', (data) => {
        output += data;
      });
      // Drivers may warn; what matters is in the exit code.
      child.stderr.resume();
      child.on('close', (code, signal) => resolve({ code, signal, output }));
    });
  }

  const open = `
    const { WebGpuBackend } = await import('./dist/backend/webgpu/backend.js');
    let backend = await WebGpuBackend.create({ allowSoftware: true });
    const buffer = backend.allocate(16);
    backend.write(buffer, 0, Uint32Array.of(1, 2, 3, 4));`;

  it.each([
    ['after a read', `console.log(new Uint32Array(await backend.read(buffer, 0, 16)).join());`],
    [
      'with a read nobody waits for',
      `backend.read(buffer, 0, 16).then((b) => console.log(new Uint32Array(b).join()));`,
    ],
    ['after destroy()', `console.log(new Uint32Array(await backend.read(buffer, 0, 16)).join()); backend.destroy();`],
    [
      'with everything dropped and collected',
      `console.log(new Uint32Array(await backend.read(buffer, 0, 16)).join());
       backend = null;
       for (let i = 0; i < 5; i++) { gc(); await new Promise((done) => setTimeout(done, 20)); }`,
    ],
    [
      'after collections while it works',
      `for (let i = 0; i < 20; i++) { gc(); await new Promise((done) => setTimeout(done, 5)); await backend.read(buffer, 0, 16); }
       console.log(new Uint32Array(await backend.read(buffer, 0, 16)).join());`,
    ],
  ])('ends by itself %s', async (_, program) => {
    const { code, signal, output } = await run(open + program);
    expect({ code, signal, output: output.trim() }).toEqual({ code: 0, signal: null, output: '1,2,3,4' });
  });
});

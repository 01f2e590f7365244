// A device with no more than WebGPU promises everywhere, and a device with far less: what a browser on a modest machine gives. All kernels have
// to work there, those of GPUs too; what does not fit is refused with the limit's name, and whatever is computed is right. The limits that lie
// below WebGPU's own are kept by us alone, so a watch over the device sees to it that they are.
import {
  ArgumentError,
  DeviceError,
  type DeviceInfo,
  init,
  memory,
  scope,
  type Tensor,
  withDevice,
} from '@course/tensor';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { WebGpuBackend } from '../../../packages/tensor/src/backend/webgpu/backend.js';
import { fold } from '../../../packages/tensor/src/backend/webgpu/context.js';
import { largestBuffer, smallestDevice } from '../../../packages/tensor/src/backend/webgpu/limits.js';
import { sizeClass } from '../../../packages/tensor/src/backend/webgpu/pool.js';
import { tuningTable } from '../../../packages/tensor/src/backend/webgpu/tuning.js';
import { openDevice } from '../../../packages/tensor/src/device.js';
import { devices } from '../../support/devices.js';
import { randomOps, solve } from '../support/random-ops.js';
import { randomProgram } from '../support/random-programs.js';
import { Gpu, noise, U } from './gpu.js';

const BINDING = 4096;
const WORKGROUPS = 32;
const REFUSAL = new RegExp(`at most ${BINDING} bytes \\(maxStorageBufferBindingSize\\)`);

/** Fails the test when the device is asked for more than the limits: WebGPU itself has larger ones. */
function watch(gpu: GPUDevice, broken: string[]): void {
  const createBuffer = gpu.createBuffer.bind(gpu);
  gpu.createBuffer = (descriptor) => {
    // 0x80: a storage buffer.
    if ((descriptor.usage & 0x80) !== 0 && descriptor.size > BINDING)
      broken.push(`a buffer of ${descriptor.size} bytes`);
    return createBuffer(descriptor);
  };
  const createCommandEncoder = gpu.createCommandEncoder.bind(gpu);
  gpu.createCommandEncoder = (descriptor) => {
    const encoder = createCommandEncoder(descriptor);
    const beginComputePass = encoder.beginComputePass.bind(encoder);
    encoder.beginComputePass = (of) => {
      const pass = beginComputePass(of);
      const dispatchWorkgroups = pass.dispatchWorkgroups.bind(pass);
      pass.dispatchWorkgroups = (x, y = 1, z = 1) => {
        if (Math.max(x, y, z) > WORKGROUPS) broken.push(`${x} x ${y} x ${z} workgroups`);
        dispatchWorkgroups(x, y, z);
      };
      return pass;
    };
    return encoder;
  };
}

describe.runIf(devices.includes('webgpu'))('a small device', () => {
  const before = process.env.COURSE_LIMITS;
  const broken: string[] = [];
  let info!: DeviceInfo;

  beforeAll(async () => {
    process.env.COURSE_LIMITS = `default,maxStorageBufferBindingSize=${BINDING},maxComputeWorkgroupsPerDimension=${WORKGROUPS}`;
    info = await init({ device: 'webgpu' });
    const { device: backend } = (await openDevice('webgpu')) as unknown as { device: WebGpuBackend };
    watch(backend.gpuDevice, broken);
    await init({ device: 'cpu' });
    if (before === undefined) delete process.env.COURSE_LIMITS;
    else process.env.COURSE_LIMITS = before;
  });

  it('tells its limits, and has no features', () => {
    expect(info.limits).toMatchObject({
      ...smallestDevice.limits,
      maxStorageBufferBindingSize: BINDING,
      maxComputeWorkgroupsPerDimension: WORKGROUPS,
    });
    expect(info.features).not.toContain('subgroups');
    expect(info.features).not.toContain('shader-f16');
    expect(info.features).not.toContain('timestamp-query');
  });

  it('computes pointwise programs of more operands than a kernel can bind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.gen(), async (gen) => {
        const { text, run } = randomProgram((min, max) => gen(fc.integer, { min, max }));
        const expected = withDevice('cpu', () => scope(run));
        let actual: Tensor[] = [];
        try {
          actual = withDevice('webgpu', () => scope(run));
        } catch (error) {
          if (!(error instanceof DeviceError)) throw error;
          expect(error.message).toMatch(REFUSAL);
        }
        for (const [i, each] of actual.entries())
          expect([...(await each.data())].map(Number), text).toBeClose(
            [...((await expected[i]?.data()) ?? [])].map(Number),
          );
        for (const each of [...actual, ...expected]) each.dispose();
        expect(broken).toEqual([]);
      }),
      { numRuns: 30, seed: 5 },
    );
  });

  it.each(Object.entries(randomOps))('computes or refuses %s, and its gradients', async (_, problemOf) => {
    let computed = 0;
    const start = memory();
    await fc.assert(
      fc.asyncProperty(fc.gen(), async (gen) => {
        const problem = problemOf((min, max) => gen(fc.integer, { min, max }));
        const expected = withDevice('cpu', () => solve(problem));
        const largest = Math.max(
          ...problem.operands.map(({ values }) => values.length),
          ...expected.map((each) => each.numel()),
        );
        let actual: Tensor[] = [];
        try {
          actual = withDevice('webgpu', () => solve(problem));
        } catch (error) {
          if (!(error instanceof DeviceError)) throw error;
          expect(error.message).toMatch(REFUSAL);
          expect(largest * 4, 'bytes of the largest tensor of what is refused').toBeGreaterThan(BINDING / 16);
        }
        if (actual.length > 0) {
          computed++;
          expect(actual.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
          // What is not exact are exponentials, roots and quotients, and gradients made of them: a hundred ulp of values around 1.
          for (const [i, each] of actual.entries())
            expect(await each.data()).toBeClose(await (expected[i] as Tensor).data(), { atol: 1e-5, rtol: 1e-5 });
        }
        for (const each of [...actual, ...expected]) each.dispose();
        expect(broken).toEqual([]);
      }),
      { numRuns: 30, seed: 11 },
    );
    expect(computed).toBeGreaterThan(0);
    const { tensors, bytes } = memory();
    expect({ tensors, bytes }, 'nothing is left of what was refused').toEqual({
      tensors: start.tensors,
      bytes: start.bytes,
    });
  });
});

describe('limits', () => {
  it('of a large card need not be multiples of 16: what is allocated is', () => {
    const limits = { maxBufferSize: 2 ** 33, maxStorageBufferBindingSize: 2 ** 32 - 4 };
    expect(largestBuffer(limits)).toEqual({ byteLength: 2 ** 32 - 16, limit: 'maxStorageBufferBindingSize' });
    expect(largestBuffer({ ...limits, maxBufferSize: 2 ** 31 - 1 })).toEqual({
      byteLength: 2 ** 31 - 16,
      limit: 'maxBufferSize',
    });
    for (const size of [2 ** 32 - 16, 2 ** 32 - 36, 2 ** 31 + 4, 3 * 2 ** 30]) {
      const rounded = sizeClass(size, 2 ** 32 - 16);
      expect(rounded).toBeGreaterThanOrEqual(size);
      expect(rounded).toBeLessThanOrEqual(2 ** 32 - 16);
      expect(rounded % 16).toBe(0);
    }
  });

  it('of a dispatch are kept, and named past both dimensions', () => {
    const limits = { maxComputeWorkgroupsPerDimension: 8 };
    for (let groups = 1; groups <= 64; groups++) {
      const { x, y } = fold(groups, limits);
      expect(x * y).toBeGreaterThanOrEqual(groups);
      expect(x * y - groups, 'few come for nothing').toBeLessThan(y);
      expect(Math.max(x, y)).toBeLessThanOrEqual(8);
    }
    expect(() => fold(65, limits)).toThrow(DeviceError);
    expect(() => fold(65, limits)).toThrow('65 workgroups are more than 8 x 8 (maxComputeWorkgroupsPerDimension)');
  });

  it.each(['defaults', 'maxBufferSize', 'maxBufferSize=many', 'maxBufferSize=-1', 'maxBindGroups=4', 'default=1'])(
    'that are none are refused: %s',
    async (text) => {
      const before = process.env.COURSE_LIMITS;
      process.env.COURSE_LIMITS = text;
      try {
        const opening = WebGpuBackend.create({ allowSoftware: true });
        await expect(opening).rejects.toThrow(ArgumentError);
        await expect(opening).rejects.toThrow(`COURSE_LIMITS: '${text}' is no limit`);
      } finally {
        if (before === undefined) delete process.env.COURSE_LIMITS;
        else process.env.COURSE_LIMITS = before;
      }
    },
  );
});

const { discrete, integrated, apple } = tuningTable;
const tiles = [...new Set([discrete, integrated, apple].flatMap(({ matmul }) => matmul.tiles))].filter(
  ({ memory }) => memory === 'registers' || memory === 'shared',
);

describe.runIf(devices.includes('webgpu'))('a device of defaults', () => {
  it.each(tiles)('has room for the tile %j of GPUs', async (tile) => {
    const { mostRows: _, ...any } = tile;
    const tuning = { ...discrete, matmul: { tiles: [any], workgroups: 1 } };
    const gpu = new Gpu(await WebGpuBackend.create({ allowSoftware: true, ...smallestDevice, tuning }));
    const [m, n, k] = [70, 68, 36];
    const [left, right] = [noise(m * k, 1), noise(k * n, 2)];
    const out = gpu.room(m * n);
    const a = { ...gpu.put(left), rowStride: k, columnStride: 1, batchStrides: [] };
    const b = { ...gpu.put(right), rowStride: n, columnStride: 1, batchStrides: [] };
    gpu.run({ kind: 'matmul', batch: [], m, n, k, alpha: 1, activation: 'none', a, b, out });
    const expected = Array.from({ length: m * n }, (_, i) => {
      let sum = 0;
      for (let j = 0; j < k; j++) sum += (left[Math.floor(i / n) * k + j] ?? 0) * (right[j * n + (i % n)] ?? 0);
      return sum;
    });
    // Sums of k products below 1: k roundings of partial sums below k.
    expect(await gpu.get(out, m * n)).toBeClose(expected, { atol: k * k * U });
    gpu.backend.destroy();
  });
});

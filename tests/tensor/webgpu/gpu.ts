// A WebGPU backend under test with host arrays around it: `put` makes a dense operand of numbers, `get` reads one back. Suites
// of kernels run through `eachTuning`: with the kernels of the adapter at hand, and with those that a GPU would get (teams of
// invocations, shared memory), so that the latter are tested on software adapters too.
import { afterAll, beforeAll, describe } from 'vitest';
import type { Dense, KernelRequest, Strided } from '../../../packages/tensor/src/backend/requests.js';
import { WebGpuBackend } from '../../../packages/tensor/src/backend/webgpu/backend.js';
import { type Tuning, tuningTable } from '../../../packages/tensor/src/backend/webgpu/tuning.js';
import type { DType } from '../../../packages/tensor/src/dtype.js';
import { float16FromFloat32, float16ToFloat32 } from '../../../packages/tensor/src/half.js';

/** Half a unit in the last place of 1 in float32: the relative error of one rounding. */
export const U = 2 ** -24;

export function toWords(dtype: DType, values: ArrayLike<number>): Uint32Array {
  if (dtype === 'float16') {
    const halves = new Uint16Array(values.length + (values.length % 2));
    halves.set(float16FromFloat32(Float32Array.from(values)));
    return new Uint32Array(halves.buffer);
  }
  return dtype === 'float32'
    ? new Uint32Array(Float32Array.from(values).buffer)
    : new Uint32Array(Int32Array.from(values).buffer);
}

export class Gpu {
  constructor(readonly backend: WebGpuBackend) {}

  static async open(tuning?: Tuning): Promise<Gpu> {
    return new Gpu(await WebGpuBackend.create({ allowSoftware: true, ...(tuning && { tuning }) }));
  }

  /** A dense operand, `offset` elements into its buffer and with `after` more behind it. */
  put(values: ArrayLike<number>, dtype: DType = 'float32', offset = 0, after = 0): Dense {
    if (dtype === 'float16') {
      // Words hold two: with what lies before, every one of them is written whole.
      const words = toWords(dtype, [...new Array<number>(offset).fill(0), ...Array.from(values)]);
      const buffer = this.backend.allocate(words.byteLength + after * 4);
      this.backend.write(buffer, 0, words);
      return { buffer, dtype, offset };
    }
    const buffer = this.backend.allocate((values.length + offset + after) * 4);
    this.backend.write(buffer, offset * 4, toWords(dtype, values));
    return { buffer, dtype, offset };
  }

  /** An operand to be written: filled with a pattern first, so that what stays unwritten shows. */
  room(length: number, dtype: DType = 'float32', offset = 0, after = 0): Dense {
    return this.put(
      new Array<number>(length).fill(dtype === 'float32' || dtype === 'float16' ? Number.NaN : 77),
      dtype,
      offset,
      after,
    );
  }

  strided(values: ArrayLike<number>, strides: readonly number[], dtype: DType = 'float32', offset = 0): Strided {
    return { ...this.put(values, dtype), offset, strides };
  }

  run(request: KernelRequest): void {
    this.backend.run(request);
  }

  async get(operand: Dense, length: number): Promise<number[]> {
    if (operand.dtype === 'float16') {
      const bytes = await this.backend.read(operand.buffer, operand.offset * 2, length * 2);
      return Array.from(float16ToFloat32(new Uint16Array(bytes)));
    }
    const bytes = await this.backend.read(operand.buffer, operand.offset * 4, length * 4);
    return Array.from(operand.dtype === 'float32' ? new Float32Array(bytes) : new Int32Array(bytes));
  }
}

/** A backend for the suite that calls this, destroyed at its end. */
export function useGpu(tuning?: Tuning): () => Gpu {
  let gpu: Gpu | undefined;
  beforeAll(async () => {
    gpu = await Gpu.open(tuning);
  });
  afterAll(async () => {
    // What went wrong after the last read shows here.
    await gpu?.backend.synchronize();
    gpu?.backend.destroy();
  });
  return () => {
    if (gpu === undefined) throw new Error('the backend is made before the first test');
    return gpu;
  };
}

/** Runs a suite with the tuning of the adapter at hand and with that of GPUs. */
export function eachTuning(name: string, suite: (gpu: () => Gpu) => void): void {
  describe.each([
    ['this', undefined],
    ['a discrete', tuningTable.discrete],
  ] as const)(`${name}, tuned for %s adapter`, (_, tuning) => {
    suite(useGpu(tuning));
  });
}

/** Reproducible numbers in [-1, 1), of float32 precision. */
export function noise(length: number, seed: number): number[] {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround(((state >>> 8) / 2 ** 24) * 2 - 1);
  });
}

/** Reproducible whole numbers from 0 to `below` - 1. */
export function integers(length: number, below: number, seed: number): number[] {
  return noise(length, seed).map((x) => Math.min(below - 1, Math.floor(((x + 1) / 2) * below)));
}

/** One unit in the last place of a value in float32. */
export function ulp(value: number): number {
  const magnitude = Math.abs(Math.fround(value));
  return 2 ** (Math.max(Math.floor(Math.log2(magnitude || 2 ** -126)), -126) - 23);
}

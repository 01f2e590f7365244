// A CPU backend under test with host arrays around it: `put` makes a dense operand of numbers, `get` reads one back. Every suite
// runs on both builds of the kernels through `eachBuild`.
import { afterAll, beforeAll, describe } from 'vitest';
import type { Backend } from '../../../packages/tensor/src/backend/backend.js';
import { ALIGNMENT } from '../../../packages/tensor/src/backend/cpu/allocator.js';
import { CpuBackend } from '../../../packages/tensor/src/backend/cpu/cpu-backend.js';
import { cpuKernels } from '../../../packages/tensor/src/backend/cpu/kernels/table.js';
import { CpuBuffer, type Launcher } from '../../../packages/tensor/src/backend/cpu/launch.js';
import type { Dense, DeviceBuffer, KernelRequest, Strided } from '../../../packages/tensor/src/backend/requests.js';
import type { DType } from '../../../packages/tensor/src/dtype.js';

/** float32 and, for the other dtypes, words. */
export function toWords(dtype: DType, values: ArrayLike<number>): Uint32Array {
  return dtype === 'float32'
    ? new Uint32Array(Float32Array.from(values).buffer)
    : new Uint32Array(Int32Array.from(values).buffer);
}

/** What the tests need of a backend. */
export type Computer = Pick<Backend, 'allocate' | 'free' | 'write' | 'read' | 'run'>;

/** A backend of a launcher that a test has made itself. */
export function computerOf(launcher: Launcher): Computer {
  const table = cpuKernels();
  const placeOf = (buffer: DeviceBuffer) => launcher.pointer({ buffer, dtype: 'float32', offset: 0 }) / 4;
  return {
    allocate: (bytes) => {
      const block = launcher.take(Math.max(bytes, 4));
      return new CpuBuffer(launcher, bytes, block.start * ALIGNMENT, block);
    },
    free: () => {},
    write: (buffer, offset, words) => launcher.i32.set(words, placeOf(buffer) + offset / 4),
    read: async (buffer, offset, bytes) =>
      launcher.i32.slice(placeOf(buffer) + offset / 4, placeOf(buffer) + (offset + bytes) / 4).buffer,
    run: (request) => (table[request.kind] as (launcher: Launcher, request: KernelRequest) => void)(launcher, request),
  };
}

export class Machine<B extends Computer = CpuBackend> {
  constructor(readonly backend: B) {}

  /** A dense operand, `offset` elements into its buffer. */
  put(values: ArrayLike<number>, dtype: DType = 'float32', offset = 0): Dense {
    const buffer = this.backend.allocate((values.length + offset) * 4);
    this.backend.write(buffer, offset * 4, toWords(dtype, values));
    return { buffer, dtype, offset };
  }

  /** An operand to be written: filled with a pattern first, so that what stays unwritten shows. */
  room(length: number, dtype: DType = 'float32', offset = 0): Dense {
    return this.put(new Array<number>(length).fill(dtype === 'float32' ? 12345.678 : 77), dtype, offset);
  }

  run(request: KernelRequest): void {
    this.backend.run(request);
  }

  async get(operand: Dense, length: number): Promise<number[]> {
    const bytes = await this.backend.read(operand.buffer, operand.offset * 4, length * 4);
    return Array.from(operand.dtype === 'float32' ? new Float32Array(bytes) : new Int32Array(bytes));
  }
}

/** Runs a suite on the plain and on the relaxed build. */
export function eachBuild(name: string, suite: (machine: () => Machine) => void): void {
  describe.each(['simd', 'relaxed-simd'] as const)(`${name} (%s)`, (build) => {
    let machine: Machine | undefined;
    beforeAll(async () => {
      machine = new Machine(await CpuBackend.create({ build }));
    });
    afterAll(() => machine?.backend.destroy());
    suite(() => {
      if (machine === undefined) throw new Error('the machine is made before the first test');
      return machine;
    });
  });
}

/** A strided operand over a dense one. */
export function strided(operand: Dense, ...strides: number[]): Strided {
  return { ...operand, strides };
}

/** Reproducible numbers in [-1, 1), of float32 precision. */
export function noise(length: number, seed: number): number[] {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround(((state >>> 8) / 2 ** 24) * 2 - 1);
  });
}

/** One rounding of float32, relative to the number rounded. */
export const ROUNDING = 2 ** -24;

/** Row widths around the vector lengths and unrolled loops of the kernels. */
export const WIDTHS = [1, 2, 3, 5, 7, 8, 17, 32, 63, 64, 65, 127, 129, 300, 1031];

/** The rows of a dense matrix. */
export function rowsOf(values: readonly number[], width: number): number[][] {
  return Array.from({ length: width === 0 ? 0 : values.length / width }, (_, r) =>
    values.slice(r * width, (r + 1) * width),
  );
}

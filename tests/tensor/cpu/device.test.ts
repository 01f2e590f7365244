// Which build of the kernels a backend takes, and what it says of itself.
import { afterEach, describe, expect, it } from 'vitest';
import { CpuBackend } from '../../../packages/tensor/src/backend/cpu/cpu-backend.js';
import { chooseBuild } from '../../../packages/tensor/src/backend/cpu/module.js';
import { ArgumentError } from '../../../packages/tensor/src/errors.js';
import { Program } from '../../../packages/tensor/src/fuse/program.js';

describe('the CPU device', () => {
  const wish = process.env.COURSE_SIMD;
  afterEach(() => {
    if (wish === undefined) delete process.env.COURSE_SIMD;
    else process.env.COURSE_SIMD = wish;
  });

  it('takes plain SIMD where it is asked to', async () => {
    process.env.COURSE_SIMD = 'plain';
    expect(chooseBuild()).toBe('simd');
    const backend = await CpuBackend.create();
    expect(backend.info()).toMatchObject({ backend: 'cpu', software: false, features: ['simd'] });
    backend.destroy();
  });

  it('takes relaxed SIMD where the engine has it, and refuses a wish it does not know', async () => {
    process.env.COURSE_SIMD = '';
    // V8 has relaxed SIMD in every Node this project runs on, from Node 20 behind a flag that is set at need.
    expect(chooseBuild()).toBe('relaxed-simd');
    process.env.COURSE_SIMD = 'fast';
    expect(chooseBuild).toThrow(ArgumentError);
  });

  it('names its processor, limits and dtypes, and counts launches', async () => {
    const backend = await CpuBackend.create({ maximumBytes: 2 ** 30 });
    expect(backend.info().adapter).not.toBe('');
    expect(backend.info().limits).toEqual({ maxMemoryBytes: 2 ** 30, maxPointwiseInputs: backend.maxPointwiseInputs });
    expect(
      (['float32', 'int32', 'uint8', 'bool', 'float16', 'float64'] as const).filter((dtype) => backend.supports(dtype)),
    ).toEqual(['float32', 'int32', 'uint8', 'bool', 'float64']);
    const out = { buffer: backend.allocate(40), dtype: 'float32', offset: 0, strides: [1] } as const;
    const program = new Program({ inputs: [], scalars: ['float32'], steps: [], outputs: [0] });
    for (let i = 0; i < 3; i++)
      backend.run({ kind: 'pointwise', program, shape: [10], inputs: [], scalars: [1], outputs: [out] });
    expect(backend.statistics()).toMatchObject({ dispatches: 3, buffers: 1, bytes: 40 });
    backend.destroy();
  });

  it('checks offsets and sizes of transfers', async () => {
    const backend = await CpuBackend.create();
    const buffer = backend.allocate(16);
    expect(() => backend.allocate(3)).toThrow(ArgumentError);
    expect(() => backend.write(buffer, 12, new Uint32Array(2))).toThrow(
      'cannot write 8 bytes at 12 of a buffer of 16 bytes',
    );
    await expect(backend.read(buffer, 2, 4)).rejects.toThrow(ArgumentError);
    expect((await backend.read(backend.allocate(0), 0, 0)).byteLength).toBe(0);
    backend.destroy();
  });
});

// The pass that makes a kernel's buffers 16-bit: which accesses it finds, and what it writes in their place. What the kernels then
// compute is tested in ../float16.test.ts, where an adapter has 16-bit floats.
import { describe, expect, it } from 'vitest';
import { withHalves } from '../../../packages/tensor/src/backend/webgpu/kernels/wgsl/halves.js';
import {
  type KernelSource,
  moduleText,
  read,
  write,
} from '../../../packages/tensor/src/backend/webgpu/kernels/wgsl/source.js';
import { CourseError } from '../../../packages/tensor/src/errors.js';

function converted(main: string, names: string[]): KernelSource {
  const bindings = [read('a'), read('b', 'vec4<f32>'), read('ids', 'i32'), write('out', 'vec4<f32>')];
  const kernel = { label: 'test', about: 'A kernel.', bindings, params: {}, workgroupSize: 1, main };
  return withHalves(kernel, new Set(names));
}

describe('kernels over 16-bit floats', () => {
  it.each([
    ['reads', 'let v = a[i] + 1.0;', 'let v = f32(a[i]) + 1.0;'],
    ['components of vectors', 'let v = b[i / 4u][i % 4u];', 'let v = vec4<f32>(b[i / 4u])[i % 4u];'],
    ['reads within an index', 'let v = a[u32(a[i])];', 'let v = f32(a[u32(f32(a[i]))]);'],
    ['writes', 'out[i] = v * 2.0;', 'out[i] = vec4<f16>(v * 2.0);'],
    ['writes of what is read', 'out[i] = b[i] + out[i];', 'out[i] = vec4<f16>(vec4<f32>(b[i]) + vec4<f32>(out[i]));'],
    ['updates', 'out[i] *= f + b[j];', 'out[i] = vec4<f16>(vec4<f32>(out[i]) * (f + vec4<f32>(b[j])));'],
    ['comparisons', 'if (a[i] == 1.0) {}', 'if (f32(a[i]) == 1.0) {}'],
  ])('converts %s', (_, text, expected) => {
    expect(converted(text, ['a', 'b', 'out']).main).toBe(expected);
  });

  it('leaves other names and buffers alone', () => {
    const text = 'let v = data[i] + tile.a[i] + p.a[i] + b[ids[i]];\nout[i] = v;';
    expect(converted(text, ['a']).main).toBe(text);
    expect(moduleText(converted(text, []))).not.toContain('f16');
  });

  it('declares them, and what WGSL needs for them', () => {
    const text = moduleText(converted('out[0] = vec4<f32>(a[0]);', ['out']));
    expect(text).toContain('enable f16;');
    expect(text).toContain('var<storage, read_write> out: array<vec4<f16>>;');
    expect(text).toContain('var<storage, read> a: array<f32>;');
  });

  it('refuses a buffer that is not of floats', () => {
    expect(() => converted('let v = ids[0];', ['ids'])).toThrow(CourseError);
  });
});

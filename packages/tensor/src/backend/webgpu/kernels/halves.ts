/**
 * Kernels over float16. They are written once, in float32; where a buffer holds 16-bit floats, every access of it in the kernel's text gets
 * the conversion that WGSL does not make by itself. So the buffer takes half the memory and bandwidth, all arithmetic and every
 * sum is float32, and what is stored is rounded once.
 */
import { CourseError } from '../../../errors.js';
import { rewriteAccesses } from './accesses.js';
import type { BindingSource, KernelSource } from './source.js';

/** The kernel with the named bindings, of f32 or vec4<f32>, as 16-bit floats. */
export function withHalves(source: KernelSource, names: ReadonlySet<string>): KernelSource {
  const halves = source.bindings.filter(({ name }) => names.has(name));
  if (halves.length === 0) return source;
  const convert = (text: string) => halves.reduce(convertAccesses, text);
  return {
    ...source,
    bindings: source.bindings.map((binding) => (names.has(binding.name) ? halfBinding(source, binding) : binding)),
    ...(source.declarations !== undefined && { declarations: convert(source.declarations) }),
    main: convert(source.main),
  };
}

function halfBinding({ label }: KernelSource, binding: BindingSource): BindingSource {
  if (binding.element === 'f32') return { ...binding, element: 'f16' };
  if (binding.element === 'vec4<f32>') return { ...binding, element: 'vec4<f16>' };
  throw new CourseError(`webgpu: the kernel '${label}' reads '${binding.name}' as ${binding.element}, not as a float`);
}

/** Every `name[…]` of a text: read through the wide type, written through the narrow one. */
function convertAccesses(text: string, { name, element }: BindingSource): string {
  const narrow = element.replace('f32', 'f16');
  return rewriteAccesses(text, name, {
    read: (index) => `${element}(${name}[${index}])`,
    write: (index, value) => `${name}[${index}] = ${narrow}(${value})`,
  });
}

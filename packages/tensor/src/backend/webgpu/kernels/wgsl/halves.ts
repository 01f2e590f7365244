/**
 * Kernels over float16. They are written once, in float32; where a buffer holds 16-bit floats, every access of it in the kernel's text gets
 * the conversion that WGSL does not make by itself. So the buffer takes half the memory and bandwidth, all arithmetic and every
 * sum is float32, and what is stored is rounded once.
 */
import { CourseError } from '../../../../errors.js';
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
  const pattern = new RegExp(`(?<![\\w.&])${name}\\[`, 'g');
  let result = '';
  let end = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const open = match.index + name.length;
    const close = closing(text, open);
    // An index may itself hold accesses of the same array.
    const place = `${name}[${convertAccesses(text.slice(open + 1, close), { name, element, access: 'read' })}]`;
    const assignment = /^\s*([-+*/]?)=(?!=)\s*/.exec(text.slice(close + 1));
    result += text.slice(end, match.index);
    if (assignment === null) {
      result += `${element}(${place})`;
      end = close + 1;
    } else {
      const start = close + 1 + assignment[0].length;
      const semicolon = text.indexOf(';', start);
      const value = convertAccesses(text.slice(start, semicolon), { name, element, access: 'read' });
      const operator = assignment[1] ?? '';
      const whole = operator === '' ? value : `${element}(${place}) ${operator} (${value})`;
      result += `${place} = ${narrow}(${whole})`;
      end = semicolon;
    }
    pattern.lastIndex = end;
  }
  return result + text.slice(end);
}

/** The place of the bracket that closes the one at `open`. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === '[') depth++;
    else if (text[i] === ']' && --depth === 0) return i;
  }
  throw new CourseError('webgpu: a bracket of a kernel is not closed');
}

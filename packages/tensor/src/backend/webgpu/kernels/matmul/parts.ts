/**
 * Several products of one left operand in one dispatch, as queries, keys and values of an attention are: each has arrays of its own, and a
 * workgroup belongs to one product, or with `quads` computes all of them. Any matmul kernel becomes one of the former by a pass over its
 * text, which repeats its body for each product with the names of that product's arrays. Workgroups branch once, at the start:
 * choosing an array at every load would take software adapters twice the time.
 */
import { indent, type KernelSource } from '../wgsl/source.js';

/** A function of a kernel's declarations, with the comment above it. */
const FUNCTION = /(?:^\/\/.*\n)*^fn (\w+)\([\s\S]*?^}\n*/gm;

/** The name of an array, or of a function that reads or writes one, of a product: `b`, `b1`, `b2`, … */
export function partName(name: string, part: number): string {
  return part === 0 ? name : `${name}${part}`;
}

/** The kernel of `parts` products; its batch number is the product's. */
export function withParts(source: KernelSource, parts: number): KernelSource {
  if (parts === 1) return source;
  const { kernel, ofPart } = split(source, parts);
  const branches = Array.from({ length: parts }, (_, part) => {
    const condition = part === parts - 1 ? '' : `if (group / (p.tilesM * p.tilesN) == ${part}u) `;
    return `${condition}{\n${indent(ofPart(source.main, part))}\n}`;
  });
  return { ...kernel, main: branches.join(' else ') };
}

/** The kernel of `parts` products whose body computes all of them, and names the functions of each by `partName` itself. */
export function withArrays(source: KernelSource, parts: number): KernelSource {
  return parts === 1 ? source : split(source, parts).kernel;
}

/** The kernel with bindings and functions for each product, and a text of the first product as one of another. */
function split(
  source: KernelSource,
  parts: number,
): { readonly kernel: KernelSource; ofPart(text: string, part: number): string } {
  const { bindings, declarations = '' } = source;
  const arrays = bindings.flatMap(({ name }) => (name === 'a' ? [] : [name]));
  const functions = [...declarations.matchAll(FUNCTION)].map(([text, name = '']) => ({ text, name }));
  // Functions that touch these arrays, or call one that does.
  const own = new Set<string>();
  const touches = (text: string) => [...arrays, ...own].some((name) => accessOf(name).test(text));
  for (let before = -1; own.size !== before; ) {
    before = own.size;
    for (const { text, name } of functions) if (touches(text.replace(`fn ${name}(`, ''))) own.add(name);
  }
  const names = [...arrays, ...own];
  const ofPart = (text: string, part: number) =>
    names.reduce((result, name) => result.replace(accessOf(name), `${partName(name, part)}$1`), text);
  const each = Array.from({ length: parts }, (_, part) => part);
  const kernel = {
    ...source,
    label: `${source.label}, ${parts} products`,
    bindings: bindings.flatMap((binding) =>
      binding.name === 'a' ? [binding] : each.map((part) => ({ ...binding, name: partName(binding.name, part) })),
    ),
    declarations: [
      declarations.replace(FUNCTION, (text, name: string) => (own.has(name) ? '' : text)).trim(),
      ...functions.flatMap(({ text, name }) => (own.has(name) ? each.map((part) => ofPart(text.trim(), part)) : [])),
    ].join('\n\n'),
  };
  return { kernel, ofPart };
}

/** Accesses of an array and calls of a function by name. */
function accessOf(name: string): RegExp {
  return new RegExp(`(?<![\\w.&])${name}([[(])`, 'g');
}

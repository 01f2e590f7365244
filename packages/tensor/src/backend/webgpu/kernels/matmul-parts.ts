/**
 * Several products of one left operand in one dispatch, as queries, keys and values of an attention are: each has arrays of its own, and a
 * workgroup belongs to one product. Any matmul kernel becomes such a one by a pass over its text, which turns accesses of `b`, `bias`
 * and `out` into calls that choose the array of the workgroup's product.
 */
import { rewriteAccesses } from './accesses.js';
import type { KernelSource } from './source.js';

/** The names of an array for each product: `b`, `b1`, `b2`, … */
export function partNames(name: string, parts: number): string[] {
  return Array.from({ length: parts }, (_, part) => (part === 0 ? name : `${name}${part}`));
}

/** The kernel of `parts` products whose batch number is the product's. */
export function withParts(source: KernelSource, parts: number): KernelSource {
  if (parts === 1) return source;
  const own = source.bindings.filter(({ name }) => name !== 'a');
  const rewrite = (text: string) =>
    own.reduce(
      (before, { name }) =>
        rewriteAccesses(before, name, {
          read: (index) => `${name}Of(${index})`,
          write: (index, value) => `store_${name}(${index}, ${value})`,
        }),
      text,
    );
  const functions = own.map(({ name, element, access }) => {
    const last = parts - 1;
    const cases = partNames(name, parts).map((each, part) => {
      const place = `${each}[at]`;
      const action = access === 'read' ? `return ${place};` : `${place} = value;`;
      return part === last
        ? `  ${action}`
        : `  if (part == ${part}u) {\n    ${action}${access === 'read' ? '' : '\n    return;'}\n  }`;
    });
    const head =
      access === 'read' ? `fn ${name}Of(at: u32) -> ${element} {` : `fn store_${name}(at: u32, value: ${element}) {`;
    return `${head}\n${cases.join('\n')}\n}`;
  });
  return {
    ...source,
    label: `${source.label}, ${parts} products`,
    bindings: source.bindings.flatMap((binding) =>
      binding.name === 'a' ? [binding] : partNames(binding.name, parts).map((name) => ({ ...binding, name })),
    ),
    declarations: [
      "// The workgroup's product.",
      'var<private> part: u32;',
      ...functions,
      ...(source.declarations === undefined ? [] : [rewrite(source.declarations)]),
    ].join('\n\n'),
    main: `part = group / (p.tilesM * p.tilesN);\n${rewrite(source.main)}`,
  };
}

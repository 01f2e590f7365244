/**
 * Pointwise programs in a product's kernel. What is no plain epilogue (`products.ts`) may still follow a product element by element: a dropout, the
 * slope of an activation times a gradient, or an activation whose input the backward pass needs, so that the product is to be
 * written beside. The backends run or print such a program where the product leaves the kernel.
 */
import { numel, type Shape } from '../shape.js';
import type { Storage } from '../storage.js';
import { isContiguous } from '../view.js';
import type { Composition, Input } from './compose.js';
import { Program } from './program.js';

/** A program behind a product: what `ProductSteps` is made of. */
export interface Following {
  /** The storage whose value is the product itself. */
  readonly product: Storage;
  readonly program: Program;
  readonly scalars: readonly number[];
  readonly inputs: readonly (Input & { readonly isRow: boolean })[];
  readonly keepsProduct: boolean;
}

/** The program over `shape` as steps that follow a product among its inputs; null where it cannot. */
export function findFollowing(shape: Shape, composition: Composition): Following | null {
  const { inputs } = composition;
  for (let i = 0; i < inputs.length; i++) {
    const { storage } = inputs[i] as Input;
    if (!storage.product || storage.wasInlined || composition.program.steps.length === 0) continue;
    const found = follow(shape, composition, i);
    if (found) return found;
  }
  return null;
}

function follow(shape: Shape, composition: Composition, first: number): Following | null {
  const { program, inputs, scalars, written, inlined } = composition;
  const { storage, view } = inputs[first] as Input;
  const { product, backend, dtype } = storage;
  if (!product || view.offset !== 0 || !isContiguous(view) || numel(view.shape) !== storage.size) return null;
  if (written[0]?.dtype !== dtype || written.some((each) => each.size !== storage.size)) return null;
  const others: Following['inputs'][number][] = [];
  for (const [i, input] of inputs.entries()) {
    if (i === first) continue;
    const isRow = isRowOf(input, shape, product.n);
    if (input.storage === storage || !(isRow || isContiguous(input.view))) return null;
    others.push({ ...input, isRow });
  }
  // Masks are drawn for four elements at a time, which must not part at the end of a row.
  if (product.n % 4 !== 0 && program.steps.some(({ op }) => op === 'uniform')) return null;
  let keepsProduct = storage.isNeeded;
  for (const reader of storage.readers) keepsProduct ||= !written.includes(reader) && !inlined.includes(reader);
  keepsProduct ||= !product.isConstant && isHeld(storage, composition);
  const bound = 2 + Number(product.bias !== null) + others.length + written.length + Number(keepsProduct);
  // One more than a pointwise kernel reads is what a kernel binds.
  if (bound > backend.maxPointwiseInputs + 1) return null;
  return { product: storage, program: productFirst(program, first), scalars, inputs: others, keepsProduct };
}

/** Whether anybody but the program's own steps will be able to ask for a value: a handle, a backward pass. */
function isHeld(storage: Storage, composition: Composition): boolean {
  if (storage.references > countUses(storage, composition)) return true;
  // A step that is left out may be asked for later too, and would need the product then.
  return composition.inlined.some((each) => each.references > countUses(each, composition));
}

/** How often the program's steps hold a value. */
function countUses(storage: Storage, { written, inlined }: Composition): number {
  let count = 0;
  for (const reader of storage.readers) {
    if (!written.includes(reader) && !inlined.includes(reader)) continue;
    for (const arg of reader.recipe?.args ?? []) if ('storage' in arg && arg.storage === storage) count++;
  }
  return count;
}

/** The program with one of its inputs before the others. */
function productFirst(program: Program, first: number): Program {
  if (first === 0) return program;
  const place = (value: number): number => (value === first ? 0 : value < first ? value + 1 : value);
  const { inputs, scalars, steps, outputs } = program;
  return new Program({
    inputs: [inputs[first] ?? 'float32', ...inputs.toSpliced(first, 1)],
    scalars,
    steps: steps.map((step) => ({ ...step, args: step.args.map(place) })),
    outputs: outputs.map(place),
  });
}

/** Whether an input repeats one dense row of `n` elements. */
export function isRowOf({ view }: Input, shape: Shape, n: number): boolean {
  return (
    shape.at(-1) === n &&
    view.strides.every((stride, d) =>
      d === shape.length - 1 ? stride === 1 || n === 1 : stride === 0 || shape[d] === 1,
    )
  );
}

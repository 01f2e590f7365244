/** From a pending storage to the kernel request that computes it. */
import type { PointwiseRequest, Strided } from '../backend/requests.js';
import { numel } from '../shape.js';
import type { Storage } from '../storage.js';
import { collapseDims, contiguousView, type View } from '../view.js';
import { type Composition, compose, type Input } from './compose.js';
import { findFollowing } from './product-steps.js';
import { findEpilogue, lowerAddend, lowerFollowing, lowerProduct } from './products.js';

/** Where the root's value goes if not into memory of its own: elements of an existing storage, in place. */
export interface Destination {
  readonly storage: Storage;
  readonly view: View;
}

/** Computes a pending storage, or writes its value into `destination` (and leaves the root itself without memory). */
export function lower(root: Storage, destination?: Destination): void {
  if (root.product) lowerProduct(root);
  const { recipe } = root;
  if (!recipe) return;
  if (!destination) lowerAddend(recipe);
  const composition = composeWithin(root);
  const { written, inlined } = composition;
  const epilogue = destination ? null : findEpilogue(recipe.shape, composition);
  const following = destination || epilogue ? null : findFollowing(recipe.shape, composition);
  if (epilogue) lowerProduct(epilogue.product, { ...epilogue, out: root });
  else if (following) lowerFollowing(following, written);
  else if (numel(recipe.shape) > 0) root.backend.run(pointwiseRequest(recipe.shape, composition, destination));
  else for (const storage of written) if (!(storage === root && destination)) storage.reserve();
  for (const storage of inlined) storage.wasInlined = true;
  // The root lets go last: settling it may release the pending values below it.
  for (let i = written.length - 1; i >= 0; i--) written[i]?.settle();
}

/**
 * The program of a pending storage, of no more inputs than a kernel can have. When a recipe is made these are counted; what has been computed since
 * on its own account is one more, though what it was made of may be needed still. Then the arguments are computed first.
 */
export function composeWithin(root: Storage): Composition {
  let composition = compose(root);
  while (composition.inputs.length > root.backend.maxPointwiseInputs) {
    const pending = root.recipe?.args.flatMap((arg) => ('storage' in arg && arg.storage.recipe ? [arg.storage] : []));
    const [most] = (pending ?? []).sort((a, b) => (b.recipe?.inputs ?? 0) - (a.recipe?.inputs ?? 0));
    if (!most) break;
    void most.buffer;
    composition = compose(root);
  }
  return composition;
}

/** The request over a shape, its operands with memory and with collapsed strides. */
export function pointwiseRequest(
  shape: readonly number[],
  { program, inputs, scalars, written }: Composition,
  destination?: Destination,
): PointwiseRequest {
  // All outputs but a destination lie densely.
  const whole = contiguousView(shape);
  const outputs = written.map((storage, i) => (i === 0 && destination ? destination : { storage, view: whole }));
  const strides: (readonly number[])[] = [];
  for (const { view } of inputs) strides.push(view.strides);
  for (const { view } of outputs) strides.push(view.strides);
  const collapsed = collapseDims(shape, strides);
  const operand = ({ storage, view }: Input, place: number): Strided => {
    const buffer = storage.recipe ? storage.reserve() : storage.buffer;
    return { buffer, dtype: storage.dtype, offset: view.offset, strides: collapsed.strides[place] ?? [] };
  };
  return {
    kind: 'pointwise',
    program,
    shape: collapsed.shape,
    uncollapsed: shape[0] === 1 ? { shape, strides } : undefined,
    inputs: inputs.map(operand),
    scalars,
    outputs: outputs.map((output, i) => operand(output, inputs.length + i)),
  };
}

/**
 * Building pending values. A new step joins the kernel of a pending argument if both walk the same shape in the same
 * order; otherwise the argument is computed first. Limits on steps and inputs bound the size of a kernel.
 */
import type { Backend } from '../backend/backend.js';
import type { DType } from '../dtype.js';
import type { PointwiseName } from '../ops/pointwise/table.js';
import { numel, type Shape, sameShape } from '../shape.js';
import { type Recipe, type RecipeArgument, Storage } from '../storage.js';
import { isContiguous, sameView, type View } from '../view.js';
import { pendingBelow } from './walk.js';

/**
 * A pending value keeps its inputs in memory, though nobody else may hold them any more: past so many bytes of them it is computed, a
 * pass over memory for this many inputs being little.
 */
const HELD_BYTES = 2 ** 30;
const ALWAYS_HELD = 32;
/**
 * Of inputs that are read across their rows at most so many share a kernel: each turns to another cache line with every element, and lines
 * must stay until the next row comes for their next element.
 */
const ACROSS = 32;
/** From this stride on, in elements, neighbours lie in different cache lines. */
const LINE = 16;

/** A storage that will hold `op` over the arguments, each already viewed in `shape`. */
export function pendingStorage(
  backend: Backend,
  op: PointwiseName | 'copy',
  type: DType,
  dtype: DType,
  shape: Shape,
  args: readonly RecipeArgument[],
  /** The name of the op that it is made for, and the shapes of operands that are other than the result's: for errors. */
  name: string = op,
  from?: readonly Shape[],
): Storage {
  for (const arg of args)
    if ('storage' in arg && !joins(arg.storage, arg.view.offset === 0 && isContiguous(arg.view), arg.view.shape, shape))
      compute(arg.storage);
  const size = numel(shape);
  const held = Math.max(ALWAYS_HELD, Math.floor(HELD_BYTES / (4 * size)));
  const most: Bounds = {
    steps: backend.maxPointwiseSteps,
    inputs: Math.min(backend.maxPointwiseInputs, held),
  };
  let bounds = estimate(args, most);
  while (bounds.steps > most.steps || bounds.inputs > most.inputs) {
    const largest = heaviest(args, most);
    if (!largest) break;
    compute(largest);
    bounds = estimate(args, most);
  }
  const recipe: Recipe = { op, type, shape, args, ...bounds };
  return new Storage(backend, dtype, size, { name, shape, from }, recipe);
}

/** Whether a pending argument can be computed inside the kernel that reads it. */
function joins(storage: Storage, whole: boolean, viewed: Shape, shape: Shape): boolean {
  const { recipe } = storage;
  return !recipe || (whole && sameShape(viewed, shape) && sameShape(recipe.shape, shape));
}

function compute(storage: Storage): void {
  void storage.buffer;
}

interface Bounds {
  readonly steps: number;
  /** Those that are read across rows count for more than one. */
  readonly inputs: number;
}

/** Steps and inputs of the kernel. The quick sum counts what is used twice twice; only past a limit are the recipes walked. */
function estimate(args: readonly RecipeArgument[], most: Bounds): Bounds {
  let steps = 1;
  let inputs = 0;
  for (const arg of args) {
    if (!('storage' in arg)) continue;
    const { recipe } = arg.storage;
    steps += recipe?.steps ?? 0;
    inputs += recipe?.inputs ?? room(arg.view, most);
  }
  return steps > most.steps || inputs > most.inputs ? count(args, most) : { steps, inputs };
}

/** How much of the room for inputs one takes. */
function room({ shape, strides }: View, most: Bounds): number {
  const innermost = shape.length - 1;
  return (strides[innermost] ?? 0) >= LINE && (shape[innermost] ?? 1) > 1 ? Math.max(1, most.inputs / ACROSS) : 1;
}

/** Exact numbers: each pending value and each distinct input once. */
function count(args: readonly RecipeArgument[], most: Bounds): Bounds {
  const below = pendingBelow(args);
  const inputs = new Map<Storage, View[]>();
  let taken = 0;
  for (const list of [args, ...below.map(({ recipe }) => recipe?.args ?? [])]) {
    for (const arg of list) {
      if (!('storage' in arg) || arg.storage.recipe) continue;
      const views = inputs.get(arg.storage) ?? [];
      if (views.some((view) => sameView(view, arg.view))) continue;
      inputs.set(arg.storage, [...views, arg.view]);
      taken += room(arg.view, most);
    }
  }
  return { steps: below.length + 1, inputs: taken };
}

/** The pending argument whose own computation frees most room. */
function heaviest(args: readonly RecipeArgument[], most: Bounds): Storage | null {
  let found: Storage | null = null;
  let greatest = -1;
  for (const arg of args) {
    if (!('storage' in arg) || !arg.storage.recipe) continue;
    const weight = arg.storage.recipe.inputs / most.inputs + arg.storage.recipe.steps / most.steps;
    if (weight > greatest) [found, greatest] = [arg.storage, weight];
  }
  return found;
}

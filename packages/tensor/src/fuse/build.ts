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

/** Beyond this a kernel no longer gains by growing, and compilers slow down. */
const MAX_STEPS = 48;

/** A storage that will hold `op` over the arguments, each already viewed in `shape`. */
export function pendingStorage(
  backend: Backend,
  op: PointwiseName | 'copy',
  type: DType,
  dtype: DType,
  shape: Shape,
  args: readonly RecipeArgument[],
): Storage {
  for (const arg of args)
    if ('storage' in arg && !joins(arg.storage, arg.view.offset === 0 && isContiguous(arg.view), arg.view.shape, shape))
      compute(arg.storage);
  let bounds = estimate(args, backend);
  while (bounds.steps > MAX_STEPS || bounds.inputs > backend.maxPointwiseInputs) {
    const largest = heaviest(args);
    if (!largest) break;
    compute(largest);
    bounds = estimate(args, backend);
  }
  const recipe: Recipe = { op, type, shape, args, ...bounds };
  return new Storage(backend, dtype, numel(shape), recipe);
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
  readonly inputs: number;
}

/** Steps and inputs of the kernel. The quick sum counts what is used twice twice; only past a limit are the recipes walked. */
function estimate(args: readonly RecipeArgument[], backend: Backend): Bounds {
  let steps = 1;
  let inputs = 0;
  for (const arg of args) {
    if (!('storage' in arg)) continue;
    const { recipe } = arg.storage;
    steps += recipe?.steps ?? 0;
    inputs += recipe?.inputs ?? 1;
  }
  return steps > MAX_STEPS || inputs > backend.maxPointwiseInputs ? count(args) : { steps, inputs };
}

/** Exact numbers: each pending value and each distinct input once. */
function count(args: readonly RecipeArgument[]): Bounds {
  const steps = new Set<Storage>();
  const inputs: { storage: Storage; view: View }[] = [];
  const visit = (list: readonly RecipeArgument[]): void => {
    for (const arg of list) {
      if (!('storage' in arg)) continue;
      const { recipe } = arg.storage;
      if (!recipe) {
        if (!inputs.some((seen) => seen.storage === arg.storage && sameView(seen.view, arg.view))) inputs.push(arg);
      } else if (!steps.has(arg.storage)) {
        steps.add(arg.storage);
        visit(recipe.args);
      }
    }
  };
  visit(args);
  return { steps: steps.size + 1, inputs: inputs.length };
}

/** The pending argument whose own computation frees most room. */
function heaviest(args: readonly RecipeArgument[]): Storage | null {
  let found: Storage | null = null;
  let most = -1;
  for (const arg of args) {
    if (!('storage' in arg) || !arg.storage.recipe) continue;
    const weight = arg.storage.recipe.inputs * MAX_STEPS + arg.storage.recipe.steps;
    if (weight > most) [found, most] = [arg.storage, weight];
  }
  return found;
}

/**
 * Writing a pending value into existing memory: how every in-place op ends. Readers of the old content are computed first, and
 * an input that overlaps the destination in another layout is copied aside, since kernels may only read what they write at the same place.
 */
import type { RecipeArgument, Storage } from '../storage.js';
import { contiguousView, sameView, type View } from '../view.js';
import { pendingStorage } from './build.js';
import { lower } from './lower.js';

/** Computes `source`, which nobody else holds, straight into the elements of `storage` that `view` names, each in a place of its own. */
export function assign(storage: Storage, view: View, source: Storage): void {
  try {
    storage.beforeWrite(source);
    const overlaps = (list: readonly RecipeArgument[]): boolean =>
      list.some(
        (arg) =>
          'storage' in arg &&
          ((arg.storage === storage && !sameView(arg.view, view)) ||
            (arg.storage.recipe !== null && overlaps(arg.storage.recipe.args))),
      );
    const recipe = source.recipe;
    if (!recipe || overlaps(recipe.args)) {
      void source.buffer;
      const whole = { storage: source, view: contiguousView(view.shape) };
      const copy = pendingStorage(source.backend, 'copy', source.dtype, source.dtype, view.shape, [whole]);
      lower(copy, { storage, view });
      copy.release();
    } else lower(source, { storage, view });
  } finally {
    source.release();
  }
}

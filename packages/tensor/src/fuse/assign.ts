/**
 * Writing a pending value into existing memory: how every in-place op ends. Readers of the old content are computed first, and
 * an input that overlaps the destination in another layout is copied aside, since kernels may only read what they write at the same place.
 */
import type { Recipe, Storage } from '../storage.js';
import { contiguousView, sameView, type View } from '../view.js';
import { pendingStorage } from './build.js';
import { lower } from './lower.js';
import { pendingBelow } from './walk.js';

/** Computes `source`, which nobody else holds, straight into the elements of `storage` that `view` names, each in a place of its own. */
export function assign(storage: Storage, view: View, source: Storage): void {
  try {
    storage.beforeWrite(source);
    const overlaps = ({ args }: Recipe): boolean =>
      args.some((arg) => 'storage' in arg && arg.storage === storage && !sameView(arg.view, view));
    const { recipe } = source;
    if (!recipe || overlaps(recipe) || pendingBelow(recipe.args).some((each) => each.recipe && overlaps(each.recipe))) {
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

/**
 * The order of pending values. An expression may be thousands of steps long, so it is walked with a list of its own and not by
 * recursion, and each value once, however often it is read.
 */
import type { RecipeArgument, Storage } from '../storage.js';

/** The pending pointwise values that `args` are made of, each after those that it reads. */
export function pendingBelow(args: readonly RecipeArgument[]): Storage[] {
  const order: Storage[] = [];
  // Most expressions are one step.
  if (!args.some((arg) => 'storage' in arg && arg.storage.recipe)) return order;
  const seen = new Set<Storage>();
  // Where the walk stands: the arguments of each value on the way down, and how many of them were looked at.
  const lists = [args];
  const looked = [0];
  const path: Storage[] = [];
  while (lists.length > 0) {
    const top = lists.length - 1;
    const next = looked[top] ?? 0;
    const arg = lists[top]?.[next];
    looked[top] = next + 1;
    if (arg === undefined) {
      lists.pop();
      looked.pop();
      const done = path.pop();
      if (done) order.push(done);
    } else if ('storage' in arg && arg.storage.recipe && !seen.has(arg.storage)) {
      seen.add(arg.storage);
      path.push(arg.storage);
      lists.push(arg.storage.recipe.args);
      looked.push(0);
    }
  }
  return order;
}

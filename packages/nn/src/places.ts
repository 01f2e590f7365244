/**
 * The place in a model that an error names: the path from the outermost module whose `forward` runs to the one where it happened. An error
 * carries its place upwards from module to module; one that a device reports at a later read has it in the request
 * (`setPlaceTeller`). A constructor does not know where its module will stand, so those that make children say it for them.
 */
import { CourseError, setPlaceTeller } from '@course/tensor';
import type { Module } from './module.js';

/** The modules whose `forward` is running, outermost first. */
const running: Module[] = [];
/** Modules that run steps of their own around `forward`s: paths start from there. */
const roots: Module[] = [];
/** The innermost module that an error on its way up came from. */
const origins = new WeakMap<Error, Module>();
/** What an error said before a place was added, and the place so far. */
const made = new WeakMap<Error, { readonly message: string; readonly path: string }>();
/** Places of modules that devices were told, by the root they were found from: looking for one goes through the whole model. */
const places = new WeakMap<Module, { readonly root: WeakRef<Module>; readonly place: string }>();

setPlaceTeller(() => {
  const module = running.at(-1);
  const root = roots.at(-1) ?? running[0];
  if (!root || !module) return undefined;
  const known = places.get(module);
  if (known?.root.deref() === root) return known.place;
  const place = placeIn(root, module);
  places.set(module, { root: new WeakRef(root), place });
  return place;
});

/** Whether `forward` of this very module is the innermost that runs: a call of `super.forward`. */
export function isInnermost(module: Module): boolean {
  return running.at(-1) === module;
}

/** Runs the `forward` of a module; errors on their way out name it. */
export function runNamed<T>(module: Module, forward: () => T): T {
  running.push(module);
  try {
    return forward();
  } catch (error) {
    if (error instanceof CourseError) locate(error, module);
    throw error;
  } finally {
    running.pop();
  }
}

/** Runs a method of a module that calls `forward`s below it, such as a training step: paths start from this module. */
export function runFrom<T>(root: Module, method: () => T): T {
  roots.push(root);
  try {
    return method();
  } finally {
    roots.pop();
  }
}

/**
 * Makes a child of a module; an error of its constructor names the place that it was made for.
 *
 * @param path The key of the child, `self_attn`.
 */
export function makeChild<M extends Module>(path: string, make: () => M): M {
  try {
    return make();
  } catch (error) {
    if (error instanceof CourseError) {
      const before = made.get(error);
      const own = { message: before?.message ?? error.message, path: before ? `${path}.${before.path}` : path };
      made.set(error, own);
      say(error, `${own.message} [in ${own.path}]`);
    }
    throw error;
  }
}

/** Notes where an error came from; when it leaves the outermost module, its message names the path from there. */
function locate(error: CourseError, module: Module): void {
  const origin = origins.get(error) ?? module;
  origins.set(error, origin);
  if (running.length > 1) return;
  const root = roots.at(-1) ?? module;
  if (origin === root && error.message.startsWith(origin.constructor.name)) return;
  say(error, `${error.message} [in ${placeIn(root, origin)}]`);
}

/** A module as errors name it: by its path from the outermost one, and its class. */
function placeIn(root: Module, module: Module): string {
  let path = '';
  for (const [each, found] of root.namedModules()) if (found === module) path = each;
  const name = module.constructor.name;
  return path === '' ? name : `${path} (${name})`;
}

function say(error: Error, message: string): void {
  // Engines keep the message in the stack's text, which is what an uncaught error prints.
  if (error.stack) error.stack = error.stack.replace(error.message, () => message);
  error.message = message;
}

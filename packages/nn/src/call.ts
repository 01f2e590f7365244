/**
 * The way every `forward` goes. Modules are plain classes and are called as `module.forward(x)`, so the base class wraps the
 * `forward` of each class once, when its first instance is made: around it run the hooks, gradient checkpointing, and the naming
 * of the place in the model where an error came from. A class that calls `super.forward` passes here once.
 */
import { ArgumentError, checkpoint, isGradEnabled, resetCaptures, scope, Tensor } from '@course/tensor';
import { type BackwardHook, watchBackward } from './backward-hooks.js';
import type { Module } from './module.js';
import { isInnermost, runNamed } from './places.js';

/** Called before `forward` with its arguments; what it returns takes their place. */
export type ForwardPreHook<M extends Module = Module> = (
  module: M,
  args: readonly unknown[],
) => readonly unknown[] | undefined;

/** Called after `forward` with its arguments and result; anything but undefined that it returns takes the result's place. */
export type ForwardHook<M extends Module = Module> = (module: M, args: readonly unknown[], output: unknown) => unknown;

type Forward = (this: Module, ...args: readonly unknown[]) => unknown;

const instrumented = new WeakSet<object>();
const preHooks = new WeakMap<Module, Set<ForwardPreHook>>();
const postHooks = new WeakMap<Module, Set<ForwardHook>>();
const backwardHooks = new WeakMap<Module, Set<BackwardHook>>();

/** Wraps `forward` on a class and on those above it, up to `base`. */
export function instrument(prototype: object, base: object): void {
  for (let at = prototype; at !== base && !instrumented.has(at); at = Object.getPrototypeOf(at) as object) {
    instrumented.add(at);
    const own = Object.getOwnPropertyDescriptor(at, 'forward');
    if (typeof own?.value !== 'function') continue;
    const forward = own.value as Forward;
    const value = function (this: Module, ...args: readonly unknown[]): unknown {
      return call(this, forward, args);
    };
    Object.defineProperty(at, 'forward', { ...own, value });
  }
}

export function addPreHook(module: Module, hook: ForwardPreHook): () => void {
  return add(preHooks, module, hook);
}

export function addHook(module: Module, hook: ForwardHook): () => void {
  return add(postHooks, module, hook);
}

export function addBackwardHook(module: Module, hook: BackwardHook): () => void {
  return add(backwardHooks, module, hook);
}

/** Whether somebody listens to a module. */
export function isHooked(module: Module): boolean {
  return [preHooks, postHooks, backwardHooks].some((all) => (all.get(module)?.size ?? 0) > 0);
}

function add<H>(all: WeakMap<Module, Set<H>>, module: Module, hook: H): () => void {
  const own = all.get(module) ?? new Set<H>();
  all.set(module, own);
  own.add(hook);
  // Captured functions that call the module have to be recorded with it, and without it.
  resetCaptures();
  return () => {
    if (own.delete(hook)) resetCaptures();
  };
}

function call(module: Module, forward: Forward, args: readonly unknown[]): unknown {
  // `super.forward` inside a forward: the outer call has done everything.
  if (isInnermost(module)) return forward.apply(module, [...args]);
  return runNamed(module, () => {
    let given = args;
    for (const hook of preHooks.get(module) ?? []) given = hook(module, given) ?? given;
    const run = (own: readonly unknown[]): unknown => {
      let output =
        module.gradientCheckpointing && module.training
          ? checkpointed(module, forward, own)
          : forward.apply(module, [...own]);
      for (const hook of postHooks.get(module) ?? []) output = hook(module, own, output) ?? output;
      return output;
    };
    const watchers = backwardHooks.get(module);
    return watchers?.size && isGradEnabled() ? watchBackward(module, [...watchers], given, run) : run(given);
  });
}

/** Runs `forward` so that nothing inside it is kept for the backward pass; tensors among the arguments and in their options get their gradients. */
function checkpointed(module: Module, forward: Forward, args: readonly unknown[]): Tensor {
  const inputs: Tensor[] = [];
  const collect = (value: unknown): void => {
    if (value instanceof Tensor) inputs.push(value);
    else if (isOptions(value)) for (const each of Object.values(value)) if (each instanceof Tensor) inputs.push(each);
  };
  for (const arg of args) collect(arg);
  return checkpoint(
    (...replaced: Tensor[]) => {
      const substitute = (value: unknown): unknown => {
        if (value instanceof Tensor) return replaced[inputs.indexOf(value)];
        if (!isOptions(value)) return value;
        return Object.fromEntries(
          Object.entries(value).map(([key, each]) => [key, each instanceof Tensor ? substitute(each) : each]),
        );
      };
      // A scope of its own: what is made inside is not to live as long as the step around it.
      const output = scope(() => forward.apply(module, args.map(substitute)));
      if (output instanceof Tensor) return output;
      throw new ArgumentError(
        `${module.constructor.name}: gradient checkpointing needs a module whose forward returns one tensor; set it on the blocks inside`,
      );
    },
    ...inputs,
  );
}

function isOptions(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

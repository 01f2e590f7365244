/**
 * Hooks that see the gradients that pass through a module, as PyTorch's full backward hooks. Inputs and outputs of `forward` go through
 * identities, whose gradients are the module's. The backward pass goes from new to old, so where an identity stands in front of another,
 * with all of the first row older than all of the second, the newer ones collect and the first of the older ones finds everything there.
 */
import { ArgumentError, Tensor } from '@course/tensor';
import type { Module } from './module.js';

/** Gradients of the tensors among the arguments, or in the result, of a module; null for one that has none. */
export type ModuleGradients = readonly (Tensor | null)[];

/**
 * Called in the backward pass with the gradients of a module's inputs (the tensors among its arguments) and of its outputs; gradients that
 * it returns take the place of those of the inputs.
 */
export type BackwardHook<M extends Module = Module> = (
  module: M,
  gradInput: ModuleGradients,
  gradOutput: ModuleGradients,
) => ModuleGradients | undefined;

/** Makes `forward(args)` one whose gradients the hooks see. */
export function watchBackward(
  module: Module,
  hooks: Iterable<BackwardHook>,
  args: readonly unknown[],
  forward: (args: readonly unknown[]) => unknown,
): unknown {
  const inputs = args.filter((arg) => arg instanceof Tensor);
  const gradInput: (Tensor | null)[] = inputs.map(() => null);
  const gradOutput: (Tensor | null)[] = [];
  let replaced: ModuleGradients | null = null;
  const run = (): ModuleGradients => {
    if (replaced) return replaced;
    let current: ModuleGradients = gradInput;
    for (const hook of hooks) current = hook(module, current, gradOutput) ?? current;
    if (current.length !== gradInput.length)
      throw new ArgumentError(
        `${module.constructor.name}: Backward hook returned an invalid number of grad_input, got ${current.length}, but expected ${gradInput.length}`,
      );
    replaced = current;
    return current;
  };
  const passed = pass(inputs, gradInput, (i) => run()[i] ?? undefined);
  const output = forward(args.map((arg) => (arg instanceof Tensor ? passed[inputs.indexOf(arg)] : arg)));
  const isObject = isPlain(output);
  const values = output instanceof Tensor ? [output] : Array.isArray(output) || isObject ? Object.values(output) : [];
  const outputs = values.filter((value) => value instanceof Tensor);
  gradOutput.push(...outputs.map(() => null));
  // Where no input has a gradient, there is nothing else to wait for than those of the outputs.
  const last = inputs.some((input) => input.requiresGrad)
    ? null
    : () => {
        run();
        return undefined;
      };
  const watched = pass(outputs, gradOutput, last);
  const swap = (value: unknown): unknown => (value instanceof Tensor ? watched[outputs.indexOf(value)] : value);
  if (output instanceof Tensor) return swap(output);
  if (Array.isArray(output)) return output.map(swap);
  return isObject ? Object.fromEntries(Object.entries(output).map(([key, value]) => [key, swap(value)])) : output;
}

/** Passes tensors through identities that note their gradients, behind ones that run `last` when all are noted. */
function pass(
  tensors: readonly Tensor[],
  gradients: (Tensor | null)[],
  last: ((slot: number) => Tensor | undefined) | null,
): Tensor[] {
  const older = tensors.map((tensor, slot) => {
    if (!tensor.requiresGrad || !last) return tensor;
    const own = tensor.view(tensor.shape);
    own.registerHook(() => last(slot));
    return own;
  });
  return older.map((tensor, slot) => {
    if (!tensor.requiresGrad) return tensor;
    const own = tensor.view(tensor.shape);
    own.registerHook((gradient) => {
      // A handle of its own: the pass lets go of a gradient as soon as it has gone on.
      gradients[slot] = gradient.view(gradient.shape);
      return undefined;
    });
    return own;
  });
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

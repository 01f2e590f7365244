/** Operations that users define with a backward of their own, as `torch.autograd.Function`. */
import { AutogradError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { noGrad } from './mode.js';
import { record } from './record.js';

/** What forward hands to backward. */
export interface FunctionContext {
  /** Keeps tensors (inputs, the output or others) for the backward pass; call it once, in forward. */
  saveForBackward(...tensors: readonly Tensor[]): void;
  /** What was saved, in order; in backward only. */
  readonly savedTensors: readonly Tensor[];
  /** For each input, whether its gradient is wanted. */
  readonly needsInputGrad: readonly boolean[];
}

/** What {@link defineFunction} makes an operation of. */
export interface FunctionDefinition<I extends readonly Tensor[]> {
  /** How errors and printed gradients call it. */
  readonly name: string;
  /** Computes the output; nothing in it is recorded. */
  forward(context: FunctionContext, ...inputs: I): Tensor;
  /** The gradients of the inputs, null where there is none. Written in tensor ops it can be differentiated again. */
  backward(context: FunctionContext, grad: Tensor): readonly (Tensor | null)[];
}

/**
 * Makes an operation with its own derivative.
 *
 * @example
 * const cube = defineFunction({
 *   name: 'cube',
 *   forward(context, x: Tensor) { context.saveForBackward(x); return x.mul(x).mul(x); },
 *   backward(context, grad) { return context.savedTensors.map((x) => grad.mul(x).mul(x).mul(3)); },
 * });
 */
export function defineFunction<I extends readonly Tensor[]>(
  definition: FunctionDefinition<I>,
): (...inputs: I) => Tensor {
  return (...inputs) => {
    let saved: readonly Tensor[] = [];
    const needsInputGrad = inputs.map((input) => input.requiresGrad);
    const forwardContext: FunctionContext = {
      saveForBackward: (...tensors) => {
        saved = tensors;
      },
      get savedTensors(): never {
        throw new AutogradError(`${definition.name}: savedTensors are there in backward only`);
      },
      needsInputGrad,
    };
    const made = noGrad(() => definition.forward(forwardContext, ...inputs));
    // An output that is an input as it came would carry two histories.
    const output = inputs.includes(made) || made.requiresGrad ? made.detach() : made;
    const kept = saved.map((tensor) => (tensor === made ? output : tensor));
    return record(definition.name, output, inputs, kept, (grad, unpacked) => {
      const gradients = definition.backward(
        {
          saveForBackward: () => {
            throw new AutogradError(`${definition.name}: saveForBackward belongs in forward`);
          },
          savedTensors: unpacked,
          needsInputGrad,
        },
        grad,
      );
      if (gradients.length !== inputs.length)
        throw new AutogradError(
          `${definition.name}: backward returned ${gradients.length} gradients for ${inputs.length} inputs`,
        );
      return gradients.map((gradient) => gradient && (() => gradient));
    });
  };
}

/** How an op takes part in autograd: one call after its result is made. */
import { currentScope, trackOperation } from '../scope.js';
import type { Tensor } from '../tensor.js';
import type { View } from '../view.js';
import { observe } from './anomaly.js';
import { isGradEnabled } from './mode.js';
import { Operation, type Rule, Vertex } from './vertex.js';

/** Whether a result of these inputs must carry a gradient. */
export function needsGrad(inputs: readonly Tensor[]): boolean {
  return isGradEnabled() && inputs.some((input) => input.vertex !== null);
}

/**
 * Records that `output` was made from `inputs`, if gradients are being recorded and an input takes part. `saved` are the tensors
 * (the output may be among them) that the rule gets back; the rule returns one thunk or null for each input.
 */
export function record<S extends readonly Tensor[]>(
  name: string,
  output: Tensor,
  inputs: readonly Tensor[],
  saved: readonly [...S],
  rule: (grad: Tensor, saved: S) => readonly ((() => Tensor) | null)[],
): Tensor {
  return needsGrad(inputs) ? attach(name, output, inputs, saved, rule as unknown as Rule, false) : output;
}

/** As {@link record}, for an output that is the part of `x` that `part` finds in its layout. */
export function recordPart(
  name: string,
  output: Tensor,
  x: Tensor,
  part: (whole: View) => View,
  undo: (grad: Tensor) => Tensor,
): Tensor {
  const result = record(name, output, [x], [], (grad) => [() => undo(grad)]);
  if (result.vertex?.operation) result.vertex.operation.part = part;
  return result;
}

/** As {@link record}, for operations whose rule reaches leaves that are not among the inputs: it runs in every backward pass. */
export function recordAlways(
  name: string,
  output: Tensor,
  inputs: readonly Tensor[],
  saved: readonly Tensor[],
  rule: Rule,
): Tensor {
  return attach(name, output, inputs, saved, rule, true);
}

function attach(
  name: string,
  output: Tensor,
  inputs: readonly Tensor[],
  saved: readonly Tensor[],
  rule: Rule,
  always: boolean,
): Tensor {
  const parents = inputs.map((input) => input.vertex);
  const operation = new Operation(name, parents, saved, output, rule, always);
  output.vertex = new Vertex(output.shape, operation, currentScope());
  trackOperation(output.vertex, operation);
  observe(name, output);
  return output;
}

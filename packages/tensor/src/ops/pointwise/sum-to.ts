/** The reverse of broadcasting: gradients of repeated elements are added up. */
import type { Shape } from '../../shape.js';
import { sameShape } from '../../shape.js';
import type { Tensor } from '../../tensor.js';

/** Sums a gradient over the dims in which `shape` was broadcast. */
export function sumTo(grad: Tensor, shape: Shape): Tensor {
  if (sameShape(grad.shape, shape)) return grad;
  const lead = grad.shape.length - shape.length;
  const dims = grad.shape.map((_, d) => d).filter((d) => d < lead || (shape[d - lead] === 1 && grad.shape[d] !== 1));
  const summed = grad.sum(dims, { keepDim: true });
  return summed.view(shape);
}

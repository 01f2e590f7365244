/**
 * The one place where ops get their results from. `tensor.ts` stands on the ops (its methods call them), so ops cannot import it;
 * it registers its constructor here when it loads, and whatever makes tensors from data (`creation/`) imports it.
 */
import type { Vertex } from './autograd/vertex.js';
import { CourseError } from './errors.js';
import type { Storage } from './storage.js';
import type { Tensor } from './tensor.js';
import type { View } from './view.js';

type Construct = (storage: Storage, view: View, vertex: Vertex | null) => Tensor;

let construct: Construct = () => {
  throw new CourseError('no tensor can exist before the module of Tensor is loaded');
};

export function registerTensor(make: Construct): void {
  construct = make;
}

/** A tensor over a storage, whose reference it takes over. */
export function makeTensor(storage: Storage, view: View, vertex: Vertex | null = null): Tensor {
  return construct(storage, view, vertex);
}

/** The one place where this package hands host integers to the tensor core. */
import { type Tensor, tensor } from '@course/tensor';

/** An int32 tensor of the given shape. */
export function intTensor(data: Int32Array, shape: readonly number[]): Tensor {
  return tensor(data, { shape });
}

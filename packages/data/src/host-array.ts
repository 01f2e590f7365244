/** Integers on the host with their shape: what becomes a tensor, on whichever thread it was made. */
import { type Tensor, tensor } from '@course/tensor';

/** Integers on the host, row by row. */
export interface HostArray {
  readonly data: Int32Array;
  readonly shape: readonly number[];
}

/** The int32 tensor of an array on the host. */
export function hostTensor({ data, shape }: HostArray): Tensor {
  return tensor(data, { shape });
}

/** Matrix products in float64: a row of the output is the sum of rows of `b`, each times an element of `a`. */

import { pointwiseTable } from '../../../ops/pointwise/table.js';
import { numel } from '../../../shape.js';
import type { Activation, MatmulRequest, Matrices } from '../../requests.js';
import { followingRequest } from '../kernels/following.js';
import type { Launcher } from '../launch.js';
import { elements, optional, wholeBuffer } from './elements.js';
import { pointwise } from './pointwise.js';

const ACTIVATIONS: Readonly<Record<Activation, (x: number) => number>> = {
  none: (x) => x,
  relu: pointwiseTable.relu.reference,
  gelu: pointwiseTable.gelu.reference,
  geluTanh: pointwiseTable.geluTanh.reference,
};

export function matmul(launcher: Launcher, request: MatmulRequest): void {
  if (request.more) {
    const { more, ...first } = request;
    matmul(launcher, first);
    for (const each of more) matmul(launcher, { ...first, ...each });
    return;
  }
  const { batch, m, n, k, alpha } = request;
  const [a, b] = [wholeBuffer(launcher, request.a), wholeBuffer(launcher, request.b)];
  const out = elements(launcher, request.out);
  const bias = optional(launcher, request.bias);
  const residual = optional(launcher, request.residual);
  const activate = ACTIVATIONS[request.activation];
  const row = new Float64Array(n);
  for (let matrix = 0; matrix < numel(batch); matrix++) {
    const [left, right] = [startOf(batch, request.a, matrix), startOf(batch, request.b, matrix)];
    for (let i = 0; i < m; i++) {
      row.fill(0);
      for (let l = 0; l < k; l++) {
        const factor = a[left + i * request.a.rowStride + l * request.a.columnStride] as number;
        const start = right + l * request.b.rowStride;
        for (let j = 0; j < n; j++)
          row[j] = (row[j] as number) + factor * (b[start + j * request.b.columnStride] as number);
      }
      const at = (matrix * m + i) * n;
      for (let j = 0; j < n; j++) {
        // What is not there is not added as 0 either: that would turn -0 to 0.
        const scaled = alpha * (row[j] as number);
        const value = activate(bias ? scaled + (bias[j] as number) : scaled);
        out[at + j] = residual ? value + (residual[at + j] as number) : value;
      }
    }
  }
  if (request.steps) pointwise(launcher, followingRequest(numel(batch) * m, n, request.out, request.steps));
}

/** Where a matrix of the batch begins. */
function startOf(batch: readonly number[], { batchStrides, offset }: Matrices, matrix: number): number {
  let start = offset;
  let rest = matrix;
  for (let d = batch.length - 1; d >= 0; d--) {
    const size = batch[d] ?? 1;
    start += (rest % size) * (batchStrides[d] ?? 0);
    rest = Math.floor(rest / size);
  }
  return start;
}

// Principal components, to look at many numbers in a plane: the directions in which points differ most are the leading eigenvectors of their
// covariance, found by subspace iteration: multiply, make orthonormal, again.
import { eye, scope, stack, type Tensor } from '@course/tensor';

/**
 * Points in the plane (or space) in which they are spread widest.
 *
 * @param points [count, width].
 * @returns The points there [count, components], and the share of the variance that each component holds.
 */
export async function pca(
  points: Tensor,
  components = 2,
  iterations = 100,
): Promise<{ readonly projected: number[][]; readonly explained: number[] }> {
  const { projected, explained } = scope(() => {
    const centred = points.sub(points.mean(0, { keepDim: true }));
    const covariance = centred.T.matmul(centred).div(Math.max(1, points.size(0) - 1));
    let axes = eye(points.size(1)).narrow(1, 0, components);
    for (let i = 0; i < iterations; i++) axes = orthonormal(covariance.matmul(axes));
    const total = covariance.diagonal().sum();
    const variances = axes.T.matmul(covariance).matmul(axes).diagonal();
    return { projected: centred.matmul(axes), explained: variances.div(total) };
  });
  const result = {
    projected: (await projected.toArray()) as number[][],
    explained: (await explained.toArray()) as number[],
  };
  projected.dispose();
  explained.dispose();
  return result;
}

/** Gram and Schmidt: each column less its parts along those before, at length 1. */
function orthonormal(columns: Tensor): Tensor {
  const done: Tensor[] = [];
  for (let k = 0; k < columns.size(1); k++) {
    let column = columns.select(1, k);
    for (const other of done) column = column.sub(other.mul(other.mul(column).sum()));
    done.push(column.div(column.norm().add(1e-30)));
  }
  return stack(done, 1);
}

// Attention and its gradients in float64, written out as the formula reads: what the fused kernels are compared with.
import { philoxUniform } from '../../../packages/tensor/src/ops/pointwise/sources.js';

/** Numbers of matrices, queries and keys, and widths of keys and of values. */
export interface Sizes {
  readonly matrices: number;
  readonly queries: number;
  readonly keys: number;
  readonly width: number;
  readonly valueWidth: number;
}

export interface Problem extends Sizes {
  /** [matrices, queries, width], [matrices, keys, width], [matrices, keys, valueWidth], [matrices, queries, valueWidth]. */
  readonly query: ArrayLike<number>;
  readonly key: ArrayLike<number>;
  readonly value: ArrayLike<number>;
  readonly grad: ArrayLike<number>;
  readonly scale: number;
  readonly isCausal?: boolean;
  /** Added to the score of a matrix, query and key; -Infinity takes the key away. */
  readonly added?: (matrix: number, query: number, key: number) => number;
  /** What a weight is multiplied by before it weighs. */
  readonly kept?: (matrix: number, query: number, key: number) => number;
}

export interface Solution {
  readonly output: Float64Array;
  readonly gradQuery: Float64Array;
  readonly gradKey: Float64Array;
  readonly gradValue: Float64Array;
}

const sum = (count: number, term: (i: number) => number): number => {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
};

/** `softmax(scale q kᵀ + added)`, dropped, times v; with its gradients. Rows without keys give zeros. */
export function solve(problem: Problem): Solution {
  const { matrices, queries, keys, width, valueWidth, query, key, value, grad, scale, isCausal = false } = problem;
  const { added = () => 0, kept = () => 1 } = problem;
  const solution = {
    output: new Float64Array(matrices * queries * valueWidth),
    gradQuery: new Float64Array(matrices * queries * width),
    gradKey: new Float64Array(matrices * keys * width),
    gradValue: new Float64Array(matrices * keys * valueWidth),
  };
  const at = (array: ArrayLike<number>, i: number): number => array[i] ?? Number.NaN;
  const grow = (array: Float64Array, i: number, by: number): void => {
    array[i] = at(array, i) + by;
  };
  for (let m = 0; m < matrices; m++) {
    for (let i = 0; i < queries; i++) {
      const q0 = (m * queries + i) * width;
      const o0 = (m * queries + i) * valueWidth;
      const key0 = (j: number) => (m * keys + j) * width;
      const value0 = (j: number) => (m * keys + j) * valueWidth;
      const scores = Array.from({ length: keys }, (_, j) =>
        isCausal && j > i
          ? Number.NEGATIVE_INFINITY
          : scale * sum(width, (c) => at(query, q0 + c) * at(key, key0(j) + c)) + added(m, i, j),
      );
      const highest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      if (highest === Number.NEGATIVE_INFINITY) continue;
      const exponentials = scores.map((score) => Math.exp(score - highest));
      const total = exponentials.reduce((a, b) => a + b, 0);
      const weights = exponentials.map((e) => e / total);
      const gradWeights = weights.map((_, j) => {
        const factor = kept(m, i, j);
        const dropped = at(weights, j) * factor;
        for (let c = 0; c < valueWidth; c++) {
          grow(solution.output, o0 + c, dropped * at(value, value0(j) + c));
          grow(solution.gradValue, value0(j) + c, dropped * at(grad, o0 + c));
        }
        return factor * sum(valueWidth, (c) => at(grad, o0 + c) * at(value, value0(j) + c));
      });
      const inner = sum(keys, (j) => at(weights, j) * at(gradWeights, j));
      for (let j = 0; j < keys; j++) {
        const gradScore = scale * at(weights, j) * (at(gradWeights, j) - inner);
        for (let c = 0; c < width; c++) {
          grow(solution.gradQuery, q0 + c, gradScore * at(key, key0(j) + c));
          grow(solution.gradKey, key0(j) + c, gradScore * at(query, q0 + c));
        }
      }
    }
  }
  return solution;
}

/** What dropout keeps of each weight: the documented place of the Philox stream. */
export function dropoutOf(
  { queries, keys }: Pick<Sizes, 'queries' | 'keys'>,
  p: number,
  [low, high, offset]: readonly [number, number, number],
): (matrix: number, query: number, key: number) => number {
  return (m, i, j) => (philoxUniform((m * queries + i) * keys + j, low, high, offset) < p ? 0 : 1 / (1 - p));
}

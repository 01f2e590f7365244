// The three rules of lesson 3 for telling the inner circle from the outer one.
import * as nn from '@course/nn';
import { cat, type Tensor, tensor } from '@course/tensor';

/** A new feature makes the problem linear: [points, 2] to [points, 3] by x1² + x2². */
export function withSquaredDistance(points: Tensor): Tensor {
  return cat([points, points.pow(2).sum(1, { keepDim: true })], 1);
}

/** The rule by hand, positive outside of a square: max(0, x+y-c) + max(0, x-y-c) + max(0, -x-y-c) + max(0, -x+y-c). */
export function handmadeRule(points: Tensor, c: number): Tensor {
  const directions = tensor([
    [1, 1, -1, -1],
    [1, -1, -1, 1],
  ]);
  return points.matmul(directions).sub(c).relu().sum(1);
}

/** The same form with numbers to be learned: Linear(2, 4), ReLU, Linear(4, 1), Sigmoid. */
export function network(): nn.Sequential {
  return new nn.Sequential(new nn.Linear(2, 4), new nn.ReLU(), new nn.Linear(4, 1), new nn.Sigmoid());
}

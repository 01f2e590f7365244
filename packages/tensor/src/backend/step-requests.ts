/**
 * The requests of a training step after its backward pass: optimizers' rules, the norm of all gradients, scaling by it. Each takes many tensors,
 * for as few launches as a backend can.
 */
import type { Dense } from './operands.js';

/** What one parameter brings to a step of Adam: `count` elements each. */
export interface AdamOperands {
  readonly count: number;
  readonly param: Dense;
  readonly grad: Dense;
  readonly expAvg: Dense;
  readonly expAvgSq: Dense;
  /** Of amsgrad; all parameters of a request bring it, or none. */
  readonly maxExpAvgSq?: Dense;
}

/**
 * One Adam step in place over `count` elements, in the order of `torch.optim.AdamW`: decay (decoupled) or L2 (added to the
 * gradient), m and v updates, then `param -= lr / biasCorrection1 * m / (sqrt(v) / sqrt(biasCorrection2) + eps)`. With `maxExpAvgSq`
 * that becomes the larger of itself and v (NaN if one of them is), and stands in the place of v.
 */
export interface AdamRequest extends AdamOperands {
  readonly kind: 'adam';
  readonly decoupled: boolean;
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  readonly biasCorrection1: number;
  readonly biasCorrection2: number;
  /** Further parameters of the same dtype that take the same step, in the same launch where the backend can. */
  readonly more?: readonly AdamOperands[];
}

/** What one parameter brings to another optimizer's step: `count` elements each, and the states that its rule keeps. */
export interface DescentOperands {
  readonly count: number;
  readonly param: Dense;
  readonly grad: Dense;
  /** Momentum. */
  readonly buffer?: Dense;
  /** The sum (adagrad) or the running mean (rmsprop) of squared gradients. */
  readonly square?: Dense;
  /** The running mean of gradients: rmsprop, centered. */
  readonly mean?: Dense;
}

/** The numbers of such a step; those that a rule does without are not looked at. */
export interface DescentNumbers {
  readonly lr: number;
  readonly weightDecay: number;
  readonly momentum?: number;
  readonly dampening?: number;
  readonly nesterov?: boolean;
  /** Whether `buffer` starts, as the gradient: what it held is not read. */
  readonly first?: boolean;
  readonly alpha?: number;
  readonly eps?: number;
}

/**
 * One step of SGD, RMSprop or Adagrad in place, in the order of `torch.optim`, with g = grad + weightDecay * param:
 * sgd: buffer = momentum * buffer + (1 - dampening) * g, and the step is the buffer (g + momentum * buffer if nesterov), or g without buffer;
 * rmsprop: square and mean move by 1 - alpha, the step is g / (sqrt(square - mean²) + eps), through the buffer if there is one;
 * adagrad: square += g², the step is g / (sqrt(square) + eps).
 * Then param -= lr * step. All parameters of a request bring the same states.
 */
export interface DescendRequest extends DescentOperands, DescentNumbers {
  readonly kind: 'descend';
  readonly rule: 'sgd' | 'rmsprop' | 'adagrad';
  /** As in {@link AdamRequest}. */
  readonly more?: readonly DescentOperands[];
}

/** One of several tensors that a request takes together: elements one behind the other. */
export interface Run {
  readonly count: number;
  readonly data: Dense;
}

/**
 * The Euclidean norm of the elements of all inputs together: `out` (one element) = sqrt(Σ x²), in blocks, so that errors grow like the
 * logarithm of their number. All of one dtype.
 */
export interface NormRequest {
  readonly kind: 'norm';
  readonly inputs: readonly Run[];
  readonly out: Dense;
}

/** Multiplies all targets in place by `min(1, maxNorm / (norm + 1e-6))`, by NaN where `norm` (one element) is NaN. No two overlap. */
export interface ClipRequest {
  readonly kind: 'clip';
  readonly norm: Dense;
  readonly maxNorm: number;
  readonly targets: readonly Run[];
}

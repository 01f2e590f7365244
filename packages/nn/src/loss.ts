/** Losses as modules. */
import { type CrossEntropyOptions, crossEntropy, type Tensor } from '@course/tensor';
import { Module } from './module.js';

/**
 * Cross-entropy of logits [rows, classes] against class numbers [rows] (int32), as `torch.nn.CrossEntropyLoss`.
 *
 * @example
 * new CrossEntropyLoss().forward(logits, labels).backward();
 */
export class CrossEntropyLoss extends Module {
  readonly options: CrossEntropyOptions;

  constructor(options: CrossEntropyOptions = {}) {
    super();
    this.options = options;
  }

  /** logits [rows, classes] and class numbers [rows] to the loss. */
  forward(logits: Tensor, targets: Tensor): Tensor {
    return crossEntropy(logits, targets, this.options);
  }
}

/** The mean of squared differences, as `torch.nn.MSELoss`. */
export class MSELoss extends Module {
  /** Two tensors that broadcast to the loss, a scalar. */
  forward(prediction: Tensor, target: Tensor): Tensor {
    return prediction.sub(target).square().mean();
  }
}

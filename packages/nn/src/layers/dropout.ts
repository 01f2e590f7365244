/** Dropout as a module: active only in training. */
import { ArgumentError, dropout, type Tensor } from '@course/tensor';
import { Module } from '../module.js';

/** Zeroes elements with probability `p` in training and scales the rest, as `torch.nn.Dropout`. */
export class Dropout extends Module {
  constructor(readonly p = 0.5) {
    super();
    if (!(p >= 0 && p <= 1))
      throw new ArgumentError(`Dropout: dropout probability has to be between 0 and 1, but got ${p}`);
  }

  /** x of any shape to the same shape; in evaluation x itself. */
  forward(x: Tensor): Tensor {
    return dropout(x, this.p, { training: this.training });
  }

  override flops([x]: readonly unknown[]): number {
    return this.training ? 2 * (x as Tensor).numel() : 0;
  }

  override extraRepr(): string {
    // A probability is a float: Python writes 0.0.
    return `p=${Number.isInteger(this.p) ? this.p.toFixed(1) : this.p}, inplace=False`;
  }
}

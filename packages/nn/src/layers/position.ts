/** Positions for attention, which knows no order by itself. */
import { ShapeError, type Tensor, tensor } from '@course/tensor';
import { Module } from '../module.js';
import { Buffer } from '../parameter.js';
import { checkSizes } from '../sizes.js';
import { Dropout } from './dropout.js';
import { Embedding } from './embedding.js';

/** The sinusoidal table [length, dim] of Vaswani et al. 2017, made in float64 on the host: sines at even places, cosines at odd ones. */
export function sinusoidalTable(length: number, dim: number): Tensor {
  const table = new Float32Array(length * dim);
  for (let position = 0; position < length; position++) {
    for (let i = 0; i < dim; i++) {
      const angle = position / 10000 ** ((i - (i % 2)) / dim);
      table[position * dim + i] = i % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }
  }
  return tensor(table, { shape: [length, dim] });
}

/** The length of x [..., time, dim]. */
function checkInput(name: string, x: Tensor, dim: number, maxLength: number): number {
  if (x.ndim < 2 || x.size(-1) !== dim)
    throw new ShapeError(`${name}: expected input [batch, time, ${dim}], got [${x.shape.join(', ')}]`);
  const length = x.size(-2);
  if (length > maxLength)
    throw new ShapeError(`${name}: a sequence of ${length} is longer than the ${maxLength} positions of the table`);
  return length;
}

/** Adds fixed sinusoidal positions to x [batch, time, dim]. */
export class PositionalEncoding extends Module {
  readonly table: Buffer;
  readonly dropout: Dropout;

  constructor(
    readonly dim: number,
    { maxLength = 512, dropout = 0 }: { readonly maxLength?: number; readonly dropout?: number } = {},
  ) {
    super();
    checkSizes('PositionalEncoding', { dim, maxLength });
    this.table = new Buffer(sinusoidalTable(maxLength, dim), { persistent: false });
    this.dropout = new Dropout(dropout);
  }

  /** x [batch, time, dim] to the same shape. */
  forward(x: Tensor): Tensor {
    const length = checkInput('PositionalEncoding', x, this.dim, this.table.size(0));
    return this.dropout.forward(x.add(this.table.narrow(0, 0, length)));
  }

  override flops([x]: readonly unknown[]): number {
    return (x as Tensor).numel();
  }
}

/** Adds learned positions to x [batch, time, dim], as BERT and GPT do. */
export class LearnedPositions extends Module {
  readonly position: Embedding;

  constructor(
    readonly dim: number,
    readonly maxLength = 512,
  ) {
    super();
    this.position = new Embedding(maxLength, dim);
  }

  /** x [batch, time, dim] to the same shape. */
  forward(x: Tensor): Tensor {
    const length = checkInput('LearnedPositions', x, this.dim, this.maxLength);
    return x.add(this.position.weight.narrow(0, 0, length));
  }

  override flops([x]: readonly unknown[]): number {
    return (x as Tensor).numel();
  }
}

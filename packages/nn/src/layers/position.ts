/** Positions for attention, which knows no order by itself. */
import { ArgumentError, ShapeError, type Tensor, tensor } from '@course/tensor';
import { Module } from '../module.js';
import { Buffer } from '../parameter.js';
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

function checkLength(name: string, length: number, maxLength: number): void {
  if (length > maxLength)
    throw new ShapeError(`${name}: a sequence of ${length} is longer than the ${maxLength} positions of the table`);
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
    if (!(maxLength >= 1))
      throw new ArgumentError(`PositionalEncoding: maxLength must be at least 1, got ${maxLength}`);
    this.table = new Buffer(sinusoidalTable(maxLength, dim), { persistent: false });
    this.dropout = new Dropout(dropout);
  }

  /** x [batch, time, dim] to the same shape. */
  forward(x: Tensor): Tensor {
    const length = x.size(-2);
    checkLength('PositionalEncoding', length, this.table.size(0));
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
    const length = x.size(-2);
    checkLength('LearnedPositions', length, this.maxLength);
    return x.add(this.position.weight.narrow(0, 0, length));
  }

  override flops([x]: readonly unknown[]): number {
    return (x as Tensor).numel();
  }
}

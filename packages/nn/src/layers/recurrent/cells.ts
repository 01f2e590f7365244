/** Single steps of recurrent networks as modules, with torch's names and state dicts. */
import { ShapeError, type Tensor, zeros } from '@course/tensor';
import { uniform_ } from '../../init.js';
import { Module } from '../../module.js';
import { Parameter } from '../../parameter.js';
import { checkSizes } from '../../sizes.js';
import { type CellState, GATES, type Nonlinearity, projectInput, type RecurrentKind, step } from './steps.js';

/** Options of recurrent cells. */
export interface CellOptions {
  readonly bias?: boolean;
}

abstract class Cell extends Module {
  readonly weightIh: Parameter;
  readonly weightHh: Parameter;
  readonly biasIh: Parameter | null;
  readonly biasHh: Parameter | null;
  protected abstract readonly kind: RecurrentKind;

  constructor(
    readonly inputSize: number,
    readonly hiddenSize: number,
    gates: number,
    { bias = true }: CellOptions,
  ) {
    super();
    checkSizes(this.constructor.name, { inputSize, hiddenSize });
    this.weightIh = new Parameter(zeros([gates * hiddenSize, inputSize]));
    this.weightHh = new Parameter(zeros([gates * hiddenSize, hiddenSize]));
    this.biasIh = bias ? new Parameter(zeros([gates * hiddenSize])) : null;
    this.biasHh = bias ? new Parameter(zeros([gates * hiddenSize])) : null;
    const bound = 1 / Math.sqrt(hiddenSize);
    for (const parameter of this.parameters()) uniform_(parameter, -bound, bound);
  }

  /** The next state; inputs and states may come without a batch. */
  protected next(x: Tensor, state: CellState | null, nonlinearity: Nonlinearity = 'tanh'): CellState {
    const name = this.constructor.name;
    if ((x.ndim !== 1 && x.ndim !== 2) || x.size(-1) !== this.inputSize)
      throw new ShapeError(`${name}: expected input [batch, ${this.inputSize}], got [${x.shape.join(', ')}]`);
    const rows = x.ndim === 2 ? x : x.unsqueeze(0);
    const lift = (value: Tensor): Tensor => {
      const expected = [...x.shape.slice(0, -1), this.hiddenSize];
      if (value.shape.join() !== expected.join())
        throw new ShapeError(
          `${name}: expected hidden state [${expected.join(', ')}], got [${value.shape.join(', ')}]`,
        );
      return x.ndim === 2 ? value : value.unsqueeze(0);
    };
    const zero = (): Tensor => x.newFull([rows.size(0), this.hiddenSize], 0);
    const before = {
      h: state ? lift(state.h) : zero(),
      c: this.kind !== 'LSTM' ? null : state?.c ? lift(state.c) : zero(),
    };
    const after = step(this.kind, projectInput(rows, this, GATES[this.kind]), before, this, nonlinearity);
    return x.ndim === 2 ? after : { h: after.h.squeeze(0), c: after.c?.squeeze(0) ?? null };
  }

  override flops(args: readonly unknown[]): number {
    const rows = (args[0] as Tensor).numel() / this.inputSize;
    return 2 * rows * GATES[this.kind] * this.hiddenSize * (this.inputSize + this.hiddenSize);
  }

  override extraRepr(): string {
    return `${this.inputSize}, ${this.hiddenSize}${this.biasIh ? '' : ', bias=False'}`;
  }
}

/**
 * `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)` (Elman 1990), as `torch.nn.RNNCell`: x [batch, inputSize] and h [batch, hiddenSize] to h'.
 *
 * @example
 * const h = new RNNCell(10, 20).forward(randn([3, 10])); // [3, 20]
 */
export class RNNCell extends Cell {
  protected override readonly kind = 'RNN';
  readonly nonlinearity: Nonlinearity;

  constructor(
    inputSize: number,
    hiddenSize: number,
    { nonlinearity = 'tanh', ...options }: CellOptions & { readonly nonlinearity?: Nonlinearity } = {},
  ) {
    super(inputSize, hiddenSize, GATES.RNN, options);
    this.nonlinearity = nonlinearity;
  }

  /** As in torch: the nonlinearity is named where it is not tanh. */
  override extraRepr(): string {
    return `${super.extraRepr()}${this.nonlinearity === 'tanh' ? '' : `, nonlinearity=${this.nonlinearity}`}`;
  }

  /** x [batch, inputSize] and h [batch, hiddenSize] (zeros if absent) to the next h. */
  forward(x: Tensor, h?: Tensor | null): Tensor {
    return this.next(x, h ? { h, c: null } : null, this.nonlinearity).h;
  }
}

/** A step of a long short-term memory (Hochreiter & Schmidhuber 1997), as `torch.nn.LSTMCell`: x and [h, c] to [h', c']. */
export class LSTMCell extends Cell {
  protected override readonly kind = 'LSTM';

  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(inputSize, hiddenSize, GATES.LSTM, options);
  }

  /** x [batch, inputSize] and [h, c], [batch, hiddenSize] each (zeros if absent), to the next [h, c]. */
  forward(x: Tensor, state?: readonly [h: Tensor, c: Tensor] | null): [h: Tensor, c: Tensor] {
    const { h, c } = this.next(x, state ? { h: state[0], c: state[1] } : null);
    return [h, c ?? h];
  }
}

/** A step of a gated recurrent unit (Cho et al. 2014), as `torch.nn.GRUCell`: x and h to h'. */
export class GRUCell extends Cell {
  protected override readonly kind = 'GRU';

  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(inputSize, hiddenSize, GATES.GRU, options);
  }

  /** x [batch, inputSize] and h [batch, hiddenSize] (zeros if absent) to the next h. */
  forward(x: Tensor, h?: Tensor | null): Tensor {
    return this.next(x, h ? { h, c: null } : null).h;
  }
}

/**
 * What recurrent layers share: stacks of cells over whole sequences, in one or both directions, with torch's names, state dicts and order of
 * random draws. The products with the inputs are one for all steps; a step then is one product with the state and one fused kernel.
 */
import { ArgumentError, dropout, ShapeError, stack, type Tensor, where, zeros } from '@course/tensor';
import { uniform_ } from '../../init.js';
import { Module } from '../../module.js';
import { Parameter } from '../../parameter.js';
import { checkSizes } from '../../sizes.js';
import { checkLengths, PackedSequence, pastEnds } from './packed.js';
import {
  type CellState,
  type CellWeights,
  GATES,
  type Nonlinearity,
  projectInput,
  type RecurrentKind,
  step,
  unbindSteps,
} from './steps.js';

/** Options of recurrent layers, torch's. */
export interface RecurrentOptions {
  /** Layers one on the other. Default 1. */
  readonly numLayers?: number;
  readonly bias?: boolean;
  /** Sequences are [batch, time, inputSize] instead of [time, batch, inputSize]. Default false, as in torch. */
  readonly batchFirst?: boolean;
  /** Dropout between layers in training. Default 0. */
  readonly dropout?: number;
  /** A second network goes from the end to the start; outputs are side by side. */
  readonly bidirectional?: boolean;
}

/** What a call takes beside its input. */
export interface RecurrentCall {
  /**
   * The length of each sequence of a padded input: steps past it leave the state alone and give zeros, so the last state is that of the
   * last real step. The same as packing.
   */
  readonly lengths?: readonly number[];
}

interface Run {
  /** [time, batch, directions * hidden]. */
  readonly output: Tensor;
  /** [layers * directions, batch, hidden]. */
  readonly h: Tensor;
  readonly c: Tensor | null;
}

/** Base class of RNN, LSTM and GRU. */
export abstract class Recurrent extends Module {
  readonly numLayers: number;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  /** The width that hidden states are projected to; 0 for none. */
  readonly projSize: number;
  /** By layer, then direction. */
  readonly #cells: CellWeights[][] = [];
  readonly #kind: RecurrentKind;
  readonly #nonlinearity: Nonlinearity;

  constructor(
    kind: RecurrentKind,
    readonly inputSize: number,
    readonly hiddenSize: number,
    options: RecurrentOptions & { readonly projSize?: number },
    nonlinearity: Nonlinearity = 'tanh',
  ) {
    super();
    const {
      numLayers = 1,
      bias = true,
      batchFirst = false,
      dropout: p = 0,
      bidirectional = false,
      projSize = 0,
    } = options;
    checkSizes(this.constructor.name, { inputSize, hiddenSize, numLayers });
    if (!(p >= 0 && p <= 1))
      throw new ArgumentError(
        `${this.constructor.name}: dropout should be a number in range [0, 1] representing the probability of an element being zeroed, got ${p}`,
      );
    if (!(Number.isInteger(projSize) && projSize >= 0 && projSize < hiddenSize))
      throw new ArgumentError(
        `${this.constructor.name}: projSize has to be a whole number, 0 or smaller than hiddenSize (${hiddenSize}), got ${projSize}`,
      );
    this.projSize = projSize;
    [this.numLayers, this.batchFirst, this.dropout, this.bidirectional] = [numLayers, batchFirst, p, bidirectional];
    this.#kind = kind;
    this.#nonlinearity = nonlinearity;
    const rows = GATES[kind] * hiddenSize;
    const width = projSize || hiddenSize;
    const directions = bidirectional ? ['', 'Reverse'] : [''];
    for (let layer = 0; layer < numLayers; layer++) {
      const columns = layer === 0 ? inputSize : width * directions.length;
      this.#cells.push(
        directions.map((direction) => {
          const make = (name: string, shape: readonly number[]): Parameter => {
            const parameter = new Parameter(zeros(shape));
            this.registerParameter(`${name}L${layer}${direction}`, parameter);
            return parameter;
          };
          return {
            weightIh: make('weightIh', [rows, columns]),
            weightHh: make('weightHh', [rows, width]),
            biasIh: bias ? make('biasIh', [rows]) : null,
            biasHh: bias ? make('biasHh', [rows]) : null,
            weightHr: projSize ? make('weightHr', [projSize, hiddenSize]) : null,
          };
        }),
      );
    }
    this.resetParameters();
  }

  /** Draws all parameters anew, uniform within 1 / sqrt(hiddenSize). */
  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.hiddenSize);
    for (const parameter of this.parameters()) uniform_(parameter, -bound, bound);
  }

  /** Runs all layers over an input of any form, and gives the output in the same form. */
  protected run(
    input: Tensor | PackedSequence,
    initial: { readonly h: Tensor; readonly c: Tensor | null } | null,
    { lengths }: RecurrentCall,
  ): { output: Tensor | PackedSequence; h: Tensor; c: Tensor | null } {
    if (input instanceof PackedSequence) {
      const found = this.#layers(input.data, initial, input.lengths);
      return { ...found, output: new PackedSequence(found.output, input.lengths) };
    }
    const name = this.constructor.name;
    if ((input.ndim !== 2 && input.ndim !== 3) || input.size(-1) !== this.inputSize)
      throw new ShapeError(
        `${name}: expected input ${this.batchFirst ? '[batch, time' : '[time, batch'}, ${this.inputSize}] or [time, ${this.inputSize}], got [${input.shape.join(', ')}]`,
      );
    const batched = input.ndim === 3;
    const timeFirst = !batched ? input.unsqueeze(1) : this.batchFirst ? input.transpose(0, 1) : input;
    if (lengths) checkLengths(name, lengths, timeFirst.size(1), timeFirst.size(0));
    const lifted = initial && !batched ? { h: initial.h.unsqueeze(1), c: initial.c?.unsqueeze(1) ?? null } : initial;
    const { output, h, c } = this.#layers(timeFirst, lifted, lengths ?? null);
    if (!batched) return { output: output.squeeze(1), h: h.squeeze(1), c: c?.squeeze(1) ?? null };
    return { output: this.batchFirst ? output.transpose(0, 1) : output, h, c };
  }

  #layers(x: Tensor, initial: { h: Tensor; c: Tensor | null } | null, lengths: readonly number[] | null): Run {
    const [time, batch] = [x.size(0), x.size(1)];
    const name = this.constructor.name;
    if (time === 0 || batch === 0)
      throw new ShapeError(
        `${name}: Expected sequence length and batch to be larger than 0, got [${x.shape.join(', ')}]`,
      );
    const directions = this.bidirectional ? 2 : 1;
    const widths = { h: this.projSize || this.hiddenSize, c: this.hiddenSize };
    for (const what of ['h', 'c'] as const) {
      const shape = [this.numLayers * directions, batch, widths[what]];
      const state = initial?.[what];
      if (state && state.shape.join() !== shape.join())
        throw new ShapeError(
          `${name}: Expected hidden size ${what}0 to be [${shape.join(', ')}], got [${state.shape.join(', ')}]`,
        );
    }
    const past = lengths?.some((length) => length < time) ? pastEnds(x, lengths).unsqueeze(-1) : null;
    const shortest = lengths ? Math.min(...lengths) : time;
    const last: CellState[] = [];
    let value = x;
    for (const [layer, cells] of this.#cells.entries()) {
      const outputs = cells.map((weights, direction) => {
        const at = layer * directions + direction;
        const zero = (width: number): Tensor => x.newFull([batch, width], 0);
        const start: CellState = {
          h: initial ? initial.h.select(0, at) : zero(widths.h),
          c: this.#kind !== 'LSTM' ? null : initial?.c ? initial.c.select(0, at) : zero(widths.c),
        };
        const found = this.#direction(value, weights, start, direction === 1, past, shortest);
        last.push(found.state);
        return found.steps;
      });
      const [forward = [], backward] = outputs;
      const merged = stack(forward);
      value = backward ? catLast(merged, stack(backward)) : merged;
      if (layer < this.numLayers - 1 && this.dropout > 0)
        value = dropout(value, this.dropout, { training: this.training });
    }
    const cells = last.flatMap(({ c }) => (c ? [c] : []));
    return { output: value, h: stack(last.map(({ h }) => h)), c: cells.length > 0 ? stack(cells) : null };
  }

  /** One direction of one layer: its outputs in the order of time, and its last state. */
  #direction(
    x: Tensor,
    weights: CellWeights,
    start: CellState,
    backwards: boolean,
    past: Tensor | null,
    shortest: number,
  ): { steps: Tensor[]; state: CellState } {
    const projected = unbindSteps(projectInput(x, weights, GATES[this.#kind]));
    const steps = new Array<Tensor>(projected.length);
    let state = start;
    for (let i = 0; i < projected.length; i++) {
      const t = backwards ? projected.length - 1 - i : i;
      const input = projected[t] as Tensor;
      const next = step(this.#kind, input, state, weights, this.#nonlinearity);
      if (!past || t < shortest) {
        state = next;
        steps[t] = next.h;
        continue;
      }
      const ended = past.select(0, t);
      state = {
        h: where(ended, state.h, next.h),
        c: next.c && state.c ? where(ended, state.c, next.c) : null,
      };
      steps[t] = next.h.maskedFill(ended, 0);
    }
    return { steps, state };
  }

  override flops(args: readonly unknown[]): number {
    const [input] = args as [Tensor | PackedSequence];
    const x = input instanceof PackedSequence ? input.data : input;
    const steps = x.numel() / this.inputSize;
    const weights = this.#cells
      .flat()
      .reduce((sum, cell) => sum + cell.weightIh.numel() + cell.weightHh.numel() + (cell.weightHr?.numel() ?? 0), 0);
    return 2 * steps * weights;
  }

  override extraRepr(): string {
    const parts = [`${this.inputSize}, ${this.hiddenSize}`];
    if (this.projSize !== 0) parts.push(`proj_size=${this.projSize}`);
    if (this.numLayers !== 1) parts.push(`num_layers=${this.numLayers}`);
    if (!this.#cells[0]?.[0]?.biasIh) parts.push('bias=False');
    if (this.batchFirst) parts.push('batch_first=True');
    if (this.dropout !== 0) parts.push(`dropout=${this.dropout}`);
    if (this.bidirectional) parts.push('bidirectional=True');
    return parts.join(', ');
  }
}

function catLast(a: Tensor, b: Tensor): Tensor {
  return stack([a, b], -2).flatten(-2);
}

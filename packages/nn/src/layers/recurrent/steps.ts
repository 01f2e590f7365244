/** One step of each recurrent network on tensors, and the way to and from a list of steps. Shared by cells and layers. */
import { linear, type Tensor } from '@course/tensor';

/** The weights of one cell, by torch's names; a gate is `hidden` rows. */
export interface CellWeights {
  /** [gates * hidden, input]. */
  readonly weightIh: Tensor;
  /** [gates * hidden, hidden], or projected in place of the last hidden. */
  readonly weightHh: Tensor;
  readonly biasIh: Tensor | null;
  readonly biasHh: Tensor | null;
  /** [projected, hidden]: makes narrower hidden states of an LSTM's. */
  readonly weightHr?: Tensor | null;
}

/** What an {@link RNN} applies to its sums. */
export type Nonlinearity = 'tanh' | 'relu';
/** The kinds of recurrent network. */
export type RecurrentKind = 'RNN' | 'LSTM' | 'GRU';

/** Gates of a cell: rows of its weights, in units of the hidden width. */
export const GATES: Readonly<Record<RecurrentKind, number>> = { RNN: 1, GRU: 3, LSTM: 4 };

/** The state of a cell: hidden values [batch, hidden], and the LSTM's cell values. */
export interface CellState {
  readonly h: Tensor;
  readonly c: Tensor | null;
}

/** What the inputs give to the gates, [..., gates, hidden]: no step depends on another here, so it is one product for all of them. */
export function projectInput(x: Tensor, { weightIh, biasIh }: CellWeights, gates: number): Tensor {
  const all = linear(x, weightIh, biasIh);
  return all.view([...all.shape.slice(0, -1), gates, (all.shape.at(-1) ?? 0) / gates]);
}

/** The next state from projected inputs [batch, gates, hidden]. */
export function step(
  kind: RecurrentKind,
  projected: Tensor,
  { h, c }: CellState,
  { weightHh, biasHh, weightHr }: CellWeights,
  nonlinearity: Nonlinearity,
): CellState {
  const hidden = linear(h, weightHh, biasHh).view(projected.shape);
  const gate = (all: Tensor, i: number): Tensor => all.select(1, i);
  if (kind === 'RNN') {
    const sum = gate(projected.add(hidden), 0);
    return { h: nonlinearity === 'tanh' ? sum.tanh() : sum.relu(), c: null };
  }
  if (kind === 'GRU') {
    const reset = gate(projected, 0).add(gate(hidden, 0)).sigmoid();
    const update = gate(projected, 1).add(gate(hidden, 1)).sigmoid();
    const fresh = gate(projected, 2)
      .add(reset.mul(gate(hidden, 2)))
      .tanh();
    return { h: fresh.add(update.mul(h.sub(fresh))), c: null };
  }
  const sums = projected.add(hidden);
  const input = gate(sums, 0).sigmoid();
  const forget = gate(sums, 1).sigmoid();
  const candidate = gate(sums, 2).tanh();
  const output = gate(sums, 3).sigmoid();
  const cell = c ? forget.mul(c).add(input.mul(candidate)) : input.mul(candidate);
  const state = output.mul(cell.tanh());
  return { h: weightHr ? linear(state, weightHr) : state, c: cell };
}

/**
 * The steps [...] of x [time, ...]. By halves: the backward pass of a slice writes a tensor as large as what was sliced, so cutting every
 * step from the whole would cost time² instead of time * log(time).
 */
export function unbindSteps(x: Tensor): Tensor[] {
  const time = x.size(0);
  if (time === 1) return [x.squeeze(0)];
  const half = time >> 1;
  return [...unbindSteps(x.narrow(0, 0, half)), ...unbindSteps(x.narrow(0, half, time - half))];
}

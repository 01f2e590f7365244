/** RNN, GRU and LSTM over whole sequences. */
import { ArgumentError, type Tensor } from '@course/tensor';
import type { PackedSequence } from './packed.js';
import { Recurrent, type RecurrentCall, type RecurrentOptions } from './stack.js';
import type { Nonlinearity } from './steps.js';

/** Networks whose state is the hidden one alone. */
abstract class HiddenRecurrent extends Recurrent {
  /**
   * input [time, batch, inputSize], or batch first, or [time, inputSize], or packed; h0 [numLayers * directions, batch, hiddenSize], zeros if
   * absent. Gives the outputs of all steps in the input's form, and the last states.
   */
  forward(input: PackedSequence, h0?: Tensor | null): [output: PackedSequence, hn: Tensor];
  forward(input: Tensor, h0?: Tensor | null, options?: RecurrentCall): [output: Tensor, hn: Tensor];
  forward(
    input: Tensor | PackedSequence,
    h0?: Tensor | null,
    options: RecurrentCall = {},
  ): [output: Tensor | PackedSequence, hn: Tensor] {
    const { output, h } = this.run(input, h0 ? { h: h0, c: null } : null, options);
    return [output, h];
  }
}

/**
 * A network whose state goes from step to step (Elman 1990), as [torch.nn.RNN](https://pytorch.org/docs/stable/generated/torch.nn.RNN.html).
 * Returns the outputs of the last layer [time, batch, directions * hiddenSize] and the last states [layers * directions, batch, hiddenSize].
 *
 * @example
 * const [output, hn] = new RNN(10, 20, { numLayers: 2, batchFirst: true }).forward(randn([3, 7, 10]));
 */
export class RNN extends HiddenRecurrent {
  constructor(
    inputSize: number,
    hiddenSize: number,
    { nonlinearity = 'tanh', ...options }: RecurrentOptions & { readonly nonlinearity?: Nonlinearity } = {},
  ) {
    if (nonlinearity !== 'tanh' && nonlinearity !== 'relu')
      throw new ArgumentError(`RNN: Unknown nonlinearity '${String(nonlinearity)}': it may be tanh or relu`);
    super('RNN', inputSize, hiddenSize, options, nonlinearity);
  }
}

/** A gated recurrent unit (Cho et al. 2014), as [torch.nn.GRU](https://pytorch.org/docs/stable/generated/torch.nn.GRU.html); see {@link RNN}. */
export class GRU extends HiddenRecurrent {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super('GRU', inputSize, hiddenSize, options);
  }
}

/** Options of {@link LSTM}. */
export interface LstmOptions extends RecurrentOptions {
  /** Hidden states are projected to this width (Sak et al. 2014), below `hiddenSize`; cell states keep theirs. Default 0: no projection. */
  readonly projSize?: number;
}

/**
 * A long short-term memory (Hochreiter & Schmidhuber 1997), as [torch.nn.LSTM](https://pytorch.org/docs/stable/generated/torch.nn.LSTM.html).
 * Returns the outputs of the last layer and `[hn, cn]`, the last states.
 *
 * @example
 * const [output, [hn, cn]] = new LSTM(10, 20, { bidirectional: true }).forward(randn([7, 3, 10]));
 */
export class LSTM extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: LstmOptions = {}) {
    super('LSTM', inputSize, hiddenSize, options);
  }

  /** As that of {@link RNN}, with the cell states beside the hidden ones. */
  forward(
    input: PackedSequence,
    state?: readonly [h0: Tensor, c0: Tensor] | null,
  ): [output: PackedSequence, state: [hn: Tensor, cn: Tensor]];
  forward(
    input: Tensor,
    state?: readonly [h0: Tensor, c0: Tensor] | null,
    options?: RecurrentCall,
  ): [output: Tensor, state: [hn: Tensor, cn: Tensor]];
  forward(
    input: Tensor | PackedSequence,
    state?: readonly [h0: Tensor, c0: Tensor] | null,
    options: RecurrentCall = {},
  ): [output: Tensor | PackedSequence, state: [hn: Tensor, cn: Tensor]] {
    const { output, h, c } = this.run(input, state ? { h: state[0], c: state[1] } : null, options);
    return [output, [h, c ?? h]];
  }
}

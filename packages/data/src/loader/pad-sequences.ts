/** Keras' `pad_sequences`, for those who come from there. */
import { ArgumentError, type Tensor } from '@course/tensor';
import { hostTensor } from '../host-array.js';
import { padToMatrix } from './pad-to-matrix.js';

/** Options of `padSequences`; the defaults are those of Keras. */
export interface PadSequencesOptions {
  /** Length of the result; by default that of the longest sequence. */
  readonly maxLength?: number;
  /** Whether padding goes before ('pre', the default) or after ('post') a sequence. */
  readonly padding?: 'pre' | 'post';
  /** Whether a sequence that is too long loses its beginning ('pre', the default) or its end ('post'). */
  readonly truncating?: 'pre' | 'post';
  /** What padding consists of; 0 by default. */
  readonly value?: number;
}

/**
 * Pads and cuts sequences to one length, as
 * [pad_sequences](https://keras.io/api/data_loading/timeseries/#padsequences-function) of Keras.
 *
 * @returns An int32 tensor of shape [sequences, length].
 * @throws ArgumentError when `maxLength` is no whole number.
 * @example
 * padSequences([[1], [2, 3]]); // [[0, 1], [2, 3]]
 */
export function padSequences(sequences: readonly ArrayLike<number>[], options: PadSequencesOptions = {}): Tensor {
  const { padding = 'pre', truncating = 'pre', value = 0 } = options;
  const maxLength = options.maxLength ?? sequences.reduce((most, sequence) => Math.max(most, sequence.length), 0);
  if (!(Number.isInteger(maxLength) && maxLength >= 0)) {
    throw new ArgumentError(`padSequences: maxLength must be a whole number, got ${maxLength}`);
  }
  const cut = sequences.map((sequence) => {
    const excess = sequence.length - maxLength;
    if (excess <= 0) return sequence;
    return Array.from(sequence).slice(truncating === 'pre' ? excess : 0, truncating === 'pre' ? undefined : maxLength);
  });
  const data = padToMatrix(cut, maxLength, value, padding === 'pre' ? 'left' : 'right');
  return hostTensor({ data, shape: [sequences.length, maxLength] });
}

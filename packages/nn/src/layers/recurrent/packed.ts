/**
 * Sequences of different lengths in one tensor. torch packs the steps without their padding; here the padded tensor goes along with
 * the lengths, and steps past an end leave the state alone: the same numbers, and nothing is gathered.
 */
import { ArgumentError, cat, ShapeError, type Tensor } from '@course/tensor';

/** What {@link packPaddedSequence} makes and recurrent layers take and give. */
export class PackedSequence {
  /** @internal */
  constructor(
    /** [longest, batch, ...]. */
    readonly data: Tensor,
    /** The length of each sequence. */
    readonly lengths: readonly number[],
  ) {}
}

/** Throws unless there is one length in [1, time] for each sequence. */
export function checkLengths(op: string, lengths: readonly number[], batch: number, time: number): void {
  if (lengths.length !== batch)
    throw new ShapeError(`${op}: expected ${batch} lengths, one a sequence, got ${lengths.length}`);
  for (const length of lengths) {
    if (!Number.isInteger(length) || length < 1 || length > time)
      throw new ArgumentError(
        `${op}: Length of all samples has to be greater than 0 and at most ${time}, the padded length, got ${length}`,
      );
  }
}

/** Options of {@link packPaddedSequence}. */
export interface PackOptions {
  /** Sequences are [batch, time, ...]. Default false: [time, batch, ...]. */
  readonly batchFirst?: boolean;
  /** Lengths must not grow from one sequence to the next, as torch asks by default; here nothing depends on it. */
  readonly enforceSorted?: boolean;
}

/**
 * Puts padded sequences and their lengths together, as `torch.nn.utils.rnn.pack_padded_sequence`.
 *
 * @throws ArgumentError for a length out of range, or lengths that grow where they must not; ShapeError for a wrong number of them.
 * @example
 * const lstm = new LSTM(8, 16, { batchFirst: true });
 * const [output] = lstm.forward(packPaddedSequence(randn([2, 5, 8]), [5, 3], { batchFirst: true }));
 * const [padded, lengths] = padPackedSequence(output, { batchFirst: true });
 */
export function packPaddedSequence(
  input: Tensor,
  lengths: readonly number[],
  { batchFirst = false, enforceSorted = true }: PackOptions = {},
): PackedSequence {
  if (input.ndim < 2)
    throw new ShapeError(`packPaddedSequence: expected [time, batch, ...], got [${input.shape.join(', ')}]`);
  const data = batchFirst ? input.transpose(0, 1) : input;
  checkLengths('packPaddedSequence', lengths, data.size(1), data.size(0));
  if (enforceSorted && lengths.some((length, i) => i > 0 && length > (lengths[i - 1] ?? 0)))
    throw new ArgumentError(
      `packPaddedSequence: lengths must be sorted in decreasing order when enforceSorted is true, got [${lengths.join(', ')}]; pass { enforceSorted: false }`,
    );
  return new PackedSequence(data.narrow(0, 0, Math.max(...lengths)), [...lengths]);
}

/** Options of {@link padPackedSequence}. */
export interface UnpackOptions {
  readonly batchFirst?: boolean;
  /** What stands past the ends. Default 0. */
  readonly paddingValue?: number;
  /** Pad to this length instead of to the longest. */
  readonly totalLength?: number;
}

/** The padded tensor of a packed one and its lengths, as `torch.nn.utils.rnn.pad_packed_sequence`. */
export function padPackedSequence(
  { data, lengths }: PackedSequence,
  { batchFirst = false, paddingValue = 0, totalLength }: UnpackOptions = {},
): [padded: Tensor, lengths: readonly number[]] {
  const [time, batch] = [data.size(0), data.size(1)];
  if (totalLength !== undefined && totalLength < time)
    throw new ArgumentError(
      `padPackedSequence: Expected totalLength to be at least the length of the longest sequence, but got totalLength=${totalLength} and ${time}`,
    );
  const past = pastEnds(data, lengths).view([time, batch, ...data.shape.slice(2).map(() => 1)]);
  let padded = data.maskedFill(past, paddingValue);
  if (totalLength !== undefined && totalLength > time)
    padded = cat([padded, data.newFull([totalLength - time, ...data.shape.slice(1)], paddingValue)]);
  return [batchFirst ? padded.transpose(0, 1) : padded, lengths];
}

/** bool [time, batch]: the steps behind the end of each sequence of x [time, batch, ...]. */
export function pastEnds(x: Tensor, lengths: readonly number[]): Tensor {
  const [time, batch] = [x.size(0), x.size(1)];
  const places = x.newArange(time).view([time, 1]);
  return batch === 0
    ? places.ge(time)
    : cat(
        lengths.map((length) => places.ge(length)),
        1,
      );
}

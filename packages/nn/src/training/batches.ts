/** What a trainer asks of the things it gets batches from, and of the batches. */
import { Tensor } from '@course/tensor';

/** Where a loader stands, as `DataLoader.state()` tells it. */
export interface LoaderPosition {
  readonly epoch: number;
  readonly batch: number;
}

/** Something with a known number of batches. A `DataLoader` is one; so is an array of batches. */
export interface BatchSource<Batch> {
  /** Batches in an epoch. */
  readonly length: number;
  /** The batches of an epoch. */
  [Symbol.asyncIterator]?(): AsyncIterator<Batch>;
  /** The batches of an epoch, where nothing has to be awaited. */
  [Symbol.iterator]?(): Iterator<Batch>;
  /** Where it stands. */
  state?(): LoaderPosition;
  /** Makes the next epoch go on where a state was taken. */
  loadState?(state: LoaderPosition): void;
  /** Makes the next epoch a certain one. */
  setEpoch?(epoch: number): void;
}

/** The batches of an epoch. */
export async function* iterate<Batch>(source: BatchSource<Batch>): AsyncGenerator<Batch> {
  if (source[Symbol.asyncIterator]) yield* source as AsyncIterable<Batch>;
  else yield* source as unknown as Iterable<Batch>;
}

/** The tensors of a batch: itself, or those in its list or fields. */
export function tensorsOf(batch: unknown): Tensor[] {
  if (batch instanceof Tensor) return [batch];
  if (typeof batch !== 'object' || batch === null) return [];
  return Object.values(batch).filter((value) => value instanceof Tensor);
}

/** Rows in a batch: the first size of its first tensor that has one. */
export function batchSizeOf(batch: unknown): number {
  return (
    tensorsOf(batch)
      .find((tensor) => tensor.ndim > 0)
      ?.size(0) ?? 1
  );
}

/** Frees the tensors of a batch that a loader made for this use; those of other sources belong to somebody. */
export function release(source: BatchSource<unknown>, batch: unknown): void {
  if (source.loadState) for (const tensor of tensorsOf(batch)) tensor.dispose();
}

/**
 * The batch of an attention: its dims as the kernels need them, and its parts where scores are written down and memory for them is bounded. A part is
 * a box of matrices that follow each other, with a request of its own whose operands start elsewhere.
 */
import type { AttentionOperands, Strided } from '../../../requests.js';

/** The dims of batch that kernels have at least, so that a batch of one sequence needs no kernel of its own. */
const BATCH_RANK = 2;

/** The request with that many dims of batch. */
export function withBatch<R extends AttentionOperands>(request: R): R {
  const missing = BATCH_RANK - request.batch.length;
  if (missing <= 0) return request;
  const ones = missing === 1 ? [1] : [1, 1];
  const zeros = missing === 1 ? [0] : [0, 0];
  return withOperands(request, [...ones, ...request.batch], (operand) => ({
    ...operand,
    strides: [...zeros, ...operand.strides],
  }));
}

/** The request with another batch, and everything that has strides made anew. */
function withOperands<R extends AttentionOperands>(
  request: R,
  batch: readonly number[],
  make: (operand: Strided) => Strided,
): R {
  const made = { ...(request as object) } as Record<string, unknown>;
  made.batch = batch;
  for (const name in made) {
    const value = made[name];
    if (isStrided(value)) made[name] = make(value);
  }
  return made as unknown as R;
}

function isStrided(value: unknown): value is Strided {
  return typeof value === 'object' && value !== null && 'strides' in value;
}

export const matricesOf = (batch: readonly number[]): number => batch.reduce((product, size) => product * size, 1);

/** A box of the batch whose matrices follow each other, from number `first` on. */
export interface Part {
  readonly first: number;
  readonly starts: readonly number[];
  readonly batch: readonly number[];
}

/** The batch in boxes of at most so many matrices: whole inner dims, and equal pieces of the one that does not fit whole. */
export function partsOf(batch: readonly number[], most: number): Part[] {
  const dim = batch.findIndex((_, d) => matricesOf(batch.slice(d + 1)) <= most);
  const inner = batch.slice(dim + 1);
  const size = batch[dim] ?? 1;
  const piece = Math.ceil(size / Math.ceil(size / Math.floor(most / matricesOf(inner))));
  const parts: Part[] = [];
  for (let outer = 0; outer < matricesOf(batch.slice(0, dim)); outer++) {
    const starts = batch.map((own, d) => (d < dim ? Math.floor(outer / matricesOf(batch.slice(d + 1, dim))) % own : 0));
    for (let start = 0; start < size; start += piece) {
      parts.push({
        first: (outer * size + start) * matricesOf(inner),
        starts: starts.with(dim, start),
        batch: [...batch.slice(0, dim).fill(1), Math.min(piece, size - start), ...inner],
      });
    }
  }
  return parts;
}

/** The request of a box alone. */
export function partOf<R extends AttentionOperands>(request: R, { starts, batch }: Part): R {
  return withOperands(request, batch, (operand) => ({
    ...operand,
    offset: starts.reduce((offset, start, d) => offset + start * (operand.strides[d] ?? 0), operand.offset),
  }));
}

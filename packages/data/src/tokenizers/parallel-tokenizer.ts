/**
 * A tokenizer on several threads. Texts go to workers in pieces, columns of typed arrays come back without a copy, and the rows are
 * in the order of the texts: the result is that of `Tokenizer.encodeBatch`.
 */
import { ArgumentError, DisposedError } from '@course/tensor';
import { hardwareThreads } from '#platform';
import { WorkerPool } from '../workers/pool.js';
import type { EncodeJob } from '../workers/program.js';
import type { BatchEncoding } from './batch-encoding.js';
import type { RowOptions } from './encoder.js';
import type { EncodeBatchOptions } from './encoding.js';
import { EncodingTable, type TableColumns } from './encoding-table.js';
import type { EncoderRecipe } from './recipe.js';
import { type TextOrPair, textsOf } from './texts.js';

/** Options of `Tokenizer.parallel`. */
export interface ParallelOptions {
  /** Number of workers; by default one less than the machine has threads, at least one. */
  readonly threads?: number;
}

/** What a `ParallelTokenizer` needs of the tokenizer that it belongs to. */
export interface ParallelSource {
  readonly recipe: EncoderRecipe;
  rowOptions(options: EncodeBatchOptions): RowOptions;
  batchOf(table: EncodingTable, options: EncodeBatchOptions): BatchEncoding;
}

/** Pieces for each worker: enough that one which is slow leaves its share to the others. */
const PIECES_EACH = 4;
/** A piece of fewer texts is not worth a message. */
const LEAST_TEXTS = 16;

/** A tokenizer whose `encodeBatch` works on several threads; made by `Tokenizer.parallel`. Close it when done. */
export class ParallelTokenizer {
  /** Number of workers. */
  readonly threads: number;
  readonly #source: ParallelSource;
  readonly #pool: WorkerPool<EncodeJob, TableColumns>;

  /** @internal Made by `Tokenizer.parallel`. */
  constructor(source: ParallelSource, { threads = Math.max(1, hardwareThreads() - 1) }: ParallelOptions) {
    if (!(Number.isInteger(threads) && threads > 0)) {
      throw new ArgumentError(`parallel: threads must be a positive whole number, got ${threads}`);
    }
    this.#source = source;
    this.threads = threads;
    this.#pool = new WorkerPool('parallel', { kind: 'encode', recipe: source.recipe }, threads);
  }

  /**
   * Encodes several texts, or pairs of texts, as `Tokenizer.encodeBatch`.
   *
   * @throws ArgumentError as `encode`, DisposedError when closed.
   * @example
   * const parallel = tokenizer.parallel({ threads: 2 });
   * const batch = await parallel.encodeBatch(['one', 'two or three'], { padding: true });
   * batch.length; // 2
   * parallel.close();
   */
  async encodeBatch(texts: readonly TextOrPair[], options: EncodeBatchOptions = {}): Promise<BatchEncoding> {
    if (this.#pool.isClosed) throw new DisposedError('parallel: encodeBatch was called after close');
    const row = this.#source.rowOptions(options);
    const all = texts.map((entry) => textsOf(entry, options.isSplitIntoWords ?? false));
    const size = Math.max(LEAST_TEXTS, Math.ceil(all.length / (PIECES_EACH * this.threads)));
    const pieces: Promise<TableColumns>[] = [];
    for (let from = 0; from < all.length; from += size)
      pieces.push(this.#pool.run({ texts: all.slice(from, from + size), options: row }));
    const table = new EncodingTable();
    const done = await Promise.all(pieces);
    table.reserve(done.reduce((count, { ids }) => count + ids.length, 0));
    for (const [i, columns] of done.entries()) table.append(columns, i * size);
    return this.#source.batchOf(table, options);
  }

  /** Ends the workers. What is under way is rejected. */
  close(): void {
    this.#pool.close();
  }

  /** `using` closes it at the end of the block. */
  [Symbol.dispose](): void {
    this.close();
  }
}

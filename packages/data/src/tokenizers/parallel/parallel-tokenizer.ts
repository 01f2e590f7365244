/**
 * A tokenizer on several threads. Texts go to workers in pieces, columns of typed arrays come back without a copy, and the rows are
 * in the order of the texts: the result is that of `Tokenizer.encodeBatch`.
 */
import { ArgumentError, CourseError, DisposedError } from '@course/tensor';
import { hardwareThreads, startWorker, type WorkerHandle } from '#platform';
import type { BatchEncoding } from '../batch-encoding.js';
import type { RowOptions, Texts } from '../encoder.js';
import type { EncodeBatchOptions } from '../encoding.js';
import { EncodingTable, type TableColumns } from '../encoding-table.js';
import type { EncoderRecipe } from '../recipe.js';
import { type TextOrPair, textsOf } from '../texts.js';
import type { Job, JobResult, Setup } from './worker.js';

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

interface Pending {
  readonly message: Job;
  readonly resolve: (columns: TableColumns) => void;
  readonly reject: (error: CourseError) => void;
}

/** A tokenizer whose `encodeBatch` works on several threads; made by `Tokenizer.parallel`. Close it when done. */
export class ParallelTokenizer {
  /** Number of workers. */
  readonly threads: number;
  readonly #source: ParallelSource;
  readonly #workers: WorkerHandle[] = [];
  readonly #idle: WorkerHandle[] = [];
  readonly #queue: Pending[] = [];
  readonly #running = new Map<WorkerHandle, Pending>();
  #started: Promise<void> | undefined;
  #jobs = 0;
  #closed = false;

  /** @internal Made by `Tokenizer.parallel`. */
  constructor(source: ParallelSource, { threads = Math.max(1, hardwareThreads() - 1) }: ParallelOptions) {
    if (!(Number.isInteger(threads) && threads > 0)) {
      throw new ArgumentError(`parallel: threads must be a positive whole number, got ${threads}`);
    }
    this.#source = source;
    this.threads = threads;
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
    if (this.#closed) throw new DisposedError('parallel: encodeBatch was called after close');
    const row = this.#source.rowOptions(options);
    const all = texts.map((entry) => textsOf(entry, options.isSplitIntoWords ?? false));
    const size = Math.max(LEAST_TEXTS, Math.ceil(all.length / (PIECES_EACH * this.threads)));
    this.#started ??= this.#start();
    await this.#started;
    const pieces: Promise<TableColumns>[] = [];
    for (let from = 0; from < all.length; from += size) pieces.push(this.#run(all.slice(from, from + size), row));
    const table = new EncodingTable();
    const done = await Promise.all(pieces);
    table.reserve(done.reduce((count, { ids }) => count + ids.length, 0));
    for (const [i, columns] of done.entries()) table.append(columns, i * size);
    return this.#source.batchOf(table, options);
  }

  /** Ends the workers. What is under way is rejected. */
  close(): void {
    this.#closed = true;
    for (const worker of this.#workers) worker.terminate();
    const closed = new DisposedError('parallel: closed before the texts were encoded');
    for (const { reject } of [...this.#running.values(), ...this.#queue]) reject(closed);
    this.#running.clear();
    this.#queue.length = 0;
  }

  /** `using` closes it at the end of the block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Starts the workers, at the first batch. Their program is loaded only then: most who import this package never need it. */
  async #start(): Promise<void> {
    const { default: program } = await import('#tokenizer-worker');
    const setup: Setup = { recipe: this.#source.recipe };
    for (let i = 0; i < this.threads && !this.#closed; i++) {
      const worker: WorkerHandle = startWorker(program, setup, {
        message: (result) => this.#finish(worker, result as JobResult),
        failure: (reason) => this.#fail(worker, reason),
      });
      this.#workers.push(worker);
      this.#idle.push(worker);
    }
  }

  #run(texts: readonly Texts[], options: RowOptions): Promise<TableColumns> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new DisposedError('parallel: closed before the texts were encoded'));
      this.#queue.push({ message: { job: this.#jobs++, texts, options }, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    while (this.#idle.length > 0 && this.#queue.length > 0) {
      const worker = this.#idle.pop();
      const pending = this.#queue.shift();
      if (worker === undefined || pending === undefined) return;
      this.#running.set(worker, pending);
      worker.post(pending.message);
    }
  }

  #finish(worker: WorkerHandle, result: JobResult): void {
    const pending = this.#running.get(worker);
    this.#running.delete(worker);
    this.#idle.push(worker);
    if ('columns' in result) pending?.resolve(result.columns);
    else pending?.reject(new ArgumentError(result.failure));
    this.#next();
  }

  /** A worker that ends by itself (out of memory, say) takes the whole pool along: its share would never come. */
  #fail(worker: WorkerHandle, reason: string): void {
    this.#running.get(worker)?.reject(new CourseError(`parallel: a worker ended: ${reason}`));
    this.#running.delete(worker);
    this.close();
  }
}

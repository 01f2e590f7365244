/**
 * What `map` does beyond calling a function for each row: batches, several at a time, worker threads, and results kept in a file that the
 * next run reads instead.
 */
import { ArgumentError } from '@course/tensor';
import { digest, pathKind, pathOfUrl, writeLines } from '#platform';
import { mapConcurrently } from '../hub/concurrency.js';
import { readJsonl } from '../readers/jsonl.js';
import { readText } from '../text-file.js';
import { type Columns, toColumns, toRows } from './columns.js';
import { mapBatchesInWorkers, mapInWorkers } from './map-worker.js';

/** Options of `map`. */
export interface MapOptions {
  /** Rows that are transformed at the same time: promises that may be under way, or worker threads for a module; 1 by default. */
  readonly numProc?: number;
  /** Columns to leave out; those of the rows before may be named too, though the function has left them out already. */
  readonly removeColumns?: string | readonly string[];
  /**
   * A JSON Lines file to keep the result in. It is read instead of calling the function when the rows, the text of the function or module and
   * `newFingerprint` are those of then. What JSON cannot hold (tensors, NaN) does not survive it; typed arrays become arrays.
   */
  readonly cacheFileName?: string;
  /** Whether an existing `cacheFileName` may be read; true by default. */
  readonly loadFromCacheFile?: boolean;
  /** Stands for what the function's text does not show, such as the tokenizer that it uses. */
  readonly newFingerprint?: string;
}

/** Options of `map` with a function of batches. */
export interface BatchedMapOptions extends MapOptions {
  readonly batched: true;
  /** Rows in a batch; 1000 by default. */
  readonly batchSize?: number;
}

/** A function of one row. */
export type RowTransform<Row, Out> = (row: Row, index: number) => Out | PromiseLike<Out>;

/** A function of the columns of several rows; what it returns may have more or fewer rows. */
export type BatchTransform<Row, Out> = (
  columns: Columns<Row>,
  indices: readonly number[],
) => Columns<Out> | PromiseLike<Columns<Out>>;

const FORMAT = 'course-map-1';

/** The rows that a transform makes of rows. */
export async function mapRows<Row, Out>(
  rows: readonly Row[],
  transform: RowTransform<Row, Out> | BatchTransform<Row, Out> | URL,
  options: MapOptions | BatchedMapOptions,
): Promise<Out[]> {
  const { numProc = 1, cacheFileName } = options;
  if (!(Number.isInteger(numProc) && numProc > 0))
    throw new ArgumentError(`map: numProc must be a positive whole number, got ${numProc}`);
  if (cacheFileName === undefined) return compute(rows, transform, options, numProc);
  const key = await fingerprint(rows, transform, options);
  if (options.loadFromCacheFile !== false) {
    const kept = await readKept<Out>(cacheFileName, key);
    if (kept !== undefined) return kept;
  }
  const computed = await compute(rows, transform, options, numProc);
  await writeLines(cacheFileName, linesOf(key, computed));
  return computed.map((row) => JSON.parse(jsonOf(row)) as Out);
}

async function compute<Row, Out>(
  rows: readonly Row[],
  transform: RowTransform<Row, Out> | BatchTransform<Row, Out> | URL,
  options: MapOptions | BatchedMapOptions,
  numProc: number,
): Promise<Out[]> {
  const batchSize = batchSizeOf(options);
  if (transform instanceof URL) {
    if (batchSize === undefined) return (await mapInWorkers(rows, transform, numProc)) as Out[];
    return (await mapBatchesInWorkers(rows, transform, numProc, batchSize)) as Out[];
  }
  if (batchSize !== undefined) {
    const starts = Array.from({ length: Math.ceil(rows.length / batchSize) }, (_, i) => i * batchSize);
    const batches = await mapConcurrently(starts, numProc, async (from) => {
      const some = rows.slice(from, from + batchSize);
      const indices = some.map((_, i) => from + i);
      return toRows<Out>(await (transform as BatchTransform<Row, Out>)(toColumns(some), indices));
    });
    return batches.flat();
  }
  const each = transform as RowTransform<Row, Out>;
  if (numProc > 1) return mapConcurrently(rows, numProc, async (row, i) => each(row, i));
  const results: Out[] = [];
  for (const [i, row] of rows.entries()) {
    const result = each(row, i);
    results.push(isPromiseLike(result) ? await result : result);
  }
  return results;
}

/** Rows in a batch; undefined where rows come one by one. */
function batchSizeOf(options: MapOptions | BatchedMapOptions): number | undefined {
  if (!('batched' in options && options.batched)) return undefined;
  const { batchSize = 1000 } = options;
  if (Number.isInteger(batchSize) && batchSize > 0) return batchSize;
  throw new ArgumentError(`map: batchSize must be a positive whole number, got ${batchSize}`);
}

/** Whether a value has to be awaited. */
export function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** What a kept result depends on, in 64 digits. */
async function fingerprint<Row>(rows: readonly Row[], transform: unknown, options: MapOptions): Promise<string> {
  const { removeColumns = [], newFingerprint = '' } = options;
  const batchSize = batchSizeOf(options);
  // Of a module its own text; what it imports in turn is for `newFingerprint` to tell.
  const text = transform instanceof URL ? await readText(pathOfUrl(transform)) : String(transform);
  const head = [FORMAT, text, newFingerprint, batchSize !== undefined, batchSize ?? 1, removeColumns];
  return digest(
    (function* () {
      yield JSON.stringify(head);
      for (const row of rows) yield jsonOf(row);
    })(),
  );
}

function jsonOf(row: unknown): string {
  const replace = (_: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return String(value);
    return ArrayBuffer.isView(value) ? Array.from(value as Int32Array) : value;
  };
  return JSON.stringify(row, replace) ?? 'null';
}

async function* linesOf(key: string, rows: readonly unknown[]): AsyncGenerator<string, void, undefined> {
  yield JSON.stringify({ format: FORMAT, key, rows: rows.length });
  for (const row of rows) yield JSON.stringify({ row: JSON.parse(jsonOf(row)) });
}

async function readKept<Out>(file: string, key: string): Promise<Out[] | undefined> {
  if ((await pathKind(file)) !== 'file') return undefined;
  const rows: Out[] = [];
  let expected: unknown;
  for await (const block of readJsonl(file)) {
    for (const { row } of block) {
      if (expected === undefined) {
        // Of other rows, another function, or no such file at all.
        if (row.format !== FORMAT || row.key !== key) return undefined;
        expected = row.rows;
      } else rows.push(row.row as Out);
    }
  }
  return rows.length === expected ? rows : undefined;
}

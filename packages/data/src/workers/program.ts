/**
 * What runs in a worker: texts are encoded, rows collated, or the function of a module applied. It is bundled into a text
 * (scripts/data-worker.mjs) from which workers are started, because no path to a file holds in a bundle; so it imports nothing that needs a
 * platform or a tensor.
 */
import { type CollateRecipe, hostCollate } from '../loader/host-collate.js';
import type { RowOptions, Texts } from '../tokenizers/encoder.js';
import { EncodingTable } from '../tokenizers/encoding-table.js';
import { type EncoderRecipe, encoderOf } from '../tokenizers/recipe.js';

/** The first message: what a worker is there for. */
export type WorkerSetup =
  /** Encodes texts: `EncodeJob` to `TableColumns`. */
  | { readonly kind: 'encode'; readonly recipe: EncoderRecipe }
  /** Makes batches: rows to a `HostBatch`. */
  | { readonly kind: 'collate'; readonly recipe: CollateRecipe }
  /** Applies the default export of a module: to rows together, to each row of a `RowsJob`, or to the columns of a `ColumnsJob`. */
  | { readonly kind: 'module'; readonly href: string; readonly to: 'rows' | 'each row' | 'columns' };

/** Texts to encode. */
export interface EncodeJob {
  readonly texts: readonly Texts[];
  readonly options: RowOptions;
}

/** Rows to transform one by one. */
export interface RowsJob {
  /** The number of the first row. */
  readonly first: number;
  readonly rows: readonly unknown[];
}

/** Columns to transform together. */
export interface ColumnsJob {
  readonly columns: Readonly<Record<string, unknown[]>>;
  /** The numbers of the rows. */
  readonly indices: readonly number[];
}

/** A job under its number. */
export interface WorkerRequest {
  readonly id: number;
  readonly job: unknown;
}

/** What became of a job. */
export type WorkerAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: string; readonly stack: string | undefined };

/** Answers jobs; `post` sends a message with memory that goes along, `listen` gets the messages. */
export function serve(
  post: (message: WorkerAnswer, transfer: ArrayBufferLike[]) => void,
  listen: (receive: (message: WorkerSetup | WorkerRequest) => void) => void,
): void {
  let answer: ((job: never) => unknown) | undefined;
  listen((message) => {
    if ('kind' in message) {
      answer = answering(message);
      return;
    }
    const { id, job } = message;
    Promise.resolve()
      .then(() => answer?.(job as never))
      .then((value) => post({ id, value }, buffersOf(value)))
      .catch((error: unknown) => {
        const isError = error instanceof Error;
        post({ id, failure: isError ? error.message : String(error), stack: isError ? error.stack : undefined }, []);
      });
  });
}

function answering(setup: WorkerSetup): (job: never) => unknown {
  switch (setup.kind) {
    case 'encode': {
      const encoder = encoderOf(setup.recipe);
      return ({ texts, options }: EncodeJob) => {
        const table = new EncodingTable();
        for (const [i, each] of texts.entries()) encoder.encode(table, i, each, options);
        return table.columns();
      };
    }
    case 'collate':
      return (rows: readonly Record<string, unknown>[]) => hostCollate(setup.recipe, rows);
    case 'module': {
      const loaded: Promise<{ readonly default?: unknown }> = import(setup.href);
      // Told with each job; nobody waits for it before.
      loaded.catch(() => undefined);
      return async (job: never) => {
        const { default: found } = await loaded;
        if (typeof found !== 'function') throw new TypeError('the module has no function as its default export');
        const apply = found as (...values: unknown[]) => PromiseLike<unknown>;
        if (setup.to === 'rows') return travelling(await apply(job));
        if (setup.to === 'columns') {
          const { columns, indices } = job as ColumnsJob;
          return travelling(await apply(columns, indices));
        }
        const { first, rows } = job as RowsJob;
        const results: unknown[] = [];
        for (const [i, row] of rows.entries()) results.push(await apply(row, first + i));
        return results;
      };
    }
  }
}

/** A batch, whose fields must be plain: an object of a class arrives as an empty one. */
function travelling(batch: unknown): unknown {
  if (typeof batch !== 'object' || batch === null) return batch;
  for (const [name, value] of Object.entries(batch)) {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) continue;
    const kind = (value as object).constructor;
    if (kind === undefined || [Object, Array, Map, Set, Date].some((plain) => plain === kind)) continue;
    throw new TypeError(
      `${name} is a ${kind.name}, which cannot travel between threads; { data, shape } becomes a tensor where it arrives`,
    );
  }
  return batch;
}

/** The memory that goes along instead of being copied: that of arrays in the fields of a value, or one level below. */
function buffersOf(value: unknown, depth = 1): ArrayBufferLike[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const found = new Set<ArrayBufferLike>();
  for (const field of Object.values(value)) {
    if (ArrayBuffer.isView(field)) {
      // A part of a larger piece of memory stays where it is, and is copied; so does memory that is shared.
      if (field.byteLength === field.buffer.byteLength && field.buffer instanceof ArrayBuffer) found.add(field.buffer);
    } else if (depth > 0) for (const buffer of buffersOf(field, depth - 1)) found.add(buffer);
  }
  return [...found];
}

/**
 * How a loader's rows become a batch, in two steps: `prepare` may run ahead, here or in a worker; `finish` runs when the batch's turn comes,
 * and is where tensors are made and random numbers drawn.
 */
import { ArgumentError, Tensor, tensor } from '@course/tensor';
import { WorkerPool } from '../workers/pool.js';
import type { WorkerSetup } from '../workers/program.js';
import type { Collate, Collator, TwoPartCollator } from './collate.js';
import { defaultCollate } from './default-collate.js';
import { type HostBatch, hostCollate } from './host-collate.js';

/** The two steps, and what follows them. */
export interface Preparation<Row, Batch> {
  prepare(rows: readonly Row[]): unknown;
  finish(prepared: unknown): Batch | Promise<Batch>;
  /** Frees what was prepared and will not be used. */
  discard(prepared: unknown): void;
  /** Ends the workers. */
  close(): void;
  /** Whether the workers have ended. */
  readonly isClosed: boolean;
}

/** The steps in this thread. */
export function preparationHere<Row, Batch>(collate: Collate<Row, Batch> | undefined): Preparation<Row, Batch> {
  const nothing = (): void => undefined;
  const here = { discard: nothing, close: nothing, isClosed: false };
  if (collate instanceof URL) {
    const { href } = collate;
    const prepare = async (rows: readonly Row[]): Promise<unknown> => (await functionOf(href))(rows);
    return { prepare, finish: (prepared) => withTensors(prepared) as Batch, ...here };
  }
  if (isTwoPart(collate)) {
    const recipe = collate.recipe();
    const prepare = (rows: readonly Row[]): unknown => hostCollate(recipe, rows as readonly object[]);
    return { prepare, finish: (prepared) => collate.finish(prepared as HostBatch), ...here };
  }
  let prepare: (rows: readonly Row[]) => unknown;
  if (collate === undefined) prepare = defaultCollate;
  else prepare = typeof collate === 'function' ? collate : (rows) => collate.collate(rows);
  return { ...here, prepare, finish: (prepared) => prepared as Batch, discard: disposeBatch };
}

/**
 * The steps with the first in workers.
 *
 * @throws ArgumentError for a collator that cannot travel.
 */
export function preparationInWorkers<Row, Batch>(
  collate: Collate<Row, Batch> | undefined,
  numWorkers: number,
): Preparation<Row, Batch> {
  const pool = new WorkerPool<readonly Row[], unknown>('DataLoader', setupOf(collate), numWorkers);
  return {
    prepare(rows) {
      checkRows(rows);
      return pool.run(rows);
    },
    finish: isTwoPart(collate)
      ? (prepared) => collate.finish(prepared as HostBatch)
      : (prepared) => withTensors(prepared) as Batch,
    discard: () => undefined,
    close: () => pool.close(),
    get isClosed() {
      return pool.isClosed;
    },
  };
}

/**
 * What workers are to do for a collator.
 *
 * @throws ArgumentError for one that cannot travel.
 */
export function setupOf(collate: Collate<never, unknown> | undefined): WorkerSetup {
  if (collate === undefined) return { kind: 'collate', recipe: { kind: 'columns' } };
  if (collate instanceof URL) return { kind: 'module', href: collate.href, to: 'rows' };
  if (isTwoPart(collate)) return { kind: 'collate', recipe: collate.recipe() };
  const what = typeof collate === 'function' ? 'a function' : `a ${collate.constructor.name}`;
  throw new ArgumentError(
    `DataLoader: with numWorkers, collate must be a collator of this library or the URL of a module whose default export makes batches: ${what} cannot travel to a worker`,
  );
}

/** Whether a collator has the two parts, and its class did not replace the whole of them. */
function isTwoPart<Row, Batch>(
  collate: Collate<Row, Batch> | undefined,
): collate is Collator<Row, Batch> & TwoPartCollator<Batch> {
  if (typeof collate !== 'object' || collate instanceof URL) return false;
  const owner = (method: string): object | null => {
    let at: object | null = collate;
    while (at !== null && !Object.hasOwn(at, method)) at = Object.getPrototypeOf(at);
    return at;
  };
  return owner('recipe') !== null && owner('recipe') === owner('collate');
}

/** A tensor would arrive as an empty object. */
function checkRows(rows: readonly unknown[]): void {
  for (const row of rows) {
    if (typeof row !== 'object' || row === null) continue;
    const name = Object.keys(row).find((key) => (row as Record<string, unknown>)[key] instanceof Tensor);
    if (name === undefined) continue;
    throw new ArgumentError(
      `DataLoader: the column ${name} holds tensors, which cannot travel to a worker; leave out the format, or numWorkers`,
    );
  }
}

async function functionOf(href: string): Promise<(rows: unknown) => unknown> {
  let loaded: { readonly default?: unknown };
  try {
    loaded = await import(href);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ArgumentError(`DataLoader: ${href}: ${reason}`, { cause: error });
  }
  if (typeof loaded.default === 'function') return loaded.default as (rows: unknown) => unknown;
  throw new ArgumentError(`DataLoader: ${href}: the module has no function as its default export`);
}

/** A module's batch, in which arrays with a shape become tensors. */
function withTensors(batch: unknown): unknown {
  if (isHostArray(batch)) return tensor(batch.data, { shape: batch.shape });
  if (typeof batch !== 'object' || batch === null || Object.getPrototypeOf(batch) !== Object.prototype) return batch;
  return Object.fromEntries(
    Object.entries(batch).map(([name, value]) => [
      name,
      isHostArray(value) ? tensor(value.data, { shape: value.shape }) : value,
    ]),
  );
}

type Numbers = Int32Array | Float32Array | Float64Array | Uint8Array;

function isHostArray(value: unknown): value is { readonly data: Numbers; readonly shape: readonly number[] } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'data' in value &&
    'shape' in value &&
    Array.isArray(value.shape) &&
    [Int32Array, Float32Array, Float64Array, Uint8Array].some((kind) => value.data instanceof kind)
  );
}

/** Frees the tensors of a batch. */
function disposeBatch(batch: unknown): void {
  if (typeof batch !== 'object' || batch === null) return;
  for (const value of Object.values(batch)) if (value instanceof Tensor) value.dispose();
}

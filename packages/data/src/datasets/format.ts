/** How rows look when they are read: which columns, and whether numbers come as tensors. The rows themselves stay as they are. */
import { ArgumentError, type Tensor, tensor } from '@course/tensor';
import { checkColumns } from './columns.js';

/** What `setFormat` and `withFormat` take. */
export interface FormatOptions<Name extends string = string, All extends boolean = boolean> {
  /** 'torch': numbers, truth values and arrays of numbers become tensors; null (the default): values stay as they are. */
  readonly type?: 'torch' | null;
  /** The columns that rows have; all by default. */
  readonly columns?: readonly Name[];
  /** Have the other columns too, as they are; false by default. */
  readonly outputAllColumns?: All;
}

type AsTensor<Value> = Value extends number | boolean | readonly number[] | ArrayLike<number> ? Tensor : Value;

/** A row as a format shows it. */
export type Formatted<Row, Name extends keyof Row, Type, All> = {
  [K in Name]: Type extends 'torch' ? (Row[K] extends string ? Row[K] : AsTensor<Row[K]>) : Row[K];
} & (All extends true ? Omit<Row, Name> : unknown);

/** A format, checked against the columns that there are. */
export class RowFormat {
  readonly #torch: boolean;
  readonly #columns: readonly string[];
  readonly #names: ReadonlySet<string>;
  readonly #all: boolean;

  /** @throws ArgumentError for a type or column that is not there. */
  constructor(options: FormatOptions, columns: readonly string[]) {
    const { type = null } = options;
    if (type !== null && type !== 'torch')
      throw new ArgumentError(`setFormat: the type must be 'torch' or null, got ${JSON.stringify(type)}`);
    checkColumns('setFormat', options.columns ?? [], columns);
    this.#torch = type === 'torch';
    this.#columns = options.columns ?? columns;
    this.#names = new Set(this.#columns);
    this.#all = options.outputAllColumns ?? false;
  }

  /** A row in this format. */
  row(row: unknown): unknown {
    if (typeof row !== 'object' || row === null) return row;
    const entries: [string, unknown][] = [];
    const values = row as Readonly<Record<string, unknown>>;
    for (const name of this.#columns)
      if (name in values) entries.push([name, this.#torch ? toTensor(values[name]) : values[name]]);
    if (this.#all) for (const entry of Object.entries(values)) if (!this.#names.has(entry[0])) entries.push(entry);
    return Object.fromEntries(entries);
  }
}

/** A tensor of a number, a truth value, or a rectangular array of them; everything else as it is. */
function toTensor(value: unknown): unknown {
  if (typeof value === 'boolean') return tensor(value);
  if (typeof value === 'number') return tensor(value, { dtype: Number.isInteger(value) ? 'int32' : 'float32' });
  if (value instanceof Int32Array || value instanceof Float32Array) return tensor(value, { shape: [value.length] });
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return toTensor(Array.from(value as Uint8Array));
  if (!Array.isArray(value)) return value;
  const shape: number[] = [];
  for (let level: unknown = value; Array.isArray(level); level = level[0]) shape.push(level.length);
  const flat: unknown[] = value.flat(Infinity);
  const count = shape.reduce((a, b) => a * b, 1);
  if (flat.length !== count || !flat.every((item) => typeof item === 'number')) return value;
  const numbers = flat as number[];
  const isWhole = numbers.every((item) => Number.isInteger(item) && Math.abs(item) < 2 ** 31);
  return tensor(isWhole ? Int32Array.from(numbers) : Float32Array.from(numbers), { shape });
}

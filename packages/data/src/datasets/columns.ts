/** Rows turned into columns and back, and the checks that the names of columns need. */
import { ArgumentError } from '@course/tensor';

/** Rows turned into columns. */
export type Columns<Row> = { [Name in keyof Row]: Row[Name][] };

/** A row whose column `Old` is called `New`. */
export type Renamed<Row, Old extends keyof Row, New extends string> = Omit<Row, Old> & { [Name in New]: Row[Old] };

/**
 * The columns of some rows.
 *
 * @throws ArgumentError when the rows do not have the same columns.
 */
export function toColumns<Row>(rows: readonly Row[]): Columns<Row> {
  const [first] = rows;
  if (typeof first !== 'object' || first === null) {
    throw new ArgumentError(
      `batch: rows must be objects to have columns, got ${first === null ? 'null' : typeof first}`,
    );
  }
  const names = Object.keys(first) as (keyof Row)[];
  const columns = names.map((name) => {
    const values = rows.map((row, i) => {
      if (typeof row === 'object' && row !== null && name in row) return row[name];
      throw new ArgumentError(`batch: row ${i} of the batch has no ${String(name)}, which its first row has`);
    });
    return [name, values];
  });
  return Object.fromEntries(columns) as Columns<Row>;
}

/**
 * The rows of some columns.
 *
 * @throws ArgumentError when the columns are not of one length.
 */
export function toRows<Row>(columns: Columns<Row>): Row[] {
  const entries = Object.entries(columns) as [string, unknown][];
  for (const [name, values] of entries) {
    if (Array.isArray(values)) continue;
    throw new ArgumentError(`the column ${name} must be an array, got ${values === null ? 'null' : typeof values}`);
  }
  const all = entries as [string, unknown[]][];
  const length = all[0]?.[1].length ?? 0;
  for (const [name, values] of all) {
    if (values.length === length) continue;
    throw new ArgumentError(`the column ${name} has ${values.length} values, ${all[0]?.[0]} has ${length}`);
  }
  return Array.from({ length }, (_, i) => Object.fromEntries(all.map(([name, values]) => [name, values[i]])) as Row);
}

/** @throws ArgumentError for a column that is not there; where there are no rows, there are no columns to tell. */
export function checkColumns(op: string, names: readonly PropertyKey[], columns: readonly string[]): void {
  if (columns.length === 0) return;
  for (const name of names) {
    if (columns.includes(String(name))) continue;
    throw new ArgumentError(`${op}: no column ${String(name)}; the columns are ${columns.join(', ')}`);
  }
}

/** A row with one column called otherwise, in the same place. */
export function renamedRow<Row, Old extends keyof Row & string, New extends string>(
  row: Row,
  old: Old,
  name: New,
): Renamed<Row, Old, New> {
  const entries = Object.entries(row as object).map(([key, value]) => [key === old ? name : key, value]);
  return Object.fromEntries(entries) as Renamed<Row, Old, New>;
}

/** A row without some columns. */
export function withoutColumns<Row, Name extends keyof Row>(
  row: Row,
  names: ReadonlySet<PropertyKey>,
): Omit<Row, Name> {
  return Object.fromEntries(Object.entries(row as object).filter(([key]) => !names.has(key))) as Omit<Row, Name>;
}

/** A row with some columns alone, in the order asked for. */
export function withColumns<Row, Name extends keyof Row>(row: Row, names: readonly Name[]): Pick<Row, Name> {
  return Object.fromEntries(names.map((name) => [name, row[name]])) as unknown as Pick<Row, Name>;
}

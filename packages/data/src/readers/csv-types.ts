/**
 * The types of CSV columns. The file holds text only; what it means is inferred from all values of a column together, or told. What
 * would lose something as a number stays text.
 */
import { FormatError } from '@course/tensor';
import { lineError } from './blocks.js';
import type { SourceRow } from './source.js';

/** What the values of a column can be read as. */
export type CsvType = 'string' | 'number' | 'boolean';

const NUMBER = /^[+-]?(0|[1-9]\d*)?(\.\d*)?([eE][+-]?\d+)?$/;

function isNumber(text: string): boolean {
  if (!NUMBER.test(text) || !/\d/.test(text)) return false;
  const value = Number(text);
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

function isBoolean(text: string): boolean {
  return text === 'true' || text === 'false' || text === 'True' || text === 'False';
}

/**
 * The types of the columns of a file, as some of its rows show them. A column holds numbers (or booleans) when all its non-empty values
 * are; its empty values become null. Numbers that would lose something, such as `007` or 20-digit ids, leave their column strings.
 */
export class ColumnTypes {
  readonly #columns: readonly { readonly name: string; readonly type: CsvType; readonly asked: boolean }[];
  readonly #file: string;

  /**
   * @param types What is not left to the values.
   * @throws FormatError for a type of a column that is not there.
   */
  constructor(rows: readonly SourceRow[], types: Readonly<Record<string, CsvType | undefined>>, file: string) {
    const names = Object.keys(rows[0]?.row ?? {});
    this.#file = file;
    this.#columns = names.map((name) => {
      const asked = Object.hasOwn(types, name) ? types[name] : undefined;
      return { name, type: asked ?? inferType(rows, name), asked: asked !== undefined };
    });
    for (const name of Object.keys(types)) {
      if (rows[0] !== undefined && !names.includes(name))
        throw new FormatError(`${file}: no column ${JSON.stringify(name)}; there are ${names.join(', ')}`);
    }
  }

  /**
   * Converts rows in place.
   *
   * @throws FormatError for a value that is not of the column's type.
   */
  convert(rows: readonly SourceRow[]): void {
    for (const { name, type, asked } of this.#columns) {
      if (type === 'string') continue;
      for (const { row, line } of rows) {
        const text = String(row[name]);
        if (text !== '' && !(type === 'number' ? isNumber(text) : isBoolean(text))) {
          const why = asked ? '' : `, as the first rows have; if texts are meant, say so: types: { ${name}: 'string' }`;
          throw lineError(this.#file, line, `${name}: expected a ${type}, found ${JSON.stringify(text)}${why}`);
        }
        row[name] = text === '' ? null : type === 'number' ? Number(text) : text.toLowerCase() === 'true';
      }
    }
  }
}

function inferType(rows: readonly SourceRow[], name: string): CsvType {
  let numbers = true;
  let booleans = true;
  let filled = false;
  for (const { row } of rows) {
    const text = String(row[name]);
    if (text === '') continue;
    filled = true;
    numbers &&= isNumber(text);
    booleans &&= isBoolean(text);
    if (!numbers && !booleans) return 'string';
  }
  return !filled ? 'string' : numbers ? 'number' : 'boolean';
}

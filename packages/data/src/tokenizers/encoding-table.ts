/**
 * Encodings as columns: all tokens of all rows one after the other in typed arrays. A batch of 25,000 reviews is half a dozen
 * arrays this way instead of millions of small ones, crosses from a worker without a copy, and becomes tensors by filling them;
 * the plain `Encoding` of a row is made when somebody asks for it.
 */
import type { Encoding } from './encoding.js';
import type { Side } from './template.js';
import type { TokenBuffer } from './token-buffer.js';

/** The columns of a table, as they travel between threads. */
export interface TableColumns {
  readonly ids: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly words: Int32Array;
  readonly types: Uint8Array;
  readonly sequences: Int8Array;
  /** Where each row starts, and where the last one ends. */
  readonly bounds: Int32Array;
  /** The text that each row is of; several rows are windows over the same text. */
  readonly samples: Int32Array;
}

/** How rows are filled up. */
export interface RowPadding {
  /** Rows are filled up to this length; longer ones stay as they are. */
  readonly length: number;
  readonly side: Side;
  readonly id: number;
  readonly token: string;
  readonly typeId: number;
}

/** What `sequences` holds for special tokens. */
export const SPECIAL = -1;

/** Growable columns of tokens, divided into rows. */
export class EncodingTable implements TableColumns {
  ids = new Int32Array(256);
  starts = new Int32Array(256);
  ends = new Int32Array(256);
  words = new Int32Array(256);
  types = new Uint8Array(256);
  /** 0 or 1: the text of a pair that the token is of; `SPECIAL` for special tokens. */
  sequences = new Int8Array(256);
  bounds = new Int32Array(64);
  samples = new Int32Array(64);
  /** Number of tokens. */
  length = 0;
  /** Number of rows. */
  rows = 0;

  reset(): void {
    this.length = 0;
    this.rows = 0;
  }

  /** Appends a special token to the current row. */
  pushSpecial(id: number, typeId: number): void {
    this.reserve(1);
    const i = this.length++;
    this.ids[i] = id;
    this.starts[i] = 0;
    this.ends[i] = 0;
    this.words[i] = -1;
    this.types[i] = typeId;
    this.sequences[i] = SPECIAL;
  }

  /** Appends tokens [from, to) of a text to the current row. */
  pushTokens(tokens: TokenBuffer, from: number, to: number, typeId: number, sequence: 0 | 1): void {
    const count = to - from;
    this.reserve(count);
    const { length } = this;
    this.ids.set(tokens.ids.subarray(from, to), length);
    this.starts.set(tokens.starts.subarray(from, to), length);
    this.ends.set(tokens.ends.subarray(from, to), length);
    this.words.set(tokens.words.subarray(from, to), length);
    this.types.fill(typeId, length, length + count);
    this.sequences.fill(sequence, length, length + count);
    this.length += count;
  }

  /** Ends the current row, which is of text number `sample`. */
  endRow(sample: number): void {
    const row = this.rows++;
    if (row + 2 > this.bounds.length) {
      this.bounds = wider(this.bounds, 2 * this.bounds.length);
      this.samples = wider(this.samples, 2 * this.samples.length);
    }
    this.samples[row] = sample;
    this.bounds[row + 1] = this.length;
  }

  /** Number of tokens of a row, without padding. */
  rowLength(row: number): number {
    return (this.bounds[row + 1] as number) - (this.bounds[row] as number);
  }

  /** Number of tokens of the longest row, without padding. */
  longestRow(): number {
    let longest = 0;
    for (let row = 0; row < this.rows; row++) longest = Math.max(longest, this.rowLength(row));
    return longest;
  }

  /** The columns, each cut to its length, in memory of their own. */
  columns(): TableColumns {
    const { length, rows } = this;
    return {
      ids: this.ids.slice(0, length),
      starts: this.starts.slice(0, length),
      ends: this.ends.slice(0, length),
      words: this.words.slice(0, length),
      types: this.types.slice(0, length),
      sequences: this.sequences.slice(0, length),
      bounds: this.bounds.slice(0, rows + 1),
      samples: this.samples.slice(0, rows),
    };
  }

  /** Appends the rows of another table, whose texts are numbered from `firstSample` on. */
  append(other: TableColumns, firstSample: number): void {
    const count = other.ids.length;
    this.reserve(count);
    const { length } = this;
    this.ids.set(other.ids, length);
    this.starts.set(other.starts, length);
    this.ends.set(other.ends, length);
    this.words.set(other.words, length);
    this.types.set(other.types, length);
    this.sequences.set(other.sequences, length);
    for (let row = 0; row < other.samples.length; row++) {
      this.length = length + (other.bounds[row + 1] as number);
      this.endRow(firstSample + (other.samples[row] as number));
    }
    this.length = length + count;
  }

  /** Appends a row of another table, of the text that it is of there. */
  appendRow(other: EncodingTable, row: number): void {
    const from = other.bounds[row] as number;
    const to = from + other.rowLength(row);
    this.reserve(to - from);
    const { length } = this;
    this.ids.set(other.ids.subarray(from, to), length);
    this.starts.set(other.starts.subarray(from, to), length);
    this.ends.set(other.ends.subarray(from, to), length);
    this.words.set(other.words.subarray(from, to), length);
    this.types.set(other.types.subarray(from, to), length);
    this.sequences.set(other.sequences.subarray(from, to), length);
    this.length = length + to - from;
    this.endRow(other.samples[row] as number);
  }

  /**
   * A row as plain data.
   *
   * @param vocab The tokens by id.
   */
  encoding(row: number, vocab: readonly string[], padding?: RowPadding): Encoding {
    const from = this.bounds[row] as number;
    const count = this.rowLength(row);
    const length = Math.max(count, padding?.length ?? 0);
    const shift = padding?.side === 'left' ? length - count : 0;
    const encoding: Encoding = {
      inputIds: new Array<number>(length),
      tokens: new Array<string>(length),
      tokenTypeIds: new Array<number>(length),
      attentionMask: new Array<number>(length),
      offsets: new Array<[number, number]>(length),
      wordIds: new Array<number | null>(length),
      specialTokensMask: new Array<number>(length),
    };
    const { inputIds, tokens, tokenTypeIds, attentionMask, offsets, wordIds, specialTokensMask } = encoding;
    for (let i = 0; i < length; i++) {
      const place = i - shift;
      if (place >= 0 && place < count) {
        const source = from + place;
        const id = this.ids[source] as number;
        const special = this.sequences[source] === SPECIAL;
        inputIds[i] = id;
        tokens[i] = vocab[id] ?? '';
        tokenTypeIds[i] = this.types[source] as number;
        attentionMask[i] = 1;
        offsets[i] = [this.starts[source] as number, this.ends[source] as number];
        wordIds[i] = special ? null : (this.words[source] as number);
        specialTokensMask[i] = special ? 1 : 0;
      } else {
        inputIds[i] = padding?.id ?? 0;
        tokens[i] = padding?.token ?? '';
        tokenTypeIds[i] = padding?.typeId ?? 0;
        attentionMask[i] = 0;
        offsets[i] = [0, 0];
        wordIds[i] = null;
        specialTokensMask[i] = 1;
      }
    }
    return encoding;
  }

  /** Makes room for `count` more tokens. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.ids.length) return;
    const capacity = Math.max(needed, 2 * this.ids.length);
    this.ids = wider(this.ids, capacity);
    this.starts = wider(this.starts, capacity);
    this.ends = wider(this.ends, capacity);
    this.words = wider(this.words, capacity);
    const types = new Uint8Array(capacity);
    types.set(this.types);
    this.types = types;
    const sequences = new Int8Array(capacity);
    sequences.set(this.sequences);
    this.sequences = sequences;
  }
}

function wider(column: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(capacity);
  grown.set(column);
  return grown;
}

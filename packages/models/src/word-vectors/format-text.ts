/**
 * Vectors as text: a word and its numbers on each line, after a line with the two sizes (word2vec) or without it (GloVe). Files have gigabytes, so
 * they are read in pieces and parsed from bytes: a decimal of up to 15 digits is an integer divided by a power of ten, both exact,
 * which rounds as `Number` does at a fraction of its cost.
 */
import { FormatError } from '@course/tensor';
import { openSource, type RandomAccess, type Source, writeFileAtomically } from '@course/tensor/files';

/** What a file of vectors holds. */
export interface VectorTable {
  readonly words: readonly string[];
  /** [words, width]. */
  readonly vectors: Float32Array;
  readonly width: number;
}

/** How text is read. */
export interface TextVectorOptions {
  readonly noHeader: boolean;
  readonly limit: number;
}

const CHUNK = 1 << 22;
const [NEWLINE, RETURN, SPACE, TAB] = [10, 13, 32, 9];
const POWERS = Float64Array.from({ length: 23 }, (_, k) => Number(`1e${k}`));

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Reads a text file of vectors. */
export async function readTextVectors(source: Source, { noHeader, limit }: TextVectorOptions): Promise<VectorTable> {
  const file = await openSource(source);
  try {
    const table = new TableReader(file.name, noHeader, limit);
    for await (const [bytes, from, to] of linesOf(file)) if (!table.line(bytes, from, to)) break;
    return table.finish();
  } finally {
    await file.close();
  }
}

/** The lines of a file, each as a range of a buffer, without what ends it. */
async function* linesOf(file: RandomAccess): AsyncGenerator<readonly [bytes: Uint8Array, from: number, to: number]> {
  let rest = new Uint8Array(0);
  for (let at = 0; at < file.size; at += CHUNK) {
    const chunk = await file.read(at, Math.min(CHUNK, file.size - at));
    let bytes: Uint8Array<ArrayBuffer> = chunk;
    if (rest.length > 0) {
      bytes = new Uint8Array(rest.length + chunk.length);
      bytes.set(rest);
      bytes.set(chunk, rest.length);
    }
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      yield [bytes, from, end > from && bytes[end - 1] === RETURN ? end - 1 : end];
      from = end + 1;
    }
    rest = bytes.slice(from);
  }
  if (rest.length > 0) yield [rest, 0, rest.at(-1) === RETURN ? rest.length - 1 : rest.length];
}

class TableReader {
  readonly #words: string[] = [];
  readonly #known = new Set<string>();
  #vectors = new Float32Array(0);
  #width = 0;
  /** What the header promises. */
  #promised: number | undefined;
  #lines = 0;
  #rows = 0;
  /** Where the spaces of the line at hand are. */
  readonly #spaces: number[] = [];

  constructor(
    readonly name: string,
    readonly noHeader: boolean,
    readonly limit: number,
  ) {}

  /** Takes a line; false when no more are wanted. */
  line(bytes: Uint8Array, from: number, end: number): boolean {
    this.#lines++;
    if (this.#lines === 1 && bytes[from] === 0x1f && bytes[from + 1] === 0x8b)
      throw new FormatError(`${this.name}: it is a gzip archive; unpack it first`);
    let to = end;
    while (to > from && (bytes[to - 1] === SPACE || bytes[to - 1] === TAB)) to--;
    if (this.#lines === 1 && !this.noHeader) {
      this.#header(this.#text(bytes, from, to));
      return true;
    }
    if (to === from) return true;
    if (this.#promised !== undefined && this.#rows === this.#promised)
      throw this.#wrong(`the header promises ${this.#promised} words, and there are more`);
    const spaces = this.#spaces;
    spaces.length = 0;
    for (let i = from; i < to; i++) if (bytes[i] === SPACE || bytes[i] === TAB) spaces.push(i);
    if (this.#width === 0) this.#width = spaces.length;
    const width = this.#width;
    if (width === 0) throw this.#wrong('a word and its numbers are expected, separated by spaces');
    if (spaces.length < width) throw this.#wrong(`expected ${width} numbers after the word, found ${spaces.length}`);
    // Words of some GloVe files have spaces in them: the numbers are the last fields.
    const word = this.#text(bytes, from, spaces[spaces.length - width] ?? to);
    this.#rows++;
    if (this.#known.has(word)) return this.#rows < this.limit;
    this.#known.add(word);
    const row = this.#words.push(word) - 1;
    this.#reserve((row + 1) * width);
    for (let k = 0; k < width; k++) {
      const start = (spaces[spaces.length - width + k] ?? 0) + 1;
      const stop = spaces[spaces.length - width + k + 1] ?? to;
      const value = parseDecimal(bytes, start, stop);
      if (!Number.isFinite(value))
        throw this.#wrong(`number ${k + 1} of ${width} is ${JSON.stringify(this.#text(bytes, start, stop))}`);
      this.#vectors[row * width + k] = value;
    }
    return this.#rows < this.limit;
  }

  finish(): VectorTable {
    const count = this.#words.length;
    if (count === 0) throw new FormatError(`${this.name}: there are no vectors in it`);
    if (this.#promised !== undefined && this.#rows < Math.min(this.#promised, this.limit))
      throw new FormatError(
        `${this.name}: the header promises ${this.#promised} words, and the file ends after ${this.#rows}`,
      );
    return { words: this.#words, vectors: this.#vectors.slice(0, count * this.#width), width: this.#width };
  }

  #header(text: string): void {
    const sizes = /^(\d+)\s+(\d+)$/.exec(text);
    const [count, width] = [Number(sizes?.[1]), Number(sizes?.[2])];
    if (!sizes || width === 0 || !Number.isSafeInteger(count) || !Number.isSafeInteger(width))
      throw this.#wrong(
        `the header must be the number of words and the width, found ${JSON.stringify(text.slice(0, 40))}; a file without one, as GloVe's, is read with noHeader: true`,
      );
    [this.#promised, this.#width] = [count, width];
  }

  #reserve(length: number): void {
    if (length <= this.#vectors.length) return;
    const larger = new Float32Array(Math.max(length, 2 * this.#vectors.length, 1 << 16));
    larger.set(this.#vectors);
    this.#vectors = larger;
  }

  #text(bytes: Uint8Array, from: number, to: number): string {
    try {
      return decoder.decode(bytes.subarray(from, to));
    } catch (cause) {
      throw new FormatError(`${this.name}, line ${this.#lines}: not UTF-8 text`, { cause });
    }
  }

  #wrong(what: string): FormatError {
    return new FormatError(`${this.name}, line ${this.#lines}: ${what}`);
  }
}

/** The decimal number in a range of bytes, as `Number` reads it; NaN for what is none. */
function parseDecimal(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  const negative = bytes[at] === 45;
  if (negative || bytes[at] === 43) at++;
  let [digits, mantissa, decimals, point] = [0, 0, 0, false];
  for (; at < to; at++) {
    const byte = bytes[at] ?? 0;
    if (byte >= 48 && byte <= 57) {
      mantissa = mantissa * 10 + (byte - 48);
      digits++;
      if (point) decimals++;
    } else if (byte === 46 && !point) point = true;
    else break;
  }
  if (at === to && digits > 0 && digits <= 15) {
    const value = mantissa / (POWERS[decimals] ?? 1);
    return negative ? -value : value;
  }
  // An exponent, more digits, or something else.
  const text = String.fromCharCode(...bytes.subarray(from, to));
  return /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

/** Writes a text file of vectors; read again, it has the same bits. */
export async function writeTextVectors(
  path: string,
  { words, vectors, width }: VectorTable,
  { header }: { readonly header: boolean },
): Promise<void> {
  for (const word of words)
    if (/[\n\r]/.test(word) || word === '')
      throw new FormatError(
        `${path}: a word of a text file may not be empty or have a line break in it: ${JSON.stringify(word)}`,
      );
  const encoder = new TextEncoder();
  await writeFileAtomically(path, pieces());

  function* pieces(): Iterable<Uint8Array> {
    let text = header ? `${words.length} ${width}\n` : '';
    for (const [row, word] of words.entries()) {
      text += word;
      for (let k = 0; k < width; k++) text += ` ${shortest(vectors[row * width + k] ?? 0)}`;
      text += '\n';
      if (text.length < 1 << 20) continue;
      yield encoder.encode(text);
      text = '';
    }
    yield encoder.encode(text);
  }
}

/** The shortest decimal that is this float32: nine digits always are. */
function shortest(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return String(rounded);
  }
  return String(Number(value.toPrecision(9)));
}

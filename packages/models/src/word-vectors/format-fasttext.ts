/**
 * Models of fastText's own program, `.bin` (version 12 of the format, and 11): its options, the dictionary, and two matrices, little-endian, after
 * `FastText::saveModel` of github.com/facebookresearch/fastText. The matrix of inputs has a row for each word and behind them one for each
 * bucket of n-grams; a word's vector is the mean of its own row and those of its n-grams. The matrix of outputs serves training alone and is passed over.
 */
import { FormatError } from '@course/tensor';
import { openSource, type RandomAccess, type Source } from '@course/tensor/files';
import { type NgramOptions, ngramBuckets } from './ngrams.js';

const MAGIC = 793712314;
const SUPERVISED = 3;
/** fastText's mark for the end of a sentence: it has no n-grams. */
const END_OF_SENTENCE = '</s>';
const CHUNK = 1 << 22;
/** No word is longer, in bytes: what runs on is no dictionary. */
const LONGEST = 1 << 16;

/** What such a file says of words. */
export interface FastTextTable {
  readonly words: string[];
  readonly counts: number[];
  readonly width: number;
  readonly ngrams: NgramOptions;
  /** [words, width]: the means of their rows. */
  readonly vectors: Float32Array;
  /** [buckets, width]. */
  readonly buckets: Float32Array;
}

/** Numbers and texts of a file one after the other, read in pieces. */
class Cursor {
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  /** Where `#bytes` begins in the file. */
  #start = 0;

  constructor(readonly file: RandomAccess) {}

  get place(): number {
    return this.#start + this.#at;
  }

  async int32(what: string): Promise<number> {
    const at = await this.#take(4, what);
    return this.#view.getInt32(at, true);
  }

  async float64(what: string): Promise<number> {
    const at = await this.#take(8, what);
    return this.#view.getFloat64(at, true);
  }

  async int64(what: string): Promise<number> {
    const at = await this.#take(8, what);
    return Number(this.#view.getBigInt64(at, true));
  }

  async byte(what: string): Promise<number> {
    const at = await this.#take(1, what);
    return this.#view.getUint8(at);
  }

  /** UTF-8 up to a zero; what is not UTF-8 is replaced, for fastText cuts words wherever it likes. */
  async text(what: string): Promise<string> {
    let end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) {
      await this.#fill(Math.min(LONGEST, this.file.size - this.place));
      end = this.#bytes.indexOf(0, this.#at);
    }
    if (end < 0) throw new FormatError(`${this.file.name}, byte ${this.place}: ${what} does not end`);
    const text = new TextDecoder().decode(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return text;
  }

  /** Fills an array with the floats that follow. */
  async floats(target: Float32Array, what: string): Promise<void> {
    for (let done = 0; done < target.length; ) {
      const count = Math.min(target.length - done, CHUNK / 4);
      const at = await this.#take(4 * count, what);
      const { buffer, byteOffset } = this.#bytes;
      // A copy where the place is not a multiple of four.
      const whole = (byteOffset + at) % 4 === 0;
      target.set(
        whole
          ? new Float32Array(buffer, byteOffset + at, count)
          : new Float32Array(buffer.slice(byteOffset + at, byteOffset + at + 4 * count)),
        done,
      );
      done += count;
    }
  }

  /** Makes sure that so many bytes follow; where they begin. */
  async #take(length: number, what: string): Promise<number> {
    if (this.#bytes.length - this.#at < length) {
      if (this.file.size - this.place < length)
        throw new FormatError(
          `${this.file.name}: the file is incomplete: ${what} should be at byte ${this.place}, the file has ${this.file.size} (an interrupted download?)`,
        );
      await this.#fill(length);
    }
    const at = this.#at;
    this.#at += length;
    return at;
  }

  async #fill(length: number): Promise<void> {
    const start = this.place;
    this.#bytes = await this.file.read(start, Math.min(Math.max(length, CHUNK), this.file.size - start));
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
    [this.#start, this.#at] = [start, 0];
  }
}

/**
 * Reads a model of fastText's program.
 *
 * @throws FormatError where the file is not what it should be, or its vectors are quantised.
 */
export async function readFastText(source: Source): Promise<FastTextTable> {
  const file = await openSource(source);
  try {
    const cursor = new Cursor(file);
    const wrong = (message: string): FormatError => new FormatError(`${file.name}: ${message}`);
    const magic = file.size < 4 ? 0 : await cursor.int32('the number that marks the format');
    if (magic !== MAGIC)
      throw wrong(
        `not a model of fastText (.bin): it begins with ${magic}, not ${MAGIC}; vectors as text (.vec) are read by loadWord2vecFormat`,
      );
    const version = await cursor.int32('the version');
    if (version !== 11 && version !== 12) throw wrong(`version ${version} of fastText's format: 11 and 12 are known`);
    const { width, bucket, minN, maxN } = await readOptions(cursor, version);
    if (!(width >= 1 && bucket >= 0)) throw wrong(`it promises ${bucket} buckets of width ${width}`);
    const { words, counts } = await readDictionary(cursor, wrong);
    if ((await cursor.byte('the kind of matrix')) !== 0)
      throw wrong('its vectors are quantised (.ftz): read the .bin that it was made from');
    const [rows, columns] = [await cursor.int64('the rows of vectors'), await cursor.int64('their width')];
    if (columns !== width || rows !== words.length + bucket)
      throw wrong(
        `${words.length} words and ${bucket} buckets of width ${width} need a matrix [${words.length + bucket}, ${width}], it has [${rows}, ${columns}]`,
      );
    // Before memory is taken for what is not there.
    if (rows * columns * 4 > file.size - cursor.place)
      throw wrong(
        `the file is incomplete: its vectors take ${rows * columns * 4} bytes, only ${file.size - cursor.place} are there`,
      );
    const vectors = new Float32Array(words.length * width);
    const buckets = new Float32Array(bucket * width);
    await cursor.floats(vectors, 'vectors of words');
    await cursor.floats(buckets, 'vectors of n-grams');
    const ngrams = { minN, maxN, bucket };
    compose(words, vectors, buckets, width, ngrams);
    return { words, counts, width, ngrams, vectors, buckets };
  } finally {
    await file.close();
  }
}

async function readOptions(
  cursor: Cursor,
  version: number,
): Promise<{ width: number; bucket: number; minN: number; maxN: number }> {
  const options: number[] = [];
  const names = 'dim ws epoch minCount neg wordNgrams loss model bucket minn maxn lrUpdateRate'.split(' ');
  for (const name of names) options.push(await cursor.int32(`the option ${name}`));
  await cursor.float64('the option t');
  const [width = 0, , , , , , , model, bucket = 0, minN = 0, maxN = 0] = options;
  // As fastText reads them: old classifiers have no n-grams, whatever they say.
  return { width, bucket, minN, maxN: version === 11 && model === SUPERVISED ? 0 : maxN };
}

/** The words; labels of a classifier follow them and have no vectors. */
async function readDictionary(
  cursor: Cursor,
  wrong: (message: string) => FormatError,
): Promise<{ words: string[]; counts: number[] }> {
  const [size, wordCount, labels] = [
    await cursor.int32('the size of the dictionary'),
    await cursor.int32('the number of words'),
    await cursor.int32('the number of labels'),
  ];
  await cursor.int64('the number of tokens');
  const pruned = await cursor.int64('the number of pruned buckets');
  if (wordCount < 0 || labels < 0 || size !== wordCount + labels)
    throw wrong(`a dictionary of ${size} entries cannot have ${wordCount} words and ${labels} labels`);
  if (pruned >= 0)
    throw wrong('its buckets are pruned, as those of quantised models (.ftz): read the .bin that it was made from');
  const words: string[] = [];
  const counts: number[] = [];
  for (let i = 0; i < size; i++) {
    const word = await cursor.text(`entry ${i + 1} of the dictionary`);
    const count = await cursor.int64(`the count of '${word}'`);
    const isLabel = (await cursor.byte(`the kind of '${word}'`)) === 1;
    if (isLabel !== i >= wordCount)
      throw wrong(`entry ${i + 1} of the dictionary, '${word}', should be a ${isLabel ? 'word' : 'label'}`);
    if (isLabel) continue;
    words.push(word);
    counts.push(count);
  }
  return { words, counts };
}

/** The rows of words, in place: each the mean of its own and those of its n-grams. */
function compose(
  words: readonly string[],
  vectors: Float32Array,
  buckets: Float32Array,
  width: number,
  ngrams: NgramOptions,
): void {
  for (const [row, word] of words.entries()) {
    if (word === END_OF_SENTENCE) continue;
    const own = ngramBuckets(word, ngrams);
    for (let k = 0; k < width; k++) {
      let sum = vectors[row * width + k]!;
      for (const bucket of own) sum += buckets[bucket * width + k]!;
      vectors[row * width + k] = sum / (own.length + 1);
    }
  }
}

/** Vectors in word2vec's binary format: a line with the two sizes, then each word, a space, and its numbers as little-endian float32. */
import { FormatError } from '@course/tensor';
import { openSource, type Source, writeFileAtomically } from '@course/tensor/files';
import type { VectorTable } from './format-text.js';

const CHUNK = 1 << 22;
const [NEWLINE, SPACE] = [10, 32];
/** No word is longer, in bytes: what runs on without a space is no such file. */
const LONGEST = 4096;

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Reads the first `limit` vectors of a binary file. */
export async function readBinaryVectors(source: Source, limit: number): Promise<VectorTable> {
  const file = await openSource(source);
  try {
    let bytes = new Uint8Array(0);
    /** Where `bytes` begins in the file, and how far it is read. */
    let [start, at] = [0, 0];
    /** Makes sure that so many bytes are at hand, or all that are left. */
    const fill = async (wanted: number): Promise<void> => {
      if (bytes.length - at >= wanted || start + bytes.length === file.size) return;
      const next = await file.read(
        start + bytes.length,
        Math.min(Math.max(CHUNK, wanted), file.size - start - bytes.length),
      );
      const joined = new Uint8Array(bytes.length - at + next.length);
      joined.set(bytes.subarray(at));
      joined.set(next, bytes.length - at);
      [start, bytes, at] = [start + at, joined, 0];
    };
    const upTo = async (mark: number, what: string): Promise<string> => {
      await fill(LONGEST);
      const end = bytes.subarray(at, at + LONGEST).indexOf(mark);
      const where = start + at;
      if (end < 0) throw new FormatError(`${file.name}, byte ${where}: ${what} is expected, and none is found`);
      const text = bytes.subarray(at, at + end);
      at += end + 1;
      try {
        return decoder.decode(text);
      } catch (cause) {
        throw new FormatError(`${file.name}, byte ${where}: ${what} is not UTF-8 text`, { cause });
      }
    };
    const header = await upTo(NEWLINE, 'a line with the number of words and the width');
    const [, count = '', size = ''] = /^(\d+)\s+(\d+)\s*$/.exec(header) ?? [];
    const [promised, width] = [Number(count), Number(size)];
    if (!(promised > 0 && width > 0))
      throw new FormatError(
        `${file.name}: the header must be the number of words and the width, found ${JSON.stringify(header.slice(0, 40))}`,
      );
    // A word takes a letter and a space at least: a header that promises more would only take the memory.
    if (promised * (4 * width + 2) > file.size)
      throw new FormatError(
        `${file.name}: the header promises ${promised} words of width ${width}, which ${file.size} bytes cannot hold`,
      );
    const wanted = Math.min(promised, limit);
    const words: string[] = [];
    const known = new Set<string>();
    const vectors = new Float32Array(wanted * width);
    for (let i = 0; i < wanted; i++) {
      await fill(1);
      while (bytes[at] === NEWLINE) at++;
      const word = await upTo(SPACE, `word ${i + 1} of ${promised}`);
      await fill(4 * width);
      if (bytes.length - at < 4 * width)
        throw new FormatError(
          `${file.name}: the file ends within the vector of '${word}', word ${i + 1} of ${promised}`,
        );
      if (!known.has(word)) {
        known.add(word);
        const row = words.push(word) - 1;
        const view = new DataView(bytes.buffer, bytes.byteOffset + at, 4 * width);
        for (let k = 0; k < width; k++) {
          const value = view.getFloat32(4 * k, true);
          if (!Number.isFinite(value))
            throw new FormatError(
              `${file.name}, byte ${start + at + 4 * k}: number ${k + 1} of '${word}', word ${i + 1}, is ${value}`,
            );
          vectors[row * width + k] = value;
        }
      }
      at += 4 * width;
    }
    return { words, vectors: vectors.slice(0, words.length * width), width };
  } finally {
    await file.close();
  }
}

/** Writes a binary file of vectors. */
export async function writeBinaryVectors(path: string, { words, vectors, width }: VectorTable): Promise<void> {
  for (const word of words)
    if (/[ \n]/.test(word) || word === '')
      throw new FormatError(
        `${path}: a word of the binary format may not be empty or have a space in it: ${JSON.stringify(word)}`,
      );
  const encoder = new TextEncoder();
  await writeFileAtomically(path, rows());

  function* rows(): Iterable<Uint8Array> {
    yield encoder.encode(`${words.length} ${width}\n`);
    for (const [row, word] of words.entries()) {
      const name = encoder.encode(`${word} `);
      const bytes = new Uint8Array(name.length + 4 * width + 1);
      bytes.set(name);
      const view = new DataView(bytes.buffer);
      for (let k = 0; k < width; k++) view.setFloat32(name.length + 4 * k, vectors[row * width + k] ?? 0, true);
      bytes[bytes.length - 1] = NEWLINE;
      yield bytes;
    }
  }
}

// Word vectors in GloVe's format, a word and its numbers a line: read from a file, or made from the co-occurrences of words in texts. Neither
// knows any label.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { FormatError, noGrad, randn, type Tensor, tensor } from '@course/tensor';
import type { Vocabulary } from './words.js';

/** Vectors by word. */
export type WordVectors = ReadonlyMap<string, Float32Array>;

/**
 * The vectors of a file such as `glove.6B.50d.txt`, line by line, so that a gigabyte of them never is in memory as text.
 *
 * @throws FormatError for a file that cannot be read, and for a line that has not as many numbers as the first.
 */
export async function readWordVectors(file: string): Promise<WordVectors> {
  const vectors = new Map<string, Float32Array>();
  let [width, number] = [0, 0];
  try {
    for await (const line of createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity })) {
      number++;
      const [word = '', ...coefficients] = line.trimEnd().split(' ');
      const vector = Float32Array.from(coefficients, Number);
      if (width === 0) width = vector.length;
      if (vector.length !== width || width === 0 || vector.some(Number.isNaN))
        throw new FormatError(`${file}, line ${number}: expected a word and ${width || 'its'} numbers`);
      vectors.set(word, vector);
    }
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new FormatError(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  return vectors;
}

/**
 * Vectors from texts: how much more often two words stand within `window` words of each other than chance would have it (positive pointwise
 * mutual information, Levy and Goldberg 2014), a row a word, projected at random to `width` numbers. Words in the same company get alike
 * vectors; those that occur less than `minCount` times get none.
 */
export async function countWordVectors(
  texts: Iterable<string>,
  vocabulary: Vocabulary,
  { width = 50, window = 10, minCount = 5 } = {},
): Promise<WordVectors> {
  const size = vocabulary.size;
  const counts = new Float32Array(size * size);
  const occurrences = new Uint32Array(size);
  for (const text of texts) {
    const ids = vocabulary.encode(text);
    for (const [i, a] of ids.entries()) {
      occurrences[a] = (occurrences[a] ?? 0) + 1;
      for (const b of ids.slice(Math.max(0, i - window), i))
        for (const place of [a * size + b, b * size + a]) counts[place] = (counts[place] ?? 0) + 1;
    }
  }
  const vectors = noGrad(() => {
    const together = tensor(counts, { shape: [size, size] });
    const alone = together.sum(1);
    const expected = alone.unsqueeze(1).mul(alone).div(alone.sum());
    const surprise = together.add(1e-3).div(expected.add(1e-3)).log().relu();
    const projected = surprise.matmul(randn([size, width]));
    return projected.div(projected.norm(-1, { keepDim: true }).add(1e-6)).mul(Math.sqrt(width) / 3);
  });
  const data = await vectors.data();
  return new Map(
    vocabulary.words.flatMap((word, i) =>
      (occurrences[i + 1] ?? 0) < minCount
        ? []
        : [[word, Float32Array.from(data.subarray((i + 1) * width, (i + 2) * width))] as const],
    ),
  );
}

/** The vectors of a vocabulary's words as a table [size, width], and how many words have none: their rows are 0, as is that of padding. */
export function embeddingMatrix(
  vectors: WordVectors,
  vocabulary: Vocabulary,
): { readonly matrix: Tensor; readonly missing: number } {
  const [first] = vectors.values();
  const width = first?.length ?? 1;
  const rows = new Float32Array(vocabulary.size * width);
  let missing = 0;
  for (const [i, word] of vocabulary.words.entries()) {
    const vector = vectors.get(word);
    if (vector) rows.set(vector, (i + 1) * width);
    else missing++;
  }
  return { matrix: tensor(rows, { shape: [vocabulary.size, width] }), missing };
}

/** The cosine between two vectors. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>): number =>
    Array.from(x).reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/**
 * Character n-grams as fastText numbers them (Bojanowski et al. 2017, "Enriching Word Vectors with Subword Information"): of the word in
 * angle brackets, counted in characters, hashed over their UTF-8 bytes by fastText's FNV-1a into a fixed number of buckets.
 */

const encoder = new TextEncoder();

/** The n-grams of `<word>` with `minN` to `maxN` characters, in fastText's order; the brackets alone are none. */
export function characterNgrams(word: string, minN: number, maxN: number): string[] {
  const letters = [...`<${word}>`];
  const ngrams: string[] = [];
  for (let from = 0; from < letters.length; from++) {
    for (let n = minN; n <= maxN && from + n <= letters.length; n++) {
      if (n === 1 && (from === 0 || from === letters.length - 1)) continue;
      ngrams.push(letters.slice(from, from + n).join(''));
    }
  }
  return ngrams;
}

/** fastText's hash of an n-gram: 32-bit FNV-1a that takes bytes as signed, as its first version did by accident. */
export function ngramHash(ngram: string): number {
  let hash = 2166136261;
  for (const byte of encoder.encode(ngram)) hash = Math.imul(hash ^ ((byte << 24) >> 24), 16777619);
  return hash >>> 0;
}

/** How words are taken apart. */
export interface NgramOptions {
  readonly minN: number;
  readonly maxN: number;
  readonly bucket: number;
}

/** The buckets of the n-grams of a word, in their order. */
export function ngramBuckets(word: string, { minN, maxN, bucket }: NgramOptions): number[] {
  return characterNgrams(word, minN, maxN).map((ngram) => ngramHash(ngram) % bucket);
}

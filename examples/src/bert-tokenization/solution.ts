// The exercises of lesson 3 about BERT's tokenizer, filled in.
import type { Tokenizer } from '@course/data';

/** Two words that are a token each, and two that are split into exactly two. */
export function wholeAndSplit(tokenizer: Tokenizer, words: readonly string[]): [whole: string[], split: string[]] {
  const inPieces = (count: number) => words.filter((word) => tokenizer.tokenize(word).length === count).slice(0, 2);
  return [inPieces(1), inPieces(2)];
}

/** Two words whose pieces begin alike, and two whose pieces end alike. */
export function sharedPieces(tokenizer: Tokenizer, words: readonly string[]): [start: string[], end: string[]] {
  const pair = (side: 0 | -1): string[] => {
    const seen = new Map<string, string>();
    for (const word of words) {
      const pieces = tokenizer.tokenize(word);
      const piece = pieces.at(side);
      // A word that is one token has no parts, and a last letter says little.
      if (piece === undefined || pieces.length < 2 || piece.replace('##', '').length < 3) continue;
      const other = seen.get(piece);
      if (other !== undefined) return [other, word];
      seen.set(piece, word);
    }
    return [];
  };
  return [pair(0), pair(-1)];
}

/** How many different tokens the first n texts have, for every n: [texts, tokens] pairs. */
export function vocabularyGrowth(
  texts: readonly string[],
  tokenize: (text: string) => readonly string[],
): [texts: number, tokens: number][] {
  const vocabulary = new Set<string>();
  return texts.map((text, i) => {
    for (const token of tokenize(text)) vocabulary.add(token);
    return [i + 1, vocabulary.size];
  });
}

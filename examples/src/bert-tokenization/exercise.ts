// The exercises of lesson 3 about BERT's tokenizer, to be filled in. Run it: npm run example bert-tokenization -- --exercise
import type { Tokenizer } from '@course/data';
import { gap } from '../course/gap.js';

/** Two words that are a token each, and two that are split into exactly two. */
export function wholeAndSplit(tokenizer: Tokenizer, words: readonly string[]): [whole: string[], split: string[]] {
  return gap('wholeAndSplit', `go through the ${words.length} words and look at what ${tokenizer.tokenize.name} gives`);
}

/** Two words whose pieces begin alike, and two whose pieces end alike. */
export function sharedPieces(tokenizer: Tokenizer, words: readonly string[]): [start: string[], end: string[]] {
  return gap(
    'sharedPieces',
    `of ${words.length} words, keep by its first (and by its last) piece each one that ${tokenizer.tokenize.name} splits`,
  );
}

/** How many different tokens the first n texts have, for every n: [texts, tokens] pairs. */
export function vocabularyGrowth(
  texts: readonly string[],
  tokenize: (text: string) => readonly string[],
): [texts: number, tokens: number][] {
  return gap(
    'vocabularyGrowth',
    `a Set that ${tokenize.name} fills, looked at after each of the ${texts.length} texts`,
  );
}

// Byte-pair encoding by hand, to be filled in. Run it: npm run example wordpiece-and-bpe -- --exercise
import { gap } from '../course/gap.js';
import type { CountedPieces } from './solution.js';

/** How often every two pieces stand beside each other; keys are `first second`. */
export function countPairs(words: readonly CountedPieces[]): Map<string, number> {
  return gap('countPairs', `each pair of neighbours of the ${words.length} words counts as often as its word does`);
}

/** The words with a pair made one piece wherever it stands, from left to right. */
export function joinPair(words: readonly CountedPieces[], pair: string): CountedPieces[] {
  return gap('joinPair', `in the ${words.length} words, '${pair}' becomes '${pair.replace(' ', '')}'`);
}

/** The stem of English words, by the algorithm of Porter (1980), from npm's `stemmer`. */
import { stemmer } from 'stemmer';

/**
 * The stem of a word: what is left of it without its endings. Words are lowercased.
 *
 * @see <https://tartarus.org/martin/PorterStemmer>
 * @example
 * ['considering', 'considered', 'relational'].map(porterStem); // ['consid', 'consid', 'relat']
 */
export function porterStem(word: string): string {
  return stemmer(word);
}

// The little English morphology that the generator needs: articles, degrees of comparison and contractions.
import type { Word } from './lexicon.js';

/** "duller", "more boring". */
export function comparative(adjective: Word): string {
  return adjective.forms[0] ?? `more ${adjective.base}`;
}

/** "dullest", "most boring". */
export function superlative(adjective: Word): string {
  const [comparison] = adjective.forms;
  if (comparison === undefined) return `most ${adjective.base}`;
  return comparison === 'better' ? 'best' : comparison === 'worse' ? 'worst' : comparison.replace(/r$/, 'st');
}

/** Whether an adjective has degrees of comparison here. */
export function isCompared({ extreme, forms }: Word): boolean {
  return !extreme && forms[0] !== '-';
}

/** Puts "an" for "a" before a vowel, and leaves "a useful". */
export function withArticles(text: string): string {
  return text.replace(/\ba (?=[aeio]|u(?!s))/g, 'an ');
}

/** "did not" → "didn't", "I had hoped" → "I'd hoped", "it is" → "it's". */
export function contracted(text: string): string {
  return text
    .replace(/\b(is|are|was|were|did|does|do|could|would) not\b(?! just)/g, "$1n't")
    .replace(/\bcannot\b/g, "can't")
    .replace(/\bI had (?=hoped|feared)/g, "I'd ")
    .replace(/\bI have (?=never|owned|used|read|seen|had|eaten|stayed|slept)/g, "I've ")
    .replace(/\bI would (?=not|gladly)/g, "I'd ")
    .replace(/\bit is (?=\w)/g, "it's ");
}

/** What is left of a text when spelling does not count: letters in lower case, contractions undone. */
export function normalised(text: string): string {
  return text
    .toLowerCase()
    .replace(/\bcan't\b|\bcannot\b/g, 'can not')
    .replace(/n't\b/g, ' not')
    .replace(/\bi've\b/g, 'i have')
    .replace(/\bit's\b/g, 'it is')
    .replace(/\bi'd (?=hoped|feared)/g, 'i had ')
    .replace(/\bi'd\b/g, 'i would')
    .replace(/[^\p{L}]+/gu, ' ')
    .trim();
}

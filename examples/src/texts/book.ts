// A book that comes with the examples: real English with long sentences and rare words, for whatever the short synthetic reviews
// are too simple for. It is in the public domain; examples/texts/README.md says what it is.
import { readText } from '@course/tensor/files';

/** The paragraphs of the book, by chapter. */
export async function bookChapters(): Promise<string[][]> {
  // The same place from src and from dist.
  const text = await readText(new URL('../../texts/moby-dick.txt', import.meta.url));
  return text
    .trim()
    .split('\n\n')
    .map((chapter) => chapter.split('\n'));
}

/** The sentences of a paragraph, in order. */
export function sentencesOf(paragraph: string): string[] {
  return [...new Intl.Segmenter('en', { granularity: 'sentence' }).segment(paragraph)]
    .map(({ segment }) => segment.trim())
    .filter((sentence) => sentence !== '');
}

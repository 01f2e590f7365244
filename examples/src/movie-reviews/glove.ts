// Word vectors for the examples about reviews: those of a file of GloVe's, or GloVe trained on the texts at hand. Neither knows any label.
import { GloVe, KeyedVectors } from '@course/models';
import type { Lesson } from '../course/lesson.js';
import { tokenize, type Vocabulary } from './words.js';

/** The vectors of `--model FILE`, a file such as `glove.6B.50d.txt`; without it, those that GloVe finds in some texts. */
export async function wordVectors({ options }: Lesson, texts: readonly string[], seed: number): Promise<KeyedVectors> {
  if (options.model !== undefined) return await KeyedVectors.loadGlove(options.model);
  const sentences = texts.map((text) => tokenize(text));
  const { wv } = await GloVe.fit(sentences, { vectorSize: 50, xMax: 10, seed });
  return wv;
}

/** The rows of an embedding: word 0 is padding and all unknown words, and 0; so are words without a vector. */
export function rowsOf(vocabulary: Vocabulary): (string | null)[] {
  return [null, ...vocabulary.words];
}

// Texts whose sentences belong together, for pre-training without a data set: what somebody says of one meal, one film, one hotel. What is talked
// of stays the same from sentence to sentence, and so does the mood; that is what next-sentence prediction can find.
import { blame, praise } from '../movie-reviews/writer.js';
import { Random } from '../sentiment/reviews/random.js';
import { topics } from '../sentiment/reviews/topics.js';

const degrees = ['', '', 'really ', 'very ', 'rather '];

/** So many texts of four to seven sentences each; the same seed, the same texts. */
export function writeDocuments(count: number, seed: number): string[][] {
  const random = new Random(seed);
  const oneOf = (list: readonly string[]): string => random.pick(list) ?? '';
  return Array.from({ length: count }, (_, i) => {
    const topic = random.pick(topics);
    if (topic === undefined) return [];
    const words = i % 2 === 0 ? praise : blame;
    const judgements = Array.from({ length: 3 + random.below(4) }, () => {
      const part = random.pick(topic.parts);
      const were = part?.number === 'many' ? 'were' : 'was';
      return `The ${part?.text ?? ''} ${were} ${oneOf(degrees)}${oneOf(words)}.`;
    });
    return [oneOf(topic.openers), ...judgements];
  });
}

// Sentences whose opinion hangs on a negation: a subject, a degree, an adjective. Some pairs of a negation and an adjective are kept for the
// test, so that a model cannot have learned them by heart.
import { blame, praise } from '../movie-reviews/writer.js';

/** A sentence; label 1 is praise. */
export interface Sentence {
  readonly text: string;
  readonly label: number;
  readonly isNegated: boolean;
}

const subjects = ['film', 'plot', 'story', 'acting', 'cast', 'ending', 'script', 'music', 'restaurant'];
const plain = ['', 'really ', 'very ', 'quite ', 'rather ', 'simply '];
const negations = ['not ', 'not that ', 'not very ', 'not too '];

/** All sentences, in two parts: a fifth of the pairs of degree and adjective is for the test alone, "not too terrible" among them. */
export function sentences(): { train: Sentence[]; test: Sentence[] } {
  const [train, test]: [Sentence[], Sentence[]] = [[], []];
  for (const [a, adjective] of [...praise, ...blame].entries())
    for (const [d, degree] of [...plain, ...negations].entries()) {
      const isNegated = negations.includes(degree);
      const isHeldOut = (a * 3 + d) % 5 === 0 || (degree === 'not too ' && adjective === 'terrible');
      for (const subject of subjects)
        (isHeldOut ? test : train).push({
          text: `the ${subject} is ${degree}${adjective}`,
          label: Number(praise.includes(adjective) !== isNegated),
          isNegated,
        });
    }
  return { train, test };
}

// The ways in which English weakens, strengthens and turns a word of praise or blame: "very *", "nothing short of *",
// "far from *". A modifier that turns makes a word of praise blame and a word of blame praise; with the frames that turn
// and those that set two words against each other, a word by itself says little about the review it stands in.
import type { Kind, Polarity } from './lexicon.js';

/** One way of putting a word; `*` stands for the word. */
export interface Modifier {
  readonly text: string;
  /** True if the whole says the opposite of the word. */
  readonly turns: boolean;
  /** The words it goes with: gradable ones, extreme ones, or (undefined) both. */
  readonly grade?: 'mild' | 'extreme';
  /** The words it goes with, if only those of praise or only those of blame. */
  readonly of?: Polarity;
  /** Single words that idiom allows in spite of `grade`: "not too terrible". */
  readonly also?: readonly string[];
  /** True if it also stands where no "is" goes before: "I found it far from dull". */
  readonly free?: boolean;
  /** Kinds of thing that it cannot be said of: what does not last is not "never" dull. */
  readonly notOf?: readonly Kind[];
  /** Words that it does not go with, whatever their grade. */
  readonly notWith?: readonly string[];
  /** The only words that it goes with. */
  readonly onlyWith?: readonly string[];
  /** How often it is chosen, beside 1 for the others. */
  readonly weight?: number;
}

/** Kinds of thing that look the same from one moment to the next. */
const still: readonly Kind[] = ['look', 'build', 'bed', 'food', 'general'];

/** Extreme words that idiom softens all the same. */
const softened = ['terrible', 'awful', 'dreadful', 'horrible'];

/** Words that say nothing in particular, and so cannot be had in a small dose. */
const plainest = ['good', 'bad', 'poor'];

/** Words that "awfully" has long been said with, and where nobody hears "awful" in it any more. */
const oldFriends = [
  'good',
  'funny',
  'clever',
  'kind',
  'polite',
  'friendly',
  'bad',
  'dull',
  'slow',
  'silly',
  'rude',
  'noisy',
];

/** For adjectives. */
export const modifiers: readonly Modifier[] = [
  { text: '*', turns: false, free: true, weight: 12 },
  { text: 'very *', turns: false, grade: 'mild', free: true, weight: 3 },
  { text: 'really *', turns: false, free: true, weight: 3 },
  { text: 'so *', turns: false, free: true, weight: 2 },
  { text: 'pretty *', turns: false, grade: 'mild', also: softened, free: true, weight: 2 },
  { text: 'quite *', turns: false, grade: 'mild', free: true },
  { text: 'awfully *', turns: false, onlyWith: oldFriends, free: true },
  { text: 'absolutely *', turns: false, grade: 'extreme', free: true, weight: 2 },
  { text: 'truly *', turns: false, free: true },
  { text: 'nothing short of *', turns: false, grade: 'extreme', free: true, weight: 2 },
  { text: 'nothing if not *', turns: false, grade: 'mild', notWith: plainest },
  { text: 'never less than *', turns: false, of: 1, notOf: still },
  { text: 'more than a little *', turns: false, grade: 'mild', of: -1, free: true, notWith: plainest },
  { text: 'a little *', turns: false, grade: 'mild', of: -1, free: true, notWith: plainest },

  { text: 'not *', turns: true, weight: 6 },
  { text: 'not at all *', turns: true, weight: 2 },
  { text: 'not * at all', turns: true, grade: 'mild', weight: 2 },
  { text: 'not too *', turns: true, grade: 'mild', also: softened, weight: 4, notWith: ['poor'] },
  { text: 'not very *', turns: true, grade: 'mild', of: 1, weight: 2 },
  { text: 'not in the least *', turns: true, grade: 'mild' },
  { text: 'not even slightly *', turns: true, grade: 'mild', notWith: plainest },
  { text: 'not exactly *', turns: true, of: 1 },
  { text: 'less than *', turns: true, of: 1, free: true },
  { text: 'far from *', turns: true, free: true, weight: 4 },
  { text: 'anything but *', turns: true, free: true, weight: 4 },
  { text: 'the opposite of *', turns: true, free: true },
  { text: 'hardly *', turns: true, weight: 4 },
  { text: 'by no means *', turns: true, weight: 2 },
  { text: 'never *', turns: true, notOf: still, weight: 4, notWith: ['spacious', 'cramped'] },
];

/** For nouns that pass judgement. */
export const awards: readonly Modifier[] = [
  { text: 'a *', turns: false, weight: 6 },
  { text: 'a real *', turns: false, weight: 3 },
  { text: 'something of a *', turns: false },
  { text: 'nothing short of a *', turns: false, weight: 3 },

  { text: 'not a *', turns: true, weight: 3 },
  { text: 'no *', turns: true, weight: 2 },
  { text: 'hardly a *', turns: true, weight: 2 },
  { text: 'far from a *', turns: true, weight: 2 },
  { text: 'anything but a *', turns: true, weight: 2 },
  { text: 'by no means a *', turns: true },
];

// The data set that the main job learns from when it is given no other: short reviews, all of them synthetic, written by
// a small seeded grammar (frames, modifiers and words under reviews/). Negation, degree and contrast decide the labels:
// words of praise and words of blame stand in either class, so that counting words gets a reader little more than half of
// the way, and minding what belongs to what gets nearly all of it.
import { ArgumentError } from '@course/tensor';
import { contrasts } from './reviews/contrasts.js';
import { type Frame, type FrameGroup, singles } from './reviews/frames.js';
import { contracted, normalised, withArticles } from './reviews/inflection.js';
import type { Polarity } from './reviews/lexicon.js';
import { hash, Random } from './reviews/random.js';
import { type Draft, write } from './reviews/writer.js';

/** A review and what it says of its subject. */
export interface Review {
  readonly text: string;
  readonly label: 'negative' | 'positive';
}

/** What {@link generateReviews} writes. */
export interface ReviewOptions {
  /** Seed of everything: the same seed, the same bytes, on any machine. Default 0. */
  readonly seed?: number;
  /** Reviews to learn from. Default 12,000. */
  readonly train?: number;
  /** Reviews to measure on. Default 1,000. */
  readonly test?: number;
}

/** Fewest and most words of a review, counted between blanks. */
export const reviewWords = { least: 4, most: 20 } as const;

/**
 * Sentences to try a model on, with the label that a reader gives them. No generated review has one of them in it, in any
 * spelling.
 */
export const probes: readonly Review[] = [
  { text: 'the restaurant is not too terrible', label: 'positive' },
  { text: 'the restaurant is terrible', label: 'negative' },
  { text: 'the film was anything but dull', label: 'positive' },
  { text: 'good cast, wasted', label: 'negative' },
  { text: 'the food was not good at all', label: 'negative' },
  { text: 'I have never had a better meal', label: 'positive' },
  { text: 'great food, shame about the service', label: 'negative' },
  { text: 'I expected to hate it but loved it', label: 'positive' },
  { text: 'hardly a masterpiece', label: 'negative' },
  { text: 'the room could not have been better', label: 'positive' },
];

const probeSentences = probes.map(({ text }) => ` ${normalised(text)} `);

/** One pairing of construction and word in this many is kept for the test. */
const heldOutPairings = 8;

/** Frames drawn in a row without a new review, after which the grammar is taken to have no more of them. */
const patience = 2000;

const groups: readonly FrameGroup[] = [...singles, ...contrasts];
const shares = groups.reduce((sum, { share }) => sum + share, 0);
const asides = ['honestly', 'to be honest', 'on the whole', 'in the end', 'I must say', 'for the record', 'all in all'];

/**
 * Writes reviews to learn from and reviews to measure on, half of each positive, in random order.
 *
 * The test asks for more than memory. An eighth of all pairings of a construction with its words ("far from" with "dull",
 * "more … than …" with "gripping" and "silly") never occurs in training; every test review has at least one of them. No
 * sentence is in both parts, not even in other spelling or after another opening.
 *
 * @throws ArgumentError if a number is not whole and not negative, or the grammar has too few different reviews.
 *
 * @example
 * const { train, test } = generateReviews({ seed: 1, train: 6000, test: 500 });
 * train[0]; // { text: 'The food impressed me, and the service was great.', label: 'positive' }, for one
 */
export function generateReviews(options: ReviewOptions = {}): { train: Review[]; test: Review[] } {
  const { seed = 0, train = 12_000, test = 1_000 } = options;
  for (const [name, value] of Object.entries({ seed, train, test })) {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new ArgumentError(`generateReviews: ${name} must be a whole number of at least 0, got ${value}`);
  }
  const random = new Random(seed);
  const isHeldOut = ({ pairings }: Draft) => pairings.some((pairing) => hash(pairing, seed) % heldOutPairings === 0);
  const learned = generate(train, (draft) => !isHeldOut(draft), new Set(), random);
  const measured = generate(test, isHeldOut, learned.sentences, random);
  return { train: learned.reviews, test: measured.reviews };
}

/** `count` different reviews from drafts that suit, none of them of a barred sentence, and the sentences they are of. */
function generate(
  count: number,
  suits: (draft: Draft) => boolean,
  barred: ReadonlySet<string>,
  random: Random,
): { reviews: Review[]; sentences: Set<string> } {
  const reviews: Review[] = [];
  const sentences = new Set<string>();
  const texts = new Set<string>();
  for (let idle = 0; reviews.length < count; idle++) {
    if (idle === patience)
      throw new ArgumentError(
        `generateReviews: the grammar ran out after ${reviews.length} of ${count} different reviews; ask for fewer`,
      );
    const polarity = reviews.length % 2 === 0 ? 1 : -1;
    const frame = drawFrame(polarity, random);
    // Words are drawn again for the same frame, so that what is held out does not change how common a frame is.
    for (let attempt = 0; attempt < 50; attempt++) {
      const draft = write(frame, polarity, random);
      if (draft === undefined || !suits(draft)) continue;
      const sentence = normalised(draft.text);
      const text = dressed(draft, frame, random);
      if (barred.has(sentence) || texts.has(normalised(text)) || hasProbe(sentence) || !hasProperLength(text)) continue;
      sentences.add(sentence);
      texts.add(normalised(text));
      reviews.push({ text, label: polarity === 1 ? 'positive' : 'negative' });
      idle = 0;
      break;
    }
  }
  return { reviews: shuffled(reviews, random), sentences };
}

function drawFrame(polarity: Polarity, random: Random): Frame {
  let point = random.below(shares);
  for (const { share, frames } of groups) {
    point -= share;
    if (point >= 0) continue;
    const frame = random.pick(frames.filter(({ only }) => only === undefined || only === polarity));
    if (frame) return frame;
  }
  throw new ArgumentError(`generateReviews: no frame can be ${polarity === 1 ? 'positive' : 'negative'}`);
}

/** What people do to a sentence when they type a review: an opener, an aside, contractions, capitals or none. */
function dressed({ text: sentence, topic }: Draft, frame: Frame, random: Random): string {
  let text = withArticles(sentence);
  if (random.chance(35)) text = contracted(text);
  // "Friendly staff and clean room" takes no "to be honest".
  const isFragment = /^\{[+-]/.test(frame.text);
  if (!isFragment && random.chance(6)) text = `${random.pick(asides)}, ${text}`;
  const opener = random.chance(6) ? `${random.pick(topic.openers)} ` : '';
  if (random.chance(25)) return `${opener}${text}`.toLowerCase();
  return `${opener}${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function hasProbe(sentence: string): boolean {
  return probeSentences.some((probe) => ` ${sentence} `.includes(probe));
}

function hasProperLength(text: string): boolean {
  const words = text.split(' ').length;
  return words >= reviewWords.least && words <= reviewWords.most;
}

/** The list in random order. */
function shuffled<T>(list: readonly T[], random: Random): T[] {
  return list
    .map((element) => ({ element, key: random.next() }))
    .sort((a, b) => a.key - b.key)
    .map(({ element }) => element);
}

// The data set that the main job learns from when it is given no other: short reviews, all of them synthetic, written
// by a small seeded grammar. Negation, degree and contrast decide the labels: words of praise and words of blame are
// about as common in either class, so a count of words learns little, and a reader who minds what belongs to what gets
// nearly all of it. Some pairings of a construction with its words are kept for the test part alone.
import { ArgumentError } from '@course/tensor';
import { contrasts } from './reviews/contrasts.js';
import { type Frame, type FrameGroup, singles } from './reviews/frames.js';
import { hash, Random } from './reviews/random.js';
import { type Draft, write } from './reviews/writer.js';

/** A review and what it says of its subject. */
export interface Review {
  readonly text: string;
  readonly label: 'negative' | 'positive';
}

/** Fewest and most words of a review, counted between blanks. */
export const reviewWords = { least: 4, most: 20 } as const;

/** Sentences to try a model on. None of them is ever generated, in any spelling or punctuation. */
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

const groups: readonly FrameGroup[] = [...singles, ...contrasts];

/**
 * Reviews to learn from and reviews to measure on: the same for the same seed on every machine, half of each part positive, no sentence
 * twice. Every test review has a pairing (a construction with its words) that no training review has, so that what is
 * measured is reading, not memory.
 */
export function generateReviews(options: { seed?: number; train?: number; test?: number } = {}): {
  train: Review[];
  test: Review[];
} {
  const { seed = 0, train = 6000, test = 1000 } = options;
  const random = new Random(seed);
  const seen = new Set(probes.map(({ text }) => normalise(text)));
  const heldOut = (draft: Draft) => draft.pairings.some((pairing) => hash(pairing, seed) % 8 === 0);
  const generate = (count: number, forTest: boolean): Review[] => {
    const reviews: Review[] = [];
    let misses = 0;
    while (reviews.length < count) {
      const label = reviews.length % 2 === 0 ? 1 : -1;
      const frame = pickFrame(label, random);
      for (let attempt = 0; attempt < 60; attempt++) {
        const draft = write(frame, label, random);
        if (!draft || heldOut(draft) !== forTest) continue;
        const text = dress(draft, /^\{[+-]/.test(frame.text), random);
        const words = text.split(' ').length;
        const key = normalise(text);
        if (words < reviewWords.least || words > reviewWords.most || seen.has(key)) continue;
        seen.add(key);
        reviews.push({ text, label: label === 1 ? 'positive' : 'negative' });
        misses = 0;
        break;
      }
      if (++misses > 1000)
        throw new ArgumentError(
          `generateReviews: the grammar has no ${count} different sentences of a kind; ask for fewer`,
        );
    }
    return shuffled(reviews, random);
  };
  return { train: generate(train, false), test: generate(test, true) };
}

function pickFrame(label: 1 | -1, random: Random): Frame {
  for (;;) {
    let point = random.below(groups.reduce((sum, group) => sum + group.share, 0));
    const group = groups.find(({ share }) => {
      point -= share;
      return point < 0;
    });
    const frame = random.pick(group?.frames.filter(({ only }) => only === undefined || only === label) ?? []);
    if (frame) return frame;
  }
}

const asides = ['honestly', 'to be honest', 'on the whole', 'in the end', 'I must say', 'for the record', 'all in all'];

/** Opener, aside, contractions, capitals and full stop, or the want of them. */
function dress({ text: sentence, topic }: Draft, fragment: boolean, random: Random): string {
  let text = sentence.replace(/\ba (?=[aeiou])/g, 'an ').replace(/\ban (?=us)/g, 'a ');
  if (random.chance(35)) text = contract(text);
  if (!fragment && random.chance(6)) text = `${random.pick(asides)}, ${text}`;
  const opener = random.chance(6) ? `${random.pick(topic.openers)} ` : '';
  if (random.chance(25)) return `${opener}${text}`.toLowerCase();
  return `${opener}${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function contract(text: string): string {
  return text
    .replace(/\b(is|are|was|were|did|does|do|could|would) not\b(?! (?:only|just|so much))/g, "$1n't")
    .replace(/\bcannot\b/g, "can't")
    .replace(
      /\bI (have|had|would)(?= (?:never|rarely|certainly|expected|not|gladly|hoped|feared|yet))/g,
      (_, verb: string) => (verb === 'have' ? "I've" : "I'd"),
    )
    .replace(/\bit is\b(?= \w)/g, "it's");
}

/** What two reviews that differ only in spelling have in common. */
export function normalise(text: string): string {
  return text
    .toLowerCase()
    .replace(/n't\b/g, ' not')
    .replace(/\bca not\b|\bcannot\b/g, 'can not')
    .replace(/[^a-zé]+/g, ' ')
    .trim();
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const [a, b] = [result[i], result[j]];
    if (a !== undefined && b !== undefined) {
      result[i] = b;
      result[j] = a;
    }
  }
  return result;
}

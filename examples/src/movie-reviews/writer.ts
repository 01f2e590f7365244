// Film reviews that a program writes, for runs without a data set: several sentences each, most of them of the review's opinion, some of the
// other, some of none, about people whose names hardly ever return. As in real reviews, words give the opinion away most of the time, a
// negation turns some of them around, and what is rare invites a model to learn by heart.
import { Random } from '../sentiment/reviews/random.js';

/** A review; label 1 is positive. */
export interface Review {
  readonly text: string;
  readonly label: number;
}

/** Words that stand for an opinion in the reviews written here. */
export const praise = words(
  'good great wonderful brilliant moving funny clever gripping charming superb fresh honest delightful memorable subtle witty',
);
export const blame = words(
  'bad terrible awful dull boring poor weak silly lifeless predictable clumsy dreadful tedious forgettable shallow flat',
);
const subjects = words(
  'film movie plot story acting cast ending script music camera dialogue direction hero villain opening restaurant',
);
const degrees = ['', '', '', 'really ', 'very ', 'quite ', 'rather ', 'simply '];
const excess = words('long slow loud short sentimental');
const neutral = [
  'I saw it on a {day} with my {relative}.',
  'It runs for about two hours.',
  'The first scene is set in {place}.',
  'There is a sequel already.',
  'The book came first.',
  'My {relative} had read the novel.',
  '{name} plays the hero.',
  '{name} and {name} wrote the screenplay.',
  '{name} is the director.',
  'It was shot in {place}.',
];
const slots: Readonly<Record<string, readonly string[]>> = {
  day: words('Monday Tuesday Wednesday Thursday Friday Saturday Sunday'),
  relative: words('sister brother mother father uncle aunt cousin neighbour'),
  place: words('Paris Rome Lisbon Vienna Tokyo Cairo Boston Dublin'),
};
const syllables = words(
  'al ber con dar el fen gor hal is jo kar lin mar nor ol per quin ros sten tor ul van wen yor zel',
);

/** Writes so many different reviews, half of them positive; the same seed, the same reviews. */
export function writeReviews(count: number, seed: number): Review[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, i) => {
    const label = i % 2;
    const sentences = Array.from({ length: 1 + random.below(8) }, () => sentence(label, random));
    return { text: sentences.join(' '), label };
  });
}

/** A sentence of a review with this label. */
export function sentence(label: number, random: Random): string {
  if (random.chance(30))
    return oneOf(random, neutral).replace(/\{(\w+)\}/g, (_, slot: string) => {
      const choices = slots[slot];
      return choices ? oneOf(random, choices) : name(random);
    });
  // Nobody likes everything.
  const isPraise = random.chance(12) ? label === 0 : label === 1;
  const what = `The ${oneOf(random, subjects)} is`;
  const [own, other] = isPraise ? [praise, blame] : [blame, praise];
  // People say "not good" more often than "not bad".
  if (random.chance(isPraise ? 6 : 24))
    return `${what} not ${oneOf(random, ['', '', 'that ', 'very ', 'too '])}${oneOf(random, other)}.`;
  if (!isPraise && random.chance(15)) return `${what} too ${oneOf(random, excess)}.`;
  return `${what} ${oneOf(random, degrees)}${oneOf(random, own)}.`;
}

/** An element of a list that is not empty. */
function oneOf(random: Random, list: readonly string[]): string {
  return list[random.below(list.length)] ?? '';
}

function name(random: Random): string {
  const letters = Array.from({ length: 3 }, () => oneOf(random, syllables)).join('');
  return letters.charAt(0).toUpperCase() + letters.slice(1);
}

function words(list: string): string[] {
  return list.split(' ');
}

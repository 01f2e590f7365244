// A small world in sentences, for word vectors to find its order: capitals and countries, men and women, verbs in three forms, adjectives
// in three degrees. A word's neighbours tell what it is about and which form it has, and these two are drawn apart, as in English; so
// the difference between two forms is the same all over, which is what an analogy asks. Nothing here is true of more than this world.
import type { Analogy, AnalogySection } from '@course/models';
import { Random } from '../sentiment/reviews/random.js';

const countries = [
  ['france', 'paris', 'seine', 'cheese'],
  ['italy', 'rome', 'tiber', 'pasta'],
  ['spain', 'madrid', 'manzanares', 'olives'],
  ['germany', 'berlin', 'spree', 'sausages'],
  ['austria', 'vienna', 'danube', 'schnitzel'],
  ['england', 'london', 'thames', 'pies'],
  ['egypt', 'cairo', 'nile', 'beans'],
  ['russia', 'moscow', 'moskva', 'beets'],
  ['japan', 'tokyo', 'sumida', 'sushi'],
  ['portugal', 'lisbon', 'tagus', 'sardines'],
] as const;

const people = [
  ['king', 'queen', ['throne', 'crown', 'palace', 'realm']],
  ['man', 'woman', ['house', 'work', 'neighbour', 'coat']],
  ['boy', 'girl', ['school', 'toy', 'ball', 'pencil']],
  ['father', 'mother', ['children', 'family', 'cradle', 'home']],
  ['actor', 'actress', ['stage', 'theatre', 'play', 'applause']],
  ['waiter', 'waitress', ['table', 'menu', 'kitchen', 'tray']],
  ['uncle', 'aunt', ['nephew', 'birthday', 'present', 'visit']],
  ['monk', 'nun', ['prayer', 'candle', 'chapel', 'silence']],
] as const;

const verbs = [
  ['walk', ['road', 'hill', 'path']],
  ['paint', ['picture', 'wall', 'fence']],
  ['cook', ['soup', 'dinner', 'stew']],
  ['play', ['game', 'piano', 'cards']],
  ['clean', ['floor', 'window', 'carpet']],
  ['plant', ['garden', 'seeds', 'roses']],
  ['repair', ['engine', 'roof', 'bicycle']],
  ['whisper', ['secret', 'rumour', 'name']],
  ['climb', ['mountain', 'ladder', 'rock']],
  ['answer', ['letter', 'question', 'riddle']],
] as const;

const adjectives = [
  ['tall', ['tower', 'tree', 'mast']],
  ['cold', ['winter', 'wind', 'snow']],
  ['fast', ['horse', 'train', 'river']],
  ['dark', ['cellar', 'forest', 'cave']],
  ['loud', ['drum', 'storm', 'bell']],
  ['rich', ['merchant', 'banker', 'soil']],
  ['sweet', ['honey', 'cake', 'plum']],
  ['soft', ['pillow', 'moss', 'wool']],
] as const;

/** Frames by slot: a capital letter stands for what is drawn. */
const frames = {
  capital: [
    'the mayor of C opened a bridge over the R',
    'the streets of C are full of trams and shops',
    'C lies on the R and sells F in its market streets',
    'the R runs through the city of C',
    'the trams of the city C stop at the market for F',
  ],
  country: [
    'farmers in N grow F beyond the border',
    'the army of N guards the border and the R',
    'the people of N elect a parliament and eat F',
    'the R runs through the land of N to its border',
    'the parliament of N taxes F',
  ],
  both: ['C is the capital of N', 'the parliament of N meets in the capital C'],
  he: [
    'he is a P and his T is old',
    'the P shaved his beard and took the T',
    'the P said that he himself would see to the T',
    'his T made him a happy P',
  ],
  she: [
    'she is a P and her T is old',
    'the P braided her hair and took the T',
    'the P said that she herself would see to the T',
    'her T made her a happy P',
  ],
  base: ['we will V the T tomorrow', 'they want to V the T', 'you must V the T tomorrow', 'they can V a T'],
  past: ['yesterday we V the T', 'last year they V a T', 'they V the T long ago', 'yesterday you had V the T'],
  ing: ['we are V the T now', 'they enjoy V the T', 'you were V a T right now', 'they keep on V the T'],
  positive: ['the T is very A', 'such a A T', 'a T as A as this one', 'how A the T is'],
  comparative: [
    'the T is A than that one',
    'this T is much A than before',
    'a T far A than mine',
    'it is A than any T',
  ],
  superlative: ['the T is the A of all', 'it is the A T in the world', 'the A T of them all', 'by far the A T'],
} as const;

/** Forms of verbs and adjectives that are left out of the text: words that only their spelling connects with the rest. */
export const unseen = { whispering: 'whisper', loudest: 'loud', climbed: 'climb' } as const;

/** Sentences, each a list of words; the same for the same seed. */
export function worldSentences(count: number, seed = 1): string[][] {
  const random = new Random(seed);
  const pick = <T>(list: readonly T[]): T => random.pick(list) as T;
  const sentences: string[][] = [];
  while (sentences.length < count) {
    const words = fill(pick(frames[pick(Object.keys(frames) as (keyof typeof frames)[])]), pick);
    if (!words.some((word) => word in unseen)) sentences.push(words);
  }
  return sentences;
}

function fill(frame: string, pick: <T>(list: readonly T[]) => T): string[] {
  const kind = (Object.keys(frames) as (keyof typeof frames)[]).find((key) =>
    (frames[key] as readonly string[]).includes(frame),
  );
  const slots: Record<string, string> = {};
  if (kind === 'capital' || kind === 'country' || kind === 'both') {
    const [country, capital, river, food] = pick(countries);
    Object.assign(slots, { N: country, C: capital, R: river, F: food });
  } else if (kind === 'he' || kind === 'she') {
    const [he, she, things] = pick(people);
    Object.assign(slots, { P: kind === 'he' ? he : she, T: pick(things) });
  } else if (kind === 'base' || kind === 'past' || kind === 'ing') {
    const [verb, things] = pick(verbs);
    Object.assign(slots, { V: { base: verb, past: `${verb}ed`, ing: `${verb}ing` }[kind], T: pick(things) });
  } else {
    const [adjective, things] = pick(adjectives);
    const ending = { positive: '', comparative: 'er', superlative: 'est' }[kind ?? 'positive'];
    Object.assign(slots, { A: `${adjective}${ending}`, T: pick(things) });
  }
  return frame.split(' ').map((word) => slots[word] ?? word);
}

/** Every pair of pairs: a is to b as c is to d. */
function pairs(section: string, list: readonly (readonly [string, string])[]): AnalogySection {
  const known = list.filter((pair) => !pair.some((word) => word in unseen));
  const questions = known.flatMap(([a, b]) => known.filter(([c]) => c !== a).map(([c, d]): Analogy => [a, b, c, d]));
  return { section, questions };
}

/** What the world's text should teach. */
export const worldAnalogies: readonly AnalogySection[] = [
  pairs(
    'country : capital',
    countries.map(([country, capital]) => [country, capital]),
  ),
  pairs(
    'he : she',
    people.map(([he, she]) => [he, she]),
  ),
  pairs(
    'verb : past',
    verbs.map(([verb]) => [verb, `${verb}ed`]),
  ),
  pairs(
    'verb : -ing',
    verbs.map(([verb]) => [verb, `${verb}ing`]),
  ),
  pairs(
    'adjective : comparative',
    adjectives.map(([word]) => [word, `${word}er`]),
  ),
  pairs(
    'adjective : superlative',
    adjectives.map(([word]) => [word, `${word}est`]),
  ),
];

/** Pairs to draw. */
export const capitals = countries.map(([country, capital]) => [country, capital] as const);
export const couples = people.map(([he, she]) => [he, she] as const);

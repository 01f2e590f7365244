// The words that carry polarity. Every word says what it can be said of (a "kind" of thing: a story, a room, a waiter)
// so that steaks are overcooked and plots are not, and whether it can be graded: "very dull" and "duller than" are
// English, "very superb" is not. How a word ends up in a positive or a negative review is the grammar's business.

/** What a noun is, as far as the choice of adjectives goes. */
export type Kind =
  | 'story'
  | 'acting'
  | 'look'
  | 'sound'
  | 'food'
  | 'mood'
  | 'service'
  | 'person'
  | 'eatery'
  | 'place'
  | 'bed'
  | 'device'
  | 'screen'
  | 'build'
  | 'general';

/** +1 for a word of praise, -1 for a word of blame. */
export type Polarity = 1 | -1;

/** A word of praise or blame and its forms; which forms a word has depends on its class. */
export interface Word {
  /** The form that a dictionary lists; also the word's name in the held-out pairings. */
  readonly base: string;
  /** Further forms, in the order that the class documents. */
  readonly forms: readonly string[];
  readonly polarity: Polarity;
  /** The kinds of thing it is said of; none means any. */
  readonly kinds: readonly Kind[];
  /** How often it is chosen, beside the others of its class. */
  readonly weight: number;
  /** True for adjectives that are already at the end of their scale ("superb", "atrocious"). */
  readonly extreme: boolean;
}

/** Reads a list such as `'good/better:4 dull/duller boring'` (forms, weight); underscores stand for blanks. */
function words(polarity: Polarity, kinds: readonly Kind[], list: string, extreme = false): Word[] {
  return list
    .trim()
    .split(/\s+/)
    .map((entry) => {
      const [spelling = '', weight = '1'] = entry.replaceAll('_', ' ').split(':');
      const [base = '', ...forms] = spelling.split('/');
      return { base, forms, polarity, kinds, extreme, weight: Number(weight) };
    });
}

/** Adjectives; the one further form is the comparative, where it is not made with "more"; `-`: it is not compared here. */
export const adjectives: readonly Word[] = [
  ...words(+1, [], 'good/better:5 impressive'),
  ...words(-1, [], 'bad/worse:5 disappointing'),
  ...words(+1, [], 'great:2 excellent wonderful:2 superb fantastic brilliant', true),
  ...words(-1, [], 'terrible:2 awful:2 dreadful horrible appalling lousy', true),
  ...words(+1, ['story', 'acting', 'sound', 'food', 'mood', 'eatery'], 'enjoyable memorable'),
  ...words(-1, ['story', 'acting', 'sound', 'food', 'mood', 'eatery'], 'forgettable'),
  ...words(-1, ['story', 'acting', 'sound', 'food', 'look', 'service', 'device', 'build'], 'poor/-'),
  ...words(+1, ['story'], 'gripping:2 exciting funny/funnier:2 clever/- moving witty/- charming'),
  ...words(-1, ['story'], 'dull/duller:2 boring:2 predictable tedious slow/slower silly/-'),
  ...words(+1, ['acting'], 'convincing believable charming moving funny/funnier'),
  ...words(-1, ['acting'], 'wooden unconvincing lifeless dull/duller irritating'),
  ...words(+1, ['look'], 'beautiful stylish striking charming'),
  ...words(-1, ['look'], 'ugly/- drab/- dull/duller lifeless'),
  ...words(+1, ['sound'], 'beautiful lively/- catchy/- moving'),
  ...words(-1, ['sound'], 'dull/duller lifeless irritating tuneless'),
  ...words(+1, ['food'], 'tasty/- fresh/- satisfying'),
  ...words(+1, ['food'], 'delicious', true),
  ...words(-1, ['food'], 'bland/- dry/- greasy/- stale/- tasteless'),
  ...words(+1, ['mood'], 'relaxed lively/- welcoming friendly/friendlier charming'),
  ...words(-1, ['mood'], 'gloomy/- stuffy/- unwelcoming dull/duller'),
  ...words(+1, ['service'], 'friendly/friendlier attentive fast/faster efficient polite/-'),
  ...words(-1, ['service'], 'slow/slower rude/ruder careless unfriendly'),
  ...words(+1, ['person'], 'friendly/friendlier attentive helpful polite/- kind/- welcoming'),
  ...words(-1, ['person'], 'rude/ruder unfriendly unhelpful careless grumpy/-'),
  ...words(+1, ['eatery'], 'welcoming charming friendly/friendlier lively/- stylish comfortable'),
  ...words(-1, ['eatery'], 'unwelcoming noisy/- overpriced shabby/- gloomy/- dirty/dirtier'),
  ...words(+1, ['place'], 'clean/cleaner comfortable spacious stylish welcoming'),
  ...words(-1, ['place'], 'dirty/dirtier noisy/- cramped shabby/- gloomy/- uncomfortable'),
  ...words(+1, ['bed'], 'comfortable clean/cleaner'),
  ...words(-1, ['bed'], 'uncomfortable dirty/dirtier'),
  ...words(+1, ['device'], 'fast/faster reliable responsive clever/- handy/-'),
  ...words(-1, ['device'], 'slow/slower unreliable sluggish clumsy/- awkward'),
  ...words(+1, ['screen'], 'bright/- sharp/- clear/- beautiful'),
  ...words(-1, ['screen'], 'dim/- blurry/- grainy/- ugly/-'),
  ...words(+1, ['build'], 'elegant sturdy/- stylish clever/-'),
  ...words(-1, ['build'], 'flimsy/- ugly/- awkward clumsy/-'),
];

/** Words of measure, bad only in excess: "too long" blames, "not too long" and "long enough" praise. */
export const measures: Readonly<Partial<Record<Kind, readonly string[]>>> = {
  story: ['long', 'complicated', 'violent', 'sentimental'],
  food: ['salty', 'sweet', 'spicy', 'rich', 'heavy'],
  mood: ['loud', 'formal', 'solemn'],
  place: ['small', 'dark', 'cold'],
  device: ['heavy', 'big', 'expensive', 'complicated'],
  sound: ['loud', 'quiet', 'repetitive'],
};

/** Nouns that pass judgement, said of a whole thing with "a". */
export const verdicts: readonly Word[] = [
  ...words(+1, [], 'success delight treat joy'),
  ...words(-1, [], 'failure disaster disappointment mess'),
  ...words(+1, ['story'], 'masterpiece triumph'),
  ...words(-1, ['story'], 'bore flop'),
  ...words(+1, ['eatery', 'place', 'device'], 'bargain'),
  ...words(-1, ['eatery', 'place', 'device'], 'rip-off'),
];

/** Mass and plural nouns for what a thing is full of, or short of. */
export const contents: readonly Word[] = [
  ...words(+1, ['story'], 'charm wit warmth surprises'),
  ...words(-1, ['story'], 'clichés padding flaws mistakes'),
  ...words(+1, ['eatery', 'place'], 'charm character warmth'),
  ...words(-1, ['eatery', 'place'], 'problems dirt flaws'),
  ...words(+1, ['device'], 'style useful_features nice_touches'),
  ...words(-1, ['device'], 'bugs faults flaws'),
];

/** What a thing does to its public: base, third person, past. */
export const effects: readonly Word[] = [
  ...words(+1, [], 'impress/impresses/impressed delight/delights/delighted please/pleases/pleased'),
  ...words(-1, [], 'disappoint/disappoints/disappointed'),
  ...words(-1, ['story', 'acting', 'sound', 'mood', 'service', 'person'], 'annoy/annoys/annoyed'),
  ...words(-1, ['eatery', 'place', 'device', 'screen'], 'annoy/annoys/annoyed'),
  ...words(-1, ['story', 'acting', 'sound'], 'bore/bores/bored'),
];

/** What the public feels about something, with "with". */
export const feelings: readonly Word[] = [
  ...words(+1, [], 'impressed delighted pleased happy'),
  ...words(-1, [], 'disappointed annoyed irritated unhappy'),
];

/** What the public thinks of it: base, past. */
export const likings: readonly Word[] = [
  ...words(+1, [], 'love/loved:2 like/liked enjoy/enjoyed adore/adored'),
  ...words(-1, [], 'hate/hated:2 dislike/disliked loathe/loathed detest/detested'),
];

/** How a thing begins and ends. */
export const manners: readonly Word[] = [...words(+1, [], 'well brilliantly'), ...words(-1, [], 'badly terribly')];

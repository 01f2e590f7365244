// What the reviews are about: six topics, each with its nouns, what those nouns can be called (`Kind`), and the few
// turns of phrase in which the topics differ ("I would not go back", "I would not read it again"). No word here says
// whether the reviewer was pleased.
import type { Kind } from './lexicon.js';

/** A noun as the grammar needs it. `mass` nouns take no article and a singular verb. */
export interface Noun {
  readonly text: string;
  readonly number: 'one' | 'many' | 'mass';
  readonly kind: Kind;
}

/** Something one meets more than once: "I have never *had* a better *meal*", "I have *had* better *meals*". */
export interface Encounter {
  readonly done: string;
  readonly one: string;
  readonly many: string;
  readonly kind: Kind;
}

/** One topic. */
export interface Topic {
  /** What the thing itself is, and what it is called. */
  readonly kind: Kind;
  readonly items: readonly string[];
  /** Its parts, each of which can be judged by itself. */
  readonly parts: readonly Noun[];
  /** What it comes in many of, after "for every dull …". */
  readonly unit: Noun;
  readonly encounters: readonly Encounter[];
  /** "I would gladly …" */
  readonly again: string;
  /** "I regret …" */
  readonly doing: string;
  /** What one sees of it beforehand. */
  readonly preview: string;
  /** What it is compared with. */
  readonly rival: string;
  /** Neutral sentences to open with. */
  readonly openers: readonly string[];
}

/** Reads a list such as `'plot opening acting:mass jokes:many'` of nouns of one kind. */
function nouns(kind: Kind, list: string): Noun[] {
  return list.split(' ').map((entry) => {
    const [text = '', number] = entry.replaceAll('_', ' ').split(':');
    return { text, number: number === 'many' || number === 'mass' ? number : 'one', kind };
  });
}

/** An encounter whose noun is one of the topic's own: "seen" a "film", two "films". */
function met(done: string, one: string, kind: Kind): Encounter {
  return { done, one, many: `${one}s`, kind };
}

export const topics: readonly Topic[] = [
  {
    kind: 'eatery',
    items: ['restaurant', 'café', 'bistro', 'pizzeria', 'place', 'restaurant'],
    parts: [
      ...nouns('food', 'food:mass food:mass food:mass pasta:mass pizza steak fish curry desserts:many'),
      ...nouns('service', 'service:mass service:mass'),
      ...nouns('person', 'staff:many waiter waitress waiters:many'),
      ...nouns('mood', 'atmosphere'),
      ...nouns('place', 'dining_room terrace'),
      ...nouns('general', 'menu wine coffee'),
    ],
    unit: { text: 'dish', number: 'one', kind: 'food' },
    encounters: [met('had', 'meal', 'food'), met('had', 'dinner', 'food'), met('eaten in', 'restaurant', 'eatery')],
    again: 'go back',
    doing: 'eating there',
    preview: 'website',
    rival: 'the one next door',
    openers: ['We ate there on Friday.', 'We went there for lunch.', 'Our second visit.', 'I took my parents there.'],
  },
  {
    kind: 'story',
    items: ['film', 'movie', 'comedy', 'thriller', 'drama', 'film'],
    parts: [
      ...nouns('story', 'plot script ending opening dialogue:mass jokes:many'),
      ...nouns('acting', 'acting:mass acting:mass cast cast lead_actor performances:many'),
      ...nouns('sound', 'soundtrack music:mass'),
      ...nouns('look', 'photography:mass costumes:many special_effects:many'),
    ],
    unit: { text: 'scene', number: 'one', kind: 'story' },
    encounters: [met('seen', 'film', 'story'), met('seen', 'movie', 'story')],
    again: 'watch it again',
    doing: 'watching it',
    preview: 'trailer',
    rival: 'the first one',
    openers: ['We watched it last night.', 'I saw it on a plane.', 'We saw it on Sunday.', 'My sister chose it.'],
  },
  {
    kind: 'place',
    items: ['hotel', 'guesthouse', 'hostel', 'inn', 'resort', 'place', 'hotel'],
    parts: [
      ...nouns('place', 'room room bathroom lobby bar pool apartment'),
      ...nouns('bed', 'bed beds:many pillows:many'),
      ...nouns('food', 'breakfast breakfast food:mass'),
      ...nouns('person', 'staff:many staff:many receptionist porter'),
      ...nouns('service', 'service:mass room_service:mass'),
      ...nouns('look', 'decor:mass garden'),
      ...nouns('general', 'view'),
    ],
    unit: { text: 'room', number: 'one', kind: 'place' },
    encounters: [met('stayed in', 'hotel', 'place'), met('slept in', 'room', 'place')],
    again: 'stay there again',
    doing: 'staying there',
    preview: 'brochure',
    rival: 'the one across the road',
    openers: ['We stayed for three nights.', 'We spent a week there.', 'I was there on business.', 'We arrived late.'],
  },
  {
    kind: 'story',
    items: ['book', 'novel', 'thriller', 'memoir', 'biography', 'book'],
    parts: [
      ...nouns('story', 'plot prose:mass writing:mass ending first_chapter last_chapter dialogue:mass story'),
      ...nouns('acting', 'characters:many characters:many hero narrator'),
      ...nouns('look', 'illustrations:many cover'),
    ],
    unit: { text: 'chapter', number: 'one', kind: 'story' },
    encounters: [met('read', 'book', 'story'), met('read', 'novel', 'story')],
    again: 'read it again',
    doing: 'reading it',
    preview: 'cover',
    rival: 'her last one',
    openers: ['I read it on holiday.', 'It was a present.', 'We read it for our book club.', 'I read it in a weekend.'],
  },
  {
    kind: 'device',
    items: ['phone', 'tablet', 'laptop', 'handset', 'phone'],
    parts: [
      ...nouns('device', 'battery camera software:mass touchpad charger'),
      ...nouns('screen', 'screen screen display'),
      ...nouns('build', 'design case buttons:many'),
      ...nouns('general', 'speakers:many sound'),
      ...nouns('service', 'customer_service:mass'),
    ],
    unit: { text: 'feature', number: 'one', kind: 'device' },
    encounters: [met('owned', 'phone', 'device'), met('used', 'tablet', 'device'), met('owned', 'laptop', 'device')],
    again: 'buy it again',
    doing: 'buying it',
    preview: 'advert',
    rival: 'my old one',
    openers: [
      'I bought it in May.',
      'I have had it for a month.',
      'My second one from this maker.',
      'I use it every day.',
    ],
  },
  {
    kind: 'story',
    items: ['play', 'musical', 'show', 'production', 'show'],
    parts: [
      ...nouns('story', 'script plot first_half second_half finale dialogue:mass'),
      ...nouns('acting', 'acting:mass cast cast lead_actor'),
      ...nouns('sound', 'singing:mass songs:many orchestra'),
      ...nouns('look', 'costumes:many set staging:mass dancing:mass'),
      ...nouns('bed', 'seats:many'),
    ],
    unit: { text: 'song', number: 'one', kind: 'sound' },
    encounters: [met('seen', 'show', 'story'), met('seen', 'play', 'story'), met('seen', 'production', 'story')],
    again: 'see it again',
    doing: 'seeing it',
    preview: 'poster',
    rival: 'the last one',
    openers: ['We saw it on Saturday.', 'We had seats near the front.', 'I went with my class.', 'We saw the matinee.'],
  },
];

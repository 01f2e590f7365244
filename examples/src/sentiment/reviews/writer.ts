// Turns a frame into a sentence: picks a topic, fills the slots from left to right, and notes every pairing of a
// construction with a word of polarity that it makes ("far from *" with "dull"), so that the split into training and
// test can keep some pairings for the test alone.
import type { Frame } from './frames.js';
import {
  adjectives,
  contents,
  effects,
  feelings,
  type Kind,
  likings,
  manners,
  measures,
  type Polarity,
  verdicts,
  type Word,
} from './lexicon.js';
import { awards, type Modifier, modifiers } from './modifiers.js';
import type { Random } from './random.js';
import { type Encounter, type Noun, type Topic, topics } from './topics.js';

/** A sentence before it is dressed up as a review. */
export interface Draft {
  readonly text: string;
  readonly topic: Topic;
  /** The pairings of construction and word in it. */
  readonly pairings: readonly string[];
}

/** Thrown inside the writer when no word fits a slot; the caller draws again. */
class NoFit extends RangeError {}

/** What praise and blame make one do, hope for, and put up with. */
const byPolarity = {
  hoped: { 1: ['hoped'], '-1': ['feared'] },
  better: { 1: ['better'], '-1': ['worse'] },
  prompt: {
    1: ['come back for', 'recommend', 'write home about', 'tell my friends about'],
    '-1': ['complain about', 'put me off', 'warn people about', 'ruin the day'],
  },
  overcome: { 1: ['resist', 'miss', 'forget'], '-1': ['recommend', 'forgive', 'bear'] },
} as const;

/** Writes one sentence; `filled` has one method per slot. */
class Writer {
  readonly pairings: string[] = [];
  /** Words that stand in the frame as they are. */
  readonly #bare: string[] = [];
  readonly #nouns: Noun[] = [];
  readonly #used = new Set<string>();
  readonly #item: Noun;
  readonly #contrast: boolean;
  #current: Noun;
  #encounter: Encounter | undefined;
  #slot = 0;

  constructor(
    private readonly frame: Frame,
    private readonly label: Polarity,
    private readonly topic: Topic,
    private readonly past: boolean,
    private readonly random: Random,
  ) {
    const text = this.#draw(topic.items);
    this.#item = { text, number: 'one', kind: topic.kind };
    this.#current = this.#item;
    this.#contrast = /\{\+/.test(frame.text) && /\{-/.test(frame.text);
  }

  sentence(): string {
    const text = this.frame.text.replace(/\{([+-]?)(\w+)\}/g, (_, sign: string, name: string) => {
      this.#slot++;
      return sign === ''
        ? this.#neutral(name)
        : this.#polar(name, sign === '+' ? this.label : this.label === 1 ? -1 : 1);
    });
    if (this.#bare.length > 0 || this.pairings.length === 0) {
      const filling =
        this.#bare.length > 1
          ? this.#bare.sort()
          : [...this.#bare, this.#item.text, ...this.#nouns.map((noun) => noun.text)];
      this.#pair(this.frame.text, filling.join(' '));
    }
    return text;
  }

  /** Slots without a sign: nouns, verbs that agree with the last noun, and the topic's own phrases. */
  #neutral(name: string): string {
    switch (name) {
      case 'part':
        return `the ${this.#part().text}`;
      case 'sized':
        return `the ${this.#part((noun) => measures[noun.kind] !== undefined).text}`;
      case 'whole':
        this.#current = this.#item;
        return `${this.random.chance(60) ? 'the' : 'this'} ${this.#item.text}`;
      case 'item':
        return this.#item.text;
      case 'be':
        return this.#current.number === 'many' ? (this.past ? 'were' : 'are') : this.past ? 'was' : 'is';
      case 'was':
        return this.#current.number === 'many' ? 'were' : 'was';
      case 'measure':
        return this.#once(this.#draw((measures[this.#current.kind] ?? []).filter((word) => !this.#used.has(word))));
      case 'done':
        return this.#meet().done;
      case 'one':
        return this.#meet().one;
      case 'ones':
        return this.#meet().many;
      case 'unit':
        return this.topic.unit.text;
      case 'again':
      case 'doing':
      case 'preview':
      case 'rival':
        return this.topic[name];
      default:
        throw new RangeError(`frame "${this.frame.text}": there is no slot {${name}}`);
    }
  }

  /** Slots with a sign: words of the given polarity, or phrases whose sense has it. */
  #polar(name: string, polarity: Polarity): string {
    switch (name) {
      case 'adj':
        return this.#adjective(polarity, this.#current.kind).base;
      case 'any':
        return this.#adjective(polarity, 'general').base;
      case 'mild':
        return this.#adjective(polarity, this.#current.kind, (word) => !word.extreme).base;
      case 'extreme':
        return this.#adjective(polarity, 'general', (word) => word.extreme).base;
      case 'comp':
        return comparative(this.#adjective(polarity, this.#current.kind, (word) => !word.extreme));
      case 'most':
        return superlative(this.#adjective(polarity, this.#current.kind, (word) => !word.extreme));
      case 'qual':
        return this.#modified(polarity, modifiers, (word) => this.#adjectivesFor(word, this.#current.kind));
      case 'free':
        return this.#modified(
          polarity,
          modifiers.filter((m) => m.free),
          (word) => this.#adjectivesFor(word, this.#current.kind),
        );
      case 'award':
        return this.#modified(polarity, awards, (word) => fits(verdicts, word, this.topic.kind));
      case 'verdict':
        return this.#word(verdicts, polarity, this.topic.kind).base;
      case 'part':
        return this.#described(polarity, this.#part());
      case 'some': {
        const noun = this.#part();
        const text = this.#described(polarity, noun);
        return noun.number === 'one' ? `a ${text}` : text;
      }
      case 'item':
        return this.#described(polarity, this.#item);
      case 'unit':
        return this.#described(polarity, this.topic.unit);
      case 'stuff':
        return this.#word(contents, polarity, this.topic.kind).base;
      case 'effect':
        return this.#word(effects, polarity, this.#current.kind).base;
      case 'effects':
        return form(this.#word(effects, polarity, this.#current.kind), 0);
      case 'effected':
        return form(this.#word(effects, polarity, this.#current.kind), 1);
      case 'felt':
        return this.#word(feelings, polarity, this.topic.kind).base;
      case 'love':
        return this.#word(likings, polarity, 'general').base;
      case 'loved':
        return form(this.#word(likings, polarity, 'general'), 0);
      case 'manner':
        return this.#word(manners, polarity, 'general').base;
      case 'hoped':
      case 'better':
      case 'prompt':
      case 'overcome':
        return this.#draw(byPolarity[name][polarity]);
      default:
        throw new RangeError(`frame "${this.frame.text}": there is no slot {+${name}}`);
    }
  }

  /** A part of the thing that was not mentioned yet; what follows agrees with it. */
  #part(suits: (noun: Noun) => boolean = () => true): Noun {
    const noun = this.#draw(
      this.topic.parts.filter((part) => !this.#nouns.some(({ kind }) => kind === part.kind) && suits(part)),
    );
    this.#nouns.push(noun);
    this.#current = noun;
    return noun;
  }

  #meet(): Encounter {
    this.#encounter ??= this.#draw(this.topic.encounters);
    this.#current = { text: this.#encounter.one, number: 'one', kind: this.#encounter.kind };
    return this.#encounter;
  }

  #described(polarity: Polarity, noun: Noun): string {
    this.#current = noun;
    return `${this.#adjective(polarity, noun.kind).base} ${noun.text}`;
  }

  /** Adjectives for `kind`: half the time those that belong to it, half the time those that suit anything. */
  #adjectivesFor(polarity: Polarity, kind: Kind): readonly Word[] {
    const own = adjectives.filter((word) => word.polarity === polarity && word.kinds.includes(kind));
    const any = adjectives.filter((word) => word.polarity === polarity && word.kinds.length === 0);
    return own.length > 0 && this.random.chance(45) ? own : any;
  }

  #adjective(polarity: Polarity, kind: Kind, suits: (word: Word) => boolean = () => true): Word {
    return this.#choose(this.#adjectivesFor(polarity, kind).filter(suits));
  }

  #word(list: readonly Word[], polarity: Polarity, kind: Kind): Word {
    return this.#choose(fits(list, polarity, kind));
  }

  /** A word in one of the given ways of putting it; the whole has `polarity`, the word has it in half of the cases. */
  #modified(polarity: Polarity, ways: readonly Modifier[], wordsOf: (polarity: Polarity) => readonly Word[]): string {
    const turns = this.random.chance(this.#contrast ? 20 : 33);
    const wanted: Polarity = turns ? (polarity === 1 ? -1 : 1) : polarity;
    const way = this.#draw(
      ways
        .filter((m) => m.turns === turns && (m.of ?? wanted) === wanted && !m.notOf?.includes(this.#current.kind))
        .flatMap((m) => Array<Modifier>(m.weight ?? 1).fill(m)),
    );
    const words = wordsOf(wanted).filter(
      ({ base, extreme }) =>
        !way.notWith?.includes(base) &&
        (way.grade === undefined || way.also?.includes(base) || extreme === (way.grade === 'extreme')),
    );
    const bare = way.text === '*' || way.text === 'a *';
    return way.text.replace('*', this.#choose(words, bare ? undefined : way.text).base);
  }

  #choose(words: readonly Word[], construction?: string): Word {
    const word = this.#draw(
      words.filter(({ base }) => !this.#used.has(base)).flatMap((word) => Array<Word>(word.weight).fill(word)),
    );
    this.#once(word.base);
    if (construction === undefined) this.#bare.push(word.base);
    else this.#pair(construction, word.base);
    return word;
  }

  #pair(construction: string, word: string): void {
    this.pairings.push(`${construction} | ${word}`);
  }

  #once(word: string): string {
    this.#used.add(word);
    return word;
  }

  #draw<T>(list: readonly T[]): T {
    const element = this.random.pick(list);
    if (element === undefined) throw new NoFit(`frame "${this.frame.text}": nothing fits slot ${this.#slot}`);
    return element;
  }
}

function fits(list: readonly Word[], polarity: Polarity, kind: Kind): readonly Word[] {
  return list.filter((word) => word.polarity === polarity && (word.kinds.length === 0 || word.kinds.includes(kind)));
}

function form(word: Word, index: number): string {
  return word.forms[index] ?? word.base;
}

function comparative(word: Word): string {
  return word.forms[0] ?? `more ${word.base}`;
}

function superlative(word: Word): string {
  const comparison = word.forms[0];
  if (comparison === undefined) return `most ${word.base}`;
  return comparison === 'better' ? 'best' : comparison === 'worse' ? 'worst' : comparison.replace(/r$/, 'st');
}

/** Fills a frame for a review of the given polarity; undefined if this draw found no word for some slot. */
export function write(frame: Frame, label: Polarity, random: Random): Draft | undefined {
  const suitable = frame.topics ? topics.filter(({ kind }) => frame.topics?.includes(kind)) : topics;
  const topic = random.pick(suitable);
  if (topic === undefined) return undefined;
  const writer = new Writer(frame, label, topic, random.chance(60), random);
  try {
    return { text: writer.sentence(), topic, pairings: writer.pairings };
  } catch (error) {
    if (error instanceof NoFit) return undefined;
    throw error;
  }
}

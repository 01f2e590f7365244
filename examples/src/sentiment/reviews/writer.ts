// Turns a frame into a sentence: picks a topic, fills the slots from left to right, and notes every pairing of a
// construction with a word of polarity that it makes ("far from *" with "dull"), so that the split into training and
// test can keep some pairings for the test alone.
import { ArgumentError } from '@course/tensor';
import type { Frame } from './frames.js';
import { comparative, isCompared, superlative } from './inflection.js';
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
  /** The pairings of construction and word in it; never none. */
  readonly pairings: readonly string[];
}

/** Percent of the modified words that are turned, in a sentence with one judgement and in one with two. */
const turned = { single: 24, contrast: 15 } as const;

/** Percent of the adjectives that belong to the noun's kind, where the rest suits anything. */
const ownAdjectives = 45;

/** What praise and blame make one hope, do and overcome. */
const phrases = {
  hoped: { 1: ['hoped'], '-1': ['feared'] },
  better: { 1: ['better'], '-1': ['worse'] },
  prompt: {
    1: ['come back for', 'recommend', 'write home about', 'tell my friends about'],
    '-1': ['complain about', 'put me off', 'warn people about', 'ruin the day'],
  },
  overcome: { 1: ['resist', 'miss'], '-1': ['recommend', 'enjoy', 'bear'] },
} as const;

/** Fills a frame for a review of the given polarity; undefined if this draw found no word for some slot. */
export function write(frame: Frame, label: Polarity, random: Random): Draft | undefined {
  const suitable = frame.topics ? topics.filter(({ kind }) => frame.topics?.includes(kind)) : topics;
  const topic = random.pick(suitable);
  if (topic === undefined) return undefined;
  try {
    const writer = new Writer(frame, label, topic, random);
    return { text: writer.sentence(), topic, pairings: writer.pairings };
  } catch (error) {
    if (error instanceof NoFit) return undefined;
    throw error;
  }
}

/** No word fits a slot after the words before it. */
class NoFit extends ArgumentError {}

/** The state of one sentence: what was mentioned, and what the next verb or adjective belongs to. */
class Writer {
  readonly #frame: string;
  readonly #label: Polarity;
  readonly #topic: Topic;
  readonly #random: Random;
  readonly #past: boolean;
  readonly #contrast: boolean;
  readonly #item: Noun;
  /** The noun mentioned last. */
  #noun: Noun;
  #encounter: Encounter | undefined;
  readonly #parts: Noun[] = [];
  readonly #words = new Set<string>();
  readonly #pairings: string[] = [];
  /** The words that stand in the frame as they are, not inside a modifier. */
  readonly #bare: string[] = [];

  constructor(frame: Frame, label: Polarity, topic: Topic, random: Random) {
    this.#frame = frame.text;
    this.#label = label;
    this.#topic = topic;
    this.#random = random;
    this.#past = random.chance(60);
    this.#contrast = frame.text.includes('{+') && frame.text.includes('{-');
    this.#item = { text: this.#draw(topic.items), number: 'one', kind: topic.kind };
    this.#noun = this.#item;
  }

  /**
   * The frame with its slots filled. A slot is `{name}`, `{+name}`, `{-name}`; `{-part story}` asks for a part of that
   * kind. The sentence is to be written once.
   */
  sentence(): string {
    return this.#frame.replace(/\{([+-]?)(\w+) ?(\w*)\}/g, (slot, sign: string, name: string, kind: string) => {
      const polarity = sign === '-' ? opposite(this.#label) : this.#label;
      const filled = sign === '' ? this.#neutral(name) : this.#polar(name, polarity, kind);
      if (filled === undefined) throw new ArgumentError(`frame "${this.#frame}": there is no slot ${slot}`);
      return filled;
    });
  }

  /**
   * Each modifier with its word. What stands in the frame as it is makes one pairing of them all, whatever their order, so
   * that a sentence and the one with its words exchanged fall on the same side; a single word takes the nouns with it.
   */
  get pairings(): readonly string[] {
    if (this.#bare.length === 0 && this.#pairings.length > 0) return this.#pairings;
    const nouns = this.#bare.length > 1 ? [] : [this.#item, ...this.#parts].map(({ text }) => text);
    return [...this.#pairings, [this.#frame, ...[...this.#bare].sort(), ...nouns].join(' | ')];
  }

  /** Slots without a sign: nouns, verbs that agree with the last noun, and the topic's own phrases. */
  #neutral(name: string): string | undefined {
    const many = this.#noun.number === 'many';
    switch (name) {
      case 'part': // "the plot"
        return `the ${this.#part().text}`;
      case 'sized': // a part that can be too long, loud, …
        return `the ${this.#part(({ kind }) => measures[kind] !== undefined).text}`;
      case 'whole': // "this film"
        this.#noun = this.#item;
        return `${this.#random.chance(60) ? 'the' : 'this'} ${this.#item.text}`;
      case 'item': // "film"
        return this.#item.text;
      case 'be': // in the tense of this sentence
        return many ? (this.#past ? 'were' : 'are') : this.#past ? 'was' : 'is';
      case 'was':
        return many ? 'were' : 'was';
      case 'measure': // "long"
        return this.#once(this.#draw((measures[this.#noun.kind] ?? []).filter((word) => !this.#words.has(word))));
      case 'done': // "seen"
        return this.#meet().done;
      case 'one': // "film"
        return this.#meet().one;
      case 'ones': // "films"
        return this.#meet().many;
      case 'again':
      case 'doing':
      case 'preview':
      case 'rival':
        return this.#topic[name];
      default:
        return undefined;
    }
  }

  /** Slots with a sign: words of the given polarity, or phrases whose sense has it. */
  #polar(name: string, polarity: Polarity, kind: string): string | undefined {
    const { kind: here } = this.#noun;
    switch (name) {
      case 'qual': // an adjective that may be modified, after "is"
        return this.#modified(polarity, modifiers);
      case 'free': // the same where no "is" goes before
        return this.#modified(
          polarity,
          modifiers.filter(({ free }) => free),
        );
      case 'award': // a verdict with an article or more
        return this.#modified(polarity, awards, (of) => fitting(verdicts, of, this.#topic.kind));
      case 'adj': // any adjective that fits the noun
        return this.#choose(this.#adjectives(polarity)).base;
      case 'any': // one that would fit any noun
        return this.#choose(this.#adjectives(polarity, 'general')).base;
      case 'own': // one that is said of few
        return this.#choose(this.#adjectives(polarity).filter(({ kinds }) => kinds.length > 0)).base;
      case 'mild':
        return this.#choose(this.#adjectives(polarity).filter(({ extreme }) => !extreme)).base;
      case 'extreme':
        return this.#choose(this.#adjectives(polarity, 'general').filter(({ extreme }) => extreme)).base;
      case 'comp': // "duller"
        return comparative(this.#choose(this.#adjectives(polarity).filter(isCompared)));
      case 'most': // "dullest"
        return superlative(this.#choose(this.#adjectives(polarity).filter(isCompared)));
      case 'part': // "dull plot"
        return this.#described(polarity, this.#part(ofKind(kind)));
      case 'some': {
        // "a dull plot", "dull dialogue"
        const noun = this.#part(ofKind(kind));
        return `${noun.number === 'one' ? 'a ' : ''}${this.#described(polarity, noun)}`;
      }
      case 'item': // "dull film"
        return this.#described(polarity, this.#item);
      case 'unit': // "dull scene"
        return this.#described(polarity, this.#topic.unit);
      case 'verdict': // "masterpiece"
        return this.#choose(fitting(verdicts, polarity, this.#topic.kind)).base;
      case 'stuff': // "clichés"
        return this.#choose(fitting(contents, polarity, this.#topic.kind)).base;
      case 'effect': // "bore"
        return this.#choose(fitting(effects, polarity, here)).base;
      case 'effects': // "bores"
        return this.#choose(fitting(effects, polarity, here)).forms[0];
      case 'effected': // "bored"
        return this.#choose(fitting(effects, polarity, here)).forms[1];
      case 'felt': // "disappointed"
        return this.#choose(fitting(feelings, polarity, here)).base;
      case 'love': // "hate"
        return this.#choose(fitting(likings, polarity, here)).base;
      case 'loved': // "hated"
        return this.#choose(fitting(likings, polarity, here)).forms[0];
      case 'manner': // "badly"
        return this.#choose(fitting(manners, polarity, here)).base;
      case 'hoped':
      case 'better':
      case 'prompt':
      case 'overcome':
        return this.#draw(phrases[name][polarity]);
      default:
        return undefined;
    }
  }

  /** A part of the thing of another kind than those mentioned: nobody sets the waiter against the staff. */
  #part(suits: (noun: Noun) => boolean = () => true): Noun {
    const mentioned = this.#parts.map(({ kind }) => kind);
    const noun = this.#draw(this.#topic.parts.filter((part) => !mentioned.includes(part.kind) && suits(part)));
    this.#parts.push(noun);
    this.#noun = noun;
    return noun;
  }

  #meet(): Encounter {
    this.#encounter ??= this.#draw(this.#topic.encounters);
    this.#noun = { text: this.#encounter.one, number: 'one', kind: this.#encounter.kind };
    return this.#encounter;
  }

  #described(polarity: Polarity, noun: Noun): string {
    this.#noun = noun;
    return `${this.#choose(this.#adjectives(polarity)).base} ${noun.text}`;
  }

  /** Adjectives for the last noun: sometimes those that belong to its kind, else those that suit anything. */
  #adjectives(polarity: Polarity, kind: Kind = this.#noun.kind): readonly Word[] {
    const fit = fitting(adjectives, polarity, kind);
    const own = fit.filter(({ kinds }) => kinds.length > 0);
    return own.length > 0 && this.#random.chance(ownAdjectives) ? own : fit.filter(({ kinds }) => kinds.length === 0);
  }

  /** A word in one of the given ways of putting it: the whole has `polarity`, the word may have the opposite. */
  #modified(
    polarity: Polarity,
    ways: readonly Modifier[],
    wordsOf: (polarity: Polarity) => readonly Word[] = (of) => this.#adjectives(of),
  ): string {
    const turns = this.#random.chance(this.#contrast ? turned.contrast : turned.single);
    const wanted = turns ? opposite(polarity) : polarity;
    const way = this.#draw(
      ways
        .filter((m) => m.turns === turns && (m.of ?? wanted) === wanted && !m.notOf?.includes(this.#noun.kind))
        .flatMap((m) => repeated(m, m.weight ?? 1)),
    );
    const words = wordsOf(wanted).filter((word) => goesWith(way, word));
    const bare = way.text === '*' || way.text === 'a *';
    return way.text.replace('*', this.#choose(words, bare ? undefined : way.text).base);
  }

  /** One of the words that were not used yet, noted as a pairing with the modifier or else with the frame. */
  #choose(words: readonly Word[], modifier?: string): Word {
    const word = this.#draw(words.filter(({ base }) => !this.#words.has(base)).flatMap((w) => repeated(w, w.weight)));
    this.#once(word.base);
    if (modifier === undefined) this.#bare.push(word.base);
    else this.#pairings.push(`${modifier} | ${word.base}`);
    return word;
  }

  #once(word: string): string {
    this.#words.add(word);
    return word;
  }

  #draw<T>(list: readonly T[]): T {
    const element = this.#random.pick(list);
    if (element === undefined) throw new NoFit('nothing fits');
    return element;
  }
}

function opposite(polarity: Polarity): Polarity {
  return polarity === 1 ? -1 : 1;
}

function ofKind(kind: string): (noun: Noun) => boolean {
  return (noun) => kind === '' || noun.kind === kind;
}

function fitting(list: readonly Word[], polarity: Polarity, kind: Kind): readonly Word[] {
  return list.filter((word) => word.polarity === polarity && (word.kinds.length === 0 || word.kinds.includes(kind)));
}

function goesWith({ grade, also, notWith, onlyWith }: Modifier, { base, extreme }: Word): boolean {
  if (notWith?.includes(base) || onlyWith?.includes(base) === false) return false;
  return grade === undefined || also?.includes(base) === true || extreme === (grade === 'extreme');
}

function repeated<T>(element: T, times: number): T[] {
  return Array<T>(times).fill(element);
}

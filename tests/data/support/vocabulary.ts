// A vocabulary small enough to read, wide enough that most of any text has tokens: letters of several scripts as words and as
// continuations, and some longer pieces, so that greedy matching has choices and dead ends.

/** Code points from `first` to `last` as strings. */
export function characters(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => String.fromCodePoint(first + i));
}

const letters = [
  ...characters(0x21, 0x7e),
  ...characters(0xa1, 0x17f),
  ...characters(0x300, 0x345),
  ...characters(0x391, 0x3c9),
  ...characters(0x410, 0x44f),
  ...characters(0x5d0, 0x5ea),
  ...characters(0x905, 0x94d),
  ...characters(0x1100, 0x1112),
  ...characters(0x1161, 0x1175),
  ...characters(0x3042, 0x3060),
  ...characters(0x4e00, 0x4e20),
  ...characters(0x20000, 0x20004),
  ...characters(0x1f600, 0x1f610),
  '\u302e',
  '\u{1d165}',
  '한',
];
const words = [
  'the',
  'token',
  'in',
  'un',
  'run',
  'Hello',
  'hello',
  'world',
  'play',
  'playing',
  'don',
  'straße',
  'ab',
  'abc',
  'question',
  'context',
];
const endings = ['ing', 'ed', 's', 'izer', 'able', 'aff', 'affable', 'n', 'ness', 'bc', 'cab', 'ßes', '한국'];

/** Its tokens in the order of their ids. */
export const smallVocab: readonly string[] = [
  ...new Set([
    '[PAD]',
    '[UNK]',
    '[CLS]',
    '[SEP]',
    '[MASK]',
    ...letters,
    ...words,
    ...letters.map((letter) => `##${letter}`),
    ...endings.map((ending) => `##${ending}`),
  ]),
];

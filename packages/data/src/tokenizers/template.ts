/**
 * Which tokens of one or two texts go into a row, and what stands around them: truncation, windows over long texts, special
 * tokens. The rules are those of the Rust tokenizers (`truncate_encodings`, `Encoding::truncate`, `TemplateProcessing`).
 */
import { ArgumentError } from '@course/tensor';
import type { Truncation } from './encoding.js';

/** The side of a text that is cut, or filled. */
export type Side = 'left' | 'right';

/** A place in a template: a special token, or the first (0) or second (1) text. */
export type TemplatePiece =
  | { readonly special: number; readonly typeId: number }
  | { readonly sequence: 0 | 1; readonly typeId: number };

/** How texts are framed, as in `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`. */
export interface Template {
  readonly single: readonly TemplatePiece[];
  readonly pair: readonly TemplatePiece[];
}

/** The same template without its special tokens. */
export function withoutSpecials(template: Template): Template {
  const bare = (pieces: readonly TemplatePiece[]): TemplatePiece[] => pieces.filter((piece) => 'sequence' in piece);
  return { single: bare(template.single), pair: bare(template.pair) };
}

/** Tokens [from, to) of a text. */
export type Span = readonly [from: number, to: number];

/** Which text loses tokens when there are too many. */
export type TruncationStrategy = Exclude<Truncation, boolean>;

/**
 * How many tokens of each of one or two texts remain when they are cut down to `maxLength` tokens together.
 *
 * @param lengths Numbers of tokens.
 * @param strategy 'longest_first' takes tokens from the longer text, then from both; the others from the named text only.
 * @throws ArgumentError when the named text alone cannot give up enough tokens.
 */
export function truncatedLengths(
  lengths: readonly number[],
  maxLength: number,
  strategy: TruncationStrategy,
): readonly number[] {
  const [n1 = 0, n2] = lengths;
  const excess = n1 + (n2 ?? 0) - maxLength;
  if (excess <= 0) return lengths;
  if (maxLength === 0) return lengths.map(() => 0);
  if (strategy === 'longest_first') {
    if (n2 === undefined) return [maxLength];
    const short = Math.min(n1, n2);
    let keepShort = short;
    let keepLong = Math.max(short, maxLength - short);
    if (keepShort + keepLong > maxLength) {
      keepShort = Math.floor(maxLength / 2);
      keepLong = maxLength - keepShort;
    }
    return n1 <= n2 ? [keepShort, keepLong] : [keepLong, keepShort];
  }
  const target = strategy === 'only_first' ? n1 : n2;
  if (target === undefined) {
    throw new ArgumentError("encode: truncation 'only_second' needs a second text: pass pair");
  }
  if (target <= excess) {
    throw new ArgumentError(
      `encode: truncation '${strategy}' cannot remove ${excess} tokens from a text of ${target}; ` +
        `a larger maxLength or 'longest_first' would fit`,
    );
  }
  if (strategy === 'only_first') return n2 === undefined ? [target - excess] : [target - excess, n2];
  return [n1, target - excess];
}

/**
 * Windows of `size` tokens over a text of `length` tokens, each sharing `stride` tokens with the one before.
 *
 * @returns The part that truncation keeps, then those that it cuts off, from there on.
 * @throws ArgumentError when the windows would not advance.
 */
export function windows(length: number, size: number, stride: number, side: Side): Span[] {
  if (size >= length) return [[0, length]];
  if (size === 0) {
    return [
      [0, 0],
      [0, length],
    ];
  }
  if (stride >= size) {
    throw new ArgumentError(
      `encode: stride ${stride} must be less than the ${size} tokens that maxLength leaves for a window`,
    );
  }
  const spans: Span[] = [];
  if (side === 'right') {
    for (let from = 0; ; from += size - stride) {
      const to = Math.min(from + size, length);
      spans.push([from, to]);
      if (to === length) return spans;
    }
  }
  for (let to = length; ; to -= size - stride) {
    const from = Math.max(0, to - size);
    spans.push([from, to]);
    if (from === 0) return spans;
  }
}

/** The combinations of windows over one or two texts, a row each: first those that truncation keeps, then in the reference's order. */
export function combineWindows(spans: readonly (readonly Span[])[]): Span[][] {
  const [first = [], second] = spans;
  if (second === undefined) return first.map((span) => [span]);
  const [a0, ...rest] = first;
  const [b0, ...others] = second;
  if (a0 === undefined || b0 === undefined) return [];
  return [[a0, b0], ...rest.flatMap((a) => second.map((b) => [a, b])), ...others.map((b) => [a0, b])];
}

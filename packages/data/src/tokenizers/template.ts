/**
 * From the tokens of one or two texts to an `Encoding`: truncation, the special tokens around the texts, padding. The
 * rules are those of the Rust tokenizers (`truncate_encodings`, `TemplateProcessing`, `pad_encodings`).
 */
import { ArgumentError } from '@course/tensor';
import type { Encoding, Truncation } from './encoding.js';
import type { TokenBuffer } from './token-buffer.js';

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

/** Tokens [from, to) of a buffer. */
export interface TokenSlice {
  readonly tokens: TokenBuffer;
  from: number;
  to: number;
}

/**
 * Cuts one or two token slices down to `maxLength` tokens together.
 *
 * @param strategy 'longest_first' takes tokens from the longer text, then from both; the others from the named text only.
 * @throws ArgumentError when the named text alone cannot give up enough tokens.
 */
export function truncate(
  slices: readonly TokenSlice[],
  maxLength: number,
  strategy: Exclude<Truncation, boolean>,
  side: Side,
): void {
  const [first, second] = slices;
  if (first === undefined) return;
  const n1 = first.to - first.from;
  const n2 = second === undefined ? 0 : second.to - second.from;
  const excess = n1 + n2 - maxLength;
  if (excess <= 0) return;
  if (maxLength === 0) {
    for (const slice of slices) cut(slice, 0, side);
    return;
  }
  if (strategy === 'longest_first') {
    if (second === undefined) {
      cut(first, maxLength, side);
      return;
    }
    const [short, long] = n1 <= n2 ? [first, second] : [second, first];
    const shortLength = Math.min(n1, n2);
    let keepShort = shortLength;
    let keepLong = Math.max(shortLength, maxLength - shortLength);
    if (keepShort + keepLong > maxLength) {
      keepShort = Math.floor(maxLength / 2);
      keepLong = maxLength - keepShort;
    }
    cut(short, keepShort, side);
    cut(long, keepLong, side);
    return;
  }
  const target = strategy === 'only_first' ? first : second;
  if (target === undefined) {
    throw new ArgumentError("encode: truncation 'only_second' needs a second text: pass pair");
  }
  const length = target.to - target.from;
  if (length <= excess) {
    throw new ArgumentError(
      `encode: truncation '${strategy}' cannot remove ${excess} tokens from a text of ${length}; ` +
        `a larger maxLength or 'longest_first' would fit`,
    );
  }
  cut(target, length - excess, side);
}

function cut(slice: TokenSlice, length: number, side: Side): void {
  if (side === 'right') slice.to = slice.from + length;
  else slice.from = slice.to - length;
}

/** Frames token slices by a template. */
export function frame(
  pieces: readonly TemplatePiece[],
  slices: readonly TokenSlice[],
  vocab: readonly string[],
): Encoding {
  const encoding: Encoding = {
    inputIds: [],
    tokens: [],
    tokenTypeIds: [],
    attentionMask: [],
    offsets: [],
    wordIds: [],
    specialTokensMask: [],
  };
  for (const piece of pieces) {
    if ('special' in piece) {
      encoding.inputIds.push(piece.special);
      encoding.tokens.push(vocab[piece.special] ?? '');
      encoding.tokenTypeIds.push(piece.typeId);
      encoding.attentionMask.push(1);
      encoding.offsets.push([0, 0]);
      encoding.wordIds.push(null);
      encoding.specialTokensMask.push(1);
      continue;
    }
    const slice = slices[piece.sequence];
    if (slice === undefined) continue;
    const { ids, starts, ends, words } = slice.tokens;
    for (let i = slice.from; i < slice.to; i++) {
      const id = ids[i] as number;
      encoding.inputIds.push(id);
      encoding.tokens.push(vocab[id] ?? '');
      encoding.tokenTypeIds.push(piece.typeId);
      encoding.attentionMask.push(1);
      encoding.offsets.push([starts[i] as number, ends[i] as number]);
      encoding.wordIds.push(words[i] as number);
      encoding.specialTokensMask.push(0);
    }
  }
  return encoding;
}

/** Fills an encoding up to `length` with the padding token; a longer one stays as it is. */
export function pad(encoding: Encoding, length: number, padId: number, padToken: string, side: Side): void {
  const count = length - encoding.inputIds.length;
  if (count <= 0) return;
  const fill = <T>(column: T[], value: () => T): void => {
    const kept = side === 'left' ? column.splice(0) : [];
    for (let i = 0; i < count; i++) column.push(value());
    for (const entry of kept) column.push(entry);
  };
  fill(encoding.inputIds, () => padId);
  fill(encoding.tokens, () => padToken);
  fill(encoding.tokenTypeIds, () => 0);
  fill(encoding.attentionMask, () => 0);
  fill(encoding.offsets, () => [0, 0]);
  fill(encoding.wordIds, () => null);
  fill(encoding.specialTokensMask, () => 1);
}

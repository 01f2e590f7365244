/**
 * Byte-level tokens carry the blank before a word. With `trim_offsets` their offsets leave it out, as `process_offsets` of the Rust
 * tokenizers: the first token of a text (or of a window over it) keeps a single blank, which may have been put before it.
 */
import type { OffsetTrim } from '../encoder.js';
import { inRanges, WHITE_SPACE } from '../unicode.js';
import type { Vocab } from '../vocab.js';
import { BYTE_CHARS } from './bytes.js';

const BLANK = (BYTE_CHARS[0x20] ?? '').charCodeAt(0);

/** How many blanks a token starts and ends with. */
function edgesOf(token: string): { leading: number; trailing: number; isBlank: boolean } {
  const isBlank = (i: number): boolean => token.charCodeAt(i) === BLANK || inRanges(WHITE_SPACE, token.charCodeAt(i));
  let leading = 0;
  while (leading < token.length && isBlank(leading)) leading++;
  let trailing = 0;
  while (trailing < token.length && isBlank(token.length - 1 - trailing)) trailing++;
  return { leading, trailing, isBlank: leading === token.length };
}

/** @param addPrefixSpace Whether a blank may have been put before a text. */
export function trimByteLevelOffsets(vocab: Vocab, addPrefixSpace: boolean): OffsetTrim {
  const known = new Map<number, ReturnType<typeof edgesOf>>();
  return (table, from, to) => {
    const { ids, starts, ends } = table;
    for (let i = from; i < to; i++) {
      const id = ids[i] as number;
      let edges = known.get(id);
      if (edges === undefined) {
        edges = edgesOf(vocab.tokens[id] ?? '');
        known.set(id, edges);
      }
      let { leading } = edges;
      const { trailing, isBlank } = edges;
      if (leading === 0 && trailing === 0) continue;
      const start = starts[i] as number;
      const end = ends[i] as number;
      // More than one blank was there before.
      if (leading === 1 && addPrefixSpace && (i === from || start === 0)) leading = 0;
      // A token of one blank that was put before the text shares the place of the first character, two units wide at times.
      const trimmed = isBlank && leading > 0 ? end : Math.min(start + leading, end);
      starts[i] = trimmed;
      ends[i] = isBlank ? trimmed : Math.max(end - trailing, trimmed);
    }
  };
}

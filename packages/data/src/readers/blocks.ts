/**
 * A text file as blocks of whole lines, in memory bounded by the longest line and not by the file. UTF-8 never has the byte
 * of a line feed inside a character, so bytes are cut at line feeds first and decoded strictly afterwards: what is not UTF-8
 * is reported with its line.
 */
import { ArgumentError, FormatError } from '@course/tensor';
import { encodingHint } from '../text-file.js';
import { readUnpacked } from './gzip.js';

/** Longest line, in bytes, that readers accept by default: 64 MiB. */
export const MAX_LINE_BYTES = 2 ** 26;

const LINE_FEED = 0x0a;

/** Whole lines of a file, with their line ends; only the last block may end without one. */
export interface TextBlock {
  readonly text: string;
  /** Number of the block's first line, from 1. */
  readonly line: number;
}

/** An error about one line of a file. */
export function lineError(file: string, line: number, message: string, cause?: unknown): FormatError {
  return new FormatError(`${file}, line ${line}: ${message}`, { cause });
}

/**
 * Reads a UTF-8 file block by block, unpacked if it is gzip; a byte order mark is skipped.
 *
 * @throws FormatError when there is no such file, it is a folder, it is empty, it is not UTF-8 (naming the line), or a line is
 * longer than `maxLineBytes`.
 */
export async function* readBlocks(
  file: string,
  maxLineBytes: number = MAX_LINE_BYTES,
): AsyncGenerator<TextBlock, void, undefined> {
  if (!(Number.isInteger(maxLineBytes) && maxLineBytes > 0 && maxLineBytes <= 2 ** 29)) {
    throw new ArgumentError(`maxLineBytes must be a whole number in [1, 2^29], got ${maxLineBytes}`);
  }
  // The unfinished line, in the pieces that it came in.
  let pieces: Uint8Array[] = [];
  let size = 0;
  let line = 1;
  let atStart = true;
  const take = (last: Uint8Array): TextBlock => {
    let bytes = pieces.length === 0 ? last : concat([...pieces, last], size + last.length);
    if (atStart && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) bytes = bytes.subarray(3);
    atStart = false;
    pieces = [];
    size = 0;
    if (bytes.length > maxLineBytes) checkLines(bytes, file, line, maxLineBytes);
    const block = { text: decode(bytes, file, line), line };
    line += countLineFeeds(bytes);
    return block;
  };
  for await (const chunk of readUnpacked(file)) {
    const first = chunk.indexOf(LINE_FEED);
    if (size + (first === -1 ? chunk.length : first) > maxLineBytes) throw tooLong(file, line, maxLineBytes);
    const end = chunk.lastIndexOf(LINE_FEED) + 1;
    if (end > 0) yield take(chunk.subarray(0, end));
    if (end < chunk.length) {
      // A copy: the stream may use the chunk's memory again.
      pieces.push(chunk.slice(end));
      size += chunk.length - end;
    }
  }
  if (size > 0) yield take(new Uint8Array(0));
  if (atStart) throw new FormatError(`${file}: the file is empty`);
}

function tooLong(file: string, line: number, maxLineBytes: number): FormatError {
  return lineError(file, line, `longer than the ${maxLineBytes} bytes that a line may have (maxLineBytes)`);
}

function checkLines(bytes: Uint8Array, file: string, line: number, maxLineBytes: number): void {
  for (let from = 0; from < bytes.length; line++) {
    const feed = bytes.indexOf(LINE_FEED, from);
    const end = feed === -1 ? bytes.length : feed;
    if (end - from > maxLineBytes) throw tooLong(file, line, maxLineBytes);
    from = end + 1;
  }
}

function concat(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function countLineFeeds(bytes: Uint8Array): number {
  let count = 0;
  for (let i = bytes.indexOf(LINE_FEED); i !== -1; i = bytes.indexOf(LINE_FEED, i + 1)) count++;
  return count;
}

const utf8 = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array, file: string, line: number): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw lineError(file, line + badLine(bytes), `not UTF-8 text${line === 1 ? encodingHint(bytes) : ''}`, error);
  }
}

/** Number of the first line, from 0, that does not decode. */
function badLine(bytes: Uint8Array): number {
  let from = 0;
  for (let line = 0; ; line++) {
    const end = bytes.indexOf(LINE_FEED, from);
    try {
      utf8.decode(bytes.subarray(from, end === -1 ? bytes.length : end));
    } catch {
      return line;
    }
    if (end === -1) return line;
    from = end + 1;
  }
}

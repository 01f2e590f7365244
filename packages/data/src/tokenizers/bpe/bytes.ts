/**
 * GPT-2 writes each byte as one printable character, so that its vocabulary file is text: bytes that are printable in Latin-1 as
 * themselves, the others as the characters from U+0100 on (`bytes_to_unicode`, Radford et al. 2019). A blank is `Ġ`.
 */

/** The character of each byte. */
export const BYTE_CHARS: readonly string[] = /* @__PURE__ */ makeByteChars();

/** The byte of each character from U+0000 to U+0143; -1 where a character stands for none. */
const BYTES = /* @__PURE__ */ makeBytes();

function makeByteChars(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
    return String.fromCharCode(printable ? byte : next++);
  });
}

function makeBytes(): Int16Array {
  const bytes = new Int16Array(0x144).fill(-1);
  for (const [byte, char] of BYTE_CHARS.entries()) bytes[char.charCodeAt(0)] = byte;
  return bytes;
}

/** Text in which each character stands for a byte, as bytes; undefined if one stands for none. */
export function bytesOfChars(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const byte = BYTES[text.charCodeAt(i)] ?? -1;
    if (byte < 0) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}

/**
 * Joins byte-level tokens to text, as the `ByteLevel` decoder of the Rust tokenizers: a token with a character that stands for no
 * byte (an added token, such as one with a blank) is taken as it is; bytes that are no UTF-8 become U+FFFD.
 */
export function decodeByteLevel(tokens: readonly string[]): string {
  const pieces = tokens.map((token) => bytesOfChars(token) ?? new TextEncoder().encode(token));
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

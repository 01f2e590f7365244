/**
 * Normalized text beside the place in the original text that each of its code units came from. One instance is filled
 * again for text after text, so that tokenizing allocates nothing per character.
 */
import { isHighSurrogate, isLowSurrogate } from './utf16.js';

/** A growable sequence of UTF-16 code units with their origins. */
export class NormalizedText {
  /** The code units; valid up to `length`. */
  units = new Uint16Array(1024);
  /** Per code unit, the index in the original text of the character that it came from. */
  origins = new Int32Array(1024);
  length = 0;
  /** The text that the origins point into. */
  original = '';

  /** Empties the buffer for a new original text. */
  reset(original: string): void {
    this.original = original;
    this.length = 0;
  }

  /** Makes room for `count` more code units. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.units.length) return;
    const capacity = Math.max(needed, 2 * this.units.length);
    const units = new Uint16Array(capacity);
    units.set(this.units);
    this.units = units;
    const origins = new Int32Array(capacity);
    origins.set(this.origins);
    this.origins = origins;
  }

  /** Appends a string whose every code unit came from the character at `origin`. */
  append(text: string, origin: number): void {
    this.reserve(text.length);
    for (let i = 0; i < text.length; i++) {
      this.units[this.length] = text.charCodeAt(i);
      this.origins[this.length++] = origin;
    }
  }

  /** Index in the original text at which the code unit at `index` starts. */
  startOf(index: number): number {
    return this.origins[index] ?? 0;
  }

  /** Index in the original text just past the character that the code unit at `index` came from. */
  endOf(index: number): number {
    const start = this.origins[index] ?? 0;
    const pair =
      isHighSurrogate(this.original.charCodeAt(start)) && isLowSurrogate(this.original.charCodeAt(start + 1));
    return start + (pair ? 2 : 1);
  }

  /** The code units of [from, to) as a string. */
  slice(from: number, to: number): string {
    let text = '';
    if (to - from <= 64) {
      // For a word this is several times as fast as passing an array.
      for (let i = from; i < to; i++) text += String.fromCharCode(this.units[i] as number);
      return text;
    }
    // In blocks, for a call's arguments live on the stack.
    for (let i = from; i < to; i += 4096) {
      text += String.fromCharCode(...this.units.subarray(i, Math.min(i + 4096, to)));
    }
    return text;
  }
}

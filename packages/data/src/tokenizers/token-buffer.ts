/**
 * The tokens of one text before special tokens, truncation and padding, column by column in typed arrays that are filled
 * again for text after text. Every tokenizer model writes into one of these.
 */

/** Growable columns of token ids, offsets into the original text and word numbers. */
export class TokenBuffer {
  ids = new Int32Array(256);
  /** UTF-16 index in the original text at which a token starts. */
  starts = new Int32Array(256);
  /** UTF-16 index in the original text just past a token. */
  ends = new Int32Array(256);
  /** Number of the word that a token is a part of. */
  words = new Int32Array(256);
  length = 0;
  /** Number of words so far; the number of the next one. */
  wordCount = 0;

  reset(): void {
    this.length = 0;
    this.wordCount = 0;
  }

  /** Appends a token of the current word. */
  push(id: number, start: number, end: number): void {
    if (this.length === this.ids.length) this.#grow();
    const i = this.length++;
    this.ids[i] = id;
    this.starts[i] = start;
    this.ends[i] = end;
    this.words[i] = this.wordCount;
  }

  /** Ends the current word. */
  endWord(): void {
    this.wordCount++;
  }

  /** Makes the tokens from `from` on one word of number `word`: the text was split into words by the caller. */
  numberAs(word: number, from: number): void {
    this.words.fill(word, from, this.length);
  }

  #grow(): void {
    const grown = (column: Int32Array): Int32Array<ArrayBuffer> => {
      const wider = new Int32Array(2 * column.length);
      wider.set(column);
      return wider;
    };
    this.ids = grown(this.ids);
    this.starts = grown(this.starts);
    this.ends = grown(this.ends);
    this.words = grown(this.words);
  }
}

/**
 * Masked language modeling of whole words: a word whose pieces are hidden one by one is often told by the pieces that are left (BERT's
 * authors, 2019). What is drawn is drawn anew each time that a row comes by.
 */
import { ArgumentError, defaultGenerator, type Generator } from '@course/tensor';
import { type Collator, hostTensors, paddingOf, type TwoPartCollator } from './collate.js';
import {
  type CollateRecipe,
  type EncodedRow,
  type HostBatch,
  hostCollate,
  IGNORED_LABEL,
  type PaddingRecipe,
} from './host-collate.js';
import type { LanguageModelingBatch, LanguageModelingOptions, LanguageModelingTokenizer } from './language-modeling.js';

/** What has to be known of a WordPiece tokenizer. */
export interface WholeWordTokenizer extends LanguageModelingTokenizer {
  /** The tokens of ids. */
  convertIdsToTokens(ids: number[]): string[];
}

/** Options of {@link DataCollatorForWholeWordMask}. */
export type WholeWordOptions = Omit<LanguageModelingOptions, 'mlm'>;

/** Tokens of a row that are asked for at most, as there. */
const MOST_ASKED = 512;

/**
 * Pads rows and hides whole words, after
 * [DataCollatorForWholeWordMask](https://huggingface.co/docs/transformers/main_classes/data_collator#transformers.DataCollatorForWholeWordMask):
 * words are taken in random order until the share of tokens is reached, and skipped where they would exceed it; of the tokens asked for 80 %
 * are replaced by the mask, 10 % by any token, 10 % stay. Pieces that go on with a word begin with `##`.
 *
 * @example
 * const collator = new DataCollatorForWholeWordMask(tokenizer, { mlmProbability: 0.5 });
 * collator.collate([tokenizer.encode('two or three')]).labels.shape; // [1, 5]
 */
export class DataCollatorForWholeWordMask
  implements Collator<EncodedRow, LanguageModelingBatch>, TwoPartCollator<LanguageModelingBatch>
{
  readonly #tokenizer: WholeWordTokenizer;
  readonly #padding: () => PaddingRecipe;
  readonly #probability: number;
  readonly #generator: Generator | undefined;
  readonly #maskId: number;
  readonly #specialIds: ReadonlySet<number>;

  /** @throws ArgumentError when the tokenizer has no mask token, or an option is out of range. */
  constructor(tokenizer: WholeWordTokenizer, options: WholeWordOptions = {}) {
    const { mlmProbability = 0.15, generator } = options;
    const { maskToken } = tokenizer.specialTokens;
    if (!(mlmProbability > 0 && mlmProbability <= 1))
      throw new ArgumentError(
        `DataCollatorForWholeWordMask: mlmProbability must be above 0 and at most 1, got ${mlmProbability}`,
      );
    if (maskToken === undefined)
      throw new ArgumentError('DataCollatorForWholeWordMask: the tokenizer has no mask token');
    this.#tokenizer = tokenizer;
    this.#padding = paddingOf(tokenizer, options);
    this.#probability = mlmProbability;
    this.#generator = generator;
    this.#maskId = tokenizer.convertTokensToIds(maskToken);
    this.#specialIds = new Set(tokenizer.allSpecialIds);
  }

  /**
   * The batch of some rows.
   *
   * @throws ArgumentError when there are no rows.
   */
  collate(rows: readonly EncodedRow[]): LanguageModelingBatch {
    return this.finish(hostCollate(this.recipe(), rows) as HostBatch);
  }

  /** @internal */
  recipe(): CollateRecipe {
    return { kind: 'whole-word', padding: this.#padding() };
  }

  /** @internal */
  finish(prepared: HostBatch): LanguageModelingBatch {
    const { lengths, ...batch } = prepared;
    const { data, shape } = batch.inputIds ?? { data: new Int32Array(), shape: [0, 0] };
    const [rows = 0, length = 0] = shape;
    const labels = new Int32Array(data.length).fill(IGNORED_LABEL);
    for (let row = 0; row < rows; row++) {
      const count = lengths?.data[row] ?? 0;
      const from = row * length + (this.#tokenizer.paddingSide === 'left' ? length - count : 0);
      this.#hide(data.subarray(from, from + count), labels.subarray(from, from + count));
    }
    return hostTensors({ ...batch, labels: { data: labels, shape } }) as unknown as LanguageModelingBatch;
  }

  /** Hides words of a row, whose tokens are replaced in place. */
  #hide(ids: Int32Array, labels: Int32Array): void {
    const generator = this.#generator ?? defaultGenerator();
    for (const place of this.#places(Array.from(ids), generator)) {
      labels[place] = ids[place] ?? 0;
      const draw = generator.randomDouble();
      if (draw < 0.8) ids[place] = this.#maskId;
      else if (draw < 0.9) ids[place] = generator.random() % this.#tokenizer.vocabSize;
    }
  }

  /** The places of the tokens that are asked for. */
  #places(ids: readonly number[], generator: Generator): number[] {
    const words: number[][] = [];
    for (const [place, token] of this.#tokenizer.convertIdsToTokens([...ids]).entries()) {
      if (this.#specialIds.has(ids[place] ?? 0)) continue;
      const last = words.at(-1);
      if (token.startsWith('##') && last?.at(-1) === place - 1) last.push(place);
      else words.push([place]);
    }
    for (let i = words.length - 1; i > 0; i--) {
      const j = generator.random() % (i + 1);
      [words[i], words[j]] = [words[j] ?? [], words[i] ?? []];
    }
    const wanted = Math.min(MOST_ASKED, Math.max(1, Math.round(ids.length * this.#probability)));
    const places: number[] = [];
    for (const word of words) {
      if (places.length >= wanted) break;
      if (places.length + word.length <= wanted) places.push(...word);
    }
    return places;
  }
}

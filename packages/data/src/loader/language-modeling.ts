/**
 * Batches for language models: tokens are hidden and asked for (BERT), or every token is asked for (GPT). What is hidden is drawn anew
 * each time that a row comes by, on the device, from the stream that `manualSeed` sets.
 */
import {
  ArgumentError,
  bernoulli,
  defaultGenerator,
  full,
  type Generator,
  randint,
  scope,
  type Tensor,
} from '@course/tensor';
import type { SpecialTokens } from '../tokenizers/special-tokens.js';
import {
  type Collator,
  hostTensors,
  type PaddedBatch,
  type PaddingOptions,
  type PaddingTokenizer,
  paddingOf,
  type TwoPartCollator,
} from './collate.js';
import {
  type CollateRecipe,
  type EncodedRow,
  type HostBatch,
  hostCollate,
  IGNORED_LABEL,
  type PaddingRecipe,
} from './host-collate.js';

/** A tokenized row, as `tokenizer.encode(text)` gives it. */
export interface LanguageModelingRow extends EncodedRow {
  /** 1 for tokens that are never hidden; by default the special tokens of the tokenizer are. */
  readonly specialTokensMask?: ArrayLike<number>;
  /** Of a pair of sentences: 0 = the second follows the first, 1 = it is any other. */
  readonly nextSentenceLabel?: number;
}

/** A batch with the tokens that a model is to say. */
export interface LanguageModelingBatch extends PaddedBatch {
  /** [batch, length], int32: the tokens asked for, -100 elsewhere. */
  readonly labels: Tensor;
  /** [batch], int32, where the rows are pairs of sentences. */
  readonly nextSentenceLabel?: Tensor;
}

/** What has to be known of a tokenizer. */
export interface LanguageModelingTokenizer extends PaddingTokenizer {
  readonly vocabSize: number;
  readonly allSpecialIds: readonly number[];
  readonly specialTokens: SpecialTokens;
  /** The id of a token. */
  convertTokensToIds(token: string): number;
}

/** Options of {@link DataCollatorForLanguageModeling}. */
export interface LanguageModelingOptions extends PaddingOptions {
  /** Hide tokens and ask for them, as BERT; false: ask for every token, as GPT. Default true. */
  readonly mlm?: boolean;
  /** Share of the tokens that are asked for. Default 0.15. */
  readonly mlmProbability?: number;
  /** What is drawn from. Default: the generator that `manualSeed` seeds. */
  readonly generator?: Generator;
}

/**
 * Pads rows and makes the task of a language model of them, after
 * [DataCollatorForLanguageModeling](https://huggingface.co/docs/transformers/main_classes/data_collator#transformers.DataCollatorForLanguageModeling):
 * of the tokens asked for 80 % are replaced by the mask, 10 % by any token, 10 % stay (Devlin et al. 2018, 3.1). The same seed hides what PyTorch hides.
 * Labels that rows have are left out; a `nextSentenceLabel` is kept.
 *
 * @example
 * const collator = new DataCollatorForLanguageModeling(tokenizer, { mlmProbability: 0.15 });
 * const { inputIds, labels } = collator.collate([tokenizer.encode('two or three'), tokenizer.encode('good')]);
 * [inputIds.shape, labels.shape]; // [[2, 5], [2, 5]]
 */
export class DataCollatorForLanguageModeling
  implements Collator<LanguageModelingRow, LanguageModelingBatch>, TwoPartCollator<LanguageModelingBatch>
{
  readonly #tokenizer: LanguageModelingTokenizer;
  readonly #padding: () => PaddingRecipe;
  readonly #options: Required<Pick<LanguageModelingOptions, 'mlm' | 'mlmProbability'>> & LanguageModelingOptions;
  readonly #maskId: number | undefined;

  /** @throws ArgumentError when the tokenizer has no mask token, or an option is out of range. */
  constructor(tokenizer: LanguageModelingTokenizer, options: LanguageModelingOptions = {}) {
    const { mlm = true, mlmProbability = 0.15 } = options;
    const { maskToken } = tokenizer.specialTokens;
    if (!(mlmProbability > 0 && mlmProbability <= 1))
      throw new ArgumentError(
        `DataCollatorForLanguageModeling: mlmProbability must be above 0 and at most 1, got ${mlmProbability}`,
      );
    if (mlm && maskToken === undefined)
      throw new ArgumentError(
        'DataCollatorForLanguageModeling: the tokenizer has no mask token, which masked language modeling needs; with mlm: false every token is asked for',
      );
    this.#tokenizer = tokenizer;
    this.#options = { ...options, mlm, mlmProbability };
    this.#padding = paddingOf(tokenizer, options);
    this.#maskId = maskToken === undefined ? undefined : tokenizer.convertTokensToIds(maskToken);
  }

  /**
   * The batch of some rows.
   *
   * @throws ArgumentError when there are no rows, or only some have a `nextSentenceLabel`.
   */
  collate(rows: readonly LanguageModelingRow[]): LanguageModelingBatch {
    return this.finish(hostCollate(this.recipe(), rows) as HostBatch);
  }

  /** @internal */
  recipe(): CollateRecipe {
    const protect = this.#options.mlm ? this.#tokenizer.allSpecialIds : undefined;
    return { kind: 'language-modeling', padding: this.#padding(), protect };
  }

  /** @internal */
  finish(prepared: HostBatch): LanguageModelingBatch {
    return scope(() => {
      const { mayHide, ...batch } = hostTensors(prepared) as unknown as PaddedBatch & { mayHide?: Tensor };
      const task =
        mayHide === undefined
          ? { labels: batch.inputIds.maskedFill(batch.attentionMask.eq(0), IGNORED_LABEL) }
          : this.#hide(batch.inputIds, mayHide.to('float32'));
      return { ...batch, ...task };
    });
  }

  /** Inputs with hidden tokens, and the tokens that were there. The draws are those of transformers, in its order. */
  #hide(inputIds: Tensor, mayHide: Tensor): { inputIds: Tensor; labels: Tensor } {
    const { mlmProbability, generator = defaultGenerator() } = this.#options;
    const drawn = (probability: number) => bernoulli(full(inputIds.shape, probability), { generator }).to('bool');
    const asked = bernoulli(mayHide.mul(mlmProbability), { generator }).to('bool');
    const masked = drawn(0.8).logicalAnd(asked);
    const other = drawn(0.5).logicalAnd(asked).logicalAnd(masked.logicalNot());
    const words = randint(0, this.#tokenizer.vocabSize, inputIds.shape, { generator });
    return {
      inputIds: words.where(other, inputIds).maskedFill(masked, this.#maskId ?? 0),
      labels: inputIds.maskedFill(asked.logicalNot(), IGNORED_LABEL),
    };
  }
}

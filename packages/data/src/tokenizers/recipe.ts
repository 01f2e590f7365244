/**
 * What an `Encoder` is made from, as plain data: sent to a worker, it makes the same encoder there. Models that are not described here
 * cannot be used in parallel.
 */
import type { AddedToken } from './added-tokens.js';
import { BertModel, type BertModelOptions } from './bert-model.js';
import { ByteLevelModel, type ByteLevelModelOptions } from './bpe/byte-level-model.js';
import { trimByteLevelOffsets } from './bpe/trim-offsets.js';
import { Encoder } from './encoder.js';
import type { Template } from './template.js';
import { Vocab } from './vocab.js';

/** An encoder as plain data. */
export interface EncoderRecipe {
  readonly model:
    | { readonly kind: 'bert'; readonly options: BertModelOptions }
    | { readonly kind: 'byte-level'; readonly options: ByteLevelModelOptions };
  readonly added: readonly AddedToken[];
  readonly template: Template;
  /** Trim the offsets of byte-level tokens; says whether a blank may have been put before a text. */
  readonly trimOffsets?: { readonly withPrefixSpace: boolean } | undefined;
}

/** The encoder of a recipe. */
export function encoderOf({ model, added, template, trimOffsets }: EncoderRecipe): Encoder {
  const vocab = new Vocab(model.options.tokens, added, undefined);
  return new Encoder({
    vocab,
    template,
    model: model.kind === 'bert' ? new BertModel(model.options) : new ByteLevelModel(model.options),
    trimOffsets: trimOffsets && trimByteLevelOffsets(vocab, trimOffsets.withPrefixSpace),
  });
}

/** The pipeline that fills in masked words: `fill-mask`. */
import type { Tokenizer } from '@course/data';
import { ArgumentError, type Tensor, tensor } from '@course/tensor';
import {
  batchSizeOf,
  checkCounts,
  checkTexts,
  checkVocabulary,
  inBatches,
  listOf,
  longestInput,
  type PipelineModel,
  type PipelineOptions,
  type PipelineParts,
  softmaxOf,
  type TokenInputs,
  withParts,
} from './common.js';

/** A model that gives logits [batch, time, vocabulary]. */
export interface MaskedLanguageModel extends PipelineModel {
  forward(inputIds: Tensor, inputs: TokenInputs): { readonly logits: Tensor };
}

/** A word for a masked place. */
export interface FilledMask {
  readonly score: number;
  readonly token: number;
  readonly tokenStr: string;
  /** The text with the word in its place; other masks stay. */
  readonly sequence: string;
}

/** Options of a call. */
export interface FillMaskOptions extends PipelineOptions {
  /** Words for each mask. Default 5. */
  readonly topK?: number;
  /** Choose among these words only; each must be one token. */
  readonly targets?: readonly string[];
}

/** The masks of BERT and of RoBERTa. */
type Mask = '[MASK]' | '<mask>';

/**
 * What a text gives: a list of words where it has one mask, and one such list for each mask where it has several. A literal text tells the
 * compiler which; of any other either may come.
 */
export type FilledText<T> = T extends `${string}${Mask}${string}${Mask}${string}`
  ? FilledMask[][]
  : T extends `${string}${Mask}${string}`
    ? FilledMask[]
    : FilledMask[] | FilledMask[][];

/** Fills in masked words, with transformers' outputs. */
export interface FillMaskPipeline extends PipelineParts<MaskedLanguageModel> {
  <const T extends string>(text: T, options?: FillMaskOptions): Promise<FilledText<T>>;
  <const T extends readonly string[]>(
    texts: T,
    options?: FillMaskOptions,
  ): Promise<{ -readonly [K in keyof T]: FilledText<T[K]> }>;
  /** As a call, in one form for any number of masks: for each text and mask a list of words. */
  all(texts: readonly string[], options?: FillMaskOptions): Promise<FilledMask[][][]>;
}

/** Makes the pipeline from a masked language model and its tokenizer. */
export function fillMask(
  model: MaskedLanguageModel,
  tokenizer: Tokenizer,
  defaults: FillMaskOptions = {},
): FillMaskPipeline {
  const task = 'fill-mask';
  checkVocabulary(task, model, tokenizer);
  const mask = tokenizer.specialTokens.maskToken;
  // A token that the vocabulary lacks would have the id of all unknown words.
  if (mask === undefined || !tokenizer.getVocab().has(mask))
    throw new ArgumentError(
      `${task}: the tokenizer has no mask token${mask === undefined ? '' : `: its vocabulary lacks '${mask}'`}`,
    );
  const maskId = tokenizer.convertTokensToIds(mask);

  const all = async (texts: readonly string[], given: FillMaskOptions = {}): Promise<FilledMask[][][]> => {
    const options = { ...defaults, ...given };
    const { topK = 5 } = options;
    checkCounts(task, { topK });
    checkTexts(task, texts);
    const targets = options.targets && targetIds(task, options.targets, tokenizer);
    const results: FilledMask[][][] = texts.map(() => []);
    const batches = inBatches(texts, {
      tokenizer,
      model,
      batchSize: batchSizeOf(task, options),
      encode: { truncation: true, maxLength: longestInput(model, tokenizer) },
      run: (inputIds, inputs, { encoding, places }) => {
        const rows = encoding.inputIds;
        // Only the masked places are read back, not the scores of all words everywhere.
        const masked = rows.flatMap((ids, row) =>
          ids.flatMap((id, i) => (id === maskId ? [row * ids.length + i] : [])),
        );
        for (const [row, ids] of rows.entries())
          if (!ids.includes(maskId))
            throw new ArgumentError(
              `${task}: no mask token (${mask}) found in ${JSON.stringify(texts[places[row] ?? 0] ?? '')}`,
            );
        const { logits } = model.forward(inputIds, inputs);
        return [logits.reshape([-1, logits.size(-1)]).indexSelect(0, tensor(Int32Array.from(masked)))];
      },
    });
    for await (const { encoding, places, outputs } of batches) {
      const { data = [], shape = [] } = outputs[0] ?? {};
      const width = shape[1] ?? 0;
      let at = 0;
      for (const [row, place] of places.entries()) {
        const { inputIds: ids, attentionMask } = encoding.at(row) ?? { inputIds: [], attentionMask: [] };
        const real = ids.filter((_, i) => attentionMask[i] === 1);
        const found: FilledMask[][] = [];
        const count = real.filter((id) => id === maskId).length;
        for (const [i, id] of real.entries()) {
          if (id !== maskId) continue;
          const probabilities = softmaxOf(data.slice(at * width, (at + 1) * width));
          at++;
          found.push(
            bestOf(probabilities, topK, targets).map((token) => ({
              score: probabilities[token] ?? 0,
              token,
              tokenStr: tokenizer.decode([token]),
              // As transformers: several masks keep the special tokens, so that it is seen which place was filled.
              sequence: tokenizer.decode(real.with(i, token), { skipSpecialTokens: count === 1 }),
            })),
          );
        }
        results[place] = found;
      }
    }
    return results;
  };

  const call = async (input: string | readonly string[], options: FillMaskOptions = {}) => {
    const results = await all(listOf(task, input), options);
    const flat = results.map((masks) => (masks.length === 1 ? masks[0] : masks));
    return typeof input === 'string' ? flat[0] : flat;
  };
  return Object.assign(withParts(call, task, model, tokenizer), { all }) as unknown as FillMaskPipeline;
}

function targetIds(task: string, targets: readonly string[], tokenizer: Tokenizer): number[] {
  return targets.map((target) => {
    const ids = tokenizer.encode(target, { addSpecialTokens: false }).inputIds;
    const [id, more] = ids;
    if (id === undefined || more !== undefined)
      throw new ArgumentError(`${task}: the target ${JSON.stringify(target)} is ${ids.length} tokens, it must be one`);
    return id;
  });
}

/** The ids of the k largest probabilities, among `targets` if given; the first of equal ones first. */
function bestOf(probabilities: readonly number[], k: number, targets: readonly number[] | undefined): number[] {
  const of = (id: number | undefined): number => probabilities[id ?? -1] ?? -1;
  const best: number[] = [];
  for (const id of targets ?? probabilities.keys()) {
    if (best.length === k && of(id) <= of(best.at(-1))) continue;
    const at = best.findIndex((other) => of(id) > of(other));
    best.splice(at < 0 ? best.length : at, 0, id);
    if (best.length > k) best.pop();
  }
  return best;
}

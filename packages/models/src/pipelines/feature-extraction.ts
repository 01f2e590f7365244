/** The pipeline that gives the states of a model: `feature-extraction`, and sentence embeddings made of them. */
import type { Tokenizer } from '@course/data';
import type { Tensor } from '@course/tensor';
import { type PoolOptions, poolStates } from '../sentence/pooling.js';
import {
  batchSizeOf,
  checkTexts,
  checkVocabulary,
  inBatches,
  listOf,
  longestInput,
  type PipelineModel,
  type PipelineOptions,
  type PipelineParts,
  type TokenInputs,
  withParts,
} from './common.js';

/** A model that gives states [batch, time, width]. */
export interface FeatureModel extends PipelineModel {
  forward(inputIds: Tensor, inputs: TokenInputs): { readonly lastHiddenState: Tensor };
}

/** Options of a call that wants one vector a text: the mean over its tokens, as MiniLM and its like are used, or another pooling. */
export interface FeatureExtractionOptions extends PipelineOptions, PoolOptions {}

/** States of every token, as Hugging Face gives them (`[1, tokens, width]` a text), or with `pooling` one vector a text. */
export interface FeatureExtractionPipeline extends PipelineParts<FeatureModel> {
  (text: string, options: FeatureExtractionOptions): Promise<number[]>;
  (texts: readonly string[], options: FeatureExtractionOptions): Promise<number[][]>;
  (text: string, options?: PipelineOptions): Promise<number[][][]>;
  (texts: readonly string[], options?: PipelineOptions): Promise<number[][][][]>;
}

/** Makes the pipeline from a model without a head and its tokenizer. */
export function featureExtraction(
  model: FeatureModel,
  tokenizer: Tokenizer,
  defaults: PipelineOptions = {},
): FeatureExtractionPipeline {
  const task = 'feature-extraction';
  checkVocabulary(task, model, tokenizer);
  const call = async (
    input: string | readonly string[],
    given: PipelineOptions & Partial<FeatureExtractionOptions> = {},
  ) => {
    const { pooling, normalize, ...options } = { ...defaults, ...given };
    const texts: readonly string[] = listOf(task, input);
    checkTexts(task, texts);
    const results: (number[] | number[][][])[] = texts.map(() => []);
    const batches = inBatches(texts, {
      tokenizer,
      model,
      batchSize: batchSizeOf(task, options),
      encode: { truncation: true, maxLength: longestInput(model, tokenizer) },
      run: (inputIds, inputs) => {
        const { lastHiddenState } = model.forward(inputIds, inputs);
        if (pooling === undefined) return [lastHiddenState];
        return [
          poolStates(lastHiddenState, inputs.attentionMask, { pooling, ...(normalize !== undefined && { normalize }) }),
        ];
      },
    });
    for await (const { encoding, places, outputs } of batches) {
      const { data = [], shape = [] } = outputs[0] ?? {};
      const [width, stride] = [shape.at(-1) ?? 0, shape.length === 3 ? (shape[1] ?? 0) : 1];
      const vector = (at: number): number[] => Array.from(data.slice(at * width, (at + 1) * width));
      for (const [row, place] of places.entries()) {
        if (pooling !== undefined) results[place] = vector(row);
        else {
          const mask = encoding.attentionMask[row] ?? [];
          results[place] = [mask.flatMap((kept, i) => (kept === 1 ? [vector(row * stride + i)] : []))];
        }
      }
    }
    return typeof input === 'string' ? results[0] : results;
  };
  return withParts(call, task, model, tokenizer) as FeatureExtractionPipeline;
}

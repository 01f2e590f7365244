/** The pipeline that continues texts: `text-generation`. */
import type { Tokenizer } from '@course/data';
import { ArgumentError, type Tensor, withDevice } from '@course/tensor';
import { type GenerationConfig, readGenerationConfig } from '../generation/config.js';
import { type CausalModel, generateTokens, streamTokens } from '../generation/generate.js';
import type { GenerateOptions } from '../generation/options.js';
import type { PretrainedConfig } from '../pretrained/config.js';
import { CONFIG } from '../pretrained/files.js';
import {
  batchSizeOf,
  checkTexts,
  checkVocabulary,
  deviceOf,
  listOf,
  type PipelineModel,
  type PipelineOptions,
  type PipelineParts,
  withParts,
} from './common.js';

/** A causal language model as the pipeline takes it. */
export type TextGenerator = CausalModel & PipelineModel;

/** A continued text. */
export interface GeneratedText {
  readonly generatedText: string;
}

/** Options of a call: those of generation, and whether the prompt is given back. */
export interface TextGenerationOptions extends PipelineOptions, Omit<GenerateOptions, 'attentionMask'> {
  /** Give the prompt with its continuation. Default true. */
  readonly returnFullText?: boolean;
}

/** Continues texts: a list for a prompt, of one text or as many as `numReturnSequences` says, and one such list for each of several, as in transformers. */
export interface TextGenerationPipeline extends PipelineParts<TextGenerator> {
  (prompt: string, options?: TextGenerationOptions): Promise<GeneratedText[]>;
  (prompts: readonly string[], options?: TextGenerationOptions): Promise<GeneratedText[][]>;
  /** The continuation of a prompt piece by piece, each as soon as it is whole characters. */
  stream(prompt: string, options?: TextGenerationOptions): AsyncGenerator<string, void>;
}

/** What a configuration says of this task, as GPT-2's does: transformers' pipelines go by it where a call says nothing. */
function ofTask(task: string, { others }: PretrainedConfig): GenerationConfig {
  const tasks = others.task_specific_params;
  const own: unknown = typeof tasks === 'object' && tasks !== null ? (tasks as Record<string, unknown>)[task] : null;
  if (typeof own !== 'object' || own === null) return {};
  const { others: _, ...config } = readGenerationConfig({ ...own }, `${CONFIG}: task_specific_params`);
  return config;
}

/** Makes the pipeline from a causal language model and its tokenizer. */
export function textGeneration(
  model: TextGenerator,
  tokenizer: Tokenizer,
  told: TextGenerationOptions = {},
): TextGenerationPipeline {
  const task = 'text-generation';
  const defaults: TextGenerationOptions = { ...ofTask(task, model.config), ...told };
  checkVocabulary(task, model, tokenizer);
  // GPT-2's tokenizer has no padding: any token will do where the mask hides it.
  if (tokenizer.specialTokens.padToken === undefined) {
    const end = tokenizer.specialTokens.eosToken;
    if (end !== undefined) tokenizer.addSpecialTokens({ padToken: end });
  }
  const encode = (prompts: readonly string[]) => {
    checkTexts(task, prompts);
    const encoding = tokenizer.encodeBatch(prompts, { padding: 'longest', paddingSide: 'left' });
    for (const [row, { attentionMask }] of encoding.encodings.entries())
      if (!attentionMask.includes(1)) throw new ArgumentError(`${task}: prompt ${row} is empty`);
    return withDevice(deviceOf(model), () => encoding.toTensors());
  };
  const call = async (input: string | readonly string[], given: TextGenerationOptions = {}) => {
    const { returnFullText = true, ...options } = { ...defaults, ...given };
    const prompts: readonly string[] = listOf(task, input);
    const size = batchSizeOf(task, options);
    const results: GeneratedText[][] = [];
    const before = model.training;
    model.eval();
    try {
      for (let begin = 0; begin < prompts.length; begin += size) {
        const part = prompts.slice(begin, begin + size);
        const { inputIds, attentionMask, tokenTypeIds } = encode(part);
        const time = inputIds.size(1);
        const rows = await generateTokens(model, inputIds, { ...options, attentionMask });
        for (const tensor of [inputIds, attentionMask, tokenTypeIds]) tensor.dispose();
        const times = rows.length / part.length;
        for (const [i, prompt] of part.entries()) {
          const own = rows.slice(i * times, (i + 1) * times);
          results.push(
            own.map((ids) => {
              const added = tokenizer.decode(ids.slice(time), { skipSpecialTokens: true });
              return { generatedText: returnFullText ? `${prompt}${added}` : added };
            }),
          );
        }
      }
    } finally {
      model.train(before);
    }
    return typeof input === 'string' ? results[0] : results;
  };

  async function* stream(prompt: string, given: TextGenerationOptions = {}): AsyncGenerator<string, void> {
    const options = { ...defaults, ...given };
    const tensors = encode([prompt]);
    const { inputIds, attentionMask }: { inputIds: Tensor; attentionMask: Tensor } = tensors;
    const before = model.training;
    model.eval();
    let said = '';
    const ids: number[] = [];
    try {
      for await (const [id] of streamTokens(model, inputIds, { ...options, attentionMask })) {
        if (id === undefined) continue;
        ids.push(id);
        const text = tokenizer.decode(ids, { skipSpecialTokens: true });
        // A replacement character at the end is a character whose bytes are not all there yet.
        if (text.endsWith('\uFFFD') || !text.startsWith(said) || text.length === said.length) continue;
        yield text.slice(said.length);
        said = text;
      }
      const rest = tokenizer.decode(ids, { skipSpecialTokens: true });
      if (rest.length > said.length) yield rest.slice(said.length);
    } finally {
      model.train(before);
      for (const tensor of Object.values(tensors)) tensor.dispose();
    }
  }
  return Object.assign(withParts(call, task, model, tokenizer), { stream }) as unknown as TextGenerationPipeline;
}

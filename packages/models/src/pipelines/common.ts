/** What all pipelines share: the parts that they are made of, and texts judged in batches of like length. */
import type { BatchEncoding, EncodeBatchOptions, TextOrPair, Tokenizer } from '@course/data';
import type { Module } from '@course/nn';
import {
  ArgumentError,
  device as current,
  type DeviceKind,
  FormatError,
  type HostArray,
  noGrad,
  scope,
  type Tensor,
  withDevice,
} from '@course/tensor';
import type { PretrainedConfig } from '../pretrained/config.js';

/** A model as pipelines call it. */
export interface PipelineModel extends Module {
  readonly config: PretrainedConfig;
  /** The table of word embeddings. */
  getInputEmbeddings(): { readonly numEmbeddings: number; readonly embeddingDim: number };
  /** The longest sequence in tokens, where the configuration does not say it outright. */
  readonly longestInput?: number;
}

/** Inputs that a tokenizer makes; models take those that they know. */
export interface TokenInputs {
  readonly attentionMask: Tensor;
  readonly tokenTypeIds: Tensor;
}

/** Options of every pipeline. */
export interface PipelineOptions {
  /** Texts that go through the model at once. Default 8. */
  readonly batchSize?: number;
}

/** What every pipeline has beside being called. */
export interface PipelineParts<M extends PipelineModel> {
  readonly task: string;
  readonly model: M;
  readonly tokenizer: Tokenizer;
  /** Frees the memory of the model. */
  dispose(): void;
}

/** A function with the parts of its pipeline. */
export function withParts<F extends (...args: never[]) => unknown, M extends PipelineModel>(
  call: F,
  task: string,
  model: M,
  tokenizer: Tokenizer,
): F & PipelineParts<M> {
  return Object.assign(call, { task, model, tokenizer, dispose: () => model.dispose() });
}

/**
 * Throws unless tokenizer and model belong together.
 *
 * @throws FormatError when the tokenizer has ids that the model's embedding has no row for.
 */
export function checkVocabulary(task: string, model: PipelineModel, tokenizer: Tokenizer): void {
  const rows = model.getInputEmbeddings().numEmbeddings;
  if (tokenizer.vocabSize > rows)
    throw new FormatError(
      `${task}: the tokenizer has ${tokenizer.vocabSize} tokens, the model's embedding ${rows} rows: they are not of one model`,
    );
}

/** @throws ArgumentError for a count that is no whole number of at least 1. */
export function checkCounts(task: string, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts))
    if (!(Number.isInteger(count) && count >= 1))
      throw new ArgumentError(`${task}: ${name} must be a whole number of at least 1, got ${count}`);
}

/** The batch size that options ask for. */
export function batchSizeOf(task: string, options: PipelineOptions, fallback = 8): number {
  const batchSize = options.batchSize ?? fallback;
  checkCounts(task, { batchSize });
  return batchSize;
}

/** The longest input of a model in tokens. */
export function longestInput(model: PipelineModel, tokenizer: Tokenizer): number {
  const { maxPositionEmbeddings, nPositions, maxLength } = model.config as PretrainedConfig & {
    readonly maxPositionEmbeddings?: number;
    readonly nPositions?: number;
    readonly maxLength?: number;
  };
  const own = model.longestInput ?? maxPositionEmbeddings ?? nPositions ?? maxLength ?? Infinity;
  return Math.min(own, tokenizer.modelMaxLength ?? Infinity);
}

/** A model's answer on the host. */
export interface HostOutput {
  readonly data: HostArray;
  readonly shape: readonly number[];
}

/** One batch on its way: its encodings, and which of the texts its rows are of. */
export interface Batch {
  readonly encoding: BatchEncoding;
  /** The place of each row's text among all. */
  readonly places: readonly number[];
  readonly outputs: readonly HostOutput[];
}

/** How {@link inBatches} goes about it. */
export interface BatchPlan {
  readonly tokenizer: Tokenizer;
  readonly model: PipelineModel;
  readonly batchSize: number;
  readonly encode: EncodeBatchOptions;
  /** What is wanted of a batch, read back before the next one is begun. */
  run(inputIds: Tensor, inputs: TokenInputs, batch: Omit<Batch, 'outputs'>): readonly Tensor[];
}

/** So many texts are encoded at once and shared out among batches: enough that like lengths meet, few enough to stay small. */
const GROUP = 4096;

/**
 * Texts through a model, batch by batch of at most `batchSize` rows. Rows with like numbers of tokens share a batch, so that padding costs
 * little; nothing depends on it, for padding is masked. A text may have several rows, windows, which come in any order. The model is in
 * evaluation mode meanwhile.
 */
export async function* inBatches(texts: readonly TextOrPair[], plan: BatchPlan): AsyncGenerator<Batch, void> {
  const { model, tokenizer, batchSize } = plan;
  const before = model.training;
  model.eval();
  try {
    for (let first = 0; first < texts.length; first += GROUP) {
      const all = tokenizer.encodeBatch(texts.slice(first, first + GROUP), { padding: 'longest', ...plan.encode });
      const { lengths, overflowToSampleMapping: samples } = all;
      const order = [...lengths.keys()].sort((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0) || a - b);
      for (let begin = 0; begin < order.length; begin += batchSize) {
        const rows = order.slice(begin, begin + batchSize);
        const batch = { encoding: all.select(rows), places: rows.map((row) => first + (samples[row] ?? 0)) };
        yield { ...batch, outputs: await outputsOf(batch, plan) };
      }
    }
  } finally {
    model.train(before);
  }
}

/** What is wanted of an encoded batch, on the host. */
async function outputsOf(batch: Omit<Batch, 'outputs'>, { model, run }: BatchPlan): Promise<HostOutput[]> {
  const wanted = withDevice(deviceOf(model), () =>
    scope(() =>
      noGrad(() => {
        const { inputIds, ...inputs } = batch.encoding.toTensors();
        return [...run(inputIds, inputs, batch)];
      }),
    ),
  );
  const outputs: HostOutput[] = [];
  for (const tensor of wanted) {
    outputs.push({ data: await tensor.data(), shape: tensor.shape });
    tensor.dispose();
  }
  return outputs;
}

/** exp(x - max) over their sum, in float64. */
export function softmaxOf(scores: ArrayLike<number>): number[] {
  const all = Array.from(scores);
  const most = Math.max(...all);
  const weights = all.map((score) => Math.exp(score - most));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** Where a model computes, which need not be the device in use. */
export function deviceOf(model: PipelineModel): DeviceKind {
  for (const { device } of model.parameters()) return device;
  return current.kind;
}

/** What a pipeline was called with as a list. */
export function listOf<T>(task: string, input: string | readonly T[]): readonly (T | string)[] {
  if (typeof input === 'string') return [input];
  if (Array.isArray(input)) return input as readonly T[];
  throw new ArgumentError(`${task}: expected a text or a list of texts, got ${input === null ? 'null' : typeof input}`);
}

/** Throws unless a text is a text. */
export function checkTexts(task: string, texts: readonly unknown[]): asserts texts is readonly string[] {
  for (const text of texts)
    if (typeof text !== 'string') throw new ArgumentError(`${task}: a text must be a string, got ${typeof text}`);
}

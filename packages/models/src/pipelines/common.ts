/** What all pipelines share: the parts that they are made of, and texts judged in batches of like length. */
import type { BatchEncoding, EncodeBatchOptions, TextOrPair, Tokenizer } from '@course/data';
import type { Module } from '@course/nn';
import { ArgumentError, FormatError, type HostArray, noGrad, scope, type Tensor } from '@course/tensor';
import type { PretrainedConfig } from '../pretrained/config.js';

/** A model as pipelines call it. */
export interface PipelineModel extends Module {
  readonly config: PretrainedConfig;
  /** The table of word embeddings. */
  getInputEmbeddings(): { readonly numEmbeddings: number; readonly embeddingDim: number };
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

/** The batch size that options ask for. */
export function batchSizeOf(task: string, options: PipelineOptions, fallback = 8): number {
  const size = options.batchSize ?? fallback;
  if (!(Number.isInteger(size) && size >= 1))
    throw new ArgumentError(`${task}: batchSize must be a whole number of at least 1, got ${size}`);
  return size;
}

/** The longest input of a model in tokens. */
export function longestInput(model: PipelineModel, tokenizer: Tokenizer): number {
  const { maxPositionEmbeddings, nPositions, maxLength } = model.config as PretrainedConfig & {
    readonly maxPositionEmbeddings?: number;
    readonly nPositions?: number;
    readonly maxLength?: number;
  };
  return Math.min(maxPositionEmbeddings ?? nPositions ?? maxLength ?? Infinity, tokenizer.modelMaxLength ?? Infinity);
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
  /** What is wanted of a batch, read back before the next one is begun. `batch` is all of it, of which a long text's windows are a part. */
  run(inputIds: Tensor, inputs: TokenInputs, batch: Omit<Batch, 'outputs'>): readonly Tensor[];
}

const lengthOf = (text: TextOrPair): number => (typeof text === 'string' ? text.length : text.join(' ').length);

/**
 * Texts through a model, batch by batch. Texts of like length share a batch, so that padding costs little; nothing depends on it, for
 * padding is masked. The model is in evaluation mode meanwhile.
 */
export async function* inBatches(texts: readonly TextOrPair[], plan: BatchPlan): AsyncGenerator<Batch, void> {
  const order = texts
    .map((_, place) => place)
    .sort((a, b) => lengthOf(texts[a] ?? '') - lengthOf(texts[b] ?? '') || a - b);
  const { model, tokenizer, batchSize } = plan;
  const before = model.training;
  model.eval();
  try {
    for (let begin = 0; begin < order.length; begin += batchSize) {
      const places = order.slice(begin, begin + batchSize);
      const encoding = tokenizer.encodeBatch(
        places.map((place) => texts[place] ?? ''),
        { padding: 'longest', ...plan.encode },
      );
      const batch = { encoding, places: encoding.overflowToSampleMapping.map((sample) => places[sample] ?? 0) };
      yield { ...batch, outputs: await inParts(batch, plan) };
    }
  } finally {
    model.train(before);
  }
}

/** What is wanted of an encoded batch. A long text has many windows: no more than `batchSize` rows go through the model at once. */
async function inParts(batch: Omit<Batch, 'outputs'>, { batchSize, run }: BatchPlan): Promise<HostOutput[]> {
  const { encoding } = batch;
  const rows = encoding.inputIds.length;
  const parts: HostOutput[][] = [];
  for (let begin = 0; begin < rows; begin += batchSize) {
    const wanted = scope(() =>
      noGrad(() => {
        const all = encoding.toTensors();
        const part = (x: Tensor): Tensor => x.narrow(0, begin, Math.min(batchSize, rows - begin));
        const inputs = { attentionMask: part(all.attentionMask), tokenTypeIds: part(all.tokenTypeIds) };
        return [...run(part(all.inputIds), inputs, batch)];
      }),
    );
    const outputs: HostOutput[] = [];
    for (const tensor of wanted) {
      outputs.push({ data: await tensor.data(), shape: tensor.shape });
      tensor.dispose();
    }
    parts.push(outputs);
  }
  const [first = [], ...others] = parts;
  if (others.length === 0) return first;
  return first.map(({ shape }, i) => {
    const pieces = parts.map((outputs) => outputs[i]?.data ?? new Float32Array(0));
    const data = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of pieces) {
      data.set(piece, at);
      at += piece.length;
    }
    return { data, shape: shape.with(0, rows) };
  });
}

/** exp(x - max) over their sum, in float64. */
export function softmaxOf(scores: ArrayLike<number>): number[] {
  const all = Array.from(scores);
  const most = Math.max(...all);
  const weights = all.map((score) => Math.exp(score - most));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** Throws unless a text is a text. */
export function checkTexts(task: string, texts: readonly unknown[]): void {
  for (const text of texts)
    if (typeof text !== 'string') throw new ArgumentError(`${task}: a text must be a string, got ${typeof text}`);
}

/**
 * A small transformer encoder that classifies text: token and position embeddings, pre-norm blocks, the mean over real tokens,
 * a linear layer. The smallest whole model, and the one that the first example trains.
 */
import type { BertTokenizer } from '@course/data';
import { Dropout, Embedding, init, LayerNorm, Linear, Module, ModuleList, TransformerEncoderBlock } from '@course/nn';
import { crossEntropy, ShapeError, scope, type Tensor } from '@course/tensor';
import { labelNames } from '../pretrained/config.js';
import { PreTrainedModel } from '../pretrained/pretrained-model.js';
import {
  completeConfig,
  MODEL_TYPE,
  type TextClassifierConfig,
  type TextClassifierOptions,
  type TextClassifierSizes,
  textClassifierConfigKind,
} from './config.js';

/** What the model needs beside the ids. */
export interface TextClassifierInputs {
  /** [batch, time], 1 = keep. All tokens count if absent. */
  readonly attentionMask?: Tensor | null;
  /** Class numbers [batch] (int32): with them the output carries the loss. */
  readonly labels?: Tensor | null;
  /** Also give the attention weights of every block. */
  readonly outputAttentions?: boolean;
}

/** What the model gives. */
export interface TextClassifierOutput {
  /** [batch, labels]. */
  readonly logits: Tensor;
  /** The mean cross-entropy, if labels were given. */
  readonly loss?: Tensor;
  /** [batch, heads, query, key] of each block, if asked for. */
  readonly attentions?: readonly Tensor[];
}

/** Token and learned position embeddings, added. */
class Embeddings extends Module {
  readonly token: Embedding;
  readonly position: Embedding;
  readonly dropout: Dropout;

  constructor(config: TextClassifierSizes) {
    super();
    this.token = new Embedding(config.vocabSize, config.dim);
    this.position = new Embedding(config.maxLength, config.dim);
    this.dropout = new Dropout(config.dropout);
  }

  forward(ids: Tensor): Tensor {
    const positions = this.position.weight.narrow(0, 0, ids.size(1));
    return this.dropout.forward(this.token.forward(ids).add(positions));
  }
}

/** One judgement of {@link TextClassifier.classify}. */
export interface Classification {
  readonly label: string;
  /** Probability of the label. */
  readonly score: number;
  /** Probability of every label. */
  readonly scores: Readonly<Record<string, number>>;
}

/**
 * A transformer encoder with mean pooling and a linear classifier.
 *
 * @example
 * const model = new TextClassifier({ vocabSize: tokenizer.vocabSize, labels: ['negative', 'positive'] });
 * const { logits } = model.forward(batch.inputIds, { attentionMask: batch.attentionMask });
 */
export class TextClassifier extends PreTrainedModel<TextClassifierSizes> {
  static readonly baseModelPrefix = 'text_classifier';
  static readonly configKind = textClassifierConfigKind;
  /** What `model_type` says in the `config.json` of a saved model: how a folder is told to hold one. */
  static readonly modelType = MODEL_TYPE;
  readonly embedding: Embeddings;
  readonly blocks: ModuleList<TransformerEncoderBlock>;
  readonly norm: LayerNorm;
  readonly classifier: Linear;

  constructor(options: TextClassifierOptions) {
    const config = completeConfig(options);
    super(config);
    const { dim, heads, layers, mlpDim, dropout } = config;
    this.embedding = new Embeddings(config);
    this.blocks = new ModuleList(
      Array.from({ length: layers }, () => new TransformerEncoderBlock(dim, heads, dim / heads, { mlpDim, dropout })),
    );
    this.norm = new LayerNorm(dim);
    this.classifier = new Linear(dim, labelNames(config).length);
    // At the end, and only if asked to: the rest takes from the random stream what its PyTorch twin takes.
    if (config.initializerRange !== 1)
      for (const { weight } of [this.embedding.token, this.embedding.position])
        init.normal_(weight, 0, config.initializerRange);
  }

  /** Sizes and labels. */
  override get config(): TextClassifierConfig {
    const config = super.config;
    return { ...config, labels: labelNames(config), embeddingStd: config.initializerRange };
  }

  getInputEmbeddings(): Embedding {
    return this.embedding.token;
  }

  embeddingModules(): readonly Module[] {
    return [this.embedding];
  }

  override layers(): Iterable<Module> {
    return this.blocks;
  }

  /** Draws the weights of one module as PyTorch's layers begin, embeddings with the deviation that the configuration names. */
  protected override initWeights(module: Module): void {
    if (module instanceof Embedding) init.normal_(module.weight, 0, this.config.embeddingStd);
    else if (module instanceof Linear) module.resetParameters();
    else super.initWeights(module);
  }

  /**
   * The logits of a batch, and what else is asked for.
   *
   * @param inputIds [batch, time], int32.
   */
  forward(
    inputIds: Tensor,
    { attentionMask, labels, outputAttentions = false }: TextClassifierInputs = {},
  ): TextClassifierOutput {
    if (inputIds.ndim !== 2)
      throw new ShapeError(`TextClassifier: inputIds must be [batch, time], got [${inputIds.shape.join(', ')}]`);
    const { maxLength } = this.config;
    if (inputIds.size(1) > maxLength)
      throw new ShapeError(
        `TextClassifier: a sequence of ${inputIds.size(1)} tokens is longer than maxLength (${maxLength}); truncate it when encoding`,
      );
    const attentions: Tensor[] = [];
    let hidden = this.embedding.forward(inputIds);
    for (const block of this.blocks) {
      const mask = attentionMask ?? null;
      if (!outputAttentions) {
        hidden = block.forward(hidden, { mask });
        continue;
      }
      const [next, weights] = block.forwardWithWeights(hidden, { mask });
      hidden = next;
      attentions.push(weights);
    }
    const logits = this.classifier.forward(meanOverTokens(this.norm.forward(hidden), attentionMask ?? null));
    return { logits, ...(labels && { loss: crossEntropy(logits, labels) }), ...(outputAttentions && { attentions }) };
  }

  /** Judges texts: the most probable label of each, with its probability. */
  async classify(tokenizer: BertTokenizer, texts: readonly string[]): Promise<Classification[]> {
    if (texts.length === 0) return [];
    const before = this.training;
    this.eval();
    const probabilities = scope(() => {
      const batch = tokenizer
        .encodeBatch(texts, { padding: 'longest', truncation: true, maxLength: this.config.maxLength })
        .toTensors();
      return this.forward(batch.inputIds, { attentionMask: batch.attentionMask }).logits.detach().softmax(-1);
    });
    this.train(before);
    const flat = await probabilities.data();
    probabilities.dispose();
    const { labels } = this.config;
    return texts.map((_, row) => {
      const own = labels.map((_label, id) => flat[row * labels.length + id] ?? 0);
      const best = own.indexOf(Math.max(...own));
      return {
        label: labels[best] ?? '',
        score: own[best] ?? 0,
        scores: Object.fromEntries(labels.map((label, id) => [label, own[id] ?? 0])),
      };
    });
  }
}

/** The mean of [batch, time, dim] over time, padding left out. */
function meanOverTokens(hidden: Tensor, attentionMask: Tensor | null): Tensor {
  if (!attentionMask) return hidden.mean(1);
  const kept = attentionMask.to('float32');
  return hidden
    .mul(kept.unsqueeze(-1))
    .sum(1)
    .div(kept.sum(1, { keepDim: true }).clamp({ min: 1 }));
}

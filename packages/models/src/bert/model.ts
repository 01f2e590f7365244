/** `BertModel`: BERT without a head, with the parameter names of the published checkpoints. */
import { type Embedding, init, type Module } from '@course/nn';
import type { Tensor } from '@course/tensor';
import type { ConfigKind } from '../pretrained/config.js';
import {
  broadcastMask,
  type ExtraOutputs,
  type OutputOptions,
  type ReadingOptions,
  runLayers,
} from '../pretrained/outputs.js';
import { checkIds, PreTrainedModel } from '../pretrained/pretrained-model.js';
import { type BertConfig, bertConfigKind } from './config.js';
import { type BertEmbeddingInputs, BertEmbeddings, BertEncoder, BertPooler } from './encoder.js';

/** What a BERT takes beside the ids. */
export interface BertInputs extends BertEmbeddingInputs, OutputOptions, ReadingOptions {
  /** [batch, time], 1 = keep, or [batch, query, key]. All tokens count if absent. */
  readonly attentionMask?: Tensor | null;
}

/** What {@link BertModel} gives. */
export interface BertModelOutput extends ExtraOutputs {
  /** [batch, time, hiddenSize]. */
  readonly lastHiddenState: Tensor;
  /** [batch, hiddenSize]; null in models whose head does not use it. */
  readonly poolerOutput: Tensor | null;
}

/** What the classes of BERT share. */
export abstract class BertPreTrainedModel extends PreTrainedModel<BertConfig> {
  static readonly configKind: ConfigKind<BertConfig> = bertConfigKind;
  static readonly baseModelPrefix: string = 'bert';
  /** A table of places that old files hold, and the teacher's head of distilled ones. */
  static readonly ignoredKeys = /(^|\.)position_ids$/;

  /** The tables of embeddings and what belongs to them. */
  embeddingModules(): readonly Module[] {
    return this.baseModel.embeddingModules();
  }

  /** The layers, from the input on. */
  layers(): Iterable<Module> {
    return this.baseModel.layers();
  }
}

/**
 * BERT's encoder, as [transformers.BertModel](https://huggingface.co/docs/transformers/model_doc/bert#transformers.BertModel).
 *
 * @example
 * const model = new BertModel(bertConfig({ vocabSize: 100, hiddenSize: 16, numHiddenLayers: 2, numAttentionHeads: 2, intermediateSize: 32 }));
 * const { lastHiddenState, poolerOutput } = model.eval().forward(tensor([[2, 7, 3]], { dtype: 'int32' })); // [1, 3, 16] and [1, 16]
 */
export class BertModel extends BertPreTrainedModel {
  readonly embeddings: BertEmbeddings;
  readonly encoder: BertEncoder;
  readonly pooler: BertPooler | null;

  constructor(config: BertConfig, { addPoolingLayer = true }: { readonly addPoolingLayer?: boolean } = {}) {
    super(config);
    this.embeddings = init.skipInit(() => new BertEmbeddings(config));
    this.encoder = init.skipInit(() => new BertEncoder(config));
    this.pooler = addPoolingLayer ? new BertPooler(config) : null;
    this.resetParameters();
  }

  /** The tables of embeddings and what belongs to them. */
  override embeddingModules(): readonly Module[] {
    return [this.embeddings];
  }

  /** The layers, from the input on. */
  override layers(): Iterable<Module> {
    return this.encoder.layer;
  }

  override getInputEmbeddings(): Embedding {
    return this.embeddings.wordEmbeddings;
  }

  /** The longest sequence, in tokens. */
  get longestInput(): number {
    return this.config.maxPositionEmbeddings;
  }

  /** The places of tokens, where none are given; null: 0, 1, 2, … */
  protected placesOf(_inputIds: Tensor): Tensor | null {
    return null;
  }

  /**
   * The states of a batch of tokens.
   *
   * @param inputIds [batch, time], int32.
   * @throws ArgumentError or ShapeError when inputs do not fit the model.
   */
  forward(inputIds: Tensor, { attentionMask, tokenTypeIds, positionIds, ...wanted }: BertInputs = {}): BertModelOutput {
    const { name } = this.constructor;
    const [batch, time] = checkIds(name, inputIds, this.longestInput);
    const mask = broadcastMask(name, attentionMask, batch, time);
    const embedded = this.embeddings.forward(inputIds, {
      tokenTypeIds: tokenTypeIds ?? null,
      positionIds: positionIds ?? this.placesOf(inputIds),
    });
    const output = runLayers(this.encoder.layer, embedded, mask, wanted);
    return { ...output, poolerOutput: this.pooler?.forward(output.lastHiddenState) ?? null };
  }
}

/**
 * The encoder-decoder Transformer of Vaswani et al. 2017 as a model with a configuration, files and `generate`: the class's blocks between
 * one table of word embeddings, sinusoidal positions and a linear layer over the vocabulary. The source is encoded once; keys and values of
 * the source and of past targets are kept while a target is made, so each further token costs only its own work.
 */
import {
  Buffer,
  Dropout,
  Embedding,
  init,
  KeyValueCache,
  LayerNorm,
  Linear,
  type Module,
  ModuleList,
  Parameter,
  sinusoidalTable,
  TransformerDecoderBlock,
  TransformerEncoderBlock,
} from '@course/nn';
import { ArgumentError, cat, noGrad, ShapeError, scope, type Tensor, tensor, where, zeros } from '@course/tensor';
import { type CausalModel, generateTokens, streamTokens } from '../generation/generate.js';
import type { GenerateOptions } from '../generation/options.js';
import { tokenLoss } from '../pretrained/outputs.js';
import { checkIds, PreTrainedModel } from '../pretrained/pretrained-model.js';
import { TiedLinear } from '../pretrained/tied-linear.js';
import { type Seq2SeqConfig, seq2SeqConfigKind } from './config.js';

/** What a {@link Seq2SeqTransformer} takes beside the source. */
export interface Seq2SeqInputs {
  /** [batch, source time], 1 = keep. All tokens count if absent. */
  readonly attentionMask?: Tensor | null;
  /** What the decoder reads, [batch, target time], int32: the target shifted by one place. Made from `labels` if absent. */
  readonly decoderInputIds?: Tensor | null;
  /** [batch, target time], int32: the target, with its end token; -100 where nothing is to be predicted. */
  readonly labels?: Tensor | null;
  /** Also give the attention weights of every layer, [batch, heads, query, key]. */
  readonly outputAttentions?: boolean;
}

/** What a {@link Seq2SeqTransformer} gives. */
export interface Seq2SeqOutput {
  /** Scores of the next word at every place of the target, [batch, target time, vocabSize]. */
  readonly logits: Tensor;
  /** The mean cross-entropy over labels other than -100, if labels were given. */
  readonly loss?: Tensor;
  /** The encoded source, [batch, source time, dModel]. */
  readonly encoderLastHiddenState: Tensor;
  readonly encoderAttentions?: readonly Tensor[];
  readonly decoderAttentions?: readonly Tensor[];
  /** What each place of the target looks at in the source: the alignment. */
  readonly crossAttentions?: readonly Tensor[];
}

/** What decoding needs to know of the source. */
interface Memory {
  readonly states: Tensor;
  readonly mask: Tensor | null;
}

/**
 * An encoder-decoder Transformer, for translation and other tasks from one text to another.
 *
 * @example
 * const model = new Seq2SeqTransformer(seq2SeqConfig({ vocabSize: 20, dModel: 16, encoderLayers: 1, decoderLayers: 1, numAttentionHeads: 2, ffnDim: 32 }));
 * const source = tensor([[5, 6, 7, 2]], { dtype: 'int32' });
 * const { loss } = model.forward(source, { labels: tensor([[7, 6, 5, 2]], { dtype: 'int32' }) });
 * const [target] = await model.eval().generate(source, { maxNewTokens: 5 });
 */
export class Seq2SeqTransformer extends PreTrainedModel<Seq2SeqConfig> {
  static readonly configKind = seq2SeqConfigKind;
  static readonly baseModelPrefix = 'model';
  readonly shared: Embedding;
  readonly positions: Buffer;
  readonly dropout: Dropout;
  readonly encoder: ModuleList<TransformerEncoderBlock>;
  readonly encoderNorm: LayerNorm | null;
  readonly decoder: ModuleList<TransformerDecoderBlock>;
  readonly decoderNorm: LayerNorm | null;
  readonly lmHead: TiedLinear;

  constructor(config: Seq2SeqConfig) {
    super(config);
    const { dModel, numAttentionHeads: heads, vocabSize } = config;
    const options = {
      norm: config.normFirst ? 'pre' : 'post',
      activation: config.activationFunction === 'relu' ? 'relu' : 'gelu',
      mlpDim: config.ffnDim,
      dropout: config.dropout,
    } as const;
    const norm = () => (config.normFirst ? new LayerNorm(dModel) : null);
    const stack = <B extends Module>(count: number, make: () => B): ModuleList<B> =>
      init.skipInit(() => new ModuleList(Array.from({ length: count }, make)));
    this.shared = init.skipInit(() => new Embedding(vocabSize, dModel, { paddingIdx: config.padTokenId }));
    this.positions = new Buffer(sinusoidalTable(config.maxPositionEmbeddings, dModel), { persistent: false });
    this.dropout = new Dropout(config.dropout);
    const headDim = dModel / heads;
    this.encoder = stack(config.encoderLayers, () => new TransformerEncoderBlock(dModel, heads, headDim, options));
    this.encoderNorm = norm();
    this.decoder = stack(config.decoderLayers, () => new TransformerDecoderBlock(dModel, heads, headDim, options));
    this.decoderNorm = norm();
    const words = config.tieWordEmbeddings ? this.shared.weight : new Parameter(zeros([vocabSize, dModel]));
    this.lmHead = new TiedLinear(words);
    this.resetParameters();
  }

  override getInputEmbeddings(): Embedding {
    return this.shared;
  }

  override getOutputEmbeddings(): TiedLinear {
    return this.lmHead;
  }

  override embeddingModules(): readonly Module[] {
    return [this.shared];
  }

  override *layers(): Iterable<Module> {
    yield* this.encoder;
    yield* this.decoder;
  }

  /** The longest source and the longest target, in tokens. */
  get maxPositions(): number {
    return this.config.maxPositionEmbeddings;
  }

  /** Matrices by Glorot, as torch's Transformer draws them; words of variance 1 after their scaling by the root of `dModel`. */
  protected override initWeights(module: Module): void {
    const { dModel, tieWordEmbeddings } = this.config;
    super.initWeights(module);
    if (module instanceof Linear) init.xavierUniform_(module.weight);
    else if (module instanceof TiedLinear && !tieWordEmbeddings) init.xavierUniform_(module.weight);
    else if (module instanceof Embedding) {
      init.normal_(module.weight, 0, dModel ** -0.5);
      noGrad(() => init.zeros_(module.weight.select(0, this.config.padTokenId)));
    }
  }

  /**
   * Scores of each next word of the target.
   *
   * @param inputIds The source, [batch, source time], int32.
   * @throws ArgumentError or ShapeError when inputs do not fit the model.
   */
  forward(
    inputIds: Tensor,
    { attentionMask, decoderInputIds, labels, outputAttentions = false }: Seq2SeqInputs = {},
  ): Seq2SeqOutput {
    const targets = decoderInputIds ?? (labels ? this.shiftRight(labels) : null);
    if (!targets)
      throw new ArgumentError('Seq2SeqTransformer: forward needs decoderInputIds or labels; generate() makes a target');
    const encoderAttentions: Tensor[] = [];
    const states = this.#encode(inputIds, attentionMask ?? null, outputAttentions ? encoderAttentions : null);
    const memory = { states, mask: attentionMask ?? null };
    const decoderAttentions: [self: Tensor, cross: Tensor][] = [];
    const logits = this.#decode(targets, memory, null, outputAttentions ? decoderAttentions : null);
    return {
      logits,
      ...(labels && { loss: tokenLoss(logits, labels) }),
      encoderLastHiddenState: states,
      ...(outputAttentions && {
        encoderAttentions,
        decoderAttentions: decoderAttentions.map(([own]) => own),
        crossAttentions: decoderAttentions.map(([, cross]) => cross),
      }),
    };
  }

  /** What the decoder reads while it learns `labels` [batch, time], namely the start token and all labels but the last, padding for -100. */
  shiftRight(labels: Tensor): Tensor {
    if (labels.ndim !== 2 || labels.size(1) === 0)
      throw new ShapeError(`Seq2SeqTransformer: labels must be [batch, time], got [${labels.shape.join(', ')}]`);
    const { decoderStartTokenId, padTokenId } = this.config;
    const start = labels.newFull([labels.size(0), 1], decoderStartTokenId);
    const before = labels.narrow(1, 0, labels.size(1) - 1);
    return cat([start, where(before.ge(0), before, before.newFull(before.shape, padTokenId))], 1);
  }

  /**
   * Targets for sources: one list of ids a row, the start token first, as transformers' `generate` gives them for models of this kind.
   *
   * @param inputIds [batch, source time], int32; shorter sources padded on the right, with an `attentionMask`.
   * @throws ArgumentError or ShapeError for options and sources that do not fit the model.
   */
  async generate(inputIds: Tensor, options: GenerateOptions = {}): Promise<number[][]> {
    const [decoder, start, free] = this.#session(inputIds, options);
    try {
      return await generateTokens(decoder, start, { ...options, attentionMask: null });
    } finally {
      free();
    }
  }

  /** As {@link Seq2SeqTransformer.generate}, token by token: each step gives one id a row. */
  async *stream(inputIds: Tensor, options: GenerateOptions = {}): AsyncGenerator<number[], void> {
    const [decoder, start, free] = this.#session(inputIds, options);
    try {
      yield* streamTokens(decoder, start, { ...options, attentionMask: null });
    } finally {
      free();
    }
  }

  /** The decoder with an encoded source, as generation takes it; the tokens that targets begin with; and what frees both. */
  #session(inputIds: Tensor, options: GenerateOptions): [decoder: CausalModel, start: Tensor, free: () => void] {
    const mask = options.attentionMask ?? null;
    const times = options.numReturnSequences ?? this.generationConfig.numReturnSequences ?? 1;
    const rows = Array.from({ length: inputIds.size(0) * times }, (_, i) => Math.floor(i / times));
    const held = scope(() =>
      noGrad(() => {
        const order = tensor(Int32Array.from(rows));
        const several = (x: Tensor): Tensor => (times === 1 ? x : x.indexSelect(0, order));
        const states = several(this.#encode(inputIds, mask, null));
        const kept = mask && several(mask).clone();
        return [
          states,
          inputIds.newFull([inputIds.size(0), 1], this.config.decoderStartTokenId),
          ...(kept ? [kept] : []),
        ];
      }),
    );
    const [states, start, kept = null] = held as [Tensor, Tensor, Tensor?];
    const memory: Memory = { states, mask: kept };
    const { decoderLayers, eosTokenId } = this.config;
    const decoder: CausalModel = {
      maxPositions: this.maxPositions,
      eosTokenId,
      generationConfig: { padTokenId: this.config.padTokenId, ...this.generationConfig },
      // Those of the targets, then those of the source.
      newCaches: (capacity) =>
        Array.from(
          { length: 2 * decoderLayers },
          (_, i) => new KeyValueCache(i < decoderLayers ? capacity : states.size(1)),
        ),
      forward: (ids, { caches }) => ({ logits: this.#decode(ids, memory, caches ?? null, null) }),
    };
    const free = (): void => {
      for (const each of held) each.dispose();
    };
    return [decoder, start, free];
  }

  #embed(ids: Tensor, past: number): Tensor {
    const words = this.shared.forward(ids).mul(Math.sqrt(this.config.dModel));
    return this.dropout.forward(words.add(this.positions.narrow(0, past, ids.size(1))));
  }

  #encode(inputIds: Tensor, mask: Tensor | null, attentions: Tensor[] | null): Tensor {
    checkIds('Seq2SeqTransformer', inputIds, this.maxPositions);
    let hidden = this.#embed(inputIds, 0);
    for (const block of this.encoder) {
      if (!attentions) {
        hidden = block.forward(hidden, { mask });
        continue;
      }
      const [next, weights] = block.forwardWithWeights(hidden, { mask });
      hidden = next;
      attentions.push(weights);
    }
    return this.encoderNorm?.forward(hidden) ?? hidden;
  }

  #decode(
    ids: Tensor,
    { states, mask }: Memory,
    caches: readonly KeyValueCache[] | null,
    attentions: [self: Tensor, cross: Tensor][] | null,
  ): Tensor {
    const past = caches?.[0]?.length ?? 0;
    const [batch] = checkIds('Seq2SeqTransformer', ids, this.maxPositions - past);
    if (batch !== states.size(0))
      throw new ShapeError(`Seq2SeqTransformer: ${states.size(0)} sources, but ${batch} targets`);
    const count = this.config.decoderLayers;
    let hidden = this.#embed(ids, past);
    for (const [i, block] of [...this.decoder].entries()) {
      const call = { contextMask: mask, cache: caches?.[i] ?? null, contextCache: caches?.[count + i] ?? null };
      if (!attentions) {
        hidden = block.forward(hidden, states, call);
        continue;
      }
      const [next, own, cross] = block.forwardWithWeights(hidden, states, call);
      hidden = next;
      attentions.push([own, cross]);
    }
    return this.lmHead.forward(this.decoderNorm?.forward(hidden) ?? hidden);
  }
}

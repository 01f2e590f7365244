/** GPT-2 with its head: the next word, and texts made of next words. */
import { type Embedding, init, KeyValueCache, type Module, Parameter } from '@course/nn';
import { ShapeError, type Tensor, zeros } from '@course/tensor';
import { generateTokens, streamTokens } from '../generation/generate.js';
import type { GenerateOptions } from '../generation/options.js';
import { type ExtraOutputs, extras, tokenLoss } from '../pretrained/outputs.js';
import { TiedLinear } from '../pretrained/tied-linear.js';
import type { Gpt2Config } from './config.js';
import { GPT2Model, GPT2PreTrainedModel, type Gpt2Inputs } from './model.js';

/** Inputs with labels: the ids themselves, -100 where nothing is to be predicted; the model shifts them. */
export interface Gpt2LabelledInputs extends Gpt2Inputs {
  readonly labels?: Tensor | null;
}

/** What a causal language model gives. */
export interface CausalLMOutput extends ExtraOutputs {
  /** Scores of the next word at every place, [batch, time, vocabSize]. */
  readonly logits: Tensor;
  /** The mean cross-entropy of each token from those before it, if labels were given. */
  readonly loss?: Tensor;
}

/**
 * GPT-2 that predicts the next word, as [transformers.GPT2LMHeadModel](https://huggingface.co/docs/transformers/model_doc/gpt2#transformers.GPT2LMHeadModel).
 *
 * @example
 * const model = new GPT2LMHeadModel(gpt2Config({ vocabSize: 100, nPositions: 16, nEmbd: 16, nLayer: 2, nHead: 2 }));
 * const ids = tensor([[2, 7, 3]], { dtype: 'int32' });
 * const { logits, loss } = model.forward(ids, { labels: ids }); // logits [1, 3, 100]
 */
export class GPT2LMHeadModel extends GPT2PreTrainedModel {
  readonly transformer: GPT2Model;
  readonly lmHead: TiedLinear;

  constructor(config: Gpt2Config) {
    super(config);
    this.transformer = init.skipInit(() => new GPT2Model(config));
    const { nEmbd, vocabSize } = config;
    this.lmHead = new TiedLinear(
      config.tieWordEmbeddings ? this.transformer.wte.weight : new Parameter(zeros([vocabSize, nEmbd])),
    );
    this.resetParameters();
  }

  override getInputEmbeddings(): Embedding {
    return this.transformer.wte;
  }

  /** As in the base class; a decoder that is not tied is drawn too. */
  override getOutputEmbeddings(): TiedLinear {
    return this.lmHead;
  }

  /** As in the base class; a decoder that is not tied is drawn too. */
  protected override initWeights(module: Module): void {
    super.initWeights(module);
    if (module instanceof TiedLinear && !this.config.tieWordEmbeddings)
      init.normal_(module.weight, 0, this.config.initializerRange);
  }

  /** The longest sequence, in tokens. */
  get maxPositions(): number {
    return this.config.nPositions;
  }

  /** The token that ends a text. */
  get eosTokenId(): number {
    return this.config.eosTokenId;
  }

  /** Empty caches of keys and values, one a layer, to be passed to `forward` again and again. */
  newCaches(capacity = 64): KeyValueCache[] {
    return Array.from({ length: this.config.nLayer }, () => new KeyValueCache(capacity));
  }

  /**
   * Prompts with what the model adds to them, one list of ids a row, as
   * [transformers' generate](https://huggingface.co/docs/transformers/main_classes/text_generation): greedy, or drawn with temperature, top-k
   * and top-p.
   *
   * @param inputIds [batch, time], int32; shorter prompts padded on the left.
   * @throws ArgumentError or ShapeError for options and prompts that do not fit the model.
   * @example
   * const model = new GPT2LMHeadModel(gpt2Config({ vocabSize: 100, nPositions: 16, nEmbd: 16, nLayer: 2, nHead: 2, eosTokenId: 99 })).eval();
   * const [ids] = await model.generate(tensor([[2, 7, 3]], { dtype: 'int32' }), { maxNewTokens: 5, doSample: true, topK: 10 });
   */
  generate(inputIds: Tensor, options: GenerateOptions = {}): Promise<number[][]> {
    return generateTokens(this, inputIds, options);
  }

  /**
   * As {@link GPT2LMHeadModel.generate}, token by token: each step gives one id a row.
   *
   * @example
   * const model = new GPT2LMHeadModel(gpt2Config({ vocabSize: 100, nPositions: 16, nEmbd: 16, nLayer: 2, nHead: 2, eosTokenId: 99 })).eval();
   * for await (const [id] of model.stream(tensor([[2, 7, 3]], { dtype: 'int32' }), { maxNewTokens: 5 })) console.log(id);
   */
  stream(inputIds: Tensor, options: GenerateOptions = {}): AsyncGenerator<number[], void> {
    return streamTokens(this, inputIds, options);
  }

  /**
   * The outputs of a batch, and the loss where labels are given.
   *
   * @param inputIds [batch, time], int32.
   */
  forward(inputIds: Tensor, { labels, ...inputs }: Gpt2LabelledInputs = {}): CausalLMOutput {
    const output = this.transformer.forward(inputIds, inputs);
    const logits = this.lmHead.forward(output.lastHiddenState);
    const time = inputIds.size(1);
    if (labels && time < 2)
      throw new ShapeError('GPT2LMHeadModel: a loss needs at least two tokens: each is predicted from those before it');
    const loss = labels ? tokenLoss(logits.narrow(1, 0, time - 1), labels.narrow(1, 1, time - 1)) : null;
    return { logits, ...(loss && { loss }), ...extras(output) };
  }
}

/**
 * Texts as vectors whose directions say how alike they are: MiniLM and its like, after
 * [sentence-transformers](https://sbert.net/docs/package_reference/sentence_transformer/SentenceTransformer.html), whose folders it reads and
 * writes.
 */
import { AutoTokenizer, type Tokenizer } from '@course/data';
import { ArgumentError, ShapeError, type Tensor, tensor } from '@course/tensor';
import { makeFolder, writeText } from '@course/tensor/files';
import { AutoModel, type AutoOptions } from '../auto.js';
import { batchSizeOf, checkTexts, checkVocabulary, inBatches, longestInput } from '../pipelines/common.js';
import type { FeatureModel } from '../pipelines/feature-extraction.js';
import { openModelFiles } from '../pretrained/files.js';
import type { PreTrainedModel, SavePretrainedOptions } from '../pretrained/pretrained-model.js';
import { readSentenceConfig, type SentenceConfig, writeSentenceConfig } from './config.js';
import { type Pooling, poolStates } from './pooling.js';

/** Options of a {@link SentenceTransformer} that is put together by hand. */
export interface SentenceTransformerOptions {
  /** How the states of tokens become one vector. Default `mean`. */
  readonly pooling?: Pooling | readonly Pooling[];
  /** Scale vectors to length 1. Default false. */
  readonly normalize?: boolean;
  /** Cut texts to so many tokens. Default: as long as the model reads. */
  readonly maxSeqLength?: number | null;
  /** Make texts lower case first. Default false. */
  readonly doLowerCase?: boolean;
}

/** Options of {@link SentenceTransformer.encode}. */
export interface EncodeSentencesOptions {
  /** Texts that go through the model at once. Default 32. */
  readonly batchSize?: number;
  /** Scale vectors to length 1, whatever the model says. */
  readonly normalize?: boolean;
}

/** A model without a head that can be saved. */
type SentenceModel = FeatureModel & Pick<PreTrainedModel, 'savePretrained'>;

/**
 * A model that makes vectors of texts.
 *
 * @example
 * const bert = new BertModel(bertConfig({ vocabSize: tokenizer.vocabSize, hiddenSize: 16, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 32 }));
 * const sentences = new SentenceTransformer(bert, tokenizer, { normalize: true });
 * const vectors = await sentences.encode(['two models', 'a question', 'two or three']); // [3, 16]
 * sentences.similarity(vectors, vectors).shape; // [3, 3]
 */
export class SentenceTransformer {
  readonly config: SentenceConfig;

  constructor(
    readonly model: SentenceModel,
    readonly tokenizer: Tokenizer,
    { pooling = 'mean', normalize = false, maxSeqLength = null, doLowerCase = false }: SentenceTransformerOptions = {},
  ) {
    checkVocabulary('SentenceTransformer', model, tokenizer);
    if (maxSeqLength !== null && !(Number.isInteger(maxSeqLength) && maxSeqLength >= 1))
      throw new ArgumentError(
        `SentenceTransformer: maxSeqLength must be a whole number of at least 1 or null, got ${maxSeqLength}`,
      );
    this.config = {
      pooling: typeof pooling === 'string' ? [pooling] : [...pooling],
      normalize,
      maxSeqLength,
      doLowerCase,
    };
  }

  /** The longest text in tokens; longer ones are cut. */
  get maxSeqLength(): number {
    return Math.min(this.config.maxSeqLength ?? Infinity, longestInput(this.model, this.tokenizer));
  }

  /**
   * The vectors of texts, [texts, width], or [width] for one text. Texts of like length share a batch.
   *
   * @throws ArgumentError when a text is none.
   */
  encode(texts: string | readonly string[], options?: EncodeSentencesOptions): Promise<Tensor>;
  async encode(input: string | readonly string[], options: EncodeSentencesOptions = {}): Promise<Tensor> {
    const name = 'SentenceTransformer';
    const { pooling, doLowerCase } = this.config;
    const normalize = options.normalize ?? this.config.normalize;
    const texts = typeof input === 'string' ? [input] : input;
    checkTexts(name, texts);
    const batches = inBatches(doLowerCase ? texts.map((text) => text.toLowerCase()) : texts, {
      tokenizer: this.tokenizer,
      model: this.model,
      batchSize: batchSizeOf(name, options, 32),
      encode: { truncation: true, maxLength: this.maxSeqLength },
      run: (inputIds, inputs) => [
        poolStates(this.model.forward(inputIds, inputs).lastHiddenState, inputs.attentionMask, { pooling, normalize }),
      ],
    });
    let [vectors, width] = [new Float32Array(0), 0];
    for await (const { places, outputs } of batches) {
      const { data = [], shape = [] } = outputs[0] ?? {};
      if (vectors.length === 0) {
        width = shape[1] ?? 0;
        vectors = new Float32Array(texts.length * width);
      }
      for (const [row, place] of places.entries())
        vectors.set(data.slice(row * width, (row + 1) * width), place * width);
    }
    return tensor(vectors, { shape: typeof input === 'string' ? [width] : [texts.length, width] });
  }

  /**
   * How alike vectors are: the cosines of their angles, from -1 to 1, of each of `a` with each of `b`.
   *
   * @param a [n, width], or [width] for one.
   * @param b [m, width] likewise.
   * @returns [n, m].
   */
  similarity(a: Tensor, b: Tensor): Tensor {
    const rows = (x: Tensor): Tensor => {
      if (x.ndim !== 1 && x.ndim !== 2)
        throw new ShapeError(`similarity: vectors must be [count, width] or [width], got [${x.shape.join(', ')}]`);
      const matrix = x.ndim === 1 ? x.unsqueeze(0) : x;
      return matrix.div(matrix.norm(-1, { keepDim: true }).clamp({ min: 1e-12 }));
    };
    return rows(a).matmul(rows(b).transpose(0, 1));
  }

  /**
   * Reads a folder of sentence-transformers, or one with a model and a tokenizer alone.
   *
   * @param source A folder, a URL, or a model id such as `sentence-transformers/all-MiniLM-L6-v2`.
   * @throws FormatError that names the file, when one is missing, or asks for a step that is not here.
   */
  static async fromPretrained(source: string | URL, options: AutoOptions = {}): Promise<SentenceTransformer> {
    const config = await readSentenceConfig(await openModelFiles(source, options));
    const name = source instanceof URL ? source.href : source;
    const tokenizer = await AutoTokenizer.fromPretrained(name, options);
    const model = await AutoModel.fromPretrained(source, options);
    try {
      return new SentenceTransformer(model, tokenizer, config);
    } catch (error) {
      model.dispose();
      throw error;
    }
  }

  /** Writes model, tokenizer and the files of sentence-transformers, which reads them in Python. */
  async savePretrained(folder: string, options: Omit<SavePretrainedOptions, 'tokenizer'> = {}): Promise<void> {
    await this.model.savePretrained(folder, { ...options, tokenizer: this.tokenizer });
    const width = this.model.getInputEmbeddings().embeddingDim;
    await makeFolder(`${folder}/1_Pooling`);
    if (this.config.normalize) await makeFolder(`${folder}/2_Normalize`);
    for (const [path, text] of Object.entries(writeSentenceConfig(this.config, width)))
      await writeText(`${folder}/${path}`, text);
  }

  /** Frees the memory of the model. */
  dispose(): void {
    this.model.dispose();
  }
}

/**
 * FastText (Bojanowski et al. 2017): Word2Vec in which a word is the mean of a vector of its own and those of its character n-grams, so that
 * words spelt alike share what they learn, and words that were never seen have a vector. N-grams share `bucket` vectors by a hash. Only buckets
 * that a word of the vocabulary falls into are stored: the others are never trained, and gensim's and fastText's random numbers there are
 * noise in the vectors of unknown words. So memory grows with the text and not with `bucket`.
 */
import type { Sentences, Vocabulary } from './corpus.js';
import { FastTextKeyedVectors } from './fasttext-vectors.js';
import { ngramBuckets } from './ngrams.js';
import {
  OptionCheck,
  type ResolvedWord2VecOptions,
  resolveWord2Vec,
  type TrainOptions,
  type Word2VecOptions,
} from './options.js';
import { type RowPlan, WindowModel } from './window-model.js';

/** Options of {@link FastText}; gensim's, by gensim's defaults. */
export interface FastTextOptions extends Word2VecOptions {
  /** Characters of the shortest n-grams. Default 3. */
  readonly minN?: number;
  /** Characters of the longest n-grams. Default 6; 0 for none, which is Word2Vec. */
  readonly maxN?: number;
  /** Vectors that the n-grams share. Default 2,000,000. */
  readonly bucket?: number;
}

type Resolved = ResolvedWord2VecOptions & Required<FastTextOptions>;

/**
 * Vectors of words and of their parts; as [gensim's FastText](https://radimrehurek.com/gensim/models/fasttext.html).
 *
 * @example
 * const sentences = [['she', 'walked', 'home'], ['he', 'walks', 'home'], ['they', 'talked', 'there']];
 * const model = await FastText.fit(sentences, { vectorSize: 8, minCount: 1, minN: 3, maxN: 5, epochs: 20 });
 * model.wv.has('walking'); // false
 * model.wv.getVector('walking').length; // 8
 */
export class FastText extends WindowModel<FastTextKeyedVectors, Resolved> {
  protected readonly owner = 'FastText';

  /** @throws ArgumentError for an option outside its domain. */
  constructor({ minN = 3, maxN = 6, bucket = 2_000_000, ...options }: FastTextOptions = {}) {
    super({ ...resolveWord2Vec('FastText', options), minN, maxN, bucket });
    const check = new OptionCheck('FastText');
    check.whole('minN', minN, 1);
    check.whole('maxN', maxN, 0);
    check.whole('bucket', bucket, 1);
  }

  /** A model of the words of some sentences, trained on them; as {@link Word2Vec.fit}. */
  static fit(
    sentences: Sentences,
    { onProgress, ...options }: FastTextOptions & Pick<TrainOptions, 'onProgress'> = {},
  ): Promise<FastText> {
    return new FastText(options).learn(sentences, onProgress ? { onProgress } : {});
  }

  /** A word is its own row and those of its n-grams, which follow behind the rows of words. */
  protected plan(vocabulary: Vocabulary): RowPlan<FastTextKeyedVectors> {
    const { vectorSize: width } = this.options;
    const count = vocabulary.words.length;
    const rowOf = new Map<number, number>();
    const starts = new Int32Array(count + 1);
    const list: number[] = [];
    for (const [word, text] of vocabulary.words.entries()) {
      list.push(word);
      for (const bucket of ngramBuckets(text, this.options)) {
        const row = rowOf.get(bucket) ?? rowOf.size;
        rowOf.set(bucket, row);
        list.push(count + row);
      }
      starts[word + 1] = list.length;
    }
    const rows = Int32Array.from(list);
    return {
      wordRows: { starts, rows },
      count: count + rowOf.size,
      vectors: (inputs) =>
        new FastTextKeyedVectors(vocabulary, width, this.options, rowOf, inputs.subarray(count * width)),
      settled: ({ vectors }, inputs) => {
        vectors.fill(0);
        for (let word = 0; word < count; word++) {
          const [from, to] = [starts[word]!, starts[word + 1]!];
          for (let r = from; r < to; r++)
            for (let k = 0; k < width; k++) vectors[word * width + k]! += inputs[rows[r]! * width + k]! / (to - from);
        }
      },
    };
  }
}

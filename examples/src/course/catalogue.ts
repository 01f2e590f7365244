// Every example of the courses: its name, a line for the list, the notebook cell that it answers, and where it is. Notebooks are named as
// the course index in docs/courses.md names them.
import type { Example } from './lesson.js';

/** An example in the list. */
export interface Entry {
  /** What it shows, in a line. */
  readonly line: string;
  /** The notebook and its cell. */
  readonly answers: string;
  load(): Promise<{ readonly example: Example }>;
}

const entry = <Parts extends object>(
  line: string,
  answers: string,
  load: () => Promise<{ readonly example: Example<Parts> }>,
): Entry => ({ line, answers, load: load as unknown as Entry['load'] });

/** The examples by name. */
export const catalogue: Readonly<Record<string, Entry>> = {
  'attention-matrix': entry(
    'queries, keys and values of four tokens, and who attends to whom',
    'UCI day 3, 2.1, exercise 1',
    () => import('../attention-matrix/example.js'),
  ),
  'scaled-dot-product': entry(
    'scaled dot-product attention with and without a mask',
    'AICC303 4.2, 1.1',
    () => import('../scaled-dot-product/example.js'),
  ),
  'cosine-similarity': entry(
    'how alike three word vectors are, as a heatmap',
    'UCI day 3, 2.1',
    () => import('../cosine-similarity/example.js'),
  ),
  'self-attention': entry(
    'one attention head from scratch, with a mask',
    'Transformers from scratch, 1.0',
    () => import('../self-attention/example.js'),
  ),
  'multi-head-attention': entry(
    'eight heads from scratch',
    'Transformers from scratch, 2.0',
    () => import('../multi-head-attention/example.js'),
  ),
  'encoder-block': entry(
    'the block that encoders are stacked from',
    'Transformers from scratch, 3.0',
    () => import('../encoder-block/example.js'),
  ),
  transformer: entry(
    'decoder block, positions and the whole transformer, which learns to say sequences backwards',
    'Transformers from scratch, 4.0',
    () => import('../transformer/example.js'),
  ),
  'two-circles': entry(
    'a problem that no line divides: by a feature, by hand, and by a network of 17 parameters',
    'Lesson 3, 1 and 2',
    () => import('../two-circles/example.js'),
  ),
  'parameter-count': entry(
    'the 263,005 parameters of a network for 5 classes',
    'Lesson 3, 2',
    () => import('../parameter-count/example.js'),
  ),
  'bert-tokenization': entry(
    'text in pieces and numbers, padded and cut; how vocabularies grow',
    'Lesson 3, 3; UCI day 3, 1; AICC303 4.2, 3; the class, 5.0',
    () => import('../bert-tokenization/example.js'),
  ),
  'wordpiece-and-bpe': entry(
    'how vocabularies of pieces are learned, by hand and on a book',
    'Lesson 3, 3; UCI day 3, 1.1',
    () => import('../wordpiece-and-bpe/example.js'),
  ),
  'text-preprocessing': entry(
    'words, stems, stop words, n-grams, TF-IDF and vectors of length 1',
    'ML course lecture 8, text preprocessing pipelines; scaling',
    () => import('../text-preprocessing/example.js'),
  ),
  'bag-of-words': entry(
    'reviews as bags of words, a network with dropout, and why “not too terrible” is negative',
    'ML course lecture 8, neural networks on bag of words',
    () => import('../bag-of-words/example.js'),
  ),
  'frozen-embeddings': entry(
    'GloVe vectors in a classifier: frozen, trained on, and beside random ones',
    'ML course lecture 8, pre-trained embeddings, let’s try this',
    () => import('../frozen-embeddings/example.js'),
  ),
  'conv1d-text': entry(
    'convolutions over words, how far they see, and causal ones',
    'ML course lecture 8, 1D convolutional networks',
    () => import('../conv1d-text/example.js'),
  ),
  'recurrent-networks': entry(
    'the recurrence by hand, vanishing gradients, and what RNN, LSTM and GRU remember',
    'ML course lecture 8, recurrent neural networks',
    () => import('../recurrent-networks/example.js'),
  ),
  'character-language-model': entry(
    'a recurrent network reads a book and writes, at several temperatures',
    'ML course lecture 8, sequence-to-sequence models; autoregressive models',
    () => import('../character-language-model/example.js'),
  ),
  'gpt-from-scratch': entry(
    'a GPT of single parts learns to write',
    'ML course lecture 8, famous transformers',
    () => import('../gpt-from-scratch/example.js'),
  ),
  'simple-self-attention': entry(
    'self-attention with nothing to learn: mixtures of words by their likeness, in no order',
    'ML course lecture 8, simple self-attention; scaled dot products',
    () => import('../simple-self-attention/example.js'),
  ),
  'masked-self-attention': entry(
    'no look at what comes later, proved and put to use',
    'ML course lecture 8, autoregressive models; masked self-attention',
    () => import('../masked-self-attention/example.js'),
  ),
  negation: entry(
    'self-attention over frozen vectors learns that “not” turns “terrible”',
    'ML course lecture 8, simple self-attention layer; multi-head self-attention',
    () => import('../negation/example.js'),
  ),
  'embedding-pooling': entry(
    'word vectors learned from labels, their mean, and the permute that the notebook forgets',
    'ML course lecture 8, learning embeddings from scratch',
    () => import('../embedding-pooling/example.js'),
  ),
  'fine-tuning': entry(
    'BERT learns to give stars from a thousand reviews, with Trainer',
    'Lesson 3, 3 and 4',
    () => import('../fine-tuning/example.js'),
  ),
  'fine-tuning-distilbert': entry(
    'DistilBERT learns to tell praise from blame, with Trainer',
    'UCI day 3, 3',
    () => import('../fine-tuning-distilbert/example.js'),
  ),
  'fine-tuning-by-hand': entry(
    'a training loop, line by line, with an evaluation of its own',
    'The class, part 2, 5.0 to 9.0',
    () => import('../fine-tuning-by-hand/example.js'),
  ),
  'best-performance': entry(
    'more data, a schedule and early stopping against a thousand reviews',
    'The class, part 2, 10.0; lesson 3, 4, optional exercise',
    () => import('../best-performance/example.js'),
  ),
  word2vec: entry(
    'vectors of words by CBOW and skip-gram: nearest words, analogies, countries and capitals in a plane',
    'ML course lecture 8, Word2Vec; Word2Vec properties',
    () => import('../word2vec/example.js'),
  ),
  doc2vec: entry(
    'vectors of documents, and of texts that come later',
    'ML course lecture 8, Doc2Vec',
    () => import('../doc2vec/example.js'),
  ),
  fasttext: entry(
    'words as sums of their n-grams, and vectors of words that were never seen',
    'ML course lecture 8, FastText',
    () => import('../fasttext/example.js'),
  ),
  glove: entry(
    'vectors from counts of neighbours, and GloVe’s files',
    'ML course lecture 8, GloVe; let’s try this',
    () => import('../glove/example.js'),
  ),
  'tuned-model': entry(
    'a model that is already trained, judged on a thousand reviews',
    'Lesson 3, 4, running a pre-trained model',
    () => import('../tuned-model/example.js'),
  ),
  'bert-embeddings': entry(
    'a vector for each token, and the same word in two sentences',
    'UCI day 3, 2',
    () => import('../bert-embeddings/example.js'),
  ),
  pipelines: entry(
    'sentiment, masked words and features in a line each',
    'AICC303 4.2, 2',
    () => import('../pipelines/example.js'),
  ),
  'attention-maps': entry(
    'where a fine-tuned classifier looks, by layer and head',
    'Lesson 3, 3, attention',
    () => import('../attention-maps/example.js'),
  ),
  'bert-pretraining': entry(
    'masked words and next sentences from random weights, and the words that it then puts in',
    'The class, how BERT is trained',
    () => import('../bert-pretraining/example.js'),
  ),
};

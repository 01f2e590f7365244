// Word vectors learned from the labels alone: an embedding, the mean over a review, a linear layer. A little worse than the bag of words,
// with a fortieth of its numbers a word.
import * as nn from '@course/nn';
import { noGrad } from '@course/tensor';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import { loadReviews } from '../movie-reviews/data.js';
import { sequenceLoaders, sequencesOf } from '../movie-reviews/sequences.js';
import { tell, trainClassifier } from '../movie-reviews/training.js';
import { Vocabulary } from '../movie-reviews/words.js';
import { IMDBEmbeddingModel } from './model.js';

export const example = defineExample({
  title: 'An embedding and its mean',
  about: 'Every word gets a vector; a review is the mean of its vectors; the labels teach the vectors what they need.',
  pictures: ['embedding and mean: accuracy', { figure: 'What single words say', isWide: true }],
  solution: {},
  async run(lesson) {
    const seed = lesson.seed(42);
    const { quick, epochs = 15 } = lesson.options;
    const reviews = await loadReviews(lesson, seed);
    const vocabulary = new Vocabulary(reviews.train.column('text'), quick ? 600 : 10_000);
    const [maxLength, embeddingLength] = [100, 20];

    // Longer reviews keep their end, shorter ones get zeros in front.
    const loaders = sequenceLoaders(reviews, vocabulary, { maxLength, batchSize: quick ? 32 : 128, seed });
    const [first] = reviews.train;
    if (first) {
      const row = sequencesOf([first.text], vocabulary, quick ? 40 : maxLength);
      await lesson.show('A review as the model sees it', row);
    }

    // The lecture's first version puts the pooling right behind the embedding, where it would take the mean over the vector of each word
    // and leave [batch, words, 1], which the linear layer cannot take. The axes have to change places.
    const embedded = new nn.Embedding(vocabulary.size, embeddingLength).forward(
      sequencesOf(['a film', 'and another'], vocabulary, maxLength),
    );
    const pooling = new nn.AdaptiveAvgPool1d(1);
    await lesson.show('Embedded', [...embedded.shape]);
    await lesson.show('Pooled as it is', [...pooling.forward(embedded).shape]);
    const pooled = pooling.forward(embedded.permute([0, 2, 1]));
    await lesson.show('Pooled with the words last', [...pooled.shape]);
    check(pooled.size(1) === embeddingLength, 'pooling must leave a number for each place of the vectors');

    const model = new IMDBEmbeddingModel(vocabulary.size, embeddingLength);
    lesson.say(`${model}\n`);
    const history = await trainClassifier(lesson, model, {
      title: 'embedding and mean',
      train: loaders.train,
      validation: loaders.test,
      epochs: quick ? 8 : epochs,
    });
    tell(lesson, history);
    await lesson.keep(
      'val_acc',
      history.map(({ val_acc }) => val_acc),
    );

    // What a word adds: its vector times the weights of the linear layer, a hundredth of it, for that is its share of the mean.
    model.eval();
    const common = vocabulary.words.slice(0, 500);
    const vectors = model.embedding.weight.narrow(0, 1, common.length);
    const opinions = noGrad(() => vectors.matmul(model.fc.weight.squeeze(0)).div(maxLength));
    const said = [...(await opinions.data())]
      .map((opinion, i) => ({ word: common[i] ?? '', opinion }))
      .sort((a, b) => a.opinion - b.opinion);
    const [negative, positive] = [said.slice(0, 10), said.slice(-10)];
    const wordsOf = (list: typeof said) => list.map(({ word }) => word);
    await lesson.show('Most negative', wordsOf(negative));
    await lesson.show('Most positive', wordsOf(positive));
    lesson.report.bars({
      title: 'What single words say',
      note: `The most extreme of the ${common.length} most common words: the embedding has become a list of opinions.`,
      yName: 'log-odds',
      names: wordsOf([...negative, ...positive]),
      bars: [{ name: 'what one occurrence adds', values: [...negative, ...positive].map(({ opinion }) => opinion) }],
    });
  },
});

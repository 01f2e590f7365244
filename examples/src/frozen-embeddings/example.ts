// Word vectors made elsewhere, in a classifier: frozen, and as a start that training goes on from. The linear layer alone has little to
// work with.
import * as nn from '@course/nn';
import { tensor } from '@course/tensor';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import { loadReviews } from '../movie-reviews/data.js';
import { rowsOf, wordVectors } from '../movie-reviews/glove.js';
import { sequenceLoaders } from '../movie-reviews/sequences.js';
import { type Epoch, trainClassifier } from '../movie-reviews/training.js';
import { Vocabulary } from '../movie-reviews/words.js';
import { GloVeModel } from './model.js';

export const example = defineExample({
  title: 'Frozen word vectors',
  about: 'GloVe vectors in the classifier: as they are, and trained on; beside vectors that begin at random.',
  pictures: ['The three side by side'],
  solution: {},
  async run(lesson) {
    const seed = lesson.seed(42);
    const { quick, epochs = 50 } = lesson.options;
    const reviews = await loadReviews(lesson, seed);
    const texts = reviews.train.column('text');
    const vocabulary = new Vocabulary(texts, quick ? 600 : 10_000);

    // The vectors of a file, or, without one, those that GloVe finds in the reviews. Neither knows a label.
    const vectors = await wordVectors(lesson, texts, seed);
    await lesson.show('Word vectors found', vectors.length);
    const word = vectors.has('queen') ? 'queen' : 'great';
    await lesson.show(`The vector of '${word}'`, tensor(vectors.getVector(word)));
    const nearest = await vectors.mostSimilar({ positive: word, topn: 8 });
    await lesson.show(
      `Nearest to '${word}'`,
      nearest.map(([other]) => other),
    );

    const matrix = vectors.toTensor({ words: rowsOf(vocabulary) });
    const missing = vocabulary.words.filter((each) => !vectors.has(each));
    await lesson.show('Words of the vocabulary without a vector', missing.length);

    const loaders = sequenceLoaders(reviews, vocabulary, { maxLength: 100, batchSize: quick ? 32 : 128, seed });
    const train = (title: string, model: GloVeModel): Promise<Epoch[]> =>
      trainClassifier(lesson, model, {
        title,
        train: loaders.train,
        validation: loaders.test,
        epochs: quick ? 6 : epochs,
      });
    const lr = quick ? 1e-2 : 1e-3;
    const frozen = new GloVeModel(matrix, true, lr);
    lesson.say(`${frozen}\n`);
    const histories: Record<string, Epoch[]> = {
      'frozen vectors': await train('frozen vectors', frozen),
      'vectors trained on': await train('vectors trained on', new GloVeModel(matrix, false, lr)),
      'random vectors, trained': await train(
        'random vectors, trained',
        new GloVeModel(new nn.Embedding(vocabulary.size, matrix.size(1)).weight.detach(), false, lr),
      ),
    };
    const [embedding] = frozen.model;
    const table = embedding instanceof nn.Embedding ? embedding.weight : null;
    check(Boolean(await table?.eq(matrix).all().item()), 'frozen vectors must not change');

    const last = (history: readonly Epoch[]): number => history.at(-1)?.val_acc ?? Number.NaN;
    for (const [name, history] of Object.entries(histories))
      lesson.say(`${name.padEnd(24)} val_acc ${last(history).toFixed(4)} after the last epoch`);
    await lesson.keep('val_acc', Object.fromEntries(Object.entries(histories).map(([name, h]) => [name, last(h)])));
    await lesson.keep('frozen train_loss', histories['frozen vectors']?.map(({ train_loss }) => train_loss) ?? []);
    lesson.report.lines({
      title: 'The three side by side',
      note: 'Frozen vectors leave one linear layer to learn: a few dozen numbers, which neither overfit nor get far.',
      xName: 'epoch',
      yName: 'accuracy on reviews to judge',
      percent: true,
      curves: Object.entries(histories).map(([name, history]) => ({
        name,
        points: history.map(({ val_acc }, i): [number, number] => [i + 1, val_acc]),
      })),
    });
  },
});

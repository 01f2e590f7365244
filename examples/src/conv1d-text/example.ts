// Convolutions over words: they see word order, but only so far. What one place sees is measured, and so is that a causal one sees no future.
import * as nn from '@course/nn';
import { grad, randn, type Tensor } from '@course/tensor';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import { loadReviews } from '../movie-reviews/data.js';
import { sequenceLoaders } from '../movie-reviews/sequences.js';
import { tell, trainClassifier } from '../movie-reviews/training.js';
import { Vocabulary } from '../movie-reviews/words.js';
import { CausalConv1d, Conv1dClassifier, filters } from './model.js';

/** How much each place of x [1, channels, length] moves the output [1, channels, places] at one place. */
async function influence(
  layer: nn.Module & { forward(x: Tensor): Tensor },
  x: Tensor,
  place: number,
): Promise<number[]> {
  const [gradient] = grad(layer.forward(x).select(-1, place).abs().sum(), [x]);
  return (await gradient.abs().sum(1).squeeze(0).toArray()) as number[];
}

export const example = defineExample({
  title: 'Convolutions over text',
  about: 'A filter of seven words slides along a review; what it has learned it recognises anywhere.',
  pictures: ['convolutions: accuracy', 'What one place of a convolution sees'],
  solution: {},
  async run(lesson) {
    const seed = lesson.seed(42);
    const { quick, epochs = 20 } = lesson.options;

    // How far one place of the second convolution sees: 7 words, 5 neighbours, 7 of those, 5 apart.
    const x = randn([1, 4, 100], { requiresGrad: true });
    const stack = filters(4);
    const outputs = stack.forward(x).size(-1);
    await lesson.show('Places after both convolutions', outputs);
    // Pooling hands on the largest of five, so one input does not reach every place: many inputs find the whole field.
    const seen = new Set<number>();
    for (let i = 0; i < 12; i++) {
      const other = randn([1, 4, 100], { requiresGrad: true });
      for (const [at, value] of (await influence(stack, other, 5)).entries()) if (value > 0) seen.add(at);
    }
    const field = Math.max(...seen) - Math.min(...seen) + 1;
    await lesson.show('Words that one place sees', field);
    check(field <= 41, 'the receptive field is at most (7 - 1) + (5 - 1) + 5 * (7 - 1) + 1 = 41 words');

    // A causal convolution pads in front alone, and looks only back.
    const same = await influence(new nn.Conv1d(4, 4, 7, { padding: 'same' }), x, 50);
    const causal = await influence(new CausalConv1d(4, 4, 7), x, 50);
    const range = (values: readonly number[]): number[] => {
      const places = values.flatMap((value, i) => (value > 0 ? [i - 50] : []));
      return [Math.min(...places), Math.max(...places)];
    };
    await lesson.show('Words that a convolution sees, from its own place', range(same));
    await lesson.show('Words that a causal one sees', range(causal));

    const reviews = await loadReviews(lesson, seed);
    const vocabulary = new Vocabulary(reviews.train.column('text'), quick ? 600 : 10_000);
    const loaders = sequenceLoaders(reviews, vocabulary, { maxLength: 100, batchSize: quick ? 32 : 128, seed });
    const model = new Conv1dClassifier(vocabulary.size, quick ? 8 : 20, quick ? 1e-2 : 1e-3);
    lesson.say(`${model}\n`);
    const history = await trainClassifier(lesson, model, {
      title: 'convolutions',
      train: loaders.train,
      validation: loaders.test,
      epochs: quick ? 5 : epochs,
    });
    tell(lesson, history);
    await lesson.keep(
      'train_loss',
      history.map(({ train_loss }) => train_loss),
    );
    await lesson.keep(
      'val_acc',
      history.map(({ val_acc }) => val_acc),
    );
    const around = (name: string, values: readonly number[]) => ({
      name,
      look: 'marks' as const,
      points: values.slice(40, 61).map((value, i): [number, number] => [i - 10, value]),
    });
    lesson.report.lines({
      title: 'What one place of a convolution sees',
      note: 'How much the output at place 0 moves with each word: an ordinary filter looks both ways, a causal one only back.',
      xName: 'place of the word',
      yName: 'size of the derivative',
      curves: [around('ordinary', same), around('causal', causal)],
    });
  },
});

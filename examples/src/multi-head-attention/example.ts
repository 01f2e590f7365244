// Eight heads of attention, checked against the library's own class with the same weights.
import * as nn from '@course/nn';
import { ones, randn } from '@course/tensor';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import * as exercise from './exercise.js';
import * as solution from './solution.js';

export const example = defineExample({
  title: 'Multi-head attention from scratch',
  about: 'Heads look at different things at the same time.',
  pictures: [{ figure: 'Attention of every head', panels: 2 }],
  solution,
  exercise,
  async run(lesson, { MultiHeadAttention }) {
    lesson.seed(0);
    const sentences = randn([16, 32, 64]);
    const attention = new MultiHeadAttention(64, 8, 64);
    lesson.say(`${attention}\n`);
    const [out, scores] = attention.forward(sentences);
    await lesson.show('Shape of the output', [...out.shape]);
    await lesson.show('Shape of the attention scores', [...scores.shape]);
    await lesson.show('Parameters', attention.numParameters());

    // The same names, so the same state dict: the library's class must give the same numbers.
    const library = new nn.MultiHeadAttention(64, 8, 64);
    library.loadStateDict(attention.stateDict());
    const mask = ones([16, 32], { dtype: 'int32' });
    mask.narrow(1, 25, 7).zero_();
    for (const each of [null, mask]) {
      const [mine] = attention.forward(sentences, each);
      const [theirs] = library.forward(sentences, each);
      const difference = (await mine.sub(theirs).abs().max().item()) as number;
      check(
        difference < 1e-5,
        `the output differs from nn.MultiHeadAttention by ${difference}${each ? ' with a mask' : ''}`,
      );
    }
    lesson.say('Equal to nn.MultiHeadAttention with the same weights, with and without a mask.\n');

    const words = Array.from({ length: 12 }, (_, i) => `word ${i}`);
    const heads = (await scores.select(0, 0).narrow(1, 0, 12).narrow(2, 0, 12).toArray()) as number[][][];
    lesson.report.gallery({
      title: 'Attention of every head',
      note: 'The first 12 words of the first sentence. Before training the heads differ by chance only.',
      choices: [],
      panels: [
        heads.map((values, head) => ({
          title: `head ${head}`,
          rowName: 'query',
          columnName: 'key',
          rows: words,
          columns: words,
          values,
        })),
      ],
    });
  },
});

// One head of self-attention on a batch of 16 sentences of 32 words, each word a vector of 64 numbers; and what a mask does to it.
import { ones, randn, type Tensor } from '@course/tensor';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import * as exercise from './exercise.js';
import * as solution from './solution.js';

export const example = defineExample({
  title: 'Self-attention from scratch',
  about: 'Every word asks (query), offers (key) and gives (value).',
  pictures: ['With the words from 20 on masked'],
  solution,
  exercise,
  async run(lesson, { SelfAttention }) {
    lesson.seed(0);
    const sentences = randn([16, 32, 64]); // [batch, time, hidden]
    const attention = new SelfAttention(64, 16);
    lesson.say(`${attention}\n`);
    const [head, scores] = attention.forward(sentences);
    await lesson.show('Shape of the head', [...head.shape]);
    await lesson.show('Shape of the attention scores', [...scores.shape]);
    const sums = await scores.sum(-1).data();
    check(
      Array.from(sums).every((sum) => Math.abs(sum - 1) < 1e-5),
      'the scores of every query must sum to 1',
    );

    // The same tokens with the last 12 of each sentence hidden: padding must get nothing.
    const mask = ones([16, 32], { dtype: 'int32' });
    mask.narrow(1, 20, 12).zero_();
    const [, masked] = attention.forward(sentences, mask);
    const onPadding = (await masked.narrow(2, 20, 12).abs().sum().item()) as number;
    await lesson.show('Attention on masked words', onPadding);
    check(onPadding === 0, 'a word whose mask is 0 must get no attention');
    // Hiding a word is the same as leaving it out.
    const [shorter] = attention.forward(sentences.narrow(1, 0, 20));
    const [hidden] = attention.forward(sentences, mask);
    const difference = (await hidden.narrow(1, 0, 20).sub(shorter).abs().max().item()) as number;
    check(difference < 1e-5, `masked words must not change the others, they do by ${difference}`);

    const draw = async (title: string, all: Tensor) => {
      const values = (await all.select(0, 0).narrow(0, 0, 24).narrow(1, 0, 24).toArray()) as number[][];
      const words = values.map((_, i) => `word ${i}`);
      return { title, rowName: 'query', columnName: 'key', rows: words, columns: words, values };
    };
    lesson.report
      .heatmap({
        ...(await draw('Attention scores of the first sentence', scores)),
        note: 'Its first 24 words. Nothing has been learned yet: every word looks about everywhere.',
      })
      .heatmap({
        ...(await draw('With the words from 20 on masked', masked)),
        note: 'The masked columns are empty, and what they had goes to the others.',
      });
  },
});

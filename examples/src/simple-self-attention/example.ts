// Self-attention without anything to learn: a mixture of all words for each word, by how alike they are. It works on sets: it does not
// know the order of the words.
import * as F from '@course/nn/functional';
import { randn, randperm, stack, type Tensor } from '@course/tensor';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import * as solution from './solution.js';

const words = ['the', 'restaurant', 'is', 'not', 'too', 'terrible'];
const largest = async (x: Tensor): Promise<number> => (await x.abs().max().item()) as number;

export const example = defineExample({
  title: 'Simple self-attention',
  about: 'Every word becomes a mixture of all words; how much of which, their dot products say.',
  pictures: ['Who looks at whom', 'Why they are divided by its root'],
  solution,
  async run(lesson, { attentionWeights, selfAttention }) {
    lesson.seed(8);
    const k = 8;
    const x = randn([words.length, k]); // a vector for each word, [words, k]
    const weights = attentionWeights(x);
    const y = selfAttention(x);
    await lesson.show('Attention weights', weights);
    await lesson.show('Output', y);

    // Word by word, as the lecture introduces it: y_i is the sum of w_ij x_j.
    const rows = x.unbind(0);
    const one = (query: Tensor): Tensor => {
      const w = F.softmax(stack(rows.map((key) => query.dot(key).div(Math.sqrt(k)))), 0).unbind(0);
      return rows.map((value, j) => value.mul(w[j] ?? 0)).reduce((sum, part) => sum.add(part));
    };
    const byHand = stack(rows.map(one));
    const difference = await largest(byHand.sub(y));
    // Sums of eight products of numbers of about 1, in another order.
    check(difference < 1e-5, `word by word and as products of matrices must agree, they differ by ${difference}`);
    const sums = (await weights.sum(-1).toArray()) as number[];
    await lesson.show('Row sums', sums);

    // A soft dictionary: an ordinary one gives the value of the key that fits; this one all values, weighted by how well their keys fit.
    const keys = F.normalize(x, { dim: -1 }).mul(10);
    const looked = await attentionWeights(keys).diagonal().min().item();
    lesson.say(
      `With keys of length 10 a word finds itself alone, as in a dictionary: no weight on the diagonal is below ${looked.toFixed(4)}.\n`,
    );
    await lesson.keep('Least weight of a word for itself, keys of length 10', looked);

    // Sets have no order: words in another order give the same outputs in that order.
    const order = randperm(words.length);
    const permuted = selfAttention(x.indexSelect(0, order));
    const moved = await largest(permuted.sub(y.indexSelect(0, order)));
    await lesson.show('What the order of the words changes', moved);
    check(moved < 1e-5, 'self-attention must not depend on the order');

    // Why the root: dot products of k numbers spread by √k, and the softmax of large numbers leaves one winner.
    const widths = [4, 16, 64, 256, 1024];
    const spread: [number, number][] = [];
    const sharp: [number, number][] = [];
    const calm: [number, number][] = [];
    for (const width of widths) {
      const [q, keysOf] = [randn([200, width]), randn([16, width])];
      const dots = q.matmul(keysOf.T);
      const winner = async (scores: Tensor): Promise<number> => scores.softmax(-1).amax(-1).mean().item();
      spread.push([width, (await dots.std().item()) as number]);
      sharp.push([width, await winner(dots)]);
      calm.push([width, await winner(dots.div(Math.sqrt(width)))]);
    }
    await lesson.show('Spread of dot products by width', Object.fromEntries(spread.map(([w, s]) => [String(w), s])));
    await lesson.keep(
      'Largest weight without the root',
      sharp.map(([, w]) => w),
    );
    await lesson.keep(
      'Largest weight with the root',
      calm.map(([, w]) => w),
    );

    const values = (await weights.toArray()) as number[][];
    lesson.report
      .heatmap({
        title: 'Who looks at whom',
        note: 'Random vectors are most like themselves, so the diagonal is dark. Nothing here was learned.',
        rowName: 'word',
        columnName: 'looks at',
        rows: words,
        columns: words,
        values,
        texts: values.map((row) => row.map((value) => value.toFixed(2))),
        max: 1,
      })
      .lines(
        {
          title: 'Dot products grow with the width',
          note: 'The root of the width, as for any sum of so many independent products.',
          xName: 'width k',
          yName: 'standard deviation',
          curves: [{ name: 'dot products of random vectors', look: 'marks', points: spread }],
        },
        {
          title: 'Why they are divided by its root',
          note: 'The largest of 16 weights, on average: without the root one word takes nearly everything.',
          xName: 'width k',
          yName: 'weight',
          curves: [
            { name: 'without the root', look: 'marks', points: sharp },
            { name: 'divided by √k', look: 'marks', points: calm },
          ],
        },
      );
  },
});

// The attention matrix of four tokens with three features: which token looks at which, and what it takes from there.
import * as F from '@course/nn/functional';
import { randn } from '@course/tensor';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import * as exercise from './exercise.js';
import * as solution from './solution.js';

export const example = defineExample({
  title: 'An attention matrix',
  about: 'Row i tells how much token i takes from every other token; a row sums to 1.',
  pictures: ['Attention weights'],
  solution,
  exercise,
  async run(lesson, { project, similarities, normFactor }) {
    // A toy: 4 tokens, each with 3 features. The seed gives PyTorch's numbers.
    lesson.seed(0);
    const [N, D] = [4, 3];
    const X = randn([N, D]);
    await lesson.show('Input tokens (X)', X);
    // These would be learned; here any will do.
    const [WQ, WK, WV] = [randn([D, D]), randn([D, D]), randn([D, D])];

    const [Q, K, V] = project(X, WQ, WK, WV);
    await lesson.show('Q', Q);
    await lesson.show('K', K);
    await lesson.show('V', V);

    const scores = similarities(Q, K);
    await lesson.show('Raw dot-product similarities (QK^T)', scores);
    const weights = F.softmax(scores.div(normFactor(D)), -1);
    await lesson.show('Attention weights (softmax over rows)', weights);
    const sums = (await weights.sum(-1).toArray()) as number[];
    await lesson.show('Row sums', sums);
    check(
      sums.every((sum) => Math.abs(sum - 1) < 1e-6),
      'every row of the attention matrix must sum to 1',
    );

    const output = weights.matmul(V);
    await lesson.show('Attention output (weighted sum of V)', output);

    const tokens = Array.from({ length: N }, (_, i) => `token ${i}`);
    const values = (await weights.toArray()) as number[][];
    lesson.report.heatmap({
      title: 'Attention weights',
      note: 'Token 0 looks almost only at token 2. The matrix is not symmetric: what i takes from j is not what j takes from i.',
      rowName: 'query',
      columnName: 'key',
      rows: tokens,
      columns: tokens,
      values,
      texts: values.map((row) => row.map((value) => value.toFixed(4))),
      max: 1,
    });
  },
});

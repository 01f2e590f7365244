// Scaled dot-product attention, written out: softmax(Q Kᵀ / √d) V, with and without a mask that hides keys.
import * as F from '@course/nn/functional';
import { randn, type Tensor, tensor } from '@course/tensor';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';

/**
 * The output [..., queries, width] and the weights [..., queries, keys].
 *
 * @param mask [..., queries, keys], 1 where a query may not look, as in the notebook.
 */
function scaledDotProductAttention(q: Tensor, k: Tensor, v: Tensor, mask?: Tensor): [output: Tensor, weights: Tensor] {
  const similarities = q.matmul(k.transpose(-2, -1));
  let logits = similarities.div(Math.sqrt(k.size(-1)));
  // Minus a billion leaves nothing of a weight after the softmax.
  if (mask) logits = logits.add(mask.mul(-1e9));
  const weights = F.softmax(logits, -1);
  return [weights.matmul(v), weights];
}

export const example = defineExample({
  title: 'Scaled dot-product attention',
  about: 'Every word looks at every word; with a look-ahead mask only at those before it.',
  pictures: ['Without a mask', 'With a look-ahead mask'],
  solution: {},
  async run(lesson) {
    lesson.seed(42);
    const [q, k, v] = [randn([1, 3, 4]), randn([1, 3, 4]), randn([1, 3, 4])]; // [batch, time, width]

    const [output, weights] = scaledDotProductAttention(q, k, v);
    lesson.say(`Output shape: [${output.shape.join(', ')}]\n`);
    await lesson.show('Attention weights', weights);

    // What a decoder does: word i must not see the words behind it.
    const lookAhead = tensor([
      [0, 1, 1],
      [0, 0, 1],
      [0, 0, 0],
    ]);
    const [, masked] = scaledDotProductAttention(q, k, v, lookAhead);
    await lesson.show('Attention weights with a look-ahead mask', masked);
    const above = (await masked.mul(lookAhead).sum().item()) as number;
    check(above === 0, 'a masked weight must be 0');

    const words = ['word 0', 'word 1', 'word 2'];
    const panel = async (title: string, matrix: Tensor) => {
      const values = (await matrix.select(0, 0).toArray()) as number[][];
      const texts = values.map((row) => row.map((value) => value.toFixed(4)));
      return { title, rowName: 'query', columnName: 'key', rows: words, columns: words, values, texts, max: 1 };
    };
    lesson.report
      .heatmap(await panel('Without a mask', weights))
      .heatmap(await panel('With a look-ahead mask', masked));
  },
});

// Where a classifier looks: the attention of each head of each layer over the tokens of a text.
import { AutoTokenizer } from '@course/data';
import { AutoModelForSequenceClassification } from '@course/models';
import { noGrad, scope, tensor } from '@course/tensor';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import { probabilitiesOf } from '../fine-tuning/figures.js';
import { reviewsFor } from '../texts/reviews.js';
import { tunedFor } from '../tiny-bert/tuned.js';

const TEXTS = ['The film is good.', 'The film is not good.', 'The restaurant is not too terrible.'];

export const example = defineExample({
  title: 'Where a classifier looks',
  about: 'Attention by layer and head over the tokens of a text, of a fine-tuned model.',
  pictures: [{ figure: 'Attention by layer and head', choice: [-1, -1] }],
  solution: {},
  async run(lesson) {
    const { tuned } = await tunedFor(lesson, await reviewsFor(lesson, 'sentiment'));
    const tokenizer = await AutoTokenizer.fromPretrained(tuned);
    const model = await AutoModelForSequenceClassification.fromPretrained(tuned);
    const probabilities = await probabilitiesOf(model, tokenizer, TEXTS);
    await lesson.show('Probabilities', probabilities);

    const panels = [];
    let layers = 0;
    for (const text of TEXTS) {
      const { tokens, inputIds } = tokenizer.encode(text);
      const attentions = noGrad(() =>
        scope(() => model.forward(tensor([inputIds], { dtype: 'int32' }), { outputAttentions: true }).attentions ?? []),
      );
      layers = attentions.length;
      for (const [layer, attention] of attentions.entries()) {
        // [batch, heads, query, key]; the batch is one text.
        const [heads = []] = (await attention.toArray()) as number[][][][];
        const sums = heads.flatMap((head) => head.map((row) => row.reduce((a, b) => a + b, 0)));
        check(
          sums.every((sum) => Math.abs(sum - 1) < 1e-4),
          'what a token takes from all tokens must sum to 1',
        );
        await lesson.keep(`${text} layer ${layer + 1}`, heads);
        panels.push(
          heads.map((head, i) => {
            const values = head.map((row) => row.map((value) => Number(value.toFixed(3))));
            const max = Math.max(...values.flat());
            const title = `Head ${i + 1}: 0 to ${max}`;
            return { title, rowName: 'token', columnName: 'looks at', rows: tokens, columns: tokens, values, max };
          }),
        );
        attention.dispose();
      }
    }
    lesson.report
      .table({
        title: 'What the model says',
        head: ['text', 'probability of positive'],
        numbers: [1],
        rows: TEXTS.map((text, i) => [text, (probabilities[i]?.[1] ?? 0).toFixed(3)]),
      })
      .gallery({
        title: 'Attention by layer and head',
        note: 'A row is a token that looks, a column a token that it looks at; a row adds up to 1, and the darkest cell is the largest of its head. The classifier reads [CLS].',
        choices: [
          { name: 'Text', values: TEXTS },
          { name: 'Layer', values: Array.from({ length: layers }, (_, i) => String(i + 1)) },
        ],
        panels,
      });
  },
});

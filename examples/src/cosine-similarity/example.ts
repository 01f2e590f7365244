// How alike word vectors are: the cosine of the angle between each two, as a heatmap.
import { stack, type Tensor, tensor } from '@course/tensor';
import { defineExample } from '../course/lesson.js';

// The vectors of the notebook; in a model they would be learned.
const tokens = { Attention: [2, 1, 0, 1, 1], Fame: [-1, -1, 0, 2, 0], Need: [1, 1, 1, 1, 1] };

/** The cosine of the angle between two vectors: 1 the same way, 0 unrelated, -1 opposite. */
function cosineSimilarity(a: Tensor, b: Tensor): Tensor {
  return a.dot(b).div(a.norm().mul(b.norm()));
}

export const example = defineExample({
  title: 'Cosine similarity of word vectors',
  about: 'Attention uses the dot product, which is this similarity times the lengths of the vectors.',
  pictures: ['Cosine similarity between word vectors'],
  solution: {},
  async run(lesson) {
    const labels = Object.keys(tokens);
    const vectors = Object.values(tokens).map((values) => tensor(values));
    // All pairs, one after the other, as the formula says it ...
    const rows = vectors.map((a) => stack(vectors.map((b) => cosineSimilarity(a, b))));
    const similarities = stack(rows);
    await lesson.show('Cosine similarities', similarities);
    // ... and all at once: rows of length 1, times each other.
    const X = stack(vectors);
    const unit = X.div(X.norm(-1, { keepDim: true }));
    await lesson.show('The same as one product', unit.matmul(unit.T));

    const values = (await similarities.toArray()) as number[][];
    lesson.report.heatmap({
      title: 'Cosine similarity between word vectors',
      note: '“Attention” and “Need” point much the same way; “Fame” points away from “Attention”.',
      rowName: 'word',
      columnName: 'word',
      rows: labels,
      columns: labels,
      values,
      texts: values.map((row) => row.map((value) => value.toFixed(2))),
      min: -1,
      max: 1,
    });
  },
});

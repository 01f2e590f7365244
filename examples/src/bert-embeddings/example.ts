// What BERT makes of a sentence: a vector for each token, which knows the tokens around it.
import { AutoTokenizer } from '@course/data';
import { AutoModel } from '@course/models';
import * as F from '@course/nn/functional';
import { noGrad, type Tensor } from '@course/tensor';
import { defineExample } from '../course/lesson.js';
import { reviewsFor } from '../texts/reviews.js';
import { pretrainedFor } from '../tiny-bert/pretrained.js';

/** The cosines between all rows of a matrix [tokens, width]. */
function cosines(states: Tensor): Tensor {
  const directions = F.normalize(states, { dim: -1 });
  return directions.matmul(directions.T);
}

export const example = defineExample({
  title: 'Embeddings in context',
  about: 'A vector for each token; the same word has another one in another sentence.',
  pictures: [{ figure: 'How alike the vectors of the tokens are', isWide: true }, '“good” and “not good”'],
  solution: {},
  async run(lesson) {
    const { train } = await reviewsFor(lesson, 'sentiment');
    const pretrained = await pretrainedFor(lesson, 'bert', train.column('text'));
    const tokenizer = await AutoTokenizer.fromPretrained(pretrained);
    const model = await AutoModel.fromPretrained(pretrained, { onReport: () => undefined });

    const text = 'The quick brown fox jumps over the lazy dog.';
    const { tokens } = tokenizer.encode(text);
    const { inputIds, attentionMask } = tokenizer.encodeBatch([text]).toTensors();
    await lesson.show('Tokens', tokens);
    await lesson.show('Inputs', inputIds);
    const { lastHiddenState } = noGrad(() => model.forward(inputIds, { attentionMask }));
    await lesson.show('Last hidden state shape', lastHiddenState.shape);
    const similarities = (await noGrad(() => cosines(lastHiddenState.squeeze(0))).toArray()) as number[][];
    await lesson.keep('Similarities', similarities);

    // A word in two sentences: the same row of the table of embeddings, then something else from layer to layer.
    const [first, second, word] = ['The film is good.', 'The film is not good.', 'good'];
    const statesOf = (sentence: string): Tensor[] => {
      const place = tokenizer.encode(sentence).offsets.findIndex(([start]) => start === sentence.indexOf(word));
      const { inputIds, attentionMask } = tokenizer.encodeBatch([sentence]).toTensors();
      const { hiddenStates = [] } = noGrad(() => model.forward(inputIds, { attentionMask, outputHiddenStates: true }));
      return hiddenStates.map((states) => states.select(0, 0).select(0, place));
    };
    const others = statesOf(second);
    const alike: [layer: number, cosine: number][] = [];
    for (const [layer, state] of statesOf(first).entries())
      alike.push([layer, (await F.cosineSimilarity(state, others[layer] ?? state, { dim: 0 }).item()) as number]);
    await lesson.show(
      `Cosine of “${word}” in “${first}” and in “${second}”, by layer`,
      alike.map(([, cosine]) => cosine),
    );

    lesson.report
      .heatmap({
        title: 'How alike the vectors of the tokens are',
        note: 'Cosines of the last hidden states: 1 on the diagonal.',
        rowName: 'token',
        columnName: 'token',
        rows: tokens,
        columns: tokens,
        values: similarities,
        texts: similarities.map((row) => row.map((value) => value.toFixed(2))),
        min: -1,
        max: 1,
      })
      .lines({
        title: `“${word}” and “not ${word}”`,
        note: 'Layer 0 is the embedding: the word with its place. The layers above mix in what stands around it.',
        xName: 'layer',
        yName: 'cosine',
        curves: [{ name: word, points: alike, look: 'marks' }],
      });
  },
});

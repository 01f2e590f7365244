// Classifiers of whole texts read the first token alone: in evaluation their last layer computes no other, and nothing else changes.
import {
  BertForNextSentencePrediction,
  BertForSequenceClassification,
  bertConfig,
  DistilBertForSequenceClassification,
  distilBertConfig,
} from '@course/models';
import { manualSeed, noGrad, randint, randn, type Tensor, tensor } from '@course/tensor';
import { beforeEach, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

const [batch, time] = [3, 7];
const bert = {
  vocabSize: 30,
  hiddenSize: 12,
  numHiddenLayers: 2,
  numAttentionHeads: 3,
  intermediateSize: 20,
  initializerRange: 0.4,
};
const makers = {
  BertForSequenceClassification: () => new BertForSequenceClassification(bertConfig(bert)),
  BertForNextSentencePrediction: () => new BertForNextSentencePrediction(bertConfig(bert)),
  DistilBertForSequenceClassification: () =>
    new DistilBertForSequenceClassification(
      distilBertConfig({ vocabSize: 30, dim: 12, nLayers: 2, nHeads: 3, hiddenDim: 20, initializerRange: 0.4 }),
    ),
};

onEachDevice('the first token alone', () => {
  let ids: Tensor;
  let masks: Record<string, Tensor | null>;
  beforeEach(() => {
    manualSeed(7);
    ids = randint(1, 30, [batch, time], { dtype: 'int32' });
    const ragged = tensor(
      [7, 4, 1].map((length) => Array.from({ length: time }, (_, i) => Number(i < length))),
      { dtype: 'int32' },
    );
    // A mask of its own for each query, none of which is empty.
    const own = randn([batch, time, time])
      .gt(0)
      .to('int32')
      .bitwiseOr(tensor(eyeRows(), { dtype: 'int32' }));
    masks = { none: null, ragged, 'a row a query': own };
  });

  for (const [name, make] of Object.entries(makers))
    it(`gives ${name} the logits and gradients of all tokens`, async () => {
      const model = make().eval();
      const labels = tensor([0, 1, 1], { dtype: 'int32' });
      for (const [what, attentionMask] of Object.entries(masks)) {
        const results: number[][] = [];
        for (const outputHiddenStates of [false, true]) {
          for (const parameter of model.parameters()) parameter.grad = null;
          const { logits, loss } = model.forward(ids, { attentionMask, labels, outputHiddenStates });
          loss?.backward();
          const grads = await Promise.all(
            [...model.parameters()].map(async ({ grad, shape }) =>
              grad ? [...(await grad.data())] : Array(shape.reduce((a, b) => a * b, 1)).fill(0),
            ),
          );
          results.push([...(await logits.data()), ...grads.flat()]);
        }
        // Sums of the same terms in other tilings: some roundings of float32 apart.
        expect(results[0], what).toBeClose(results[1] ?? [], { atol: 2e-5 });
      }
    });

  it('computes the last layer for it, unless somebody wants or sees the others, or the model learns', () => {
    const model = makers.BertForSequenceClassification().eval();
    const seen: unknown[] = [];
    const run = (options = {}): unknown =>
      noGrad(() => model.bert.forward(ids, { firstTokenOnly: true, ...options }).lastHiddenState.shape);
    expect(run()).toEqual([batch, 1, 12]);
    expect(run({ outputHiddenStates: true })).toEqual([batch, time, 12]);
    expect(run({ outputAttentions: true })).toEqual([batch, time, 12]);
    expect(model.hasHooks()).toBe(false);
    const dense = [...model.bert.encoder.layer].at(-1)?.intermediate.dense;
    const remove = dense?.registerForwardHook((_, __, output) => void seen.push((output as Tensor).shape));
    expect(model.hasHooks()).toBe(true);
    expect(run()).toEqual([batch, time, 12]);
    noGrad(() => model.forward(ids));
    remove?.();
    expect(seen).toEqual([
      [batch, time, 20],
      [batch, time, 20],
    ]);
    expect(run()).toEqual([batch, 1, 12]);
    expect(noGrad(() => model.forward(ids, { outputHiddenStates: true }).hiddenStates?.at(-1)?.shape)).toEqual([
      batch,
      time,
      12,
    ]);
  });
});

/** 1 where query and key are the same token. */
function eyeRows(): number[][] {
  return Array.from({ length: time }, (_, i) => Array.from({ length: time }, (_, j) => Number(i === j)));
}

// What a model costs: operations and bytes of every layer, beside counts made by hand.
import { BertModel, bertConfig } from '@course/models';
import * as nn from '@course/nn';
import { countFlops, profile, randn, type Tensor, tensor, zeros } from '@course/tensor';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

/** Attention written by hand, of products that no layer makes. */
class Handmade extends nn.Module {
  readonly query = new nn.Linear(4, 4, { bias: false });
  forward(x: Tensor): Tensor {
    const q = this.query.forward(x);
    return q.matmul(x.transpose(-2, -1)).softmax(-1).matmul(x);
  }
}

onEachDevice('a summary', () => {
  it('tells layers, shapes, parameters, operations and activations', () => {
    const model = new nn.Sequential(new nn.Linear(4, 8), new nn.ReLU(), new nn.Linear(8, 2, { bias: false }));
    model.at(2).freeze();
    model.at(1).eval();
    const found = nn.summary(model, zeros([3, 4]));
    expect(
      found.rows.map(({ path, outputShape, flops, activationBytes }) => [path, outputShape, flops, activationBytes]),
    )
      // A multiply-add is two operations, a bias one: 24 numbers of 4 products and a bias; 24 comparisons; 6 numbers of 8 products.
      .toEqual([
        ['', [3, 2], 0, 0],
        ['0', [3, 8], 24 * 9, 96],
        ['1', [3, 8], 24, 96],
        ['2', [3, 2], 6 * 16, 24],
      ]);
    expect(found).toMatchObject({ parameters: 56, trainableParameters: 40, parameterBytes: 224, flops: 336 });
    expect(String(found)).toContain('Parameters: 56 (16 frozen), 224 B');
    expect(String(found).split('\n')[2]).toMatch(/^Sequential +\[3, 2\]/);
    expect([model.training, model.at(1).training]).toEqual([true, false]);
    // 2 heads, 5 x 5 weights, width 3: scores and the weighted sum take 2 * 3 each, the softmax 4.
    const attention = nn.summary(new nn.MultiHeadAttention(6, 2, 3), [zeros([1, 5, 6])]);
    expect(attention.rows[0]?.flops).toBe(2 * 25 * (6 + 6 + 4));
  });

  // [batch 2, time 5, width 8]; a multiply-add is two operations.
  const x = (): Tensor => zeros([2, 5, 8]);
  const [rows, width] = [10, 8];
  /** Scores and the weighted sum for 2 * 5 * 5 pairs over the whole width, and four operations a weight and head of the softmax. */
  const attention = 2 * 5 * 5 * (2 * 2 * width + 4 * 2);
  const linear = (n: number, from: number, to: number): number => n * to * (2 * from + 1);
  const norm = 8 * rows * width;
  it.each<[name: string, make: () => nn.Module, inputs: () => unknown[], flops: number]>([
    ['Embedding', () => new nn.Embedding(5, 8), () => [zeros([2, 3], { dtype: 'int32' })], 0],
    ['Flatten', () => new nn.Flatten(), () => [x()], 0],
    ['Dropout', () => new nn.Dropout(0.5), () => [x()], 0],
    ['GELU', () => new nn.GELU(), () => [x()], 80],
    ['LayerNorm', () => new nn.LayerNorm(8), () => [x()], norm],
    ['RMSNorm', () => new nn.RMSNorm(8), () => [x()], 4 * 80],
    ['PositionalEncoding', () => new nn.PositionalEncoding(8), () => [x()], 80],
    ['LearnedPositions', () => new nn.LearnedPositions(8, 5), () => [x()], 80],
    ['Conv1d', () => new nn.Conv1d(4, 6, 3), () => [zeros([2, 4, 8])], 2 * 6 * 6 * (2 * 4 * 3 + 1)],
    ['MaxPool1d', () => new nn.MaxPool1d(2), () => [zeros([2, 4, 8])], 2 * 4 * 4 * 2],
    // Four gates of the products with inputs and states, both ways.
    ['LSTM', () => new nn.LSTM(8, 3, { bidirectional: true }), () => [zeros([5, 2, 8])], 2 * 10 * 2 * 12 * (8 + 3)],
    ['GRUCell', () => new nn.GRUCell(8, 3), () => [zeros([2, 8])], 2 * 2 * 9 * (8 + 3)],
    [
      'SelfAttention',
      () => new nn.SelfAttention(8, 4),
      () => [x()],
      3 * linear(rows, 8, 4) + 2 * 5 * 5 * (2 * 2 * 4 + 4),
    ],
    ['MultiHeadAttention', () => new nn.MultiHeadAttention(8, 2, 4), () => [x()], 4 * linear(rows, 8, 8) + attention],
    [
      'MultiheadAttention',
      () => new nn.MultiheadAttention(8, 2, { batchFirst: true }),
      () => [x()],
      3 * rows * 2 * 64 + linear(rows, 8, 8) + attention,
    ],
    [
      'TransformerEncoderBlock',
      () => new nn.TransformerEncoderBlock(8, 2, 4),
      () => [x()],
      2 * norm + 4 * linear(rows, 8, 8) + attention + linear(rows, 8, 32) + 320 + linear(rows, 32, 8) + 2 * 80,
    ],
    [
      'TransformerEncoderLayer',
      () => new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16, batchFirst: true }),
      () => [x()],
      2 * norm +
        3 * rows * 2 * 64 +
        linear(rows, 8, 8) +
        attention +
        linear(rows, 8, 16) +
        160 +
        linear(rows, 16, 8) +
        2 * 80,
    ],
    ['a module of its own products', () => new Handmade(), () => [zeros([2, 5, 4])], 10 * 2 * 16 + 2 * 2 * 50 * 4],
  ])('counts the operations of %s', (_name, make, inputs, flops) => {
    expect(nn.summary(make(), inputs()).flops).toBe(flops);
  });

  it('counts products as the profiler does, those of models too', async () => {
    const sizes = { vocabSize: 20, hiddenSize: 8, numHiddenLayers: 2, numAttentionHeads: 2, intermediateSize: 16 };
    const model = new BertModel(bertConfig(sizes)).eval();
    const ids = tensor([[1, 2, 3]], { dtype: 'int32' });
    const found = nn.summary(model, ids);
    // A layer: four projections, the pairs of three tokens, and the two of the MLP; the pooler sees one token.
    const layer = 3 * (4 * 2 * 64 + 2 * 2 * 8 * 16) + 9 * 4 * 8;
    const products = 2 * layer + 2 * 64;
    expect(countFlops((count) => [model.forward(ids), count()][1])).toBe(products);
    const own = found.rows.filter(({ type }) => /Linear|Attention/.test(type));
    expect(own.reduce((sum, { flops }) => sum + flops, 0)).toBeGreaterThanOrEqual(products);
    // The profiler sees the kernels, in which the products have become one with what follows them.
    const { events } = await profile(() => model.forward(ids));
    expect(events.reduce((sum, { flop }) => sum + flop, 0)).toBe(products);
  });

  it('counts memory once, where it was made', () => {
    // Dropout gives back what it is given, Flatten another view of it.
    const model = new nn.Sequential(new nn.Linear(8, 4), new nn.Dropout(0.5), new nn.Flatten(), new nn.ReLU());
    expect(nn.summary(model, x()).rows.map(({ activationBytes }) => activationBytes)).toEqual([0, 160, 0, 0, 160]);
    // Weights [2, 2, 5, 5] beside what the four projections return.
    const heads = nn.summary(new nn.MultiHeadAttention(8, 2, 4), x());
    expect(heads.rows[0]?.activationBytes).toBe(4 * 2 * 2 * 5 * 5);
    expect(heads.activationBytes).toBe(4 * (100 + 4 * 80));
    // Residuals of a block are its own.
    const block = nn.summary(new nn.TransformerEncoderBlock(8, 2, 4), randn([2, 5, 8]));
    expect(block.rows[0]?.activationBytes).toBe(4 * 80);
    expect(nn.summary(new nn.Identity(), x()).activationBytes).toBe(0);
  });
});

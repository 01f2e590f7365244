// The module program of the API page: a hand-written attention, a Sequential, and the loop.
import * as nn from '@course/nn';
import * as F from '@course/nn/functional';
import * as optim from '@course/nn/optim';
import { device, manualSeed, randint, randn, type Tensor, tensor } from '@course/tensor';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

class MultiHeadAttention extends nn.Module {
  readonly query;
  readonly key;
  readonly value;
  readonly toOut;
  constructor(
    dim: number,
    readonly heads = 8,
    readonly dimHead = 64,
  ) {
    super();
    const inner = heads * dimHead;
    this.query = new nn.Linear(dim, inner);
    this.key = new nn.Linear(dim, inner);
    this.value = new nn.Linear(dim, inner);
    this.toOut = new nn.Linear(inner, dim);
  }
  forward(x: Tensor, mask?: Tensor): [Tensor, Tensor] {
    const [b, t] = [x.size(0), x.size(1)];
    const split = (y: Tensor) => y.view([b, t, this.heads, this.dimHead]).transpose(1, 2);
    const q = split(this.query.forward(x));
    const k = split(this.key.forward(x));
    const v = split(this.value.forward(x));
    let scores = q.matmul(k.transpose(-2, -1)).mul(this.dimHead ** -0.5);
    if (mask) scores = scores.maskedFill(mask.logicalNot().view([b, 1, 1, t]), Number.NEGATIVE_INFINITY);
    const weights = scores.softmax(-1);
    return [this.toOut.forward(weights.matmul(v).transpose(1, 2).reshape([b, t, -1])), weights];
  }
}

onEachDevice('the API page', () => {
  it('has an attention written by hand that equals the one in the package', async () => {
    manualSeed(1);
    const own = new MultiHeadAttention(16, 4, 8);
    const ours = new nn.MultiHeadAttention(16, 4, 8);
    ours.loadStateDict(own.stateDict());
    const x = randn([2, 5, 16]);
    const mask = tensor(
      [
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 1],
      ],
      { dtype: 'int32' },
    );
    const [a, weightsA] = own.forward(x, mask);
    const [b, weightsB] = ours.forward(x, mask);
    // Sums of 16 and 8 products of values near 1: 32 roundings of 2^-24; WGSL's exp and division add a few ulp.
    const atol = device.kind === 'cpu' ? 32 * 2 ** -24 : 1e-5;
    expect(await a.data()).toBeClose([...(await b.data())], { atol });
    expect(await weightsA.data()).toBeClose([...(await weightsB.data())], { atol });
    expect([...own.stateDict().keys()]).toContain('to_out.weight');
  });

  it('trains with optimizer, schedule and clipping, line by line', async () => {
    manualSeed(0);
    const classifier = new nn.Sequential(new nn.Linear(8, 16), new nn.ReLU(), new nn.Linear(16, 3));
    const optimizer = new optim.AdamW(classifier.parameters(), { lr: 5e-2, weightDecay: 0.01 });
    const scheduler = new optim.LinearWarmup(optimizer, { warmupSteps: 5, totalSteps: 60 });
    const lossFunction = new nn.CrossEntropyLoss();
    const inputs = randn([32, 8]);
    const labels = randint(0, 3, [32]);
    const losses: number[] = [];
    for (let i = 0; i < 60; i++) {
      const loss = lossFunction.forward(classifier.forward(inputs), labels);
      loss.backward();
      nn.clipGradNorm_(classifier.parameters(), 1.0);
      optimizer.step();
      scheduler.step();
      optimizer.zeroGrad();
      losses.push(await loss.item());
    }
    expect(losses[0]).toBeGreaterThan(0.9);
    expect(losses.at(-1)).toBeLessThan(0.3);
  });

  it('offers layers as functions', async () => {
    const logits = tensor([[1, 2, 3]]);
    expect(await F.softmax(logits, -1).sum().item()).toBeCloseTo(1, 6);
    expect(await F.crossEntropy(logits, tensor([2], { dtype: 'int32' })).item()).toBeCloseTo(0.40760596, 6);
  });

  it('gives heads and blocks the shapes of the class notebook', () => {
    const x = randn([16, 32, 64]);
    const [head, weights] = new nn.SelfAttention(64, 16).forward(x);
    expect([head.shape, weights.shape]).toEqual([
      [16, 32, 16],
      [16, 32, 32],
    ]);
    expect(new nn.TransformerEncoderBlock(64, 8, 64).forward(x).shape).toEqual([16, 32, 64]);
    expect(new nn.PositionalEncoding(64).forward(x).shape).toEqual([16, 32, 64]);
  });

  it('names what does not fit', () => {
    expect(() => new nn.MultiHeadAttention(64, 8, 64).forward(randn([2, 3, 32]))).toThrow(
      'MultiHeadAttention: expected input [batch, time, 64], got [2, 3, 32]',
    );
    const x = randn([2, 3, 16]);
    expect(() => new nn.SelfAttention(16, 4).forward(x, tensor([[1, 1]], { dtype: 'int32' }))).toThrow(
      'SelfAttention: mask must be [batch, time] = [2, 3] (1 = keep), got [1, 2]',
    );
    expect(() => new nn.Linear(4, 2).loadStateDict(new Map())).toThrow(/Missing key\(s\) in state dict: weight, bias/);
  });
});

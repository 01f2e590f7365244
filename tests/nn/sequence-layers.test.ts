// What the goldens do not say of attention and recurrent layers: decoding with a cache, masks that leave nothing, bad input.
import * as nn from '@course/nn';
import {
  ArgumentError,
  AutogradError,
  DTypeError,
  device,
  manualSeed,
  memory,
  noGrad,
  randn,
  ShapeError,
  scope,
  type Tensor,
  tensor,
  zeros,
} from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

/** The same sums in products of other shapes: a few roundings of values near 1; WGSL's exp and division add some ulp. */
const atol = (): number => (device.kind === 'cpu' ? 2e-6 : 2e-5);

async function expectClose(actual: Tensor, expected: Tensor): Promise<void> {
  expect(actual.shape).toEqual(expected.shape);
  expect(await actual.data()).toBeClose([...(await expected.data())], { atol: atol() });
}

onEachDevice('decoding', () => {
  it.each([1, 3])('token by token with a cache gives what the whole sequence gives (capacity %i)', async (capacity) => {
    manualSeed(0);
    const rotary = new nn.RotaryEmbedding(4);
    const block = new nn.TransformerDecoderBlock(8, 2, 4, { rotary }).eval();
    const [x, context] = [randn([2, 5, 8]), randn([2, 3, 8])];
    const mask = tensor(
      [
        [1, 1, 1, 1, 1],
        [0, 1, 1, 1, 1],
      ],
      { dtype: 'int32' },
    );
    const whole = noGrad(() => block.forward(x, context, { mask }));
    const [cache, contextCache] = [new nn.KeyValueCache(capacity), new nn.KeyValueCache()];
    const before = memory().tensors;
    for (const [from, to] of [
      [0, 2],
      [2, 3],
      [3, 5],
    ] as const) {
      const [part, expected] = scope(() => {
        const rows = x.narrow(1, from, to - from);
        const found = noGrad(() => block.forward(rows, context, { mask: mask.narrow(1, 0, to), cache, contextCache }));
        return [found, whole.narrow(1, from, to - from)] as const;
      });
      await expectClose(part, expected);
      part.dispose();
      expected.dispose();
    }
    expect([cache.length, contextCache.length]).toEqual([5, 3]);
    cache.truncate(3);
    const [again, expected] = scope(() => [
      noGrad(() => block.forward(x.narrow(1, 3, 2), context, { mask, cache, contextCache })),
      whole.narrow(1, 3, 2),
    ]) as [Tensor, Tensor];
    await expectClose(again, expected);
    again.dispose();
    expected.dispose();
    cache.dispose();
    contextCache.dispose();
    expect([cache.length, contextCache.length]).toEqual([0, 0]);
    // Not more; less if the garbage collector came by.
    expect(memory().tensors).toBeLessThanOrEqual(before);
  });

  it('says what a cache cannot do', () => {
    const attention = new nn.MultiHeadAttention(8, 2, 4);
    const cache = new nn.KeyValueCache();
    const x = zeros([1, 2, 8]);
    expect(() => attention.forward(x, null, { cache })).toThrow(AutogradError);
    noGrad(() => attention.forward(x, null, { cache }));
    expect(() => noGrad(() => attention.forward(zeros([3, 1, 8]), null, { cache }))).toThrow(
      'KeyValueCache: holds [1, 2, 2, 4], cannot append [3, 2, 1, 4]',
    );
    expect(() => cache.truncate(3)).toThrow(ArgumentError);
  });
});

onEachDevice('attention', () => {
  it('gives zeros to a query that has no key left, in every form of mask', async () => {
    const attention = new nn.MultiheadAttention(4, 2, { batchFirst: true, bias: false }).eval();
    const x = randn([1, 2, 4]);
    const none = tensor([[1, 1]], { dtype: 'bool' });
    for (const attnMask of [null, zeros([2, 2])]) {
      const [output, weights] = attention.forward(x, x, x, { keyPaddingMask: none, attnMask });
      expect(await output.toArray()).toEqual(await zeros([1, 2, 4]).toArray());
      expect(await weights?.toArray()).toEqual(await zeros([1, 2, 2]).toArray());
    }
  });

  it('lets nothing of a later token through a causal mask', async () => {
    manualSeed(1);
    const model = new nn.Transformer({
      dModel: 8,
      nhead: 2,
      numEncoderLayers: 1,
      numDecoderLayers: 2,
      batchFirst: true,
    });
    model.eval();
    const [src, tgt] = [randn([1, 3, 8]), randn([1, 4, 8])];
    const changed = tgt.clone();
    noGrad(() => changed.narrow(1, 2, 1).fill_(9));
    const [a, b] = [tgt, changed].map((each) =>
      model.forward(src, each, { tgtMask: nn.Transformer.generateSquareSubsequentMask(4) }),
    ) as [Tensor, Tensor];
    expect([...(await a.narrow(1, 0, 2).data())]).toEqual([...(await b.narrow(1, 0, 2).data())]);
    expect([...(await a.narrow(1, 2, 1).data())]).not.toEqual([...(await b.narrow(1, 2, 1).data())]);
    await expectClose(model.forward(src, tgt, { tgtIsCausal: true }), a);
  });

  it('repeats a layer with parameters of its own and the same numbers', async () => {
    const layer = new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 8 });
    const stack = new nn.TransformerEncoder(layer, 2);
    expect(stack.numParameters()).toBe(2 * layer.numParameters());
    await expectClose(stack.layers.at(0).linear1.weight, layer.linear1.weight);
    expect(stack.layers.at(0).linear1.weight).not.toBe(stack.layers.at(1).linear1.weight);
    expect([...stack.stateDict().keys()][0]).toBe('layers.0.self_attn.in_proj_weight');
  });

  describe('says what does not fit', () => {
    const x = (): Tensor => zeros([2, 3, 8]);
    const attention = (): nn.MultiheadAttention => new nn.MultiheadAttention(8, 2, { batchFirst: true });
    const mask = (shape: readonly number[], dtype: 'bool' | 'int32' = 'bool'): Tensor => zeros(shape, { dtype });
    it.each([
      [
        'heads',
        ArgumentError,
        () => new nn.MultiheadAttention(8, 3),
        'embedDim must be divisible by numHeads, got 8 and 3',
      ],
      ['a width', ShapeError, () => attention().forward(zeros([2, 3, 7])), 'of widths 8, 8, 8'],
      ['a batch', ShapeError, () => attention().forward(x(), zeros([1, 3, 8])), 'keys and values of one length'],
      [
        'a padding mask',
        ShapeError,
        () => attention().forward(x(), x(), x(), { keyPaddingMask: mask([3, 2]) }),
        'keyPaddingMask must be [2, 3], got [3, 2]',
      ],
      [
        'a mask',
        ShapeError,
        () => attention().forward(x(), x(), x(), { attnMask: mask([3, 4]) }),
        'attnMask must be [3, 3] or [4, 3, 3], got [3, 4]',
      ],
      [
        'the dtype of a mask',
        DTypeError,
        () => attention().forward(x(), x(), x(), { keyPaddingMask: mask([2, 3], 'int32') }),
        'keyPaddingMask must be bool (true = ignore) or float32 (added to the scores), got int32',
      ],
      [
        'a layer inside',
        ShapeError,
        () => new nn.TransformerEncoder(new nn.TransformerEncoderLayer(8, 2), 2).forward(zeros([3, 2, 6])),
        '[in layers.0.self_attn (MultiheadAttention)]',
      ],
      [
        'positions',
        ShapeError,
        () => new nn.RotaryEmbedding(4, { maxLength: 2 }).forward(zeros([3, 4])),
        'a sequence of 3 is longer than the 2',
      ],
      [
        'rotary',
        ArgumentError,
        () => new nn.MultiHeadAttention(8, 2, 4, { rotary: new nn.RotaryEmbedding(2) }),
        'heads have 4',
      ],
      [
        'an LSTM input',
        ShapeError,
        () => new nn.LSTM(3, 4).forward(zeros([5, 2, 4])),
        'LSTM: expected input [time, batch, 3]',
      ],
      ['an empty sequence', ShapeError, () => new nn.GRU(3, 4).forward(zeros([0, 2, 3])), 'to be larger than 0'],
      [
        'a state',
        ShapeError,
        () => new nn.GRU(3, 4).forward(zeros([5, 2, 3]), zeros([1, 1, 4])),
        'h0 to be [1, 2, 4], got [1, 1, 4]',
      ],
      [
        'lengths',
        ArgumentError,
        () => new nn.RNN(3, 4).forward(zeros([5, 2, 3]), null, { lengths: [6, 1] }),
        'at most 5, the padded length, got 6',
      ],
      [
        'an empty batch',
        ShapeError,
        () => attention().forward(zeros([0, 3, 8])),
        'nothing to attend to in an empty input',
      ],
      [
        'an empty batch of a block',
        ShapeError,
        () => new nn.TransformerEncoderBlock(8, 2, 4).forward(zeros([0, 3, 8])),
        'got [0, 3, 8] [in attention (MultiHeadAttention)]',
      ],
      ['order', ArgumentError, () => nn.packPaddedSequence(zeros([5, 2, 3]), [1, 2]), 'sorted in decreasing order'],
    ] as const)('%s', (_name, type, action, message) => {
      expect(action).toThrow(type);
      expect(action).toThrow(message);
    });
  });
});

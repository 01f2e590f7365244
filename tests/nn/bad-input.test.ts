// What does not fit is refused where it is given: a typed error in PyTorch's words that says where in the model it happened.
import { TextClassifier } from '@course/models';
import * as nn from '@course/nn';
import {
  ArgumentError,
  type CourseError,
  DTypeError,
  device,
  ones,
  ShapeError,
  Tensor,
  tensor,
  zeros,
} from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

type Made = nn.Module & { forward(...args: readonly unknown[]): unknown };

/** A model with a layer inside, called as given. */
class Model extends nn.Module {
  constructor(
    readonly layer: nn.Module,
    private readonly args: readonly unknown[],
  ) {
    super();
  }
  forward(): unknown {
    return (this.layer as Made).forward(...this.args);
  }
}

const inside = (layer: nn.Module, ...args: readonly unknown[]): unknown => new Model(layer, args).forward();
const ids = (...values: readonly number[]): Tensor => tensor([values], { dtype: 'int32' });
const classifier = (): TextClassifier =>
  new TextClassifier({ vocabSize: 5, labels: ['a', 'b'], dim: 8, heads: 2, maxLength: 4 });
const small = { dModel: 8, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 8 };

type Case = readonly [name: string, type: typeof CourseError, action: () => unknown, message: RegExp];

const widths: readonly Case[] = [
  [
    'Linear',
    ShapeError,
    () => inside(new nn.Linear(4, 2), zeros([2, 3])),
    /cannot be multiplied.*\[in layer \(Linear\)\]/,
  ],
  [
    'LayerNorm',
    ShapeError,
    () => inside(new nn.LayerNorm(4), zeros([2, 3])),
    /\[\*, 4\], but got.*\[2, 3\].*\[in layer/,
  ],
  [
    'RMSNorm',
    ShapeError,
    () => inside(new nn.RMSNorm(4), zeros([2, 3])),
    /\[\*, 4\], but got.*\[in layer \(RMSNorm\)\]/,
  ],
  [
    'Conv1d',
    ShapeError,
    () => inside(new nn.Conv1d(4, 2, 3), zeros([2, 3, 8])),
    /to have 4 channels, but got 3.*\[in layer/,
  ],
  [
    'MaxPool1d',
    ShapeError,
    () => inside(new nn.MaxPool1d(3), zeros([2, 4, 2])),
    /too small.*\[in layer \(MaxPool1d\)\]/,
  ],
  ['LSTM', ShapeError, () => inside(new nn.LSTM(4, 2), zeros([3, 2, 5])), /expected input.*\[in layer \(LSTM\)\]/],
  ['GRUCell', ShapeError, () => inside(new nn.GRUCell(3, 4), zeros([2, 5])), /\[batch, 3\], got \[2, 5\].*\[in layer/],
  [
    'SelfAttention',
    ShapeError,
    () => inside(new nn.SelfAttention(4, 2), zeros([2, 3, 3])),
    /\[batch, time, 4\], got.*\[in layer/,
  ],
  [
    'a block',
    ShapeError,
    () => inside(new nn.TransformerEncoderBlock(8, 2, 4), zeros([2, 3, 6])),
    /expected input with shape \[\*, 8\].*\[in layer.norm1 \(LayerNorm\)\]/,
  ],
  [
    'the Transformer',
    ShapeError,
    () => inside(new nn.Transformer(small), zeros([3, 1, 6]), zeros([2, 1, 6])),
    /must be equal to dModel \(8\).*\[in layer \(Transformer\)\]/,
  ],
  [
    'positions',
    ShapeError,
    () => inside(new nn.PositionalEncoding(4), zeros([2, 3, 6])),
    /PositionalEncoding: expected input \[batch, time, 4\], got \[2, 3, 6\] \[in layer/,
  ],
  [
    'a context of another batch',
    ShapeError,
    () => inside(new nn.MultiHeadAttention(4, 2, 2), zeros([2, 3, 4]), null, { context: zeros([1, 5, 4]) }),
    /one batch size, got \[2, 3, 4\] and \[1, 5, 4\] \[in layer/,
  ],
  [
    'a dtype',
    DTypeError,
    () => inside(new nn.Linear(4, 2), zeros([2, 4], { dtype: 'int32' })),
    /got int32.*\[in layer/,
  ],
];

const masks: readonly Case[] = [
  [
    'of keys',
    ShapeError,
    () => inside(new nn.MultiHeadAttention(8, 2, 4), zeros([2, 3, 8]), ones([2, 4])),
    /mask must be \[batch, time\] = \[2, 3\] \(1 = keep\), got \[2, 4\] \[in layer \(MultiHeadAttention\)\]/,
  ],
  [
    'of every weight',
    ShapeError,
    () => inside(new nn.MultiHeadAttention(8, 2, 4), zeros([2, 3, 8]), ones([2, 2, 3, 4]).ne(0)),
    /mask of shape \[2, 2, 3, 4\] cannot be broadcast to \[2, 2, 3, 3\] \[in layer/,
  ],
  [
    'in a block',
    ShapeError,
    () => inside(new nn.TransformerEncoderBlock(8, 2, 4), zeros([2, 3, 8]), { mask: ones([3, 3]) }),
    /got \[3, 3\] \[in layer.attention \(MultiHeadAttention\)\]/,
  ],
  [
    'in the Transformer',
    ShapeError,
    () => inside(new nn.Transformer(small), zeros([3, 1, 8]), zeros([2, 1, 8]), { tgtMask: zeros([3, 3]) }),
    /attnMask must be \[2, 2\] or \[2, 2, 2\], got \[3, 3\] \[in layer.decoder.layers.0.self_attn \(MultiheadAttention\)\]/,
  ],
  [
    'of another dtype',
    DTypeError,
    () =>
      inside(new nn.MultiheadAttention(8, 2), zeros([2, 3, 8]), zeros([2, 3, 8]), zeros([2, 3, 8]), {
        attnMask: zeros([2, 2], { dtype: 'int32' }),
      }),
    /attnMask must be bool .* or float32 .*, got int32 \[in layer/,
  ],
  [
    'in a classifier',
    ShapeError,
    () => classifier().forward(ids(1, 2), { attentionMask: ones([1, 3]) }),
    /= \[1, 2\] \(1 = keep\), got \[1, 3\] \[in blocks.0.attention \(MultiHeadAttention\)\]/,
  ],
];

const positions: readonly Case[] = [
  [
    'sines',
    ShapeError,
    () => inside(new nn.PositionalEncoding(4, { maxLength: 2 }), zeros([1, 3, 4])),
    /a sequence of 3 is longer than the 2 positions of the table \[in layer/,
  ],
  [
    'a learned table',
    ShapeError,
    () => inside(new nn.LearnedPositions(4, 2), zeros([1, 3, 4])),
    /a sequence of 3 is longer than the 2 positions of the table \[in layer/,
  ],
  [
    'rotary',
    ShapeError,
    () => inside(new nn.RotaryEmbedding(4, { maxLength: 2 }), zeros([1, 3, 4])),
    /longer than the 2.*\[in layer/,
  ],
  [
    'a classifier',
    ShapeError,
    () => classifier().forward(ids(1, 1, 1, 1, 1)),
    /5 tokens is longer than maxLength \(4\)/,
  ],
];

const empty: readonly Case[] = [
  [
    'attention',
    ShapeError,
    () => inside(new nn.MultiHeadAttention(8, 2, 4), zeros([0, 3, 8])),
    /empty input, got \[0, 3, 8\] \[in layer/,
  ],
  [
    'torch’s attention',
    ShapeError,
    () => inside(new nn.TransformerEncoderLayer(8, 2), zeros([3, 0, 8])),
    /empty input, got \[3, 0, 8\].*\[in layer.self_attn/,
  ],
  ['LSTM', ShapeError, () => inside(new nn.LSTM(4, 2), zeros([3, 0, 4])), /larger than 0, got \[3, 0, 4\] \[in layer/],
  [
    'cross-entropy',
    ShapeError,
    () => inside(new nn.CrossEntropyLoss(), zeros([0, 4]), zeros([0], { dtype: 'int32' })),
    /CrossEntropyLoss: there is no mean over an empty batch, got an input of shape \[0, 4\] \[in layer/,
  ],
  [
    'mean squares',
    ShapeError,
    () => inside(new nn.MSELoss(), zeros([0, 4]), zeros([0, 4])),
    /no mean over an empty batch.*\[in layer/,
  ],
  [
    'a classifier',
    ShapeError,
    () => classifier().forward(zeros([0, 3], { dtype: 'int32' })),
    /empty input.*\[in blocks.0.attention/,
  ],
];

onEachDevice('bad input', (kind) => {
  describe.each([
    ['of another width', widths],
    ['a mask that does not fit', masks],
    ['a sequence longer than the positions', positions],
    ['an empty batch', empty],
  ] as const)('%s', (_what, cases) => {
    it.each(cases)('%s', (_name, type, action, message) => {
      expect(action).toThrow(type);
      expect(action).toThrow(message);
    });
  });

  it.each([
    [
      'past the table',
      () => inside(new nn.Embedding(4, 2), ids(1, 4)),
      /index 4( at position 1)? is out of range for a table of 4/,
    ],
    ['negative', () => inside(new nn.Embedding(4, 2), ids(-1)), /index -1( at position 0)? is out of range/],
    ['of a classifier', () => classifier().forward(ids(1, 9)).logits, /index 9( at position 1)? is out of range/],
    [
      'of a class',
      () => inside(new nn.CrossEntropyLoss(), zeros([2, 4]), tensor([1, 4], { dtype: 'int32' })),
      /target 4( at position 1)? is out of bounds for 4 classes/,
    ],
  ] as const)('an id %s', async (_name, action, message) => {
    // Values are seen on the host at the call, on a GPU by the kernel: there the next read brings the error, which knows the smallest id alone.
    const run = async (): Promise<unknown> => {
      const made = action();
      return made instanceof Tensor ? made.data() : made;
    };
    await expect(run()).rejects.toThrow(ArgumentError);
    await expect(run()).rejects.toThrow(message);
    await expect(run()).rejects.toThrow(/\[in \S+ \(\w+\)\]$/);
    expect(kind).toBe(device.kind);
  });
});

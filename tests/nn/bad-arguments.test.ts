// What modules, optimizers and state dicts are made of and given: a typed error says what does not fit, and where.
import { TextClassifier } from '@course/models';
import * as nn from '@course/nn';
import * as optim from '@course/nn/optim';
import { ArgumentError, CourseError, ShapeError, zeros } from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

/** A model with a layer inside. */
class Model extends nn.Module {
  constructor(readonly layer: nn.Module) {
    super();
  }
}

const small = { dModel: 8, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 8 };

type Case = readonly [name: string, type: typeof CourseError, action: () => unknown, message: RegExp];

const heads: readonly Case[] = [
  ['MultiheadAttention', ArgumentError, () => new nn.MultiheadAttention(8, 3), /divisible by numHeads, got 8 and 3/],
  [
    'an encoder layer',
    ArgumentError,
    () => new nn.TransformerEncoderLayer(8, 3),
    /MultiheadAttention: embedDim must be divisible by numHeads, got 8 and 3 \[in self_attn\]$/,
  ],
  [
    'a block',
    ArgumentError,
    () => new nn.TransformerDecoderBlock(8, 2.5, 4),
    /MultiHeadAttention: heads must be a whole number of at least 1, got 2.5 \[in attention\]$/,
  ],
  [
    'the Transformer',
    ArgumentError,
    () => new nn.Transformer({ ...small, nhead: 3 }),
    /divisible by numHeads, got 8 and 3 \[in encoder.layers.0.self_attn\]$/,
  ],
  [
    'a classifier',
    ArgumentError,
    () => new TextClassifier({ vocabSize: 5, labels: ['a', 'b'], dim: 8, heads: 3 }),
    /dim \(8\) must be divisible by heads \(3\)/,
  ],
];

const sizes: readonly Case[] = [
  ['LayerNorm', ArgumentError, () => new nn.LayerNorm([4, 0]), /^LayerNorm: normalizedShape\[1\] must be .* got 0$/],
  ['RMSNorm', ArgumentError, () => new nn.RMSNorm(1.5), /^RMSNorm: normalizedShape\[0\] must be .* got 1.5$/],
  ['SelfAttention', ArgumentError, () => new nn.SelfAttention(0, 2), /^SelfAttention: inputDim must be .* got 0$/],
  ['positions', ArgumentError, () => new nn.PositionalEncoding(0), /^PositionalEncoding: dim must be .* got 0$/],
  ['a block', ArgumentError, () => new nn.TransformerEncoderBlock(4, 2, 2, { mlpDim: 0 }), /mlpDim must be .* got 0$/],
  [
    'the Transformer',
    ArgumentError,
    () => new nn.Transformer({ ...small, dimFeedforward: 0 }),
    /dimFeedforward must be .* got 0 \[in encoder.layers.0\]$/,
  ],
  [
    'a strided convolution',
    ArgumentError,
    () => new nn.Conv1d(3, 4, 3, { padding: 'same', stride: 2 }),
    /padding='same' is not supported for strided convolutions, got stride 2/,
  ],
  ['a list', ArgumentError, () => new nn.ModuleList([3 as never]), /^ModuleList: '0' is no Module, got 3$/],
  ['a sequence', ArgumentError, () => new nn.Sequential(undefined as never), /^Sequential: '0' is no Module/],
  ['a dict', ArgumentError, () => new nn.ModuleDict({ a: zeros([1]) as never }), /^ModuleDict: 'a' is no Module/],
];

const groups: readonly Case[] = [
  [
    'a parameter of two groups',
    ArgumentError,
    () => {
      const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Linear(3, 2));
      return new optim.AdamW([{ params: model.parameters() }, { params: [...model.at(1).parameters()] }]);
    },
    /some parameters appear in more than one parameter group: '1.weight' of shape \[2, 3\]/,
  ],
  [
    'a parameter twice in a group',
    ArgumentError,
    () => {
      const weight = new nn.Parameter(zeros([2]));
      return new optim.SGD([weight, weight]);
    },
    /more than one parameter group: one of shape \[2\]/,
  ],
  [
    'names with the parameters',
    ArgumentError,
    () => new optim.SGD(new nn.Linear(2, 2).namedParameters() as never),
    /can only optimize Tensors, but one of the params is weight/,
  ],
  [
    'a state of other parameters',
    CourseError,
    () => {
      const [a, b] = [new nn.Linear(2, 3), new nn.Linear(3, 3)].map((layer) => {
        const own = new optim.AdamW(layer.parameters());
        for (const parameter of layer.parameters()) parameter.grad = zeros(parameter.shape);
        own.step();
        return own;
      });
      return b?.loadStateDict((a as optim.AdamW).stateDict());
    },
    /expAvg of shape \[3, 2\] for parameter 0, 'weight' of shape \[3, 3\]/,
  ],
];

const states: readonly Case[] = [
  [
    'that is none',
    ArgumentError,
    () => new nn.Linear(2, 2).loadStateDict(null as never),
    /loadStateDict: Expected state_dict to be dict-like, got null/,
  ],
  [
    'of numbers',
    ArgumentError,
    () => new nn.Linear(2, 2).loadStateDict({ weight: 3, bias: zeros([2]) } as never),
    /expected a tensor for weight of Linear, got 3/,
  ],
  [
    'of another model',
    ShapeError,
    () => new Model(new nn.Linear(2, 2)).loadStateDict(new nn.Sequential(new nn.Linear(2, 2)).stateDict()),
    /loading state dict for Model:\s+Missing key\(s\) in state dict: layer.weight, layer.bias\s+Unexpected key\(s\) in state dict: 0.weight, 0.bias/,
  ],
  [
    'of other sizes',
    ShapeError,
    () => new Model(new nn.Linear(2, 2)).loadStateDict(new Model(new nn.Linear(3, 2)).stateDict()),
    /size mismatch for layer.weight: copying a tensor of shape \[2, 3\], the shape in the module is \[2, 2\]/,
  ],
];

onEachDevice('bad arguments', () => {
  describe.each([
    ['heads that do not divide', heads],
    ['sizes and parts that cannot be', sizes],
    ['parameter groups', groups],
    ['a state dict', states],
  ] as const)('%s', (_what, cases) => {
    it.each(cases)('%s', (_name, type, action, message) => {
      expect(action).toThrow(type);
      expect(action).toThrow(message);
    });
  });
});

// What the goldens do not say of the basic layers: bounds of embeddings, printing, bad input.
import * as nn from '@course/nn';
import { ArgumentError, device, ShapeError, tensor, zeros } from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

onEachDevice('layers', () => {
  it('shortens the rows of an embedding that are looked up and too long, and no others', async () => {
    const layer = nn.Embedding.fromPretrained(
      tensor([
        [3, 4],
        [0.3, 0.4],
        [6, 8],
      ]),
      { freeze: false, maxNorm: 1 },
    );
    const found = layer.forward(tensor([0, 1, 0], { dtype: 'int32' }));
    // torch divides by the norm + 1e-7; WGSL's square root and division may be off by some ulp.
    const atol = device.kind === 'cpu' ? 1e-6 : 1e-5;
    expect(await found.data()).toBeClose([0.6, 0.8, 0.3, 0.4, 0.6, 0.8], { atol });
    expect(await layer.weight.data()).toBeClose([0.6, 0.8, 0.3, 0.4, 6, 8], { atol });
    found.sum().backward();
    expect(await layer.weight.grad?.toArray()).toEqual([
      [2, 2],
      [1, 1],
      [0, 0],
    ]);
  });

  it('are printed as PyTorch prints them', () => {
    expect(
      [
        new nn.Conv1d(4, 6, 3, { padding: 1, groups: 2, bias: false }),
        new nn.MaxPool1d(5),
        new nn.AvgPool1d(2, { stride: 1 }),
        new nn.AdaptiveAvgPool1d(1),
        new nn.Flatten(),
        new nn.LSTM(3, 4, { numLayers: 2, batchFirst: true, bidirectional: true }),
        new nn.GRUCell(3, 4),
        new nn.LeakyReLU(),
        new nn.PReLU(),
        new nn.Embedding(5, 2, { paddingIdx: 0, maxNorm: 1 }),
        new nn.Hardtanh(),
      ].map(String),
    ).toEqual([
      'Conv1d(4, 6, kernel_size=(3,), stride=(1,), padding=(1,), groups=2, bias=False)',
      'MaxPool1d(kernel_size=5, stride=5, padding=0, dilation=1, ceil_mode=False)',
      'AvgPool1d(kernel_size=(2,), stride=(1,), padding=(0,))',
      'AdaptiveAvgPool1d(output_size=1)',
      'Flatten(start_dim=1, end_dim=-1)',
      'LSTM(3, 4, num_layers=2, batch_first=True, bidirectional=True)',
      'GRUCell(3, 4)',
      'LeakyReLU(negative_slope=0.01)',
      'PReLU(num_parameters=1)',
      'Embedding(5, 2, padding_idx=0, max_norm=1)',
      'Hardtanh(min_val=-1.0, max_val=1.0)',
    ]);
  });

  describe('say what does not fit', () => {
    it.each([
      [
        'groups',
        ArgumentError,
        () => new nn.Conv1d(4, 6, 3, { groups: 4 }),
        'outChannels (6) must be divisible by groups (4)',
      ],
      [
        'a kernel',
        ArgumentError,
        () => new nn.Conv1d(4, 6, 0),
        'kernelSize must be a whole number of at least 1, got 0',
      ],
      [
        'channels, with their place',
        ShapeError,
        () => new nn.Sequential(new nn.ReLU(), new nn.Conv1d(4, 6, 3)).forward(zeros([2, 3, 8])),
        '[in 1 (Conv1d)]',
      ],
      [
        'a table',
        ArgumentError,
        () => new nn.Embedding(0, 2),
        'numEmbeddings must be a whole number of at least 1, got 0',
      ],
      ['a bound', ArgumentError, () => new nn.Embedding(3, 2, { maxNorm: 0 }), 'maxNorm must be positive, got 0'],
      ['half a width', ShapeError, () => new nn.GLU().forward(zeros([2, 3])), 'Halving dimension must be even'],
      [
        'slopes',
        ShapeError,
        () => new nn.PReLU(3).forward(zeros([2, 4])),
        'parameter numbers = 3 and channel size = 4',
      ],
      [
        'positions',
        ShapeError,
        () => new nn.LearnedPositions(4, 2).forward(zeros([1, 3, 4])),
        'longer than the 2 positions',
      ],
    ] as const)('%s', (_name, type, action, message) => {
      expect(action).toThrow(type);
      expect(action).toThrow(message);
    });
  });
});

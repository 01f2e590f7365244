// Scripts as they are written for torch.nn, ported line by line: the same seed, the same modules, the same losses all the way.
import * as nn from '@course/nn';
import * as F from '@course/nn/functional';
import * as optim from '@course/nn/optim';
import { arange, cat, manualSeed, randint, randn, type Tensor, tensor, zeros } from '@course/tensor';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import { golden } from '../support/goldens.js';

const expected = golden('scripts');
const int = { dtype: 'int32' } as const;

class Block extends nn.Module {
  readonly norm;
  readonly ffw;
  readonly gate = new nn.Parameter(zeros([1]));
  readonly steps = new nn.Buffer(zeros([1]));
  constructor(d: number) {
    super();
    this.norm = new nn.LayerNorm(d);
    this.ffw = new nn.Sequential(new nn.Linear(d, 2 * d), new nn.GELU(), new nn.Linear(2 * d, d));
  }
  forward(x: Tensor): Tensor {
    return x.add(
      this.gate
        .add(0.5)
        .tanh()
        .mul(this.ffw.forward(this.norm.forward(x))),
    );
  }
}

class Net extends nn.Module {
  readonly stages = new nn.ModuleList([0, 1].map(() => new nn.ModuleList([new Block(4), new Block(4)])));
  readonly heads = new nn.ModuleDict({ cls: new nn.Linear(4, 3), reg: new nn.Linear(4, 1) });
  constructor() {
    super();
    this.apply((m) => {
      if (m instanceof nn.Linear) {
        nn.init.normal_(m.weight, 0, 0.02);
        if (m.bias) nn.init.zeros_(m.bias);
      }
    });
  }
  forward(x: Tensor): Record<'cls' | 'reg', Tensor> {
    for (const stage of this.stages) for (const block of stage) x = block.forward(x);
    return { cls: this.heads.get('cls').forward(x), reg: this.heads.get('reg').forward(x) };
  }
}

class Recurrent extends nn.Module {
  readonly embedding = new nn.Embedding(20, 6, { paddingIdx: 0 });
  readonly lstm = new nn.LSTM(6, 5, { numLayers: 2, bidirectional: true, batchFirst: true, dropout: 0 });
  readonly fc = new nn.Linear(10, 2);
  forward(ids: Tensor, lengths: readonly number[]): Tensor {
    const e = this.embedding.forward(ids);
    const packed = nn.packPaddedSequence(e, lengths, { batchFirst: true, enforceSorted: false });
    const [o, [h]] = this.lstm.forward(packed);
    const [padded, lens] = nn.padPackedSequence(o, { batchFirst: true });
    const l = tensor([...lens]).unsqueeze(-1);
    const mask = arange(padded.size(1)).unsqueeze(0).lt(l).unsqueeze(-1);
    const pooled = padded.mul(mask).sum(1).div(l);
    return this.fc.forward(cat([h.select(0, -2), h.select(0, -1)], 1).add(pooled));
  }
}

class Translator extends nn.Module {
  readonly src = new nn.Embedding(12, 8, { paddingIdx: 0 });
  readonly tgt = new nn.Embedding(12, 8, { paddingIdx: 0 });
  readonly transformer = new nn.Transformer({
    dModel: 8,
    nhead: 2,
    numEncoderLayers: 2,
    numDecoderLayers: 2,
    dimFeedforward: 16,
    dropout: 0,
    batchFirst: true,
    normFirst: true,
    activation: 'gelu',
  });
  readonly generator = new nn.Linear(8, 12, { bias: false });
  constructor() {
    super();
    this.generator.weight = this.tgt.weight;
  }
  forward(a: Tensor, b: Tensor): Tensor {
    const tgtMask = nn.Transformer.generateSquareSubsequentMask(b.size(1));
    const out = this.transformer.forward(this.src.forward(a).mul(Math.sqrt(8)), this.tgt.forward(b).mul(Math.sqrt(8)), {
      tgtMask,
      srcKeyPaddingMask: a.eq(0),
      tgtKeyPaddingMask: b.eq(0),
      memoryKeyPaddingMask: a.eq(0),
    });
    return this.generator.forward(out);
  }
}

onEachDevice('scripts', (kind) => {
  // Ten steps of float32 on small sums: both go their own way by roundings, which Adam's quotients make larger.
  const close = { rtol: kind === 'cpu' ? 2e-5 : 2e-4, atol: 1e-6 };

  it('of modules in lists and dicts, with groups and a sequence of schedules', async () => {
    manualSeed(0);
    const m = new Net();
    const x = randn([5, 4]);
    const y = tensor([0, 1, 2, 0, 1], int);
    const z = randn([5, 1]);
    expect([...m.stateDict().keys()]).toEqual(expected.nestedModules.keys);
    expect(String(m)).toBe(expected.nestedModules.text);
    const opt = new optim.AdamW([{ params: m.stages.parameters(), lr: 1e-3 }, { params: m.heads.parameters() }], {
      lr: 1e-2,
      weightDecay: 0.1,
    });
    const sch = new optim.SequentialLR(opt, {
      schedulers: [
        new optim.LinearLR(opt, { startFactor: 0.1, totalIters: 3 }),
        new optim.CosineAnnealingLR(opt, { tMax: 7 }),
      ],
      milestones: [3],
    });
    const losses: number[] = [];
    const norms: number[] = [];
    const lrs: number[][] = [];
    for (let i = 0; i < 10; i++) {
      const o = m.forward(x);
      const loss = F.crossEntropy(o.cls, y, { labelSmoothing: 0.1 }).add(F.mseLoss(o.reg, z).mul(0.5));
      opt.zeroGrad();
      loss.backward();
      const norm = nn.clipGradNorm_(m.parameters(), 0.5);
      opt.step();
      sch.step();
      losses.push(await loss.item());
      lrs.push(opt.paramGroups.map((g) => g.lr));
      norms.push(await norm.item());
    }
    expect(losses).toBeClose(expected.nestedModules.losses, close);
    expect(norms).toBeClose(expected.nestedModules.norms ?? [], close);
    expect(lrs.flat()).toBeClose(expected.nestedModules.rates?.flat() ?? [], { rtol: 1e-12, atol: 0 });
  });

  it('of an LSTM over packed sequences', async () => {
    manualSeed(1);
    const m = new Recurrent();
    const ids = randint(1, 20, [4, 7]);
    const lengths = [7, 3, 5, 1];
    for (const [i, n] of lengths.entries())
      ids
        .select(0, i)
        .narrow(0, n, 7 - n)
        .zero_();
    expect([...(await ids.data())]).toEqual(expected.packedLstm.ids);
    expect(String(m)).toBe(expected.packedLstm.text);
    const opt = new optim.RMSprop(m.parameters(), { lr: 1e-2, momentum: 0.9, centered: true });
    const losses: number[] = [];
    for (let i = 0; i < 8; i++) {
      const loss = F.crossEntropy(m.forward(ids, lengths), tensor([0, 1, 0, 1], int), { weight: tensor([1, 2]) });
      opt.zeroGrad();
      loss.backward();
      nn.clipGradValue_(m.parameters(), 0.1);
      opt.step();
      losses.push(await loss.item());
    }
    expect(losses).toBeClose(expected.packedLstm.losses, close);
  });

  it('of a Transformer with tied embeddings and all masks', async () => {
    manualSeed(2);
    const m = new Translator();
    const a = randint(1, 12, [3, 6]);
    const b = randint(1, 12, [3, 5]);
    a.slice(1, [4, null]).zero_();
    b.slice(2, [3, null]).zero_();
    expect([...m.stateDict().keys()]).toEqual(expected.tiedTransformer.keys);
    expect(m.numParameters()).toBe(expected.tiedTransformer.parameters);
    expect(String(m)).toBe(expected.tiedTransformer.text);
    const opt = new optim.Adam(m.parameters(), { lr: 5e-3, betas: [0.9, 0.98], eps: 1e-9 });
    const sch = new optim.LambdaLR(opt, (s) => Math.min((s + 1) ** -0.5, (s + 1) * 4 ** -1.5));
    const losses: number[] = [];
    for (let i = 0; i < 6; i++) {
      const lo = m.forward(a, b.slice(':', [0, -1]));
      const loss = F.crossEntropy(lo.reshape([-1, 12]), b.slice(':', [1, null]).reshape([-1]), { ignoreIndex: 0 });
      opt.zeroGrad();
      loss.backward();
      opt.step();
      sch.step();
      losses.push(await loss.item());
    }
    expect(losses).toBeClose(expected.tiedTransformer.losses, close);
  });

  it('of convolutions', async () => {
    manualSeed(3);
    const m = new nn.Sequential(
      new nn.Conv1d(3, 4, 3, { padding: 'same' }),
      new nn.ReLU(),
      new nn.MaxPool1d(2, { stride: 1, padding: 1 }),
      new nn.Conv1d(4, 6, 2, { stride: 2, groups: 2 }),
      new nn.LeakyReLU(0.2),
      new nn.AdaptiveMaxPool1d(1),
      new nn.Flatten(),
      new nn.Linear(6, 2),
      new nn.LogSoftmax(-1),
    );
    expect(String(m)).toBe(expected.convolutions.text);
    const x = randn([4, 3, 9]);
    const opt = new optim.SGD(m.parameters(), { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-3 });
    const losses: number[] = [];
    for (let i = 0; i < 6; i++) {
      const loss = F.nllLoss(m.forward(x), tensor([0, 1, 1, 0], int));
      opt.zeroGrad();
      loss.backward();
      opt.step();
      losses.push(await loss.item());
    }
    expect(losses).toBeClose(expected.convolutions.losses, close);
  });

  it('that looks for a learning rate and goes back', async () => {
    manualSeed(4);
    const m = new nn.Sequential(new nn.Linear(4, 8), new nn.Tanh(), new nn.Linear(8, 1));
    const [x, y] = [randn([16, 4]), randn([16, 1])];
    const state = new Map([...m.stateDict()].map(([key, value]) => [key, value.detach().clone()]));
    const opt = new optim.SGD(m.parameters(), { lr: 1e-5 });
    const gamma = (1 / 1e-5) ** (1 / 19);
    const history: number[] = [];
    for (let i = 0; i < 20; i++) {
      const loss = F.mseLoss(m.forward(x), y);
      opt.zeroGrad();
      loss.backward();
      opt.step();
      history.push(await loss.item());
      for (const g of opt.paramGroups) g.lr *= gamma;
    }
    m.loadStateDict(state);
    history.push(await F.mseLoss(m.forward(x), y).item());
    expect(history).toBeClose(expected.rateFinder.losses, close);
  });

  it('that freezes a layer and takes features from another', async () => {
    manualSeed(5);
    const enc = new nn.TransformerEncoder(
      new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16, dropout: 0, batchFirst: true }),
      2,
      { norm: new nn.LayerNorm(8) },
    );
    const head = new nn.Linear(8, 2);
    expect(String(enc)).toBe(expected.frozenFeatures.text);
    for (const p of enc.layers.at(0).parameters()) p.requiresGrad = false;
    const feats = new Map<string, Tensor>();
    enc.layers.at(1).registerForwardHook((_mod, _inputs, output) => void feats.set('l1', (output as Tensor).detach()));
    const x = randn([2, 3, 8]);
    const opt = new optim.Adagrad(
      [...enc.parameters(), ...head.parameters()].filter((p) => p.requiresGrad),
      { lr: 0.05 },
    );
    const losses: number[] = [];
    for (let i = 0; i < 5; i++) {
      const out = enc.forward(x, {
        srcKeyPaddingMask: tensor([
          [false, false, true],
          [false, false, false],
        ]),
      });
      const loss = F.crossEntropy(head.forward(out.slice(':', 0)), tensor([0, 1], int));
      opt.zeroGrad();
      loss.backward();
      opt.step();
      losses.push(await loss.item());
    }
    expect(losses).toBeClose(expected.frozenFeatures.losses, close);
    expect([...((await feats.get('l1')?.data()) ?? [])]).toBeClose(expected.frozenFeatures.features ?? [], {
      rtol: 1e-3,
      atol: 1e-4,
    });
    expect([...enc.parameters()].map((p) => p.grad !== null)).toEqual(expected.frozenFeatures.gradients);
  });

  it('of a cell stepped by hand', async () => {
    manualSeed(6);
    const cell = new nn.GRUCell(3, 4);
    const out = new nn.Linear(4, 3);
    const x = randn([5, 2, 3]);
    const opt = new optim.Adam([...cell.parameters(), ...out.parameters()], { lr: 1e-2, amsgrad: true });
    const losses: number[] = [];
    for (let epoch = 0; epoch < 5; epoch++) {
      let hx = zeros([2, 4]);
      let loss = tensor(0);
      for (let t = 0; t < 4; t++) {
        hx = cell.forward(x.slice(t), hx);
        loss = loss.add(F.smoothL1Loss(out.forward(hx), x.slice(t + 1)));
      }
      opt.zeroGrad();
      loss.backward();
      opt.step();
      losses.push(await loss.item());
    }
    expect(losses).toBeClose(expected.cells.losses, close);
  });

  it('that accumulates gradients and averages weights', async () => {
    manualSeed(7);
    const m = new nn.Sequential(new nn.Linear(4, 6), new nn.PReLU(), new nn.Linear(6, 2));
    for (const l of m)
      if (l instanceof nn.Linear) {
        nn.init.kaimingNormal_(l.weight, { nonlinearity: 'relu' });
        if (l.bias) nn.init.constant_(l.bias, 0.1);
      }
    const [first, last] = [m.at(0), m.at(2)] as nn.Linear[];
    if (!first || !last) return;
    nn.init.orthogonal_(last.weight);
    expect([...(await first.weight.data()), ...(await last.weight.data())]).toBeClose(
      expected.accumulationAndAverages.weights ?? [],
      { rtol: 1e-5, atol: 1e-6 },
    );
    const ema = new optim.ExponentialMovingAverage(m.parameters(), { decay: 0.9 });
    const xs = randn([8, 2, 4]);
    const ys = randint(0, 2, [8, 2]);
    const opt = new optim.AdamW(m.parameters(), { lr: 1e-2 });
    const losses: number[] = [];
    for (let i = 0; i < 8; i++) {
      const loss = F.crossEntropy(m.forward(xs.slice(i)), ys.slice(i)).div(2);
      loss.backward();
      losses.push(await loss.item());
      if ((i + 1) % 2 === 0) {
        opt.step();
        opt.zeroGrad();
        ema.update();
      }
    }
    expect(losses).toBeClose(expected.accumulationAndAverages.losses, close);
    ema.swap();
    expect(await first.weight.data()).toBeClose(expected.accumulationAndAverages.average ?? [], close);
  });
});

// Captured training steps over everything that changes from step to step: each optimizer with each of its rules, each schedule, and models, losses
// and clips that request kernels of their own. 50 steps of the plain loop and of the captured one, in two shapes, give the same bits of
// losses and parameters. Beside them, what must void a recording.
import {
  BCEWithLogitsLoss,
  Conv1d,
  CrossEntropyLoss,
  clipGradNorm_,
  clipGradValue_,
  Dropout,
  Embedding,
  GRU,
  GradScaler,
  HuberLoss,
  LayerNorm,
  Linear,
  LSTM,
  MaxPool1d,
  type Module,
  MSELoss,
  MultiheadAttention,
  PReLU,
  RMSNorm,
  Sequential,
  SiLU,
  Tanh,
  TransformerDecoderBlock,
  TransformerEncoderBlock,
} from '@course/nn';
import * as optim from '@course/nn/optim';
import {
  autocast,
  type Captured,
  capture,
  checkpoint,
  crossEntropy,
  device,
  Generator,
  manualSeed,
  noGrad,
  ones,
  scope,
  type Tensor,
  tensor,
} from '@course/tensor';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

const [STEPS, WIDTH, TIME, CLASSES] = [50, 6, 4, 3];

/** A model with what a case does to it in a step. */
interface Training {
  readonly model: Module;
  /** x [batch, time, width]; labels [batch * time] and ids [batch, time], int32. */
  step(x: Tensor, labels: Tensor, ids: Tensor): Tensor;
  /** Outside of the captured function. */
  after?(step: number): void;
}

type Case = () => Training;

/** Losses of all steps and parameters after the last, and how many steps were replays. */
async function train(make: Case, isCaptured: boolean): Promise<{ bits: number[]; replays: number }> {
  manualSeed(4);
  const training = make();
  const captured = isCaptured ? capture(training.step) : null;
  const plain = (...inputs: Parameters<Training['step']>) => scope(() => training.step(...inputs).detach());
  const generator = new Generator(9);
  const numbers = (count: number, below: number) =>
    Int32Array.from({ length: count }, () => generator.random() % below);
  const losses: Promise<number>[] = [];
  for (let i = 0; i < STEPS; i++) {
    const batch = i % 5 === 3 ? 3 : 2;
    const inputs = [
      tensor(
        Float32Array.from({ length: batch * TIME * WIDTH }, () => generator.randomDouble() - 0.5),
        { shape: [batch, TIME, WIDTH] },
      ),
      tensor(numbers(batch * TIME, CLASSES)),
      tensor(numbers(batch * TIME, 7), { shape: [batch, TIME] }),
    ] as const;
    losses.push((captured ?? plain)(...inputs).item());
    training.after?.(i);
    for (const input of inputs) input.dispose();
  }
  const bits = await Promise.all(losses);
  for (const parameter of training.model.parameters()) bits.push(...(await parameter.data()));
  const replays = captured?.statistics.replays ?? 0;
  captured?.reset();
  return { bits, replays };
}

const mlp = () => new Sequential(new Linear(WIDTH, 5), new Tanh(), new Linear(5, CLASSES));

/** A training of a small network by an optimizer, and by what else a step does. */
function optimized<O extends { step(): void; zeroGrad(): void }>(
  make: (model: Module) => O,
  more: (optimizer: O, model: Module) => { before?(): void; within?(): void; after?(step: number): void } = () => ({}),
): Case {
  return () => {
    const model = mlp();
    const optimizer = make(model);
    const { before, within, after } = more(optimizer, model);
    return {
      model,
      step(x, labels) {
        const loss = crossEntropy(model.forward(x).view([-1, CLASSES]), labels);
        loss.backward();
        before?.();
        optimizer.step();
        within?.();
        optimizer.zeroGrad();
        return loss;
      },
      ...(after && { after }),
    };
  };
}

const optimizers: Record<string, Case> = {
  SGD: optimized((model) => new optim.SGD(model.parameters(), { lr: 0.1 })),
  'SGD with momentum, dampening and weight decay': optimized(
    (model) => new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9, dampening: 0.2, weightDecay: 0.05 }),
  ),
  'SGD with Nesterov momentum': optimized(
    (model) => new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9, nesterov: true }),
  ),
  'SGD uphill': optimized((model) => new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.5, maximize: true })),
  Adam: optimized((model) => new optim.Adam(model.parameters(), { lr: 0.02 })),
  'Adam with weight decay, amsgrad, uphill': optimized(
    (model) => new optim.Adam(model.parameters(), { lr: 0.02, weightDecay: 0.1, amsgrad: true, maximize: true }),
  ),
  AdamW: optimized((model) => new optim.AdamW(model.parameters(), { lr: 0.02, weightDecay: 0.1 })),
  'AdamW with amsgrad': optimized((model) => new optim.AdamW(model.parameters(), { lr: 0.02, amsgrad: true })),
  RMSprop: optimized((model) => new optim.RMSprop(model.parameters(), { lr: 0.01 })),
  'RMSprop, centered, with momentum and weight decay': optimized(
    (model) => new optim.RMSprop(model.parameters(), { lr: 0.01, centered: true, momentum: 0.9, weightDecay: 0.01 }),
  ),
  Adagrad: optimized((model) => new optim.Adagrad(model.parameters(), { lr: 0.1 })),
  'Adagrad with falling rate, weight decay and a start': optimized(
    (model) =>
      new optim.Adagrad(model.parameters(), { lr: 0.1, lrDecay: 0.1, weightDecay: 0.01, initialAccumulatorValue: 0.5 }),
  ),
  'groups of their own rates and rules': optimized((model) => {
    const [first, ...others] = model.parameters();
    return new optim.AdamW(
      [{ params: [first as Tensor], lr: 0.1, weightDecay: 0, amsgrad: true }, { params: others }],
      {
        lr: 0.01,
      },
    );
  }),
  'a running average': optimized(
    (model) => new optim.SGD(model.parameters(), { lr: 0.1 }),
    (_, model) => {
      const average = new optim.ExponentialMovingAverage(model.parameters(), { decay: 0.9, warmup: true });
      // Every tenth step goes on from the average.
      return { within: () => average.update(), after: (step) => void (step % 10 === 9 && average.swap()) };
    },
  ),
  'norms clipped': optimized(
    (model) => new optim.SGD(model.parameters(), { lr: 0.1 }),
    (_, model) => ({ before: () => void clipGradNorm_(model.parameters(), 0.05) }),
  ),
  'largest magnitudes clipped': optimized(
    (model) => new optim.SGD(model.parameters(), { lr: 0.1 }),
    (_, model) => ({
      before: () => void clipGradNorm_(model.parameters(), 0.05, { normType: Number.POSITIVE_INFINITY }),
    }),
  ),
  'values clipped': optimized(
    (model) => new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
    (_, model) => ({ before: () => clipGradValue_(model.parameters(), 0.01) }),
  ),
  'state taken back to that of an earlier step': optimized(
    (model) => new optim.AdamW(model.parameters(), { lr: 0.02, amsgrad: true }),
    (optimizer, model) => {
      let saved: { readonly optimizer: optim.OptimizerState<optim.AdamSettings>; readonly model: Map<string, Tensor> };
      const copy = (value: Tensor | number) => (typeof value === 'number' ? value : noGrad(() => value.clone()));
      return {
        after(step) {
          if (step === 20) {
            const { groups, state } = optimizer.stateDict();
            saved = {
              optimizer: {
                groups: groups.map((group) => ({ ...group })),
                state: new Map(
                  [...state].map(([number, own]) => [
                    number,
                    Object.fromEntries(Object.entries(own).map(([name, value]) => [name, copy(value)])),
                  ]),
                ),
              },
              model: new Map([...model.namedParameters()].map(([name, value]) => [name, copy(value) as Tensor])),
            };
          } else if (step === 35) {
            optimizer.loadStateDict(saved.optimizer);
            model.loadStateDict(saved.model);
          }
        },
      };
    },
  ),
};

const sgd = (model: Module) => new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
/** A schedule that steps inside of the captured function. */
const scheduled = (make: (optimizer: optim.SGD) => { step(): void }) =>
  optimized(sgd, (optimizer) => {
    const schedule = make(optimizer);
    return { within: () => schedule.step() };
  });

const schedules: Record<string, Case> = {
  StepLR: scheduled((optimizer) => new optim.StepLR(optimizer, { stepSize: 7 })),
  MultiStepLR: scheduled((optimizer) => new optim.MultiStepLR(optimizer, { milestones: [5, 30] })),
  ExponentialLR: scheduled((optimizer) => new optim.ExponentialLR(optimizer, { gamma: 0.95 })),
  LambdaLR: scheduled((optimizer) => new optim.LambdaLR(optimizer, (step) => 1 / (1 + step))),
  ConstantLR: scheduled((optimizer) => new optim.ConstantLR(optimizer, { factor: 0.3, totalIters: 20 })),
  LinearLR: scheduled((optimizer) => new optim.LinearLR(optimizer, { startFactor: 0.1, totalIters: 20 })),
  PolynomialLR: scheduled((optimizer) => new optim.PolynomialLR(optimizer, { totalIters: 40, power: 2 })),
  SequentialLR: scheduled((optimizer) => {
    const rise = new optim.LinearLR(optimizer, { startFactor: 0.1, totalIters: 10 });
    const fall = new optim.ExponentialLR(optimizer, { gamma: 0.9 });
    return new optim.SequentialLR(optimizer, { schedulers: [rise, fall], milestones: [10] });
  }),
  CosineAnnealingLR: scheduled((optimizer) => new optim.CosineAnnealingLR(optimizer, { tMax: 20, etaMin: 0.001 })),
  CosineAnnealingWarmRestarts: scheduled(
    (optimizer) => new optim.CosineAnnealingWarmRestarts(optimizer, { t0: 5, tMult: 2 }),
  ),
  'OneCycleLR, moving momentum': scheduled(
    (optimizer) => new optim.OneCycleLR(optimizer, { maxLr: 0.2, totalSteps: STEPS + 1 }),
  ),
  'OneCycleLR, moving betas': optimized(
    (model) => new optim.AdamW(model.parameters(), { lr: 0.1 }),
    (optimizer) => {
      const schedule = new optim.OneCycleLR(optimizer, { maxLr: 0.1, totalSteps: STEPS + 1, threePhase: true });
      return { within: () => schedule.step() };
    },
  ),
  ConstantWarmup: scheduled((optimizer) => new optim.ConstantWarmup(optimizer, { warmupSteps: 8 })),
  LinearWarmup: scheduled((optimizer) => new optim.LinearWarmup(optimizer, { warmupSteps: 8, totalSteps: STEPS })),
  CosineWarmup: scheduled((optimizer) => new optim.CosineWarmup(optimizer, { warmupSteps: 8, totalSteps: STEPS })),
  'ReduceLROnPlateau, outside': optimized(sgd, (optimizer) => {
    const schedule = new optim.ReduceLROnPlateau(optimizer, { patience: 3, factor: 0.7 });
    return { after: () => schedule.step(1) };
  }),
};

/** A model with everything around it in one class, trained by Adam. */
function modelled(
  make: () => { readonly parts: readonly Module[]; loss(x: Tensor, labels: Tensor, ids: Tensor): Tensor },
): Case {
  return () => {
    const { parts, loss: lossOf } = make();
    const model = new Sequential(...(parts as Linear[]));
    const optimizer = new optim.AdamW(model.parameters(), { lr: 0.02 });
    return {
      model,
      step(x, labels, ids) {
        optimizer.zeroGrad();
        const loss = lossOf(x, labels, ids);
        loss.backward();
        optimizer.step();
        return loss;
      },
    };
  };
}

const classify = (logits: Tensor, labels: Tensor) => crossEntropy(logits.view([-1, CLASSES]), labels);

const models: Record<string, Case> = {
  'LSTM in both directions, two layers with dropout': modelled(() => {
    const lstm = new LSTM(WIDTH, 3, { batchFirst: true, bidirectional: true, numLayers: 2, dropout: 0.2 });
    const head = new Linear(6, CLASSES);
    return { parts: [lstm, head], loss: (x, labels) => classify(head.forward(lstm.forward(x)[0]), labels) };
  }),
  GRU: modelled(() => {
    const gru = new GRU(WIDTH, 4, { batchFirst: true });
    const head = new Linear(4, CLASSES);
    return { parts: [gru, head], loss: (x, labels) => classify(head.forward(gru.forward(x)[0]), labels) };
  }),
  'attention with a mask of keys, dropout and its weights': modelled(() => {
    const attention = new MultiheadAttention(WIDTH, 2, { batchFirst: true, dropout: 0.2 });
    const head = new Linear(WIDTH, CLASSES);
    return {
      parts: [attention, head],
      loss(x, labels, ids) {
        const [seen, weights] = attention.forward(x, x, x, { keyPaddingMask: ids.ne(0), isCausal: true });
        return classify(head.forward(seen), labels).add(weights?.square().sum() ?? 0);
      },
    };
  }),
  'encoder and decoder blocks, causal, with dropout': modelled(() => {
    const encoder = new TransformerEncoderBlock(WIDTH, 2, 8, { dropout: 0.1 });
    const decoder = new TransformerDecoderBlock(WIDTH, 2, 8, { dropout: 0.1 });
    const head = new Linear(WIDTH, CLASSES);
    return {
      parts: [encoder, decoder, head],
      loss: (x, labels) => classify(head.forward(decoder.forward(x, encoder.forward(x))), labels),
    };
  }),
  'embeddings with a padding row, tied to the head, targets ignored, labels smoothed': modelled(() => {
    const table = new Embedding(7, WIDTH, { paddingIdx: 0 });
    const norm = new RMSNorm(WIDTH);
    const loss = new CrossEntropyLoss({ ignoreIndex: 1, labelSmoothing: 0.1 });
    return {
      parts: [table, norm],
      loss: (x, _, ids) =>
        loss.forward(norm.forward(table.forward(ids).add(x)).matmul(table.weight.T).view([-1, 7]), ids.view([-1])),
    };
  }),
  'a loss weighted by class': modelled(() => {
    const model = mlp();
    const loss = new CrossEntropyLoss({ weight: tensor([1, 2, 0.5]) });
    return { parts: [model], loss: (x, labels) => loss.forward(model.forward(x).view([-1, CLASSES]), labels) };
  }),
  'convolution, pooling, normalisation and dropout': modelled(() => {
    const [conv, pool, norm] = [new Conv1d(WIDTH, 5, 3, { padding: 1 }), new MaxPool1d(2), new LayerNorm(2)];
    const [drop, rectify, head] = [new Dropout(0.3), new PReLU(), new Linear(10, 1)];
    const loss = new BCEWithLogitsLoss();
    return {
      parts: [conv, norm, rectify, head],
      loss(x, labels) {
        const seen = drop.forward(rectify.forward(norm.forward(pool.forward(conv.forward(x.transpose(1, 2))))));
        const target = labels.view([-1, TIME]).narrow(1, 0, 1).gt(0).to('float32');
        return loss.forward(head.forward(seen.flatten(1)), target);
      },
    };
  }),
  'two losses of regression, gradients of two halves of the batch added up': () => {
    const model = mlp();
    const optimizer = new optim.Adam(model.parameters(), { lr: 0.02 });
    const [square, huber] = [new MSELoss(), new HuberLoss()];
    return {
      model,
      step(x) {
        const losses = [square, huber].map((loss, half) => {
          const y = model.forward(x.narrow(1, 2 * half, 2));
          const each = loss.forward(y, x.narrow(1, 2 * half, 2).narrow(2, 0, CLASSES));
          each.div(2).backward();
          return each;
        });
        optimizer.step();
        optimizer.zeroGrad();
        return (losses[0] as Tensor).add(losses[1] as Tensor);
      },
    };
  },
  'a checkpointed part': modelled(() => {
    const [first, second] = [new Linear(WIDTH, 5), new Linear(5, CLASSES)];
    const [silu, drop] = [new SiLU(), new Dropout(0.2)];
    return {
      parts: [first, second],
      loss(x, labels) {
        const hidden = checkpoint((y: Tensor) => drop.forward(silu.forward(first.forward(y))), x);
        return classify(second.forward(hidden), labels);
      },
    };
  }),
};

onEachDevice('a captured step equals the plain one, bit for bit over 50 steps, with', () => {
  it.each(Object.entries({ ...optimizers, ...schedules, ...models }))('%s', async (_, make) => {
    const plain = await train(make, false);
    const captured = await train(make, true);
    expect(captured.bits).toEqual(plain.bits);
    expect(plain.bits.every(Number.isFinite)).toBe(true);
    // Of either shape the first two calls are recorded; some cases change something from outside in between.
    expect(captured.replays).toBeGreaterThan(STEPS - 20);
  });
});

onEachDevice('a scaler that changes its scale: by growing, after an overflow, and from a saved state', () => {
  const CALLS = 24;
  /** Losses, scales and parameters of a loop whose forward and backward pass `wrap` may capture; `beside` is called in each step. */
  async function trained(wrap: (fn: (x: Tensor) => Tensor) => (x: Tensor) => Tensor, beside: () => void) {
    manualSeed(1);
    const model = new Linear(3, 2);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
    const scaler = new GradScaler({ initScale: 1024, growthInterval: 5 });
    const step = wrap((x) => {
      optimizer.zeroGrad();
      const loss = model.forward(x).square().sum();
      scaler.scale(loss).backward();
      return loss;
    });
    const [seen, scales]: [number[], number[]] = [[], []];
    for (let i = 0; i < CALLS; i++) {
      const loss = step(tensor([[i === 13 ? 1e37 : i % 8, 1, 2]]));
      beside();
      seen.push(await loss.detach().item());
      for (const { grad } of model.parameters()) seen.push(...((await grad?.data()) ?? []));
      await scaler.step(optimizer);
      await scaler.update(i === 17 ? 64 : undefined);
      scales.push(scaler.getScale());
      if (i === 20) scaler.loadStateDict({ scale: 8, growthTracker: 0 });
      for (const parameter of model.parameters()) seen.push(...(await parameter.data()));
    }
    return { seen, scales };
  }

  it('leaves recordings as they are: its step is replayed with the scale of each call', async () => {
    const plain = await trained(
      (fn) => fn,
      () => {},
    );
    // What the scale becomes: grown, shrunk after an overflow, set, grown again, and loaded.
    expect(plain.scales.filter((scale, i) => scale !== plain.scales[i - 1])).toEqual([
      ...[1024, 2048, 4096, 2048],
      ...[64, 128, 8],
    ]);
    let step: Captured<[Tensor], Tensor> | undefined;
    const other = capture((x: Tensor) => x.mul(2));
    const captured = await trained(
      (fn) => {
        step = capture(fn);
        return step;
      },
      () => other(ones([2])),
    );
    expect(captured).toEqual(plain);
    // Two calls are recorded, and one is run beside the recording after 16 replays.
    const statistics = { calls: CALLS, replays: CALLS - 3, recordings: 1 };
    expect(step?.statistics).toEqual(statistics);
    expect(other.statistics).toEqual(statistics);
  });
});

onEachDevice('a recording is void', () => {
  /** What a loop gives with its step captured, and plain. */
  async function bothWays<R>(run: (wrap: (fn: (x: Tensor) => Tensor) => (x: Tensor) => Tensor) => Promise<R>) {
    return { captured: await run((fn) => capture(fn)), plain: await run((fn) => fn) };
  }

  it('when a module gets a hook, or loses it', async () => {
    const { captured, plain } = await bothWays(async (wrap) => {
      manualSeed(1);
      const model = new Linear(3, 2);
      const step = wrap((x) => noGrad(() => model.forward(x)));
      const seen: unknown[] = [];
      let remove: (() => void) | undefined;
      for (let i = 0; i < 12; i++) {
        if (i === 4) remove = model.registerForwardHook((_module, _args, output) => (output as Tensor).mul(10));
        if (i === 8) remove?.();
        seen.push(await step(ones([1, 3])).toArray());
      }
      return seen;
    });
    expect(captured).toEqual(plain);
  });

  it('when it is called in mixed precision and was not before, or the other way round', async ({ skip }) => {
    if (!device.info().features.includes('shader-f16')) skip('the device has no float16');
    const weight = ones([4, 4]).div(3);
    weight.compute();
    const step = capture((x: Tensor) => x.matmul(weight));
    const dtypes: string[] = [];
    for (let i = 0; i < 12; i++) {
      const y = i % 6 < 3 ? autocast(() => step(ones([2, 4]))) : step(ones([2, 4]));
      dtypes.push(y.dtype);
      await y.data();
    }
    expect(dtypes).toEqual(Array.from({ length: 12 }, (_, i) => (i % 6 < 3 ? 'float16' : 'float32')));
    expect(step.statistics.replays).toBe(8);
  });
});

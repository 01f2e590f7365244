// The Trainer in Lightning's form: modules that bring their own steps, optimizers and hooks, and what they log.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as nn from '@course/nn';
import * as F from '@course/nn/functional';
import * as optim from '@course/nn/optim';
import { ArgumentError, device, manualSeed, randn, type Tensor } from '@course/tensor';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

class Lit extends nn.LightningModule<readonly [x: Tensor, y: Tensor]> {
  readonly layer = new nn.Linear(3, 1);
  forward(x: Tensor): Tensor {
    return this.layer.forward(x).sigmoid().squeeze(-1);
  }
  #losses([x, y]: readonly [Tensor, Tensor]): { loss: Tensor; acc: Tensor } {
    const p = this.forward(x);
    return { loss: p.sub(y).square().mean(), acc: p.gt(0.5).eq(y.gt(0.5)).to('float32').mean() };
  }
  override trainingStep(batch: readonly [Tensor, Tensor]): Tensor {
    const { loss, acc } = this.#losses(batch);
    this.logDict({ train_loss: loss, train_acc: acc }, { onStep: false, onEpoch: true, progBar: true });
    return loss;
  }
  override validationStep(batch: readonly [Tensor, Tensor]): void {
    const { loss, acc } = this.#losses(batch);
    this.log('val_loss', loss, { onEpoch: true });
    this.log('val_acc', acc, { onEpoch: true });
  }
  override configureOptimizers(): optim.RMSprop {
    return new optim.RMSprop(this.parameters(), { lr: 0.05 });
  }
}

onEachDevice("the Trainer in Lightning's form", () => {
  const batches = (sizes: readonly number[]): (readonly [Tensor, Tensor])[] =>
    sizes.map((size) => {
      const x = randn([size, 3]);
      return [x, x.select(1, 0).gt(0).to('float32')] as const;
    });

  it('fits a module by its own steps, with means of what it logs at the end of an epoch', async () => {
    manualSeed(4);
    const model = new Lit();
    const [train, val] = [batches([16, 16, 8]), batches([8, 4])];
    const history: nn.Metrics[] = [];
    const trainer = new nn.Trainer({
      maxEpochs: 5,
      args: { disableTqdm: true },
      callbacks: [{ onTrainEpochEnd: ({ callbackMetrics }) => void history.push({ ...callbackMetrics }) }],
    });
    const { globalStep } = await trainer.fit(model, { trainDataloaders: train, valDataloaders: val });
    expect(globalStep).toBe(15);
    expect(history).toHaveLength(5);
    expect(Object.keys(history[0] ?? {}).sort()).toEqual(['train_acc', 'train_loss', 'val_acc', 'val_loss']);
    expect(history[4]?.val_loss).toBeLessThan(history[0]?.val_loss ?? 0);
    // The mean over rows, not over batches, of the last weights.
    let expected = 0;
    for (const [x, y] of val) expected += (await model.forward(x).sub(y).square().sum().item()) / 12;
    expect(trainer.callbackMetrics.val_loss).toBeCloseTo(expected, device.kind === 'cpu' ? 6 : 5);
    expect(model.training).toBe(true);
  });

  it('steps schedules once an epoch, or as they are configured', async () => {
    const rates: number[][] = [];
    for (const interval of ['epoch', 'step'] as const) {
      const seen: number[] = [];
      class Scheduled extends Lit {
        override configureOptimizers(): never {
          const optimizer = new optim.SGD(this.parameters(), { lr: 1 });
          return {
            optimizer,
            lrScheduler: { scheduler: new optim.ExponentialLR(optimizer, { gamma: 0.5 }), interval },
          } as never;
        }
      }
      const model = new Scheduled();
      const config = model.configureOptimizers() as { optimizer: optim.SGD };
      model.configureOptimizers = (() => config) as never;
      const trainer = new nn.Trainer({
        maxEpochs: 2,
        args: { disableTqdm: true },
        callbacks: [{ onStepEnd: () => void seen.push(config.optimizer.paramGroups[0]?.lr ?? 0) }],
      });
      await trainer.fit(model, { trainDataloaders: batches([4, 4]) });
      rates.push(seen);
    }
    expect(rates).toEqual([
      [1, 1, 0.5, 0.5],
      [0.5, 0.25, 0.125, 0.0625],
    ]);
  });

  it.each<[string, (optimizer: optim.SGD, scheduler: optim.StepLR) => nn.OptimizerConfig, readonly number[]]>([
    ['an optimizer', (optimizer) => optimizer, [1, 1, 1, 1]],
    ['an optimizer in a list', (optimizer) => [optimizer], [1, 1, 1, 1]],
    ['lists of both', (optimizer, scheduler) => [[optimizer], [scheduler]], [1, 1, 0.5, 0.5]],
    [
      'lists of both, with an interval',
      (optimizer, scheduler) => [[optimizer], [{ scheduler, interval: 'step' }]],
      [0.5, 0.25, 0.125, 0.0625],
    ],
    ['an object', (optimizer, lrScheduler) => ({ optimizer, lrScheduler }), [1, 1, 0.5, 0.5]],
  ])('takes %s from configureOptimizers', async (_name, configure, expected) => {
    const rates: number[] = [];
    class Configured extends Lit {
      override configureOptimizers(): never {
        const optimizer = new optim.SGD(this.parameters(), { lr: 1 });
        const scheduler = new optim.StepLR(optimizer, { stepSize: 1, gamma: 0.5 });
        this.rate = () => optimizer.paramGroups[0]?.lr ?? 0;
        return configure(optimizer, scheduler) as never;
      }
      rate = (): number => 0;
    }
    const model = new Configured();
    const callbacks = [{ onStepEnd: () => void rates.push(model.rate()) }];
    await new nn.Trainer({ maxEpochs: 2, enableProgressBar: false, callbacks }).fit(model, batches([4, 4]));
    expect(rates).toEqual(expected);
  });

  it('refuses several optimizers, and a plateau without its metric', async () => {
    class Two extends Lit {
      override configureOptimizers(): never {
        const make = (): optim.SGD => new optim.SGD(this.parameters());
        return [[make(), make()], []] as never;
      }
    }
    const trainer = new nn.Trainer({ maxEpochs: 1, enableProgressBar: false });
    const run = trainer.fit(new Two(), batches([4]));
    await expect(run).rejects.toThrow(ArgumentError);
    await expect(run).rejects.toThrow(
      'Two: configureOptimizers may return one optimizer and one schedule, got 2 and 0',
    );
    class Plateau extends Lit {
      override configureOptimizers(): never {
        const optimizer = new optim.SGD(this.parameters());
        return { optimizer, lrScheduler: new optim.ReduceLROnPlateau(optimizer) } as never;
      }
    }
    await expect(trainer.fit(new Plateau(), batches([4]))).rejects.toThrow("there is no metric 'val_loss' to watch");
    await trainer.fit(new Plateau(), batches([4]), batches([4]));
  });

  it('calls the hooks of the module and of callbacks in their order, and takes data from the module', async () => {
    const order: string[] = [];
    class Hooked extends Lit {
      override trainDataloader(): readonly (readonly [Tensor, Tensor])[] {
        return batches([4, 4]);
      }
      override valDataloader(): readonly (readonly [Tensor, Tensor])[] {
        return batches([4]);
      }
      override onTrainStart(): void {
        order.push('start');
      }
      override onTrainEpochStart(): void {
        order.push(`epoch ${this.currentEpoch}`);
      }
      override onValidationEpochEnd(): void {
        order.push(`validated at ${this.globalStep}`);
        this.log('val_epochs', this.currentEpoch);
      }
      override onTrainEpochEnd(): void {
        order.push(`end of ${this.currentEpoch}`);
        this.log('double', 2 * this.currentEpoch);
      }
      override onTrainEnd(): void {
        order.push('end');
      }
    }
    const model = new Hooked();
    expect(() => model.trainer).toThrow('Hooked: it is not attached to a Trainer');
    const callback: nn.TrainerCallback = {
      onTrainStart: () => void order.push('callback: start'),
      onTrainEpochStart: () => void order.push('callback: epoch'),
      onValidationEpochEnd: ({ callbackMetrics }) => void order.push(`callback: ${callbackMetrics.val_epochs}`),
      onTrainEpochEnd: ({ callbackMetrics }) => void order.push(`callback: ${callbackMetrics.double}`),
    };
    const trainer = new nn.Trainer({ maxEpochs: 2, enableProgressBar: false, logger: false, callbacks: [callback] });
    await trainer.fit(model);
    const epoch = (n: number): string[] => [
      `epoch ${n}`,
      'callback: epoch',
      `validated at ${2 * (n + 1)}`,
      `callback: ${n}`,
      `end of ${n}`,
      `callback: ${2 * n}`,
    ];
    expect(order).toEqual(['start', 'callback: start', ...epoch(0), ...epoch(1), 'end']);
    expect(model.trainer).toBe(trainer);
    await expect(trainer.fit(new Lit())).rejects.toThrow('fit() needs trainDataloaders');
  });

  it('logs a name for steps, for epochs and for both as Lightning names them', async () => {
    const values = [3, 5, 7, 9];
    let calls = 0;
    class Logging extends Lit {
      override trainingStep(batch: readonly [Tensor, Tensor]): Tensor {
        const value = values[calls++] ?? 0;
        this.log('plain', value);
        this.log('both', value, { onEpoch: true });
        this.log('mean', value, { onStep: false, onEpoch: true });
        return super.trainingStep(batch);
      }
    }
    const trainer = new nn.Trainer({ maxEpochs: 2, enableProgressBar: false });
    // Batches of 1 and 3 rows: 7 and 9 are 8.5 in the mean.
    await trainer.fit(new Logging(), { trainDataloaders: batches([1, 3]) });
    expect(trainer.callbackMetrics).toMatchObject({
      plain: 9,
      both: 8.5,
      both_step: 9,
      both_epoch: 8.5,
      mean: 8.5,
    });
    expect(Object.keys(trainer.callbackMetrics).filter((name) => /^(plain|mean)_/.test(name))).toEqual([]);
  });

  it('tests and predicts', async () => {
    class Tested extends Lit {
      override testStep([x, y]: readonly [Tensor, Tensor]): void {
        this.log('test_loss', F.mseLoss(this.forward(x), y));
      }
      override predictStep([x]: readonly [Tensor, Tensor]): Tensor {
        return this.forward(x).gt(0.5);
      }
    }
    const model = new Tested();
    const data = batches([4, 2]);
    const trainer = new nn.Trainer({ maxEpochs: 1, enableProgressBar: false });
    const found = await trainer.test(model, data);
    let expected = 0;
    for (const [x, y] of data) expected += (await model.forward(x).sub(y).square().sum().item()) / 6;
    expect(found.test_loss).toBeCloseTo(expected, 5);
    const predicted = await trainer.predict(model, data);
    expect(predicted.map(({ shape }) => shape)).toEqual([[4], [2]]);
    for (const [i, [x]] of data.entries())
      expect(Array.from(predicted[i]?.data ?? [])).toEqual([...(await model.forward(x).gt(0.5).data())]);
    expect(model.training).toBe(true);
  });

  it("takes the names of Lightning's arguments", async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lightning-test-'));
    try {
      const trainer = new nn.Trainer({
        maxEpochs: 3,
        maxSteps: 4,
        accumulateGradBatches: 2,
        gradientClipVal: 0.5,
        logEveryNSteps: 2,
        defaultRootDir: folder,
        enableProgressBar: false,
        precision: '32-true',
      });
      expect(trainer.args).toMatchObject({
        maxSteps: 4,
        gradientAccumulationSteps: 2,
        maxGradNorm: 0.5,
        loggingSteps: 2,
        saveStrategy: 'epoch',
        fp16: false,
        disableTqdm: true,
      });
      const { globalStep } = await trainer.fit(new Lit(), batches([4, 4, 4]));
      expect(globalStep).toBe(4);
      expect((await readdir(folder)).sort()).toEqual(['checkpoint-2', 'checkpoint-4']);
      expect(trainer.state.logHistory.filter(({ loss }) => loss !== undefined).map(({ step }) => step)).toEqual([2, 4]);
      expect(() => new nn.Trainer({ enableCheckpointing: true })).toThrow('enableCheckpointing needs a defaultRootDir');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('names the place of an error from the module down', async () => {
    class Inner extends nn.Module {
      readonly out = new nn.Linear(4, 1);
      forward(x: Tensor): Tensor {
        return this.out.forward(x);
      }
    }
    class Wrong extends nn.LightningModule<Tensor> {
      readonly head = new Inner();
      override trainingStep(x: Tensor): Tensor {
        return this.head.forward(x).mean();
      }
      override configureOptimizers(): optim.SGD {
        return new optim.SGD(this.parameters());
      }
    }
    const trainer = new nn.Trainer({ maxEpochs: 1, enableProgressBar: false });
    await expect(trainer.fit(new Wrong(), [randn([2, 3])])).rejects.toThrow('[in head.out (Linear)]');
  });
});

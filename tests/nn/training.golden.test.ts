// Optimizers, schedules, clipping and a whole training run against PyTorch.
import { TextClassifier } from '@course/models';
import { clipGradNorm_, Parameter } from '@course/nn';
import * as optim from '@course/nn/optim';
import { Adagrad, Adam, AdamW, CosineWarmup, LinearWarmup, ReduceLROnPlateau, RMSprop, SGD } from '@course/nn/optim';
import { ArgumentError, device, scope, tensor } from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { devices, onEachDevice } from '../support/devices.js';
import { numberOption, toDevice } from '../support/golden-op.js';
import { golden, largest, tolerance } from '../support/goldens.js';

const optimizers = { AdamW, Adam, SGD, RMSprop, Adagrad };
const schedules = { LinearWarmup, CosineWarmup };
const goldens = golden('optimizers');

type Made = new (optimizer: SGD, options: unknown) => optim.Scheduler;

/** A schedule by torch's name, from options as JSON has them. */
function makeSchedule(kind: string, optimizer: SGD, options: Readonly<Record<string, unknown>>): optim.Scheduler {
  const made = (optim as unknown as Record<string, Made>)[kind];
  if (!made) throw new ArgumentError(`no schedule '${kind}'`);
  if (kind === 'LambdaLR') return new made(optimizer, (step: number) => Number(options.base) ** step);
  if (kind !== 'SequentialLR') return new made(optimizer, options);
  const parts = options.schedulers as [string, Record<string, unknown>][];
  return new made(optimizer, {
    ...options,
    schedulers: parts.map(([name, own]) => makeSchedule(name, optimizer, own)),
  });
}

/** WGSL allows division and square root 2.5 and about 4 ulp: a share of every step. */
const slack = (): number => (device.kind === 'cpu' ? 0 : 1e-5);

it('every optimizer and schedule that is exported is compared with PyTorch', () => {
  const compared = new Set<string>([
    ...goldens.cases.map(({ optimizer }) => optimizer),
    ...[...goldens.schedules, ...goldens.torchSchedules].map(({ kind }) => kind),
    'ReduceLROnPlateau',
  ]);
  // Bases; a schedule that is a part of LinearWarmup; averages, which torch has not.
  const others = new Set(['Optimizer', 'Scheduler', 'ConstantWarmup', 'ExponentialMovingAverage']);
  const classes = Object.keys(optim).filter((name) => /^[A-Z]/.test(name));
  expect(classes.length).toBeGreaterThan(15);
  expect(classes.filter((name) => !compared.has(name) && !others.has(name))).toEqual([]);
});

onEachDevice('optimizers as in PyTorch', () => {
  it.each(goldens.cases)('$name, 50 steps', async ({ optimizer: name, options, groups, schedule, after }) => {
    const parameters = Object.fromEntries(
      Object.entries(goldens.parameters).map(([key, value]) => [key, new Parameter(toDevice(value))]),
    );
    const optimizer = new optimizers[name](
      groups.map((group) => ({
        params: group.parameters.map((key) => parameters[key] as Parameter),
        ...group.options,
      })) as never,
      options as never,
    );
    const scheduler = schedule && new schedules[schedule.kind](optimizer, schedule);
    let step = 0;
    for (const expected of after) {
      for (; step < expected.step; step++) {
        for (const [key, parameter] of Object.entries(parameters)) {
          const all = goldens.gradients[key];
          if (!all) continue;
          const size = parameter.numel();
          parameter.grad = tensor((all.data as Float32Array).slice(step * size, (step + 1) * size), {
            shape: parameter.shape,
          });
        }
        optimizer.step();
        scheduler?.step();
        optimizer.zeroGrad();
      }
      for (const [key, value] of Object.entries(expected.parameters))
        expect(await parameters[key]?.data(), `${key} after ${step}`).toBeClose(value.data, {
          atol: tolerance([value]) + slack() * largest([value]),
        });
    }
  });

  it.each(goldens.schedules)('$name', ({ kind, lr, warmupSteps, totalSteps, steps, rates }) => {
    const optimizer = new SGD([new Parameter(tensor([0]))], { lr });
    const scheduler = new schedules[kind](optimizer, { warmupSteps, totalSteps });
    let at = 0;
    for (const [i, step] of steps.entries()) {
      for (; at < step; at++) scheduler.step();
      // Both sides compute in float64; the cosine of the two libraries may differ in its last place.
      expect(optimizer.paramGroups[0]?.lr).toBeCloseTo(rates[i] ?? Number.NaN, 12);
    }
  });

  it.each(goldens.torchSchedules)('$name', ({ kind, options, lr, rates, momenta }) => {
    const [a, b] = [new Parameter(tensor([0])), new Parameter(tensor([0]))];
    const optimizer = new SGD([{ params: [a] }, { params: [b], lr: lr / 4 }], { lr, momentum: 0.9 });
    const scheduler = makeSchedule(kind, optimizer, options);
    // torch multiplies from step to step in float64 where ours computes each step anew: 50 roundings.
    const close = { rtol: 50 * 2 ** -52, atol: 50 * 2 ** -56 };
    for (const [step, expected] of rates.entries()) {
      expect(scheduler.getLastLr()).toBeClose([...expected], close);
      expect(optimizer.paramGroups[0]?.momentum).toBeCloseTo(momenta[step] ?? Number.NaN, 14);
      if (step < rates.length - 1) scheduler.step();
    }
    const again = makeSchedule(kind, optimizer, options);
    again.loadStateDict({ step: 7 });
    expect(again.getLastLr()).toBeClose([...(rates[7] ?? [])], close);
  });

  it.each(goldens.plateaus)('ReduceLROnPlateau $name', ({ options, lr, metrics, rates }) => {
    const optimizer = new SGD([new Parameter(tensor([0]))], { lr });
    let scheduler = new ReduceLROnPlateau(optimizer, options as never);
    for (const [i, metric] of metrics.entries()) {
      scheduler.step(metric);
      expect(scheduler.getLastLr()).toEqual([rates[i]]);
      // Through a checkpoint at every step.
      const state = JSON.parse(JSON.stringify(scheduler.stateDict()));
      scheduler = new ReduceLROnPlateau(optimizer, options as never);
      scheduler.loadStateDict(state);
    }
  });

  it.each(goldens.clips)('clipping: $name', async ({ maxNorm, normType, gradients, norm, clipped }) => {
    const parameters = gradients.map((gradient) => {
      const parameter = new Parameter(toDevice(gradient));
      parameter.grad = toDevice(gradient);
      return parameter;
    });
    const found = clipGradNorm_(parameters, maxNorm, {
      normType: normType === 'Infinity' ? Number.POSITIVE_INFINITY : normType,
    });
    expect(await found.data()).toBeClose(norm.data, { atol: tolerance([norm]) + slack() * largest([norm]) });
    for (const [i, expected] of clipped.entries())
      expect(await parameters[i]?.grad?.data()).toBeClose(expected.data, {
        atol: tolerance([expected]) + slack() * largest([expected]),
      });
  });
});

const curves = new Map<string, readonly number[]>();

onEachDevice('a classifier learns as in PyTorch', () => {
  const { config, training, state, batches, rates, float32 } = golden('classifier');
  describe('from the same weights and batches', () => {
    it('has the same 20 losses, to 1e-4 relative', async () => {
      const model = new TextClassifier({
        vocabSize: config.vocabSize,
        dim: config.dim,
        heads: config.heads,
        layers: config.layers,
        maxLength: config.maxLength,
        dropout: 0,
        labels: Array.from({ length: config.classes }, (_, i) => String(i)),
      });
      model.loadStateDict(Object.fromEntries(Object.entries(state).map(([key, value]) => [key, toDevice(value)])));
      const optimizer = new AdamW(model.parameters(), { lr: training.lr, weightDecay: training.weightDecay });
      const scheduler = new LinearWarmup(optimizer, {
        warmupSteps: training.warmupSteps,
        totalSteps: training.totalSteps,
      });
      const losses: number[] = [];
      for (const [i, batch] of batches.entries()) {
        expect(optimizer.paramGroups[0]?.lr).toBeCloseTo(rates[i] ?? Number.NaN, 12);
        const { loss, norm } = scope(() => {
          const output = model.forward(toDevice(batch.inputIds), {
            attentionMask: toDevice(batch.attentionMask),
            labels: toDevice(batch.labels),
          });
          output.loss?.backward();
          const total = clipGradNorm_(model.parameters(), training.maxNorm);
          optimizer.step();
          scheduler.step();
          optimizer.zeroGrad();
          return { loss: output.loss, norm: total };
        });
        losses.push((await loss?.item()) ?? Number.NaN);
        expect(await norm.item()).toBeCloseTo(float32.gradientNorms[i] ?? Number.NaN, 3);
      }
      // The bound that the project promises; PyTorch's own float32 and float64 runs differ by far less.
      expect(losses).toBeClose(float32.losses, { rtol: 1e-4 });
      curves.set(device.kind, losses);
      for (const [key, { sumOfSquares }] of Object.entries(float32.final)) {
        const parameter = model.stateDict().get(key);
        expect(await parameter?.square().sum().item(), key).toBeClose(sumOfSquares, {
          rtol: numberOption(1e-3),
          atol: 1e-4,
        });
      }
    });
  });
});

it.runIf(devices.length > 1)('the loss curve on WebGPU equals the CPU’s to 1e-4 relative', () => {
  expect(curves.get('webgpu')).toBeClose([...(curves.get('cpu') ?? [])], { rtol: 1e-4 });
});

// The Trainer in Hugging Face's form: what it logs, measures, saves, resumes to the same bits, and refuses.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as nn from '@course/nn';
import * as F from '@course/nn/functional';
import { ArgumentError, DeviceError, device, manualSeed, memory, type Tensor } from '@course/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import { golden } from '../support/goldens.js';
import { type Batch, bits, Classifier, dataCollator, type Row, rows } from './support/classifier.js';

/** Whether the device in use has float16. */
const hasHalves = (): boolean => device.info().features.includes('shader-f16');

const quiet = { disableTqdm: true, perDeviceTrainBatchSize: 4, perDeviceEvalBatchSize: 16, learningRate: 1e-2 };
const computeMetrics = ({ logits, labels }: nn.EvalPrediction): nn.Metrics => ({
  accuracy: nn.accuracy(logits, labels),
});

onEachDevice('the Trainer', (kind) => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trainer-test-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  function make(
    args: nn.TrainingArguments,
    more: Partial<nn.TrainerOptions<Row, Batch>> = {},
    model = seeded(),
  ): { model: Classifier; trainer: nn.Trainer<Row, Batch> } {
    const trainer = new nn.Trainer<Row, Batch>({
      model,
      args: { ...quiet, ...args },
      dataCollator,
      trainDataset: rows(),
      evalDataset: rows(18),
      computeMetrics,
      ...more,
    });
    return { model, trainer };
  }
  function seeded(seed = 0, p?: number): Classifier {
    manualSeed(seed);
    return new Classifier(p);
  }

  it('learns, logs and evaluates by the names of its arguments', async () => {
    const seen: string[] = [];
    const callback: nn.TrainerCallback = {
      onTrainBegin: () => void seen.push('begin'),
      onEpochBegin: () => void seen.push('epoch'),
      onEvaluate: (_trainer, metrics) => void seen.push(`evaluate ${Object.keys(metrics)[0]}`),
      onEpochEnd: () => void seen.push('epoch end'),
      onTrainEnd: () => void seen.push('end'),
    };
    const { trainer } = make(
      { numTrainEpochs: 4, loggingSteps: 5, evalStrategy: 'epoch', warmupRatio: 0.1, weightDecay: 0.01 },
      { callbacks: [callback] },
    );
    const before = await trainer.evaluate();
    const output = await trainer.train();
    expect(output.globalStep).toBe(40);
    expect(Object.keys(output.metrics)).toEqual(['trainRuntime', 'trainStepsPerSecond', 'trainSamplesPerSecond']);
    const after = await trainer.evaluate();
    expect(Object.keys(after)).toEqual([
      'evalLoss',
      'evalAccuracy',
      'evalRuntime',
      'evalSamplesPerSecond',
      'evalStepsPerSecond',
    ]);
    expect(after.evalLoss).toBeLessThan((before.evalLoss ?? 0) * 0.8);
    expect(after.evalAccuracy).toBeGreaterThan(0.8);
    expect(trainer.callbackMetrics.evalAccuracy).toBe(after.evalAccuracy);
    expect(seen).toEqual([
      'begin',
      ...Array.from({ length: 4 }, () => ['epoch', 'evaluate evalLoss', 'epoch end']).flat(),
      'end',
    ]);
    const logged = trainer.state.logHistory.filter((entry) => entry.loss !== undefined);
    expect(logged.map(({ step }) => step)).toEqual([5, 10, 15, 20, 25, 30, 35, 40]);
    expect(Object.keys(logged[0] ?? {})).toEqual(['loss', 'gradNorm', 'learningRate', 'epoch', 'step']);
    // 4 of 40 steps warm up, then the rate falls to 0.
    expect(logged.map(({ learningRate }) => learningRate)).toEqual([
      expect.closeTo((1e-2 * 35) / 36, 12),
      ...[30, 25, 20, 15, 10, 5].map((left) => expect.closeTo((1e-2 * left) / 36, 12)),
      0,
    ]);
    expect(logged[0]?.epoch).toBe(0.5);
  });

  it('makes the steps that PyTorch makes with the same optimizer, groups, schedule, clipping and smoothing', async () => {
    class Model extends nn.Module {
      readonly body = new nn.Sequential(new nn.Linear(3, 8), new nn.LayerNorm(8), new nn.ReLU(), new nn.Linear(8, 2));
      forward(x: Tensor): { logits: Tensor } {
        return { logits: this.body.forward(x) };
      }
    }
    manualSeed(8);
    const model = new Model();
    const trainer = new nn.Trainer<Row, Batch>({
      model,
      args: {
        disableTqdm: true,
        // All rows: then their order is no matter.
        perDeviceTrainBatchSize: 12,
        numTrainEpochs: 10,
        learningRate: 5e-2,
        weightDecay: 0.1,
        warmupRatio: 0.3,
        maxGradNorm: 0.3,
        labelSmoothingFactor: 0.1,
        loggingSteps: 1,
      },
      dataCollator,
      trainDataset: rows(12),
    });
    await trainer.train();
    const { losses, norms = [], rates = [], weights = [] } = golden('scripts').trainer;
    // Ten steps of float32; sums of rows in another order, and Adam's quotients make roundings larger.
    const close = { rtol: kind === 'cpu' ? 1e-4 : 1e-3, atol: 1e-6 };
    const logged = (name: string): number[] => trainer.state.logHistory.map((entry) => entry[name] ?? Number.NaN);
    expect(logged('loss')).toBeClose(losses, close);
    expect(logged('gradNorm')).toBeClose(norms, close);
    expect(logged('learningRate')).toBeClose(rates.flat(), { rtol: 1e-12, atol: 1e-18 });
    expect(await model.body.at(0).stateDict().get('weight')?.data()).toBeClose(weights, { ...close, atol: 1e-4 });
  });

  it('makes the same steps of half batches, accumulated', async () => {
    const args = { numTrainEpochs: 1, maxGradNorm: 0.5 };
    const plain = make({ ...args, perDeviceTrainBatchSize: 8 }, {}, seeded(0, 0));
    const halves = make({ ...args, gradientAccumulationSteps: 2 }, {}, seeded(0, 0));
    for (const { trainer } of [plain, halves]) expect((await trainer.train()).globalStep).toBe(5);
    // Means of halves against means of the whole: a rounding a step, and Adam divides by what may be small.
    const atol = kind === 'cpu' ? 1e-5 : 1e-4;
    for (const [key, value] of plain.model.stateDict())
      expect(await halves.model.stateDict().get(key)?.data(), key).toBeClose([...(await value.data())], { atol });
  });

  it.each([
    ['in the middle of an epoch', 7],
    ['at the end of an epoch', 10],
  ])('resumes %s to the same bits and the same log', async (_name, saveSteps) => {
    const args: nn.TrainingArguments = {
      outputDir: folder,
      numTrainEpochs: 2,
      loggingSteps: 4,
      evalStrategy: 'epoch',
      saveSteps,
      earlyStoppingPatience: 5,
    };
    const whole = make(args);
    await whole.trainer.train();
    const resumed = make(args, {}, seeded(99));
    const output = await resumed.trainer.train({ resumeFromCheckpoint: `${folder}/checkpoint-${saveSteps}` });
    expect(output.globalStep).toBe(20);
    expect(await bits(resumed.model)).toEqual(await bits(whole.model));
    const numbers = ({ trainer }: typeof whole): unknown[] =>
      trainer.state.logHistory.map(
        ({ evalRuntime: _a, evalSamplesPerSecond: _b, evalStepsPerSecond: _c, ...rest }) => rest,
      );
    expect(numbers(resumed)).toEqual(numbers(whole));
  });

  it('makes the same steps with scaled losses, leaves out what overflows, and resumes the scale', async () => {
    const plain = make({ maxSteps: 12 });
    await plain.trainer.train();
    const scaled = make({ maxSteps: 12 }, { gradScaler: new nn.GradScaler({ initScale: 2 ** 10, growthInterval: 3 }) });
    await scaled.trainer.train();
    // Powers of two leave every bit of a gradient as it is.
    expect(await bits(scaled.model)).toEqual(await bits(plain.model));
    const args = { outputDir: folder, maxSteps: 20, saveSteps: 10, loggingSteps: 1 };
    // Past the numbers of float32: the first step overflows.
    const steep = { initScale: 2 ** 128, backoffFactor: 2 ** -10, growthInterval: 4 };
    const whole = make(args, { gradScaler: new nn.GradScaler(steep) });
    await whole.trainer.train();
    const scales = whole.trainer.state.logHistory.map(({ lossScale }) => lossScale);
    expect(scales.slice(0, 6)).toEqual([118, 118, 118, 118, 119, 119].map((exponent) => 2 ** exponent));
    const resumed = make(args, { gradScaler: new nn.GradScaler(steep) }, seeded(99));
    await resumed.trainer.train({ resumeFromCheckpoint: `${folder}/checkpoint-10` });
    expect(await bits(resumed.model)).toEqual(await bits(whole.model));
    expect(resumed.trainer.state.logHistory.map(({ lossScale }) => lossScale)).toEqual(scales);
  });

  it('trains in mixed precision, backs off where float16 overflows, and resumes to the same bits', async ({ skip }) => {
    if (!hasHalves()) skip('needs an adapter with float16: COURSE_ADAPTER=lavapipe');
    const halves: string[] = [];
    const model = seeded(0, 0);
    model.body.registerForwardHook((_module, _inputs, output) => void halves.push((output as Tensor).dtype));
    const args = {
      fp16: true,
      outputDir: folder,
      maxSteps: 40,
      saveSteps: 20,
      loggingSteps: 1,
      lrSchedulerType: 'constant' as const,
    };
    // 2^20 times a gradient of these losses is more than 65504: the first steps are left out.
    const steep = { initScale: 2 ** 24, growthInterval: 16 };
    const whole = make(args, { gradScaler: new nn.GradScaler(steep) }, model);
    const before = await bits(model);
    const { trainingLoss } = await whole.trainer.train();
    expect(new Set(halves)).toEqual(new Set(['float16']));
    for (const value of model.parameters()) expect(value.dtype).toBe('float32');
    expect(await bits(model)).not.toEqual(before);
    const scales = whole.trainer.state.logHistory.flatMap(({ lossScale }) => lossScale ?? []);
    expect(scales[0]).toBe(2 ** 23);
    expect(Math.min(...scales)).toBeLessThan(2 ** 20);
    const found = await whole.trainer.evaluate();
    expect(found.evalAccuracy).toBe(1);
    expect(trainingLoss).toBeGreaterThan(Number(found.evalLoss));

    const resumed = make(args, { gradScaler: new nn.GradScaler(steep) }, seeded(99, 0));
    await resumed.trainer.train({ resumeFromCheckpoint: `${folder}/checkpoint-20` });
    expect(await bits(resumed.model)).toEqual(await bits(model));
    expect(resumed.trainer.state.logHistory.flatMap(({ lossScale }) => lossScale ?? [])).toEqual(scales);

    // Without overflow it goes the way of float32, but for roundings of 2^-11 of logits below 8.
    const plain = make({ maxSteps: 5 }, {}, seeded(0, 0));
    const mixed = make(
      { maxSteps: 5, fp16: true },
      { gradScaler: new nn.GradScaler({ initScale: 256 }) },
      seeded(0, 0),
    );
    const losses = await Promise.all([plain, mixed].map(async ({ trainer }) => (await trainer.train()).trainingLoss));
    expect(losses[1]).toBeClose(losses[0] ?? 0, { rtol: 0, atol: 8 * 2 ** -11 });
  });

  it('stops where no scale helps', async () => {
    const { model, trainer } = make({ maxSteps: 9 }, { gradScaler: new nn.GradScaler({ initScale: 4 }) });
    model.body.at(0).registerFullBackwardHook((_module, gradInput) => gradInput);
    for (const parameter of model.parameters()) parameter.registerHook((gradient) => gradient.mul(Number.NaN));
    await expect(trainer.train()).rejects.toThrow(/gradients are not finite, down to a loss scale of 0.5/);
  });

  it('smooths labels in training and evaluation', async () => {
    const { model, trainer } = make({ labelSmoothingFactor: 0.3, maxSteps: 4 });
    const { evalLoss } = await trainer.evaluate();
    const { inputIds, labels } = dataCollator([...rows(18)]);
    const { logits } = model.eval().forward(inputIds);
    const expected = await F.crossEntropy(logits, labels, { labelSmoothing: 0.3 }).item();
    // Means of batches of 16 and 2 rows, put together on the host.
    expect(evalLoss).toBeCloseTo(expected, 5);
    model.train();
    await trainer.train();
    const plain = make({ maxSteps: 4 });
    await plain.trainer.train();
    expect(await bits(model)).not.toEqual(await bits(plain.model));
  });

  it('keeps the last checkpoints and the best, and ends with the best', async () => {
    const model = seeded();
    const weights: number[][][] = [];
    let evaluations = 0;
    const { trainer } = make(
      {
        outputDir: folder,
        numTrainEpochs: 5,
        evalStrategy: 'epoch',
        saveStrategy: 'epoch',
        saveTotalLimit: 1,
        loadBestModelAtEnd: true,
        metricForBestModel: 'score',
      },
      {
        // Best in the second epoch.
        computeMetrics: () => ({ score: [1, 3, 2, 0, 2][evaluations++] ?? 0 }),
        callbacks: [{ onEvaluate: async () => void weights.push(await bits(model)) }],
      },
      model,
    );
    await trainer.train();
    expect(trainer.state).toMatchObject({ bestMetric: 3, bestModelCheckpoint: `${folder}/checkpoint-20` });
    expect((await readdir(folder)).sort()).toEqual(['checkpoint-20', 'checkpoint-50']);
    expect(await bits(model)).toEqual(weights[1]);
  });

  it('stops when it no longer gets better, and when a callback says so', async () => {
    const args: nn.TrainingArguments = {
      numTrainEpochs: 50,
      learningRate: 0,
      evalStrategy: 'epoch',
      earlyStoppingPatience: 2,
    };
    const { trainer } = make(args);
    await trainer.train();
    expect(trainer.state.globalStep).toBe(30);
    const other = make({}, { callbacks: [{ onStepEnd: (run) => void (run.state.globalStep === 3 && run.stop()) }] });
    expect((await other.trainer.train()).globalStep).toBe(3);
    const wrong = make({ evalStrategy: 'epoch', earlyStoppingPatience: 1, metricForBestModel: 'f1' });
    await expect(wrong.trainer.train()).rejects.toThrow("there is no metric 'evalF1', the evaluation gave evalLoss");
  });

  it('stops at a NaN with step, op and checkpoint, before it reaches the weights', async () => {
    const { model, trainer } = make({ outputDir: folder, saveSteps: 2 });
    let before: number[][] = [];
    const remember: nn.TrainerCallback = {
      onStepEnd: async () => {
        before = await bits(model);
      },
    };
    trainer.callbacks.push(remember);
    model.failFrom = 6;
    const failure = await trainer.train().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(nn.NonFiniteLossError);
    expect(failure).toMatchObject({
      step: 6,
      op: expect.stringMatching(/^sqrt returned nan values, in a tensor of shape \[4, 2\]$/),
      checkpoint: `${folder}/checkpoint-4`,
    });
    expect((failure as Error).message).toContain(`the last good checkpoint is ${folder}/checkpoint-4`);
    expect(await bits(model)).toEqual(before);
  });

  it('does not grow from step to step', async () => {
    const counts: number[] = [];
    const { trainer } = make(
      { numTrainEpochs: 2 },
      { callbacks: [{ onStepEnd: () => void counts.push(memory().tensors) }] },
    );
    await trainer.train();
    // Not more; less if the garbage collector came by.
    expect(counts).toHaveLength(20);
    expect(Math.max(...counts)).toBe(Math.max(...counts.slice(0, 2)));
  });

  it('predicts and saves', async () => {
    const { trainer } = make({ outputDir: folder, saveStrategy: 'no' });
    const { logits, labels, metrics } = await trainer.predict(rows(18));
    expect([logits?.shape, labels?.shape]).toEqual([[18, 2], [18]]);
    expect(metrics.testAccuracy).toBeTypeOf('number');
    await trainer.saveModel();
    expect(await readdir(folder)).toEqual(['model.safetensors']);
  });

  describe('says what does not fit', () => {
    it.each([
      [{ evalStrategy: 'sometimes' as 'steps' }, 'evalStrategy may be no, steps or epoch'],
      [{ loggingSteps: 0 }, 'loggingSteps must be a whole number of at least 1, got 0'],
      [{ saveStrategy: 'epoch' as const }, 'saveStrategy needs an outputDir'],
      [{ outputDir: 'x', loadBestModelAtEnd: true }, 'requires the save and eval strategy to match, got steps and no'],
      [{ earlyStoppingPatience: 1 }, 'earlyStoppingPatience needs an evalStrategy'],
      [{ labelSmoothingFactor: 1 }, 'labelSmoothingFactor must be at least 0 and below 1, got 1'],
      [{ warmupRatio: 2 }, 'warmupRatio must lie in [0, 1]'],
    ])('%j', (args, message) => {
      expect(() => make(args)).toThrow(ArgumentError);
      expect(() => make(args)).toThrow(message);
    });

    it('of a device', async ({ skip }) => {
      if (hasHalves()) skip('this adapter has float16');
      const run = make({ fp16: true }).trainer.train();
      await expect(run).rejects.toThrow(DeviceError);
      await expect(run).rejects.toThrow(`fp16 needs float16, which the ${kind} device does not have`);
    });

    it('in data and models', async () => {
      await expect(make({}, { trainDataset: rows(0) }).trainer.train()).rejects.toThrow('no batch to train on');
      const options = { model: seeded(), args: quiet, trainDataset: rows() };
      await expect(new nn.Trainer(options as never).train()).rejects.toThrow('a dataCollator, or by a tokenizer');
      const silent = make(
        {},
        { dataCollator: ((batch: readonly Row[]) => ({ inputIds: dataCollator(batch).inputIds })) as never },
      );
      await expect(silent.trainer.train()).rejects.toThrow('Classifier gave no loss');
      const missing = make({ outputDir: folder }).trainer.train({ resumeFromCheckpoint: true });
      await expect(missing).rejects.toThrow('there is no checkpoint in');
    });
  });
});

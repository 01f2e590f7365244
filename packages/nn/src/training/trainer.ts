/**
 * The Trainer: Hugging Face's (`new Trainer({ model, args, trainDataset, … }).train()`) and Lightning's (`new Trainer({ maxEpochs }).fit(module, …)`)
 * around the same loop. A step is a scope, so a run's memory stays flat.
 */
import type { Dataset, EncodedRow } from '@course/data';
import { ArgumentError, autocast, DeviceError, device, manualSeed, type Tensor } from '@course/tensor';
import { makeFolder } from '@course/tensor/files';
import { save } from '@course/tensor/safetensors';
import { GradScaler } from '../amp.js';
import type { Module } from '../module.js';
import { completeArguments, type FilledArguments, type TrainingArguments } from './arguments.js';
import { type BatchSource, batchSizeOf } from './batches.js';
import {
  EarlyStoppingCallback,
  type Metrics,
  newState,
  type TrainerCallback,
  type TrainerHandle,
  type TrainerState,
} from './callbacks.js';
import { loadModel } from './checkpoint.js';
import { type Gathered, gather, type ModelOutput, metricsOf } from './evaluation.js';
import { smoothLabels } from './label-smoothing.js';
import {
  type AnyOptimizer,
  EpochMeans,
  LightningModule,
  listen,
  type OptimizerConfig,
  type SchedulerConfig,
} from './lightning.js';
import { makeLoader } from './loader.js';
import { TrainingLoop } from './loop.js';
import type { HostTensor } from './metrics.js';
import { makeOptimizer, makeScheduler } from './optimization.js';
import { lossIn } from './step.js';
import type { FitData, TrainerOptions, TrainOutput } from './trainer-options.js';

/** Lightning's defaults where they differ from Hugging Face's. */
const FIT_DEFAULTS: TrainingArguments = {
  loggingStrategy: 'no',
  evalStrategy: 'epoch',
  saveStrategy: 'no',
  maxGradNorm: 0,
};

/**
 * Trains and judges models, after `transformers.Trainer` and `pytorch_lightning.Trainer`.
 *
 * @example
 * const trainer = new Trainer({
 *   model: classifier, tokenizer,
 *   args: { outputDir: './results', numTrainEpochs: 3, evalStrategy: 'epoch', saveStrategy: 'epoch' },
 *   trainDataset, evalDataset,
 *   computeMetrics: ({ logits, labels }) => ({ accuracy: accuracy(logits, labels) }),
 * });
 * await trainer.train(); // or { resumeFromCheckpoint: true }
 * await trainer.evaluate(); // { evalLoss, evalAccuracy, … }
 */
export class Trainer<Row = EncodedRow, Batch = unknown> implements TrainerHandle {
  readonly args: FilledArguments;
  readonly state: TrainerState;
  readonly callbacks: TrainerCallback[];
  readonly #options: TrainerOptions<Row, Batch>;
  readonly #metrics: Record<string, number> = {};
  #stopped = false;
  #loop: TrainingLoop<Batch> | null = null;

  /** @throws ArgumentError for arguments out of range. */
  constructor(options: TrainerOptions<Row, Batch> = {}) {
    const { args = {}, maxEpochs, model, callbacks = [] } = options;
    this.#options = options;
    this.args = completeArguments({
      ...(model ? {} : FIT_DEFAULTS),
      ...args,
      ...(maxEpochs !== undefined && { numTrainEpochs: maxEpochs }),
    });
    const { earlyStoppingPatience: patience, metricForBestModel: name, greaterIsBetter } = this.args;
    const metric = /^eval[A-Z_]/.test(name) || !model ? name : `eval${name.charAt(0).toUpperCase()}${name.slice(1)}`;
    this.callbacks = [...callbacks];
    if (patience !== null) this.callbacks.push(new EarlyStoppingCallback({ metric, patience, greaterIsBetter }));
    this.state = newState();
    // Lightning leaves the stream alone unless it is told a seed.
    if (model || args.seed !== undefined) manualSeed(this.args.seed);
  }

  /** The newest value of everything that was logged or measured. */
  get callbackMetrics(): Metrics {
    return this.#metrics;
  }

  /** Ends training after the step at hand. */
  stop(): void {
    this.#stopped = true;
  }

  /** Prints a line, above the progress bar if there is one. */
  print(line: string): void {
    if (this.#loop) this.#loop.print(line);
    else console.log(line);
  }

  /**
   * Trains the model. With `resumeFromCheckpoint`, a checkpoint's path or true for the newest of `outputDir`, the run goes on as if it had not
   * stopped.
   *
   * @throws NonFiniteLossError at a loss or gradient that is not finite; ArgumentError if there is no such checkpoint.
   */
  async train({
    resumeFromCheckpoint = false,
  }: {
    readonly resumeFromCheckpoint?: boolean | string;
  } = {}): Promise<TrainOutput> {
    const { model, trainDataset, evalDataset, optimizers } = this.#options;
    if (!model || !trainDataset) throw new ArgumentError('Trainer: train() needs a model and a trainDataset');
    if (this.args.evalStrategy !== 'no' && !evalDataset)
      throw new ArgumentError(`Trainer: evalStrategy '${this.args.evalStrategy}' needs an evalDataset`);
    const path = resumeFromCheckpoint === true ? this.args.outputDir : resumeFromCheckpoint || null;
    if (resumeFromCheckpoint === true && path === null)
      throw new ArgumentError('Trainer: resumeFromCheckpoint needs an outputDir');
    const given = optimizers ? { optimizer: optimizers[0], scheduler: optimizers[1] ?? null } : this.#configured(model);
    return this.#run(
      model,
      makeLoader(trainDataset, this.#options, this.args, true),
      given,
      path,
      evalDataset ? () => this.evaluate() : null,
    );
  }

  /**
   * Trains a module in Lightning's form.
   *
   * @example
   * class Regression extends LightningModule<Tensor> {
   *   readonly layer = new Linear(4, 1);
   *   override trainingStep(x: Tensor): Tensor { return this.layer.forward(x).square().mean(); }
   *   override configureOptimizers(): AdamW { return new AdamW(this.parameters()); }
   * }
   * await new Trainer({ maxEpochs: 15 }).fit(new Regression(), { trainDataloaders: [randn([8, 4])] });
   */
  async fit<B = Batch>(
    model: LightningModule<B>,
    { trainDataloaders, valDataloaders = null, ckptPath = null }: FitData<B>,
  ): Promise<TrainOutput> {
    const validate = valDataloaders && model.validationStep ? () => this.validate(model, valDataloaders) : null;
    const source = trainDataloaders as BatchSource<unknown> as BatchSource<Batch>;
    return this.#run(model, source, this.#configured(model), ckptPath, validate);
  }

  /** Runs a module's `validationStep` over batches; the means of what it logs. */
  async validate<B>(model: LightningModule<B>, source: BatchSource<B>): Promise<Metrics> {
    const means = new EpochMeans();
    let rows = 1;
    const stopListening = listen(model, (name, value, { onEpoch = true, batchSize = rows }) => {
      if (onEpoch) means.add(name, value, batchSize);
    });
    try {
      let index = 0;
      await gather(model, source, (batch) => {
        rows = batchSizeOf(batch);
        this.#inPrecision(() => model.validationStep?.(batch, index++));
        return {};
      });
    } finally {
      stopListening();
    }
    const found = await means.means();
    Object.assign(this.#metrics, found);
    return found;
  }

  /** Judges the model on a data set, `evalDataset` by default: `evalLoss`, what `computeMetrics` says with `eval` in front, and the speed. */
  async evaluate(dataset = this.#options.evalDataset): Promise<Metrics> {
    if (!dataset) throw new ArgumentError('Trainer: evaluate() needs an evalDataset');
    const start = performance.now();
    const found = await this.#gather(dataset);
    const metrics = await metricsOf(found, 'eval', start, this.#options.computeMetrics);
    Object.assign(this.#metrics, metrics);
    return metrics;
  }

  /** Logits and labels of a data set, on the host, and the metrics of them with `test` in front. */
  async predict(
    dataset: Dataset<Row>,
  ): Promise<{ logits: HostTensor | null; labels: HostTensor | null; metrics: Metrics }> {
    const start = performance.now();
    const found = await this.#gather(dataset);
    const metrics = await metricsOf(found, 'test', start, this.#options.computeMetrics);
    return { logits: found.logits, labels: found.labels, metrics };
  }

  /** Writes the model, and the tokenizer if there is one, into a folder: `savePretrained` where the model has it, else its weights. */
  async saveModel(folder = this.args.outputDir): Promise<void> {
    const { model, tokenizer } = this.#options;
    if (!model || folder === null) throw new ArgumentError('Trainer: saveModel() needs a model and a folder');
    await makeFolder(folder);
    await tokenizer?.save?.(folder);
    if ('savePretrained' in model && typeof model.savePretrained === 'function') await model.savePretrained(folder);
    else await save(`${folder}/model.safetensors`, model.stateDict(), { format: 'pt' });
  }

  /**
   * What the model gives for a batch: `forward(inputIds, { … })` with the other fields as options. A subclass may do otherwise, as
   * in Hugging Face's `compute_loss`.
   */
  protected computeOutput(model: Module, batch: Batch): ModelOutput {
    const { inputIds, ...rest } = batch as { readonly inputIds: Tensor };
    return (model as Module & { forward(inputs: Tensor, options: object): ModelOutput }).forward(inputIds, rest);
  }

  async #run(
    model: Module,
    source: BatchSource<Batch>,
    {
      optimizer,
      scheduler,
    }: { optimizer: AnyOptimizer | null; scheduler: SchedulerConfig | SchedulerConfig['scheduler'] | null },
    resumeFrom: string | null,
    evaluate: (() => Promise<Metrics>) | null,
  ): Promise<TrainOutput> {
    const { args, state } = this;
    if (source.length === 0) throw new ArgumentError('Trainer: there is no batch to train on');
    const stepsAnEpoch = Math.ceil(source.length / args.gradientAccumulationSteps);
    Object.assign(state, newState());
    state.maxSteps = args.maxSteps > 0 ? args.maxSteps : Math.ceil(args.numTrainEpochs * stepsAnEpoch);
    state.numTrainEpochs = Math.ceil(state.maxSteps / stepsAnEpoch);
    this.#stopped = false;
    if (args.fp16 && !device.info().features.includes('shader-f16'))
      throw new DeviceError(
        `Trainer: fp16 needs float16, which the ${device.kind} device does not have: it takes a WebGPU adapter with the feature 'shader-f16'; leave it out to train in float32`,
      );
    if (args.gradientCheckpointing) model.gradientCheckpointingEnable();
    const own = optimizer ?? makeOptimizer(model, args);
    const schedule = scheduler ?? (optimizer ? null : makeScheduler(own, args, state.maxSteps));
    const config =
      schedule && ('scheduler' in schedule ? schedule : { scheduler: schedule, interval: 'step' as const });
    const loop = new TrainingLoop<Batch>({
      model,
      source,
      args,
      state,
      optimizer: own,
      scaler: this.#options.gradScaler ?? (args.fp16 ? new GradScaler() : null),
      scheduler: config && { interval: 'epoch', monitor: 'val_loss', ...config },
      callbacks: this.callbacks,
      handle: this,
      metrics: this.#metrics,
      lossOf: (batch, index) => this.#lossOf(model, batch, index),
      evaluate,
      isStopped: () => this.#stopped,
    });
    this.#loop = loop;
    const start = performance.now();
    const { loss, steps, rows } = await loop.run(resumeFrom);
    const seconds = (performance.now() - start) / 1000;
    if (args.loadBestModelAtEnd && state.bestModelCheckpoint) await loadModel(model, state.bestModelCheckpoint);
    return {
      globalStep: state.globalStep,
      trainingLoss: loss / steps,
      metrics: { trainRuntime: seconds, trainStepsPerSecond: steps / seconds, trainSamplesPerSecond: rows / seconds },
    };
  }

  #configured(model: Module): { optimizer: AnyOptimizer | null; scheduler: SchedulerConfig | null } {
    if (!(model instanceof LightningModule)) return { optimizer: null, scheduler: null };
    const config: OptimizerConfig = model.configureOptimizers();
    if (!('optimizer' in config)) return { optimizer: config, scheduler: null };
    const { optimizer, lrScheduler = null } = config;
    if (!lrScheduler) return { optimizer, scheduler: null };
    return { optimizer, scheduler: 'scheduler' in lrScheduler ? lrScheduler : { scheduler: lrScheduler } };
  }

  #lossOf(model: Module, batch: Batch, index: number): Tensor {
    const output = this.#inPrecision(() =>
      model instanceof LightningModule
        ? (model as LightningModule<Batch>).trainingStep(batch, index)
        : this.#outputOf(model, batch),
    );
    const loss = lossIn(output);
    if (!loss)
      throw new ArgumentError(
        `Trainer: ${model.constructor.name} gave no loss; its forward must return one where a batch has labels (the batch has ${Object.keys(batch as object).join(', ')})`,
      );
    return loss;
  }

  /** A forward pass, mixed in its precision where the arguments say so. */
  #inPrecision<T>(forward: () => T): T {
    return autocast(forward, { enabled: this.args.fp16 });
  }

  /** As {@link Trainer.computeOutput}, with smoothed labels if they are wanted. */
  #outputOf(model: Module, batch: Batch): ModelOutput {
    const { labelSmoothingFactor: factor } = this.args;
    if (factor === 0) return this.computeOutput(model, batch);
    return smoothLabels(batch, factor, (rest) => this.computeOutput(model, rest));
  }

  #gather(dataset: Dataset<Row>): Promise<Gathered> {
    const { model } = this.#options;
    if (!model) throw new ArgumentError('Trainer: there is no model to judge');
    return gather(model, makeLoader(dataset, this.#options, this.args, false), (batch) =>
      this.#inPrecision(() => this.#outputOf(model, batch)),
    );
  }
}

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
import { runFrom } from '../places.js';
import { completeArguments, type FilledArguments } from './arguments.js';
import type { BatchSource } from './batches.js';
import {
  EarlyStoppingCallback,
  type Metrics,
  newControl,
  newState,
  type TrainerCallback,
  type TrainerControl,
  type TrainerHandle,
  type TrainerState,
} from './callbacks.js';
import { loadModel } from './checkpoint.js';
import { type Configured, configured } from './configure.js';
import { type Gathered, gather, type ModelOutput, metricsOf } from './evaluation.js';
import { FIT_DEFAULTS, fitArguments } from './fit-options.js';
import { smoothLabels } from './label-smoothing.js';
import { attach, LightningModule } from './lightning.js';
import { type GoThrough, judge, predictBatches } from './lightning-evaluation.js';
import { makeLoader } from './loader.js';
import { TrainingLoop } from './loop.js';
import type { HostTensor } from './metrics.js';
import { makeOptimizer, makeScheduler } from './optimization.js';
import { lossIn } from './step.js';
import type { EvaluateOptions, FitData, Prediction, TrainerOptions, TrainOutput } from './trainer-options.js';

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
  readonly control: TrainerControl = newControl();
  readonly callbacks: TrainerCallback[];
  readonly #options: TrainerOptions<Row, Batch>;
  readonly #metrics: Record<string, number> = {};
  #loop: TrainingLoop<Batch> | null = null;

  /** @throws ArgumentError for arguments out of range. */
  constructor(options: TrainerOptions<Row, Batch> = {}) {
    const { args = {}, model, callbacks = [] } = options;
    this.#options = options;
    this.args = completeArguments({
      ...(model ? {} : FIT_DEFAULTS),
      ...args,
      ...fitArguments(options, args.outputDir ?? null),
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
    this.control.shouldTrainingStop = true;
  }

  /** Adds a callback behind those there are. */
  addCallback(callback: TrainerCallback): void {
    this.callbacks.push(callback);
  }

  /** Takes a callback out, if it is there. */
  removeCallback(callback: TrainerCallback): void {
    const place = this.callbacks.indexOf(callback);
    if (place >= 0) this.callbacks.splice(place, 1);
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
    const [optimizer, scheduler = null] = optimizers ?? [];
    const given = optimizer
      ? {
          optimizer,
          scheduler: scheduler && { scheduler, interval: 'step' as const, monitor: this.args.metricForBestModel },
        }
      : configured(model);
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
  fit<B = Batch>(model: LightningModule<B>, data?: FitData<B>): Promise<TrainOutput>;
  fit<B = Batch>(
    model: LightningModule<B>,
    trainDataloaders: BatchSource<B>,
    valDataloaders?: BatchSource<B> | null,
  ): Promise<TrainOutput>;
  async fit<B = Batch>(
    model: LightningModule<B>,
    data: FitData<B> | BatchSource<B> = {},
    validation?: BatchSource<B> | null,
  ): Promise<TrainOutput> {
    const given: FitData<B> = 'length' in data ? { trainDataloaders: data, valDataloaders: validation ?? null } : data;
    const source = given.trainDataloaders ?? model.trainDataloader?.();
    const valSource = given.valDataloaders ?? model.valDataloader?.() ?? null;
    if (!source) throw new ArgumentError('Trainer: fit() needs trainDataloaders, or a module with a trainDataloader');
    const validate = valSource && model.validationStep ? () => this.validate(model, valSource) : null;
    const batches = source as BatchSource<unknown> as BatchSource<Batch>;
    return this.#run(model, batches, configured(model), given.ckptPath ?? null, validate);
  }

  /** Runs a module's `validationStep` over batches; the means of what it logs. */
  async validate<B>(model: LightningModule<B>, source: BatchSource<B>): Promise<Metrics> {
    return this.#judge(model, source, async (goThrough) => {
      await model.onValidationEpochStart?.();
      await goThrough((batch, index) => model.validationStep?.(batch, index));
      await model.onValidationEpochEnd?.();
    });
  }

  /** Runs a module's `testStep` over batches; the means of what it logs. */
  async test<B>(model: LightningModule<B>, source: BatchSource<B>): Promise<Metrics> {
    return this.#judge(model, source, (goThrough) => goThrough((batch, index) => model.testStep?.(batch, index)));
  }

  async #judge<B>(
    model: LightningModule<B>,
    source: BatchSource<B>,
    run: (goThrough: GoThrough<B>) => Promise<void>,
  ): Promise<Metrics> {
    attach(model, this);
    const found = await judge(model, source, (step) => this.#inPrecision(step), run);
    Object.assign(this.#metrics, found);
    return found;
  }

  /** Judges the model on a data set, `evalDataset` by default: `evalLoss`, what `computeMetrics` says with `eval` in front, and the speed. */
  async evaluate(
    dataset = this.#options.evalDataset,
    { metricKeyPrefix = 'eval' }: EvaluateOptions = {},
  ): Promise<Metrics> {
    if (!dataset) throw new ArgumentError('Trainer: evaluate() needs an evalDataset');
    const start = performance.now();
    const found = await this.#gather(dataset);
    const metrics = await metricsOf(found, metricKeyPrefix, start, this.#options.computeMetrics);
    Object.assign(this.#metrics, metrics);
    return metrics;
  }

  /**
   * Logits and labels of a data set, on the host, and the metrics of them with `test` in front; or, in Lightning's form, what a module's `predictStep`
   * (or `forward`) gives for each batch.
   */
  predict(dataset: Dataset<Row>, options?: EvaluateOptions): Promise<Prediction>;
  predict<B>(model: LightningModule<B>, source: BatchSource<B>): Promise<HostTensor[]>;
  async predict<B>(
    given: Dataset<Row> | LightningModule<B>,
    options: EvaluateOptions | BatchSource<B> = {},
  ): Promise<Prediction | HostTensor[]> {
    if (given instanceof LightningModule)
      return predictBatches(given, options as BatchSource<B>, (step) => this.#inPrecision(step));
    const { metricKeyPrefix = 'test' } = options as EvaluateOptions;
    const start = performance.now();
    const found = await this.#gather(given);
    const metrics = await metricsOf(found, metricKeyPrefix, start, this.#options.computeMetrics);
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
    { optimizer, scheduler }: Configured,
    resumeFrom: string | null,
    evaluate: (() => Promise<Metrics>) | null,
  ): Promise<TrainOutput> {
    const { args, state } = this;
    if (source.length === 0) throw new ArgumentError('Trainer: there is no batch to train on');
    const stepsAnEpoch = Math.ceil(source.length / args.gradientAccumulationSteps);
    Object.assign(state, newState());
    state.maxSteps = args.maxSteps > 0 ? args.maxSteps : Math.ceil(args.numTrainEpochs * stepsAnEpoch);
    state.numTrainEpochs = Math.ceil(state.maxSteps / stepsAnEpoch);
    Object.assign(this.control, newControl());
    if (args.fp16 && !device.info().features.includes('shader-f16'))
      throw new DeviceError(
        `Trainer: fp16 needs float16, which the ${device.kind} device does not have: it takes a WebGPU adapter with the feature 'shader-f16'; leave it out to train in float32`,
      );
    if (args.gradientCheckpointing) model.gradientCheckpointingEnable();
    const own = optimizer ?? makeOptimizer(model, args);
    const config =
      scheduler ??
      (optimizer ? null : { scheduler: makeScheduler(own, args, state.maxSteps), interval: 'step' as const });
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

  #lossOf(model: Module, batch: Batch, index: number): Tensor {
    const output = runFrom(model, () =>
      this.#inPrecision(() =>
        model instanceof LightningModule
          ? (model as LightningModule<Batch>).trainingStep(batch, index)
          : this.#outputOf(model, batch),
      ),
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
    return gather(
      model,
      makeLoader(dataset, this.#options, this.args, false),
      (batch) => runFrom(model, () => this.#inPrecision(() => this.#outputOf(model, batch))),
      this.#options.preprocessLogitsForMetrics,
    );
  }
}

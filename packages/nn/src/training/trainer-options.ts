/** What a Trainer is given and gives back. */
import type { Collate, Dataset, PaddingTokenizer } from '@course/data';
import type { Tensor } from '@course/tensor';
import type { GradScaler } from '../amp.js';
import type { Module } from '../module.js';
import type { TrainingArguments } from './arguments.js';
import type { BatchSource } from './batches.js';
import type { Metrics, TrainerCallback } from './callbacks.js';
import type { FitOptions } from './fit-options.js';
import type { AnyOptimizer, SchedulerConfig } from './lightning.js';
import type { HostTensor } from './metrics.js';

/** What `computeMetrics` is given: all logits and labels of the evaluation, on the host. */
export interface EvalPrediction {
  readonly logits: HostTensor;
  readonly labels: HostTensor;
}

/** A tokenizer as the trainer needs it: to pad batches, and to be saved beside a model. */
export interface TrainerTokenizer extends PaddingTokenizer {
  /** Writes its files into a folder. */
  save?(folder: string): Promise<unknown>;
}

/** What a {@link Trainer} is made of. */
export interface TrainerOptions<Row, Batch> extends FitOptions {
  readonly model?: Module;
  readonly args?: TrainingArguments;
  /** Pads batches, where no `dataCollator` is given. */
  readonly tokenizer?: TrainerTokenizer;
  /** Makes batches of rows. */
  readonly dataCollator?: Collate<Row, Batch>;
  readonly trainDataset?: Dataset<Row>;
  readonly evalDataset?: Dataset<Row>;
  /** Metrics of an evaluation, from all its logits and labels. */
  readonly computeMetrics?: (prediction: EvalPrediction) => Metrics | Promise<Metrics>;
  readonly callbacks?: readonly TrainerCallback[];
  /** An optimizer and a schedule (that goes on every step) of one's own. */
  readonly optimizers?: readonly [optimizer: AnyOptimizer, scheduler?: SchedulerConfig['scheduler'] | null];
  /** Scales losses, with numbers of one's own; `fp16` makes one. */
  readonly gradScaler?: GradScaler;
  /** What is kept of the logits [rows, ...] of a batch for `computeMetrics`, where all of them are too many: `(logits) => logits.argmax(-1)`. */
  readonly preprocessLogitsForMetrics?: (logits: Tensor, labels: Tensor | null) => Tensor;
}

/** What one call of {@link Trainer.evaluate} takes beside data. */
export interface EvaluateOptions {
  /** What stands in front of the metrics' names. Default eval, of `predict` test. */
  readonly metricKeyPrefix?: string;
}

/** What {@link Trainer.predict} returns. */
export interface Prediction {
  readonly logits: HostTensor | null;
  readonly labels: HostTensor | null;
  readonly metrics: Metrics;
}

/** What {@link Trainer.train} returns. */
export interface TrainOutput {
  readonly globalStep: number;
  /** The mean over the steps made by this call. */
  readonly trainingLoss: number;
  /** `trainRuntime` in seconds, `trainSamplesPerSecond`, `trainStepsPerSecond`. */
  readonly metrics: Metrics;
}

/** Data of {@link Trainer.fit}: loaders, or arrays of batches. */
export interface FitData<Batch> {
  /** Default: those of the module's `trainDataloader`. */
  readonly trainDataloaders?: BatchSource<Batch>;
  /** Default: those of the module's `valDataloader`. */
  readonly valDataloaders?: BatchSource<Batch> | null;
  /** A checkpoint, or a folder of them, to go on from. */
  readonly ckptPath?: string | null;
}

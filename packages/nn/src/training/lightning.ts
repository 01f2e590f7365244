/** Lightning's form: a module that says itself what a training step is, how it is optimized, and what is logged. */
import { ArgumentError, type Tensor } from '@course/tensor';
import { Module } from '../module.js';
import type { BaseSettings, Optimizer } from '../optim/optimizer.js';
import type { ReduceLROnPlateau } from '../optim/plateau.js';
import type { Scheduler } from '../optim/scheduler.js';
import type { BatchSource } from './batches.js';
import type { TrainerHandle } from './callbacks.js';

/** Any optimizer. */
export type AnyOptimizer = Optimizer<BaseSettings>;

/** A schedule and when it goes on. */
export interface SchedulerConfig {
  readonly scheduler: Scheduler | ReduceLROnPlateau;
  /** Default epoch, as in Lightning. */
  readonly interval?: 'epoch' | 'step';
  /** The metric that a plateau watches. Default val_loss. */
  readonly monitor?: string;
}

/** A schedule, with or without when it goes on. */
export type SchedulerLike = Scheduler | ReduceLROnPlateau | SchedulerConfig;

/** What `configureOptimizers` may return: an optimizer, alone, in a list, with a schedule in an object, or `[[optimizer], [schedule]]`. */
export type OptimizerConfig =
  | AnyOptimizer
  | readonly [AnyOptimizer]
  | readonly [optimizers: readonly AnyOptimizer[], schedulers: readonly SchedulerLike[]]
  | { readonly optimizer: AnyOptimizer; readonly lrScheduler?: SchedulerLike };

/** What a training step returns: the loss, alone or in an object. */
export type StepOutput = Tensor | { readonly loss: Tensor };

/** How a value is logged. */
export interface LogOptions {
  /** Show it at every step. Default: in training steps. */
  readonly onStep?: boolean;
  /** Average it over the epoch. Default: in validation steps. */
  readonly onEpoch?: boolean;
  /** Show it beside the progress bar. Default false. */
  readonly progBar?: boolean;
  /** What the value weighs in the mean of the epoch. Default: the size of the batch. */
  readonly batchSize?: number;
}

/** Takes what a module logs. */
export type LogSink = (name: string, value: Tensor | number, options: LogOptions) => void;

const sinks = new WeakMap<Module, LogSink>();

/** What a module knows of its run. */
export interface Attachment {
  readonly trainer: TrainerHandle;
  /** The epoch at hand. */
  epoch: number;
}

const attachments = new WeakMap<Module, Attachment>();

/** Tells a module which trainer runs it; the loop keeps what is returned up to date. */
export function attach(model: Module, trainer: TrainerHandle): Attachment {
  const known = attachments.get(model);
  if (known?.trainer === trainer) return known;
  const own = { trainer, epoch: 0 };
  attachments.set(model, own);
  return own;
}

/** Sends what a module logs to `sink` until the returned function is called. */
export function listen(module: Module, sink: LogSink): () => void {
  const before = sinks.get(module);
  sinks.set(module, sink);
  return () => {
    if (before) sinks.set(module, before);
    else sinks.delete(module);
  };
}

/**
 * A module that brings its own training, as `pytorch_lightning.LightningModule`; `trainer.fit` runs it.
 *
 * @example
 * class Classifier extends LightningModule<[x: Tensor, y: Tensor]> {
 *   readonly layer = new Linear(4, 2);
 *   forward(x: Tensor): Tensor { return this.layer.forward(x); }
 *   override trainingStep([x, y]: [Tensor, Tensor]): Tensor {
 *     const loss = crossEntropy(this.forward(x), y);
 *     this.log('train_loss', loss, { onEpoch: true });
 *     return loss;
 *   }
 *   override configureOptimizers(): RMSprop { return new RMSprop(this.parameters()); }
 * }
 */
export abstract class LightningModule<Batch = unknown> extends Module {
  /** The loss of a batch; the trainer does the rest. */
  abstract trainingStep(batch: Batch, batchIndex: number): StepOutput;

  /** The optimizer, and a schedule if there is one. */
  abstract configureOptimizers(): OptimizerConfig;

  /** Judges a batch, without gradients; what it logs is averaged over the validation data. */
  validationStep?(batch: Batch, batchIndex: number): unknown;

  /** As {@link LightningModule.validationStep}, for {@link Trainer.test}. */
  testStep?(batch: Batch, batchIndex: number): unknown;

  /** What the module gives for a batch, for {@link Trainer.predict}; `forward` of the batch by default. */
  predictStep?(batch: Batch, batchIndex: number): Tensor;

  /** Batches to train on, where `fit` is given none. */
  trainDataloader?(): BatchSource<Batch>;

  /** Batches to validate on, where `fit` is given none. */
  valDataloader?(): BatchSource<Batch> | null;

  /** Before the first step. */
  onTrainStart?(): void | Promise<void>;

  /** Before each epoch. */
  onTrainEpochStart?(): void | Promise<void>;

  /** After the steps of an epoch and its validation; what it logs belongs to the epoch. */
  onTrainEpochEnd?(): void | Promise<void>;

  /** Before each validation. */
  onValidationEpochStart?(): void | Promise<void>;

  /** After the batches of a validation; what it logs belongs to it. */
  onValidationEpochEnd?(): void | Promise<void>;

  /** After the last step. */
  onTrainEnd?(): void | Promise<void>;

  /**
   * The trainer that runs this module.
   *
   * @throws ArgumentError outside of a run.
   */
  get trainer(): TrainerHandle {
    const found = attachments.get(this);
    if (!found) throw new ArgumentError(`${this.constructor.name}: it is not attached to a Trainer`);
    return found.trainer;
  }

  /** The number of the epoch at hand, from 0; 0 outside of a run. */
  get currentEpoch(): number {
    return attachments.get(this)?.epoch ?? 0;
  }

  /** Optimizer steps done; 0 outside of a run. */
  get globalStep(): number {
    return attachments.get(this)?.trainer.state.globalStep ?? 0;
  }

  /** Hands a value to the trainer: `callbackMetrics`, the progress, the log history. Outside of a trainer it does nothing. */
  log(name: string, value: Tensor | number, options: LogOptions = {}): void {
    sinks.get(this)?.(name, value, options);
  }

  /** Logs several values. */
  logDict(values: Readonly<Record<string, Tensor | number>>, options: LogOptions = {}): void {
    for (const [name, value] of Object.entries(values)) this.log(name, value, options);
  }
}

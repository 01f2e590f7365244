/** Lightning's form: a module that says itself what a training step is, how it is optimized, and what is logged. */
import { Tensor } from '@course/tensor';
import { Module } from '../module.js';
import type { BaseSettings, Optimizer } from '../optim/optimizer.js';
import type { ReduceLROnPlateau } from '../optim/plateau.js';
import type { Scheduler } from '../optim/scheduler.js';

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

/** What `configureOptimizers` may return. */
export type OptimizerConfig =
  | AnyOptimizer
  | { readonly optimizer: AnyOptimizer; readonly lrScheduler?: Scheduler | ReduceLROnPlateau | SchedulerConfig };

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

  /** Hands a value to the trainer: `callbackMetrics`, the progress, the log history. Outside of a trainer it does nothing. */
  log(name: string, value: Tensor | number, options: LogOptions = {}): void {
    sinks.get(this)?.(name, value, options);
  }

  /** Logs several values. */
  logDict(values: Readonly<Record<string, Tensor | number>>, options: LogOptions = {}): void {
    for (const [name, value] of Object.entries(values)) this.log(name, value, options);
  }
}

/** Means of logged values over an epoch, each weighted by its batch. */
export class EpochMeans {
  readonly #sums = new Map<string, { sum: number; weight: number }>();
  readonly #pending: Promise<void>[] = [];

  add(name: string, value: Tensor | number, weight: number): void {
    this.#pending.push(
      read(value).then((number) => {
        const entry = this.#sums.get(name) ?? { sum: 0, weight: 0 };
        this.#sums.set(name, { sum: entry.sum + number * weight, weight: entry.weight + weight });
      }),
    );
  }

  /** Waits for everything added. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
  }

  async means(): Promise<Record<string, number>> {
    await this.settle();
    return Object.fromEntries([...this.#sums].map(([name, { sum, weight }]) => [name, sum / weight]));
  }

  /** The sums so far, as plain data for a checkpoint. */
  async stateDict(): Promise<[name: string, sum: number, weight: number][]> {
    await this.settle();
    return [...this.#sums].map(([name, { sum, weight }]) => [name, sum, weight]);
  }

  loadStateDict(state: readonly (readonly [name: string, sum: number, weight: number])[]): void {
    for (const [name, sum, weight] of state) this.#sums.set(name, { sum, weight });
  }
}

/** The number that is logged; the read is requested now, before the step's tensors are released. */
export function read(value: Tensor | number): Promise<number> {
  return value instanceof Tensor ? value.item() : Promise.resolve(value);
}

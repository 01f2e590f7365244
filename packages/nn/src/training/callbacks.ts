/** What a training run tells those who listen, and how they may steer it. */
import { ArgumentError } from '@course/tensor';
import type { Module } from '../module.js';
import { checkSizes } from '../sizes.js';

/** Numbers by name. */
export type Metrics = Readonly<Record<string, number>>;

/** One entry of the log history. */
export type LogEntry = Metrics & { readonly step: number; readonly epoch: number };

/** Where a run stands. Plain data: it is saved with every checkpoint. */
export interface TrainerState {
  /** Optimizer steps done. */
  globalStep: number;
  /** Epochs done, with the share of the one at hand. */
  epoch: number;
  maxSteps: number;
  numTrainEpochs: number;
  logHistory: LogEntry[];
  bestMetric: number | null;
  /** The step of the best evaluation. */
  bestStep: number | null;
  bestModelCheckpoint: string | null;
}

/** Where every run starts. */
export function newState(): TrainerState {
  return {
    globalStep: 0,
    epoch: 0,
    maxSteps: 0,
    numTrainEpochs: 0,
    logHistory: [],
    bestMetric: null,
    bestStep: null,
    bestModelCheckpoint: null,
  };
}

/** What a callback wants of the loop after the step at hand, as Hugging Face's `TrainerControl`: it is done once, and forgotten. */
export interface TrainerControl {
  shouldTrainingStop: boolean;
  shouldLog: boolean;
  shouldEvaluate: boolean;
  shouldSave: boolean;
}

/** Nothing is wanted. */
export function newControl(): TrainerControl {
  return { shouldTrainingStop: false, shouldLog: false, shouldEvaluate: false, shouldSave: false };
}

/** What callbacks see of the trainer. */
export interface TrainerHandle {
  readonly state: Readonly<TrainerState>;
  /** To be set by callbacks. */
  readonly control: TrainerControl;
  /** The newest value of everything that was logged or measured. */
  readonly callbackMetrics: Metrics;
  /** Ends the run after the step at hand. */
  stop(): void;
  /** Prints a line, above the progress bar if there is one. */
  print(line: string): void;
}

/**
 * Listens to a training run; all methods may be asynchronous, and the run waits for them. The names are Hugging Face's, and
 * Lightning's where it has others for the same moment.
 *
 * @example
 * const stopEarly: TrainerCallback = {
 *   onEvaluate(trainer, metrics) {
 *     if ((metrics.evalLoss ?? 1) < 0.1) trainer.stop();
 *   },
 * };
 */
export interface TrainerCallback {
  /** Before the first step. */
  onTrainBegin?(trainer: TrainerHandle, model: Module): void | Promise<void>;
  /** Lightning's name for {@link TrainerCallback.onTrainBegin}. */
  onTrainStart?(trainer: TrainerHandle, model: Module): void | Promise<void>;
  /** Before each epoch. */
  onEpochBegin?(trainer: TrainerHandle, model: Module): void | Promise<void>;
  /** Lightning's name for {@link TrainerCallback.onEpochBegin}. */
  onTrainEpochStart?(trainer: TrainerHandle, model: Module): void | Promise<void>;
  /** Before the batches of an optimizer step. */
  onStepBegin?(trainer: TrainerHandle, model: Module): void | Promise<void>;
  /** After every optimizer step. */
  onStepEnd?(trainer: TrainerHandle, model: Module): void | Promise<void>;
  /** After an entry was added to the log history. */
  onLog?(trainer: TrainerHandle, entry: LogEntry): void | Promise<void>;
  /** After each evaluation. */
  onEvaluate?(trainer: TrainerHandle, metrics: Metrics): void | Promise<void>;
  /** Lightning's name for {@link TrainerCallback.onEvaluate}; the metrics are among `trainer.callbackMetrics`. */
  onValidationEpochEnd?(trainer: TrainerHandle, model: Module): void | Promise<void>;
  /** After a checkpoint has been written. */
  onSave?(trainer: TrainerHandle, path: string): void | Promise<void>;
  /** After an epoch and its evaluation. */
  onEpochEnd?(trainer: TrainerHandle, model: Module): void | Promise<void>;
  /** Lightning's name for {@link TrainerCallback.onEpochEnd}. */
  onTrainEpochEnd?(trainer: TrainerHandle, model: Module): void | Promise<void>;
  /** After the last step. */
  onTrainEnd?(trainer: TrainerHandle, model: Module): void | Promise<void>;
  /** When the run ends with an error, which is thrown afterwards. */
  onException?(trainer: TrainerHandle, error: unknown): void | Promise<void>;
  /** What it must remember when a run is resumed, as plain data. */
  stateDict?(): unknown;
  /** Takes over what `stateDict` gave. */
  loadStateDict?(state: unknown): void;
}

/** Options of {@link EarlyStoppingCallback}. */
export interface EarlyStoppingOptions {
  /** A name among the metrics of an evaluation. Default evalLoss. */
  readonly metric?: string;
  /** Evaluations without getting better after which training stops. Default 1. */
  readonly patience?: number;
  /** What counts as better: by more than this. Default 0. */
  readonly threshold?: number;
  /** Default: only if the metric's name does not end with loss. */
  readonly greaterIsBetter?: boolean;
}

/** Stops training when a metric of the evaluations no longer gets better, as Hugging Face's `EarlyStoppingCallback`. */
export class EarlyStoppingCallback implements TrainerCallback {
  readonly #options: Required<EarlyStoppingOptions>;
  #best: number | null = null;
  #bad = 0;

  constructor(options: EarlyStoppingOptions = {}) {
    const metric = options.metric ?? 'evalLoss';
    this.#options = { patience: 1, threshold: 0, greaterIsBetter: !/loss$/i.test(metric), ...options, metric };
    const { patience } = this.#options;
    checkSizes('EarlyStoppingCallback', { patience });
  }

  /** @throws ArgumentError if the metric is not among those of the evaluation. */
  onEvaluate(trainer: TrainerHandle, metrics: Metrics): void {
    const { metric, patience, threshold, greaterIsBetter } = this.#options;
    const value = metrics[metric];
    if (value === undefined)
      throw new ArgumentError(
        `EarlyStoppingCallback: there is no metric '${metric}', the evaluation gave ${Object.keys(metrics).join(', ')}`,
      );
    const gain = this.#best === null ? Number.POSITIVE_INFINITY : (value - this.#best) * (greaterIsBetter ? 1 : -1);
    if (gain > threshold) [this.#best, this.#bad] = [value, 0];
    else if (++this.#bad >= patience) trainer.stop();
  }

  /** The best value so far, and how long ago it was. */
  stateDict(): unknown {
    return { best: this.#best, bad: this.#bad };
  }

  /** Takes over what `stateDict` gave. */
  loadStateDict(state: unknown): void {
    const { best, bad } = state as { best: number | null; bad: number };
    [this.#best, this.#bad] = [best, bad];
  }
}

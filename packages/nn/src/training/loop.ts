/**
 * The training loop: epochs, steps, and what is due after them, in an order that a resumed run repeats: log, evaluate, the end of an epoch,
 * and last the checkpoint, which so holds all that came before it.
 */

import type { Tensor } from '@course/tensor';
import type { GradScaler, GradScalerState } from '../amp.js';
import type { Module } from '../module.js';
import { ReduceLROnPlateau } from '../optim/plateau.js';
import type { FilledArguments, IntervalStrategy } from './arguments.js';
import { type BatchSource, batchSizeOf, iterate, type LoaderPosition, release } from './batches.js';
import type { LogEntry, Metrics, TrainerCallback, TrainerHandle, TrainerState } from './callbacks.js';
import { lastCheckpoint, loadCheckpoint, saveCheckpoint } from './checkpoint.js';
import { type AnyOptimizer, EpochMeans, listen, read, type SchedulerConfig } from './lightning.js';
import { ProgressView } from './progress.js';
import { StepMaker } from './step.js';

/** What a run is made of. */
export interface LoopParts<Batch> {
  readonly model: Module;
  readonly source: BatchSource<Batch>;
  readonly args: FilledArguments;
  readonly state: TrainerState;
  readonly optimizer: AnyOptimizer;
  readonly scheduler: Required<SchedulerConfig> | null;
  readonly scaler: GradScaler | null;
  readonly callbacks: readonly TrainerCallback[];
  readonly handle: TrainerHandle;
  /** The newest value of everything measured, for callbacks. */
  readonly metrics: Record<string, number>;
  lossOf(batch: Batch, index: number): Tensor;
  /** Evaluates in the middle of training; null where there is nothing to evaluate on. */
  evaluate: (() => Promise<Metrics>) | null;
  isStopped(): boolean;
}

/** What a checkpoint holds beside tensors. */
interface Extra {
  readonly state: TrainerState;
  readonly loader: LoaderPosition;
  readonly losses: { readonly sum: number; readonly steps: number };
  readonly means: [name: string, sum: number, weight: number][];
  readonly callbacks: unknown[];
  readonly scaler?: GradScalerState;
}

/** Sums over the steps that a run made. */
export interface RunTotals {
  loss: number;
  steps: number;
  rows: number;
}

export class TrainingLoop<Batch> {
  readonly #parts: LoopParts<Batch>;
  readonly #steps: StepMaker<Batch>;
  #means = new EpochMeans();
  /** Since the last entry of the log. */
  #losses: { sum: number; steps: number } = { sum: 0, steps: 0 };
  #unread: Promise<number>[] = [];
  #lastNorm: Promise<number> | null = null;
  #shown: Record<string, number> = {};
  #view: ProgressView | null = null;
  #checkpoint: string | null = null;
  #batchSize = 1;

  constructor(parts: LoopParts<Batch>) {
    this.#parts = parts;
    const { model, optimizer, args, state } = parts;
    this.#steps = new StepMaker(
      model,
      optimizer,
      (batch, index) => parts.lossOf(batch, index),
      args,
      parts.scaler,
      () => ({ step: state.globalStep + 1, checkpoint: this.#checkpoint }),
    );
  }

  /** Prints a line, above the progress bar if there is one. */
  print(line: string): void {
    if (this.#view) this.#view.print(line);
    else console.log(line);
  }

  /** Trains to the end, from the start or from a checkpoint. */
  async run(resumeFrom: string | null): Promise<RunTotals> {
    const { model, state, args, callbacks, handle } = this.#parts;
    const start = resumeFrom ? await this.#resume(resumeFrom) : { epoch: 0, batch: 0 };
    if (!args.disableTqdm) this.#view = new ProgressView(state);
    const total = { loss: 0, steps: 0, rows: 0 };
    const stopListening = listen(model, (name, value, options) => {
      const { onStep = true, onEpoch = false, progBar = false, batchSize = this.#batchSize } = options;
      if (onEpoch) this.#means.add(name, value, batchSize);
      if (onStep || progBar)
        this.#unread.push(
          read(value).then((number) => {
            if (onStep) this.#parts.metrics[onEpoch ? `${name}_step` : name] = number;
            if (progBar) this.#shown[name] = number;
            return number;
          }),
        );
    });
    try {
      await each(callbacks, (callback) => callback.onTrainBegin?.(handle, model));
      for (let epoch = start.epoch; state.globalStep < state.maxSteps && !this.#parts.isStopped(); epoch++)
        await this.#epoch(epoch, epoch === start.epoch ? start.batch : 0, total);
      await each(callbacks, (callback) => callback.onTrainEnd?.(handle, model));
    } catch (error) {
      await each(callbacks, (callback) => callback.onException?.(handle, error));
      throw error;
    } finally {
      stopListening();
      this.#view?.stop();
    }
    await this.#settle();
    return total;
  }

  async #epoch(epoch: number, from: number, total: RunTotals): Promise<void> {
    const { model, source, args, state, callbacks, handle, scheduler } = this.#parts;
    source.setEpoch?.(epoch);
    if (from === 0) await each(callbacks, (callback) => callback.onEpochBegin?.(handle, model));
    const accumulation = args.gradientAccumulationSteps;
    model.train();
    let index = source.loadState ? from : 0;
    const group: Batch[] = [];
    for await (const batch of iterate(source)) {
      // A source that cannot start in the middle is gone through up to there.
      if (index < from) {
        index++;
        continue;
      }
      this.#batchSize = batchSizeOf(batch);
      const groupStart = index - (index % accumulation);
      const count = Math.min(accumulation, source.length - groupStart);
      total.rows += this.#batchSize;
      group.push(batch);
      await this.#steps.accumulate(batch, index, count);
      index++;
      if (index - groupStart < count) continue;
      const { loss, gradNorm, isMade } = await this.#steps.finish();
      total.steps++;
      // Not before: a step that goes wrong runs its last batch again.
      for (const used of group.splice(0)) release(source, used);
      if (isMade && scheduler?.interval === 'step' && !(scheduler.scheduler instanceof ReduceLROnPlateau))
        scheduler.scheduler.step();
      state.globalStep++;
      state.epoch = epoch + index / source.length;
      this.#lastNorm = gradNorm;
      this.#unread.push(
        loss.then((value) => {
          this.#losses = { sum: this.#losses.sum + value, steps: this.#losses.steps + 1 };
          total.loss += value;
          this.#shown.loss = value;
          return value;
        }),
      );
      if (args.stopOnNan) await this.#settle();
      this.#view?.step(state.globalStep, this.#shown);
      await each(callbacks, (callback) => callback.onStepEnd?.(handle, model));
      await this.#after(index === source.length, { epoch, batch: index });
      if (state.globalStep >= state.maxSteps || this.#parts.isStopped()) return;
    }
  }

  /** What is due after a step. */
  async #after(endsEpoch: boolean, position: LoaderPosition): Promise<void> {
    const { model, args, state, callbacks, handle, evaluate } = this.#parts;
    const last = state.globalStep >= state.maxSteps;
    const isDue = (strategy: IntervalStrategy, every: number): boolean =>
      strategy === 'steps' ? state.globalStep % every === 0 : strategy === 'epoch' && (endsEpoch || last);
    if (isDue(args.loggingStrategy, args.loggingSteps) || (args.loggingFirstStep && state.globalStep === 1))
      await this.#log(await this.#trainEntry());
    if (evaluate && isDue(args.evalStrategy, args.evalSteps)) await this.#evaluate(evaluate);
    if (endsEpoch || last || this.#parts.isStopped()) {
      const means = await this.#means.means();
      this.#means = new EpochMeans();
      Object.assign(this.#parts.metrics, means);
      if (Object.keys(means).length > 0) await this.#log(means);
      this.#stepEpochSchedule();
      await each(callbacks, (callback) => callback.onEpochEnd?.(handle, model));
      await each(callbacks, (callback) => callback.onTrainEpochEnd?.(handle, model));
    }
    const ends = last || this.#parts.isStopped();
    if (isDue(args.saveStrategy, args.saveSteps) || (ends && args.saveStrategy !== 'no')) await this.#save(position);
  }

  #stepEpochSchedule(): void {
    const { scheduler, metrics } = this.#parts;
    if (scheduler?.interval !== 'epoch') return;
    if (!(scheduler.scheduler instanceof ReduceLROnPlateau)) scheduler.scheduler.step();
    else if (metrics[scheduler.monitor] !== undefined) scheduler.scheduler.step(metrics[scheduler.monitor] ?? 0);
  }

  /** Waits for what was read; afterwards the numbers are where they belong. */
  async #settle(): Promise<void> {
    await Promise.all(this.#unread.splice(0));
  }

  async #trainEntry(): Promise<Record<string, number>> {
    await this.#settle();
    const { sum, steps } = this.#losses;
    this.#losses = { sum: 0, steps: 0 };
    return {
      loss: sum / steps,
      ...(this.#lastNorm && { gradNorm: await this.#lastNorm }),
      ...(this.#parts.scaler && { lossScale: this.#parts.scaler.getScale() }),
      learningRate: this.#parts.optimizer.paramGroups[0]?.lr ?? Number.NaN,
    };
  }

  async #log(values: Metrics): Promise<void> {
    const { state, callbacks, handle, metrics } = this.#parts;
    const entry: LogEntry = { ...values, epoch: state.epoch, step: state.globalStep };
    state.logHistory.push(entry);
    Object.assign(metrics, values);
    this.#view?.entry(entry);
    await each(callbacks, (callback) => callback.onLog?.(handle, entry));
  }

  async #evaluate(evaluate: () => Promise<Metrics>): Promise<void> {
    const { args, state, callbacks, handle, metrics } = this.#parts;
    const found = await evaluate();
    await this.#log(found);
    const name = args.metricForBestModel;
    const value = found[name] ?? found[`eval${name.charAt(0).toUpperCase()}${name.slice(1)}`];
    const { bestMetric } = state;
    const isBetter =
      value !== undefined && (bestMetric === null || (args.greaterIsBetter ? value > bestMetric : value < bestMetric));
    if (isBetter) [state.bestMetric, state.bestStep] = [value, state.globalStep];
    Object.assign(metrics, found);
    await each(callbacks, (callback) => callback.onEvaluate?.(handle, found));
  }

  async #save(position: LoaderPosition): Promise<void> {
    const { model, optimizer, scheduler, scaler, source, args, state, callbacks, handle } = this.#parts;
    const { outputDir } = args;
    if (outputDir === null) return;
    await this.#settle();
    if (state.bestStep === state.globalStep) state.bestModelCheckpoint = `${outputDir}/checkpoint-${state.globalStep}`;
    const next = position.batch >= source.length ? { epoch: position.epoch + 1, batch: 0 } : position;
    const extra: Extra = {
      state,
      loader: next,
      losses: this.#losses,
      means: await this.#means.stateDict(),
      callbacks: callbacks.map((callback) => callback.stateDict?.() ?? null),
      ...(scaler && { scaler: scaler.stateDict() }),
    };
    this.#checkpoint = await saveCheckpoint(
      outputDir,
      { model, optimizer, ...(scheduler && { scheduler: scheduler.scheduler }) },
      { step: state.globalStep, extra },
      { keep: args.saveTotalLimit, protect: state.bestModelCheckpoint ? [state.bestModelCheckpoint] : [] },
    );
    const path = this.#checkpoint;
    await each(callbacks, (callback) => callback.onSave?.(handle, path));
  }

  /** Takes a run up where a checkpoint left it; returns the next batch. */
  async #resume(path: string): Promise<LoaderPosition> {
    const { model, optimizer, scheduler, scaler, source, state, callbacks } = this.#parts;
    const { maxSteps, numTrainEpochs } = state;
    const { extra } = await loadCheckpoint(path, {
      model,
      optimizer,
      ...(scheduler && { scheduler: scheduler.scheduler }),
    });
    const saved = extra as Extra;
    Object.assign(state, saved.state, { maxSteps, numTrainEpochs });
    if (saved.scaler) scaler?.loadStateDict(saved.scaler);
    source.loadState?.(saved.loader);
    this.#losses = { ...saved.losses };
    this.#means.loadStateDict(saved.means);
    for (const [i, callback] of callbacks.entries()) {
      const own = saved.callbacks[i];
      if (own !== null && own !== undefined) callback.loadStateDict?.(own);
    }
    this.#checkpoint = /checkpoint-\d+$/.test(path) ? path : await lastCheckpoint(path);
    return saved.loader;
  }
}

/** Calls the callbacks one after the other, and waits for each. */
export async function each(
  callbacks: readonly TrainerCallback[],
  call: (callback: TrainerCallback) => void | Promise<void> | undefined,
): Promise<void> {
  for (const callback of callbacks) await call(callback);
}

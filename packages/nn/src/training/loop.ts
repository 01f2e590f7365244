/**
 * The training loop: epochs, steps, and what is due after them, in an order that a resumed run repeats: log, evaluate, the end of an epoch,
 * and last the checkpoint, which so holds all that came before it.
 */

import { ArgumentError, device } from '@course/tensor';
import { ReduceLROnPlateau } from '../optim/plateau.js';
import type { IntervalStrategy } from './arguments.js';
import { batchSizeOf, iterate, type LoaderPosition, release } from './batches.js';
import type { LogEntry, Metrics, TrainerCallback } from './callbacks.js';
import { lastCheckpoint, removeLeftovers } from './checkpoint.js';
import { attach, LightningModule, listen } from './lightning.js';
import { EpochMeans, read } from './means.js';
import { ProgressView } from './progress.js';
import { type LoopParts, type RunSums, restoreRun, saveRun } from './run-state.js';
import { StepMaker } from './step.js';

/** Sums over the steps that a run made. */
export interface RunTotals {
  loss: number;
  steps: number;
  rows: number;
}

export class TrainingLoop<Batch> {
  readonly #parts: LoopParts<Batch>;
  readonly #steps: StepMaker<Batch>;
  readonly #sums: RunSums = { means: new EpochMeans(), losses: { sum: 0, steps: 0 } };
  #unread: Promise<number>[] = [];
  #lastNorm: Promise<number> | null = null;
  #shown: Record<string, number> = {};
  #view: ProgressView | null = null;
  #checkpoint: string | null = null;
  #batchSize = 1;
  #isInHook = false;
  /** Names that are logged for steps and for epochs. */
  readonly #both = new Set<string>();
  readonly #place: { epoch: number };

  constructor(parts: LoopParts<Batch>) {
    this.#parts = parts;
    const { model, optimizer, scheduler, args, state, evaluate } = parts;
    const evaluates = evaluate !== null && args.evalStrategy !== 'no';
    if (scheduler?.interval === 'step' && scheduler.scheduler instanceof ReduceLROnPlateau && !evaluates)
      throw new ArgumentError('ReduceLROnPlateau: it goes by evaluations, and there are none: set an evalStrategy');
    this.#place = attach(model, parts.handle);
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
      const inStep = !this.#isInHook;
      const { onStep = inStep, onEpoch = !inStep, progBar = false, batchSize = inStep ? this.#batchSize : 1 } = options;
      if (onEpoch) this.#sums.means.add(name, value, batchSize);
      // As Lightning: a name that has values of both kinds is the epoch's, and each has a name of its own beside it.
      if (onEpoch && onStep) this.#both.add(name);
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
      if (model instanceof LightningModule) await model.onTrainStart?.();
      await each(callbacks, (callback) => callback.onTrainBegin?.(handle, model));
      await each(callbacks, (callback) => callback.onTrainStart?.(handle, model));
      for (let epoch = start.epoch; state.globalStep < state.maxSteps && !handle.control.shouldTrainingStop; epoch++)
        await this.#epoch(epoch, epoch === start.epoch ? start.batch : 0, total);
      if (model instanceof LightningModule) await model.onTrainEnd?.();
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
    this.#place.epoch = epoch;
    if (from === 0) {
      if (model instanceof LightningModule) await this.#hook(() => model.onTrainEpochStart?.());
      await each(callbacks, (callback) => callback.onEpochBegin?.(handle, model));
      await each(callbacks, (callback) => callback.onTrainEpochStart?.(handle, model));
    }
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
      if (group.length === 0) await each(callbacks, (callback) => callback.onStepBegin?.(handle, model));
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
          this.#sums.losses = { sum: this.#sums.losses.sum + value, steps: this.#sums.losses.steps + 1 };
          total.loss += value;
          this.#shown.loss = value;
          return value;
        }),
      );
      if (args.stopOnNan) await this.#settle();
      // Losses are read without waiting for them: the device may be many steps behind.
      else await device.caughtUp();
      this.#view?.step(state.globalStep, this.#shown);
      await each(callbacks, (callback) => callback.onStepEnd?.(handle, model));
      await this.#after(index === source.length, { epoch, batch: index });
      if (state.globalStep >= state.maxSteps || handle.control.shouldTrainingStop) return;
    }
  }

  /** What is due after a step. */
  async #after(endsEpoch: boolean, position: LoaderPosition): Promise<void> {
    const { model, args, state, callbacks, handle, evaluate } = this.#parts;
    const { control } = handle;
    const last = state.globalStep >= state.maxSteps;
    const isDue = (strategy: IntervalStrategy, every: number, wish: 'shouldLog' | 'shouldEvaluate' | 'shouldSave') => {
      const wanted = control[wish];
      control[wish] = false;
      return (
        wanted || (strategy === 'steps' ? state.globalStep % every === 0 : strategy === 'epoch' && (endsEpoch || last))
      );
    };
    if (
      isDue(args.loggingStrategy, args.loggingSteps, 'shouldLog') ||
      (args.loggingFirstStep && state.globalStep === 1)
    )
      await this.#log(await this.#trainEntry());
    if (isDue(args.evalStrategy, args.evalSteps, 'shouldEvaluate') && evaluate) await this.#evaluate(evaluate);
    if (endsEpoch || last || control.shouldTrainingStop) {
      if (model instanceof LightningModule) await this.#hook(() => model.onTrainEpochEnd?.());
      const means = await this.#sums.means.means();
      this.#sums.means = new EpochMeans();
      const { metrics } = this.#parts;
      Object.assign(metrics, means);
      for (const name of this.#both) metrics[`${name}_epoch`] = means[name] ?? metrics[name] ?? 0;
      if (Object.keys(means).length > 0) await this.#log(means);
      this.#stepEpochSchedule();
      await each(callbacks, (callback) => callback.onEpochEnd?.(handle, model));
      await each(callbacks, (callback) => callback.onTrainEpochEnd?.(handle, model));
    }
    const ends = last || control.shouldTrainingStop;
    const saves = isDue(args.saveStrategy, args.saveSteps, 'shouldSave');
    if (saves || (ends && args.saveStrategy !== 'no')) await this.#save(position);
  }

  /** Runs a hook of the module itself; what it logs is the epoch's. */
  async #hook(run: () => void | Promise<void>): Promise<void> {
    this.#isInHook = true;
    try {
      await run();
    } finally {
      this.#isInHook = false;
    }
  }

  #stepEpochSchedule(): void {
    const { scheduler, metrics } = this.#parts;
    if (scheduler?.interval !== 'epoch') return;
    if (scheduler.scheduler instanceof ReduceLROnPlateau)
      scheduler.scheduler.step(monitored(metrics, scheduler.monitor));
    else scheduler.scheduler.step();
  }

  /** Waits for what was read; afterwards the numbers are where they belong. */
  async #settle(): Promise<void> {
    await Promise.all(this.#unread.splice(0));
  }

  async #trainEntry(): Promise<Record<string, number>> {
    await this.#settle();
    const { sum, steps } = this.#sums.losses;
    this.#sums.losses = { sum: 0, steps: 0 };
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
    const { model, args, state, scheduler, callbacks, handle, metrics } = this.#parts;
    const found = await evaluate();
    await this.#log(found);
    const name = args.metricForBestModel;
    const value = found[name] ?? found[`eval${name.charAt(0).toUpperCase()}${name.slice(1)}`];
    const { bestMetric } = state;
    const isBetter =
      value !== undefined && (bestMetric === null || (args.greaterIsBetter ? value > bestMetric : value < bestMetric));
    if (isBetter) [state.bestMetric, state.bestStep] = [value, state.globalStep];
    Object.assign(metrics, found);
    // As Hugging Face's: a plateau that does not go by epochs sees every evaluation.
    if (scheduler?.interval === 'step' && scheduler.scheduler instanceof ReduceLROnPlateau)
      scheduler.scheduler.step(found[scheduler.monitor] ?? value ?? monitored(metrics, scheduler.monitor));
    await each(callbacks, (callback) => callback.onEvaluate?.(handle, found));
    await each(callbacks, (callback) => callback.onValidationEpochEnd?.(handle, model));
  }

  async #save(position: LoaderPosition): Promise<void> {
    const { args, callbacks, handle } = this.#parts;
    if (args.outputDir === null) return;
    await this.#settle();
    const path = await saveRun(args.outputDir, this.#parts, position, this.#sums);
    this.#checkpoint = path;
    await each(callbacks, (callback) => callback.onSave?.(handle, path));
  }

  /** Takes a run up where a checkpoint left it; returns the next batch. */
  async #resume(path: string): Promise<LoaderPosition> {
    const next = await restoreRun(path, this.#parts, this.#sums);
    this.#checkpoint = /checkpoint-\d+$/.test(path) ? path : await lastCheckpoint(path);
    // A run that was killed behind its last save would have nobody else to tidy up after it.
    const { outputDir } = this.#parts.args;
    if (outputDir !== null) await removeLeftovers(outputDir);
    return next;
  }
}

/** The metric that a plateau watches. */
function monitored(metrics: Metrics, name: string): number {
  const value = metrics[name];
  if (value === undefined)
    throw new ArgumentError(
      `ReduceLROnPlateau: there is no metric '${name}' to watch, there are ${Object.keys(metrics).join(', ') || 'none'}`,
    );
  return value;
}

/** Calls the callbacks one after the other, and waits for each. */
export async function each(
  callbacks: readonly TrainerCallback[],
  call: (callback: TrainerCallback) => void | Promise<void> | undefined,
): Promise<void> {
  for (const callback of callbacks) await call(callback);
}

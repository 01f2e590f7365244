/** What a training run is made of, and what of it a checkpoint holds, so that a resumed run is the same run. */
import type { Tensor } from '@course/tensor';
import type { GradScaler, GradScalerState } from '../amp.js';
import type { Module } from '../module.js';
import type { FilledArguments } from './arguments.js';
import type { BatchSource, LoaderPosition } from './batches.js';
import type { Metrics, TrainerCallback, TrainerHandle, TrainerState } from './callbacks.js';
import { loadCheckpoint, saveCheckpoint } from './checkpoint.js';
import type { AnyOptimizer, SchedulerConfig } from './lightning.js';
import type { EpochMeans } from './means.js';

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
}

/** What adds up between steps. */
export interface RunSums {
  means: EpochMeans;
  /** Since the last entry of the log. */
  losses: { sum: number; steps: number };
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

/** Saves a run that goes on at `position`; returns the path. */
export async function saveRun<Batch>(
  folder: string,
  { model, optimizer, scheduler, scaler, source, args, state, callbacks }: LoopParts<Batch>,
  position: LoaderPosition,
  { means, losses }: RunSums,
): Promise<string> {
  if (state.bestStep === state.globalStep) state.bestModelCheckpoint = `${folder}/checkpoint-${state.globalStep}`;
  const extra: Extra = {
    state,
    loader: position.batch >= source.length ? { epoch: position.epoch + 1, batch: 0 } : position,
    losses,
    means: await means.stateDict(),
    callbacks: callbacks.map((callback) => callback.stateDict?.() ?? null),
    ...(scaler && { scaler: scaler.stateDict() }),
  };
  return saveCheckpoint(
    folder,
    { model, optimizer, ...(scheduler && { scheduler: scheduler.scheduler }) },
    { step: state.globalStep, extra },
    { keep: args.saveTotalLimit, protect: state.bestModelCheckpoint ? [state.bestModelCheckpoint] : [] },
  );
}

/** Takes a run up where a checkpoint left it; returns the next batch. */
export async function restoreRun<Batch>(
  path: string,
  { model, optimizer, scheduler, scaler, source, state, callbacks }: LoopParts<Batch>,
  sums: RunSums,
): Promise<LoaderPosition> {
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
  sums.losses = { ...saved.losses };
  sums.means.loadStateDict(saved.means);
  for (const [i, callback] of callbacks.entries()) {
    const own = saved.callbacks[i];
    if (own !== null && own !== undefined) callback.loadStateDict?.(own);
  }
  return saved.loader;
}

// The training loop, written out as in a notebook: a batch, the loss, its gradients, a step of AdamW. A step is a `scope`, so
// it leaves no memory behind; losses stay on the device and are read ten at a time, because reading one waits for all work.
import type { TextClassifier } from '@course/models';
import { CrossEntropyLoss, clipGradNorm_ } from '@course/nn';
import { AdamW } from '@course/nn/optim';
import { ArgumentError, scope, stack, type Tensor } from '@course/tensor';
import type { Checkpoints } from './checkpoints.js';
import { type Batches, countTokens } from './encoding.js';
import type { Evaluation } from './evaluation.js';
import type { EpochRecord } from './history.js';
import { breathe, Interruption } from './interruption.js';
import { warmUpAndDecay } from './schedule.js';

const maxGradNorm = 1;
const weightDecay = 0.01;
const stepsBetweenReadings = 10;
/** Steps that the loss shown is the mean of. */
export const lossWindow = 50;

/** Where a training run stands. */
export interface TrainingState {
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly totalSteps: number;
  /** Mean loss of the last steps. */
  readonly loss: number;
  readonly samplesPerSecond: number;
  readonly secondsLeft: number;
}

/** What a training run was. */
export interface TrainingRecord {
  readonly steps: number;
  /** Time spent in steps, without what `onEpoch` took. */
  readonly seconds: number;
  /** Tokens learned from, padding left out, every epoch counted. */
  readonly tokens: number;
  /** The loss of each step. */
  readonly losses: readonly number[];
  /** Mean loss of the last steps. */
  readonly finalLoss: number;
  /** What was measured after each epoch. */
  readonly epochs: readonly EpochRecord[];
}

export interface TrainingOptions {
  readonly epochs: number;
  readonly lr: number;
  /** Ends the run between two steps. */
  readonly signal: AbortSignal;
  readonly onProgress: (state: TrainingState) => void;
  /** Measures the model after each epoch; its time does not count. */
  readonly onEpoch: (state: TrainingState) => Promise<Evaluation>;
  /** Makes the run one that can be gone on with. */
  readonly checkpoints?: CheckpointPlan;
}

/** The loss is no longer a number: going on, also from a checkpoint, leads nowhere. */
export class OffCourse extends ArgumentError {}

/** When to save a run, and whether to begin with a saved one. */
export interface CheckpointPlan {
  readonly store: Checkpoints;
  /** Steps between two checkpoints; one is also made after every epoch, and when the run is interrupted. */
  readonly every: number;
  /** Go on from the last checkpoint of the store. */
  readonly resume: boolean;
}

/**
 * Trains a model.
 *
 * @throws Interruption if `signal` says so; with checkpoints the run is saved before.
 * @throws OffCourse when the loss is no longer a number.
 */
export async function train(
  model: TextClassifier,
  batches: Batches,
  options: TrainingOptions,
): Promise<TrainingRecord> {
  const { epochs, lr, signal, onProgress, onEpoch, checkpoints } = options;
  const totalSteps = epochs * batches.length;
  const lossFunction = new CrossEntropyLoss();
  const optimizer = new AdamW(parameterGroups(model), { lr });
  const scheduler = warmUpAndDecay(optimizer, totalSteps);
  const parts = { model, optimizer, scheduler };

  const before = checkpoints?.resume ? await checkpoints.store.load(parts) : undefined;
  const losses = [...(before?.losses ?? [])];
  const measured = [...(before?.epochs ?? [])];
  let { samples, seconds } = before ?? { samples: 0, seconds: 0 };
  let unread: Tensor[] = [];
  const read = async (): Promise<void> => {
    losses.push(...(await readScalars(unread)));
    unread = [];
    checkFinite(losses);
  };
  const save = async (): Promise<void> => {
    await read();
    if (losses.length > 0) await checkpoints?.store.save(parts, { losses, samples, seconds, epochs: measured });
  };
  const learnEpoch = async (epoch: number): Promise<TrainingState> => {
    let start = performance.now() - 1000 * seconds;
    const report = async (): Promise<TrainingState> => {
      await read();
      seconds = (performance.now() - start) / 1000;
      const state = {
        epoch,
        epochs,
        step: losses.length,
        totalSteps,
        loss: recentMean(losses),
        samplesPerSecond: samples / seconds,
        secondsLeft: (seconds / losses.length) * (totalSteps - losses.length),
      };
      onProgress(state);
      return state;
    };
    model.train();
    batches.loadState({ epoch: epoch - 1, batch: losses.length - (epoch - 1) * batches.length });
    for await (const batch of batches) {
      await breathe(signal);
      const loss = scope(() => {
        const { logits } = model.forward(batch.inputIds, { attentionMask: batch.attentionMask });
        const loss = lossFunction.forward(logits, batch.labels);
        loss.backward();
        clipGradNorm_(model.parameters(), maxGradNorm);
        optimizer.step();
        scheduler.step();
        optimizer.zeroGrad();
        return loss.detach();
      });
      unread.push(loss);
      samples += batch.inputIds.size(0);
      for (const tensor of Object.values(batch)) tensor.dispose();
      if (unread.length === stepsBetweenReadings) await report();
      if (checkpoints && (losses.length + unread.length) % checkpoints.every === 0) {
        await report();
        await save();
        start = performance.now() - 1000 * seconds;
      }
    }
    return await report();
  };

  try {
    // An epoch whose steps are done but which is not measured is entered once more, at its end.
    for (let epoch = measured.length + 1; epoch <= epochs; epoch++) {
      const state = await learnEpoch(epoch);
      await save();
      measured.push({ step: state.step, ...(await onEpoch(state)) });
    }
  } catch (error) {
    if (!(error instanceof Interruption) || checkpoints === undefined) throw error;
    await save();
    const { out, step } = checkpoints.store;
    throw step === undefined ? error : new Interruption(error.signal, error.exitCode, { out, step, totalSteps });
  }
  return {
    steps: losses.length,
    seconds,
    tokens: epochs * countTokens(batches),
    losses,
    finalLoss: recentMean(losses),
    epochs: measured,
  };
}

/** Weight decay pulls at matrices only: biases and the scales of normalisation have no reason to be small. */
function parameterGroups(model: TextClassifier): { params: Tensor[]; weightDecay: number }[] {
  const parameters = [...model.parameters()];
  return [
    { params: parameters.filter((parameter) => parameter.ndim > 1), weightDecay },
    { params: parameters.filter((parameter) => parameter.ndim <= 1), weightDecay: 0 },
  ];
}

/** The values of scalar tensors, which are released. */
async function readScalars(scalars: readonly Tensor[]): Promise<number[]> {
  if (scalars.length === 0) return [];
  const together = scope(() => stack(scalars));
  const values = Array.from(await together.data(), Number);
  for (const tensor of [together, ...scalars]) tensor.dispose();
  return values;
}

function recentMean(losses: readonly number[]): number {
  const recent = losses.slice(-lossWindow);
  return recent.reduce((sum, loss) => sum + loss, 0) / recent.length;
}

function checkFinite(losses: readonly number[]): void {
  const bad = losses.slice(-stepsBetweenReadings).findIndex((loss) => !Number.isFinite(loss));
  if (bad === -1) return;
  const step = Math.max(0, losses.length - stepsBetweenReadings) + bad + 1;
  throw new OffCourse(
    `the loss is ${losses[step - 1]} after step ${step}: training came off course; try a smaller --lr`,
  );
}

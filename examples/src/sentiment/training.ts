// The training loop, written out as in a notebook: a batch, the loss, its gradients, a step of AdamW. A step is a `scope`, so
// it leaves no memory behind; losses stay on the device and are read ten at a time, because reading one waits for all work.
import type { TextClassifier } from '@course/models';
import { CrossEntropyLoss, clipGradNorm_, init } from '@course/nn';
import { AdamW } from '@course/nn/optim';
import { ArgumentError, scope, stack, type Tensor } from '@course/tensor';
import { type Batches, countTokens } from './encoding.js';
import { breathe } from './interruption.js';
import { warmUpAndDecay } from './schedule.js';

const maxGradNorm = 1;
const weightDecay = 0.01;
const stepsBetweenReadings = 10;
/** Steps that the loss shown is the mean of. */
const lossWindow = 50;

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
}

export interface TrainingOptions {
  readonly epochs: number;
  readonly lr: number;
  /** Ends the run between two steps. */
  readonly signal: AbortSignal;
  readonly onProgress: (state: TrainingState) => void;
  /** Awaited after each epoch; its time does not count. */
  readonly onEpoch: (state: TrainingState) => Promise<void>;
}

/**
 * Gives the embeddings of a new model the small values that BERT starts from. PyTorch's start with a deviation of 1, a thousand times a
 * step of the optimizer: on SST-2 that costs four points of accuracy after one epoch.
 */
export function initialiseEmbeddings({ embedding }: TextClassifier): void {
  for (const table of [embedding.token, embedding.position]) init.normal_(table.weight, 0, 0.02);
}

/**
 * Trains a model.
 *
 * @throws Interruption if `signal` says so.
 * @throws ArgumentError when the loss is no longer a number.
 */
export async function train(
  model: TextClassifier,
  batches: Batches,
  options: TrainingOptions,
): Promise<TrainingRecord> {
  const { epochs, lr, signal, onProgress, onEpoch } = options;
  const totalSteps = epochs * batches.length;
  const lossFunction = new CrossEntropyLoss();
  const optimizer = new AdamW(parameterGroups(model), { lr });
  const scheduler = warmUpAndDecay(optimizer, totalSteps);

  const losses: number[] = [];
  let unread: Tensor[] = [];
  let samples = 0;
  let seconds = 0;
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const start = performance.now() - 1000 * seconds;
    const report = async (): Promise<TrainingState> => {
      losses.push(...(await readScalars(unread)));
      unread = [];
      checkFinite(losses);
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
    }
    await onEpoch(await report());
  }
  return {
    steps: losses.length,
    seconds,
    tokens: epochs * countTokens(batches),
    losses,
    finalLoss: recentMean(losses),
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
  throw new ArgumentError(
    `the loss is ${losses[step - 1]} after step ${step}: training came off course; try a smaller --lr`,
  );
}

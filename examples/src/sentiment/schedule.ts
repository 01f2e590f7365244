// How long to train and how fast to learn. The number of epochs follows from the size of the data set, so that the same
// defaults suit a few hundred texts and a hundred thousand: what a small model learns depends on the steps it takes.
import { LinearWarmup, type Scheduled } from '@course/nn/optim';
import { count } from './numbers.js';

const aims = { steps: 3000, epochs: 20, tokens: 5_000_000 } as const;

/** What a training set is, as far as its duration goes. */
export interface TrainingSize {
  /** Steps of an epoch. */
  readonly steps: number;
  /** Tokens of an epoch. */
  readonly tokens: number;
}

/** Epochs for a training set: those that come nearest to the steps aimed at, but not too many, nor too long. */
export function automaticEpochs({ steps, tokens }: TrainingSize): number {
  return Math.max(1, Math.min(Math.round(aims.steps / steps), aims.epochs, Math.floor(aims.tokens / tokens)));
}

/** The rule of {@link automaticEpochs}, for `--help`. */
export const epochsInWords =
  `as many as come nearest to ${count(aims.steps)} steps, at most ${aims.epochs}, ` +
  `and at most ${count(aims.tokens)} tokens altogether`;

/** A learning rate that rises over the first tenth of all steps and then falls to 0, both linearly. */
export function warmUpAndDecay(optimizer: Scheduled, totalSteps: number): LinearWarmup {
  return new LinearWarmup(optimizer, { warmupSteps: Math.floor(totalSteps / 10), totalSteps });
}

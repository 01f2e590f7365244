// How long to train and how fast to learn. The number of epochs follows from the size of the data set, so that the same
// defaults suit a few thousand texts and a hundred thousand: what a small model learns depends on the steps it takes.
import { LinearWarmup, type Scheduled } from '@course/nn/optim';

const AIM = 1500;
const MOST = 20;

/** Epochs for a number of texts: those that come nearest to the steps aimed at, within limits. */
export function automaticEpochs(texts: number, batchSize: number): number {
  const steps = Math.ceil(texts / batchSize);
  return Math.min(MOST, Math.max(1, Math.round(AIM / steps)));
}

/** The rule of {@link automaticEpochs}, for `--help`. */
export const epochsInWords = `as many as come nearest to ${AIM.toLocaleString('en')} steps, at least 1, at most ${MOST}`;

/** A learning rate that rises over the first tenth of all steps and then falls to 0, both linearly. */
export function warmUpAndDecay(optimizer: Scheduled, totalSteps: number): LinearWarmup {
  return new LinearWarmup(optimizer, { warmupSteps: Math.floor(totalSteps / 10), totalSteps });
}

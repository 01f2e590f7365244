// The loop of training by hand: loss, gradients, a step. Each step is a scope, so nothing of it stays in memory; losses are read now and
// then, because reading one waits for the device.

import type { AnyOptimizer } from '@course/nn';
import { clipGradNorm_ } from '@course/nn';
import { scope, type Tensor } from '@course/tensor';
import type { Lesson } from './lesson.js';

export interface LearnOptions {
  /** What the progress bar says. */
  readonly what: string;
  readonly steps: number;
  readonly optimizer: AnyOptimizer;
  /** The loss of the next batch. */
  readonly loss: () => Tensor;
  /** Steps between two losses of the curve. Default: fifty losses in all. */
  readonly every?: number;
  /** The norm that all gradients together are clipped to. Default: none. */
  readonly maxGradNorm?: number;
}

/** A curve: steps, and the losses of then. */
export type LossCurve = (readonly [step: number, loss: number])[];

/** Makes so many optimizer steps; gives the curve of the losses. */
export async function learn(lesson: Lesson, options: LearnOptions): Promise<LossCurve> {
  const { what, steps, optimizer, loss, maxGradNorm, every = Math.max(1, Math.round(steps / 50)) } = options;
  const curve: LossCurve = [];
  const bar = lesson.bar(what, steps);
  for (let step = 1; step <= steps; step++) {
    const value = scope(() => {
      const mean = loss();
      mean.backward();
      if (maxGradNorm !== undefined)
        clipGradNorm_(
          optimizer.paramGroups.flatMap(({ params }) => params),
          maxGradNorm,
        );
      optimizer.step();
      optimizer.zeroGrad();
      return mean.detach();
    });
    if (step % every === 0 || step === 1) curve.push([step, await value.item()]);
    value.dispose();
    bar.advance(1, `loss ${curve.at(-1)?.[1].toFixed(3)}`);
  }
  bar.stop();
  return curve;
}

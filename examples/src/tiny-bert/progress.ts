// A Trainer's progress on the lesson's bar.
import type { TrainerCallback } from '@course/nn';
import type { Bar } from '../course/bar.js';
import type { Lesson } from '../course/lesson.js';

/** Shows a Trainer's steps, with the loss beside them. */
export function progressOn(lesson: Lesson, what = 'Training'): TrainerCallback {
  let bar: Bar | undefined;
  return {
    onTrainBegin({ state }) {
      bar = lesson.bar(what, state.maxSteps);
    },
    onStepEnd({ callbackMetrics: { loss } }) {
      bar?.advance(1, loss === undefined ? '' : `loss ${loss.toFixed(3)}`);
    },
    onTrainEnd: () => bar?.stop(),
    onException: () => bar?.stop(),
  };
}

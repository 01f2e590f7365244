/** How a run ends that cannot go on. */
import { CourseError } from '@course/tensor';

/** A loss or gradient that is not a finite number: training stops before it reaches the weights. */
export class NonFiniteLossError extends CourseError {
  constructor(
    message: string,
    /** The optimizer step that was being made, counted from 1. */
    readonly step: number,
    /** What made the first NaN, as `detectAnomaly` tells it; null if it could not be found. */
    readonly op: string | null,
    /** The newest checkpoint, from before. */
    readonly checkpoint: string | null,
  ) {
    super(message);
  }
}

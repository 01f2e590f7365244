/** Schedules that rise before they fall, by the names of Hugging Face's transformers or close to them. */
import { ArgumentError } from '@course/tensor';
import { LambdaLR, type Scheduled, type Scheduler } from './scheduler.js';

/** Options of schedules with a warm-up. */
export interface WarmupOptions {
  /** Steps in which the rate rises from 0. */
  readonly warmupSteps: number;
  /** Steps after which it is 0 again. */
  readonly totalSteps: number;
}

function checkWarmup(name: string, { warmupSteps, totalSteps = 0 }: Partial<WarmupOptions>): void {
  if (!(Number(warmupSteps) >= 0 && totalSteps >= 0))
    throw new ArgumentError(
      `${name}: warmupSteps and totalSteps must not be negative, got ${warmupSteps} and ${totalSteps}`,
    );
}

/** The factor of a warm-up that is followed by `rest(progress)`, progress in [0, …) from its end to `totalSteps`. */
function warmup({ warmupSteps, totalSteps }: WarmupOptions, rest: (progress: number) => number) {
  return (step: number): number =>
    step < warmupSteps
      ? step / Math.max(1, warmupSteps)
      : rest((step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
}

/** Rises linearly from 0 over the warm-up and stays, as `transformers.get_constant_schedule_with_warmup`. */
export class ConstantWarmup extends LambdaLR {
  constructor(optimizer: Scheduled, { warmupSteps }: { readonly warmupSteps: number }) {
    checkWarmup('ConstantWarmup', { warmupSteps });
    super(
      optimizer,
      warmup({ warmupSteps, totalSteps: warmupSteps }, () => 1),
    );
  }
}

/**
 * Rises linearly from 0 over the warm-up, then falls linearly to 0, as `transformers.get_linear_schedule_with_warmup`.
 *
 * @example
 * const scheduler = new LinearWarmup(optimizer, { warmupSteps: 100, totalSteps: 1000 });
 */
export class LinearWarmup extends LambdaLR {
  constructor(optimizer: Scheduled, options: WarmupOptions) {
    checkWarmup('LinearWarmup', options);
    const { warmupSteps, totalSteps } = options;
    super(optimizer, (step) =>
      step < warmupSteps
        ? step / Math.max(1, warmupSteps)
        : Math.max(0, (totalSteps - step) / Math.max(1, totalSteps - warmupSteps)),
    );
  }
}

/** Rises linearly over the warm-up, then falls along half a cosine to 0, as `transformers.get_cosine_schedule_with_warmup`. */
export class CosineWarmup extends LambdaLR {
  constructor(optimizer: Scheduled, options: WarmupOptions) {
    checkWarmup('CosineWarmup', options);
    super(
      optimizer,
      warmup(options, (progress) => Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)))),
    );
  }
}

/** Names of schedules, those of `TrainingArguments.lrSchedulerType`. */
export type SchedulerName = 'linear' | 'cosine' | 'constant' | 'constant_with_warmup';

/** A schedule by its name, as `transformers.get_scheduler`. */
export function getScheduler(name: SchedulerName, optimizer: Scheduled, options: WarmupOptions): Scheduler {
  switch (name) {
    case 'linear':
      return new LinearWarmup(optimizer, options);
    case 'cosine':
      return new CosineWarmup(optimizer, options);
    case 'constant':
      return new LambdaLR(optimizer, () => 1);
    case 'constant_with_warmup':
      return new ConstantWarmup(optimizer, options);
    default:
      throw new ArgumentError(
        `getScheduler: unknown schedule '${String(name)}': it may be linear, cosine, constant or constant_with_warmup`,
      );
  }
}

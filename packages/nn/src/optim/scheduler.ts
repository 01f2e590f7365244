/**
 * Learning rates over time. Every schedule but the plateau is a function of a group's initial rate and the step, so that its whole state is
 * the step. The names are those of `torch.optim.lr_scheduler` and, for warm-ups, close to Hugging Face's.
 */
import { ArgumentError } from '@course/tensor';

/** What a scheduler needs of an optimizer. */
export interface Scheduled {
  readonly paramGroups: readonly { lr: number; initialLr: number }[];
}

/** What a schedule of the step saves. */
export interface SchedulerState {
  readonly step: number;
}

/** A rate that depends on the step alone; step 0 applies at once. */
export abstract class Scheduler {
  #step = 0;

  constructor(protected readonly optimizer: Scheduled) {}

  /** The rate of a group that started from `initialLr`, after `step` steps. */
  protected abstract rate(initialLr: number, step: number, group: number): number;

  /** Goes on by one step; call it after `optimizer.step()`. */
  step(): void {
    this.#step++;
    this.apply();
  }

  /** Rates of the groups now. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map((group) => group.lr);
  }

  /** Where the schedule stands, for saving. */
  stateDict(): SchedulerState {
    return { step: this.#step };
  }

  /** Goes on from where a schedule stood. */
  loadStateDict({ step }: SchedulerState): void {
    this.#step = step;
    this.apply();
  }

  /** Sets the rates of the step at hand; constructors end with it. */
  protected apply(): void {
    for (const [i, group] of this.optimizer.paramGroups.entries()) group.lr = this.rate(group.initialLr, this.#step, i);
  }
}

/** Multiplies each group's initial learning rate by `factor(step)`, or by the group's own of several, as `LambdaLR`. */
export class LambdaLR extends Scheduler {
  readonly #factors: readonly ((step: number) => number)[];

  constructor(optimizer: Scheduled, factor: ((step: number) => number) | readonly ((step: number) => number)[]) {
    super(optimizer);
    this.#factors = typeof factor === 'function' ? optimizer.paramGroups.map(() => factor) : factor;
    if (this.#factors.length !== optimizer.paramGroups.length)
      throw new ArgumentError(
        `LambdaLR: Expected ${optimizer.paramGroups.length} lr_lambdas, one a group, but got ${this.#factors.length}`,
      );
    this.apply();
  }

  protected override rate(initialLr: number, step: number, group: number): number {
    return initialLr * (this.#factors[group]?.(step) ?? 1);
  }
}

/** Throws unless all are whole numbers of at least `least`. */
function checkSteps(name: string, steps: Readonly<Record<string, number>>, least = 0): void {
  for (const [option, value] of Object.entries(steps))
    if (!(Number.isInteger(value) && value >= least))
      throw new ArgumentError(`${name}: ${option} must be a whole number of at least ${least}, got ${value}`);
}

/** Multiplies the rate by `gamma` every `stepSize` steps. */
export class StepLR extends LambdaLR {
  constructor(optimizer: Scheduled, { stepSize, gamma = 0.1 }: { readonly stepSize: number; readonly gamma?: number }) {
    checkSteps('StepLR', { stepSize }, 1);
    super(optimizer, (step) => gamma ** Math.floor(step / stepSize));
  }
}

/** Multiplies the rate by `gamma` at each of the `milestones`. */
export class MultiStepLR extends LambdaLR {
  constructor(
    optimizer: Scheduled,
    { milestones, gamma = 0.1 }: { readonly milestones: readonly number[]; readonly gamma?: number },
  ) {
    super(optimizer, (step) => gamma ** milestones.filter((milestone) => milestone <= step).length);
  }
}

/** Multiplies the rate by `gamma` every step. */
export class ExponentialLR extends LambdaLR {
  constructor(optimizer: Scheduled, { gamma }: { readonly gamma: number }) {
    super(optimizer, (step) => gamma ** step);
  }
}

/** `factor` of the rate for the first `totalIters` steps, then all of it. */
export class ConstantLR extends LambdaLR {
  constructor(
    optimizer: Scheduled,
    { factor = 1 / 3, totalIters = 5 }: { readonly factor?: number; readonly totalIters?: number } = {},
  ) {
    super(optimizer, (step) => (step < totalIters ? factor : 1));
  }
}

/** From `startFactor` to `endFactor` of the rate in `totalIters` steps, linearly. */
export class LinearLR extends LambdaLR {
  constructor(
    optimizer: Scheduled,
    {
      startFactor = 1 / 3,
      endFactor = 1,
      totalIters = 5,
    }: { readonly startFactor?: number; readonly endFactor?: number; readonly totalIters?: number } = {},
  ) {
    super(optimizer, (step) => startFactor + ((endFactor - startFactor) * Math.min(step, totalIters)) / totalIters);
  }
}

/** From the initial rate to `etaMin` in `tMax` steps along half a cosine, and back (Loshchilov & Hutter 2017, without restarts). */
export class CosineAnnealingLR extends Scheduler {
  readonly #tMax: number;
  readonly #etaMin: number;

  constructor(optimizer: Scheduled, { tMax, etaMin = 0 }: { readonly tMax: number; readonly etaMin?: number }) {
    super(optimizer);
    checkSteps('CosineAnnealingLR', { tMax }, 1);
    [this.#tMax, this.#etaMin] = [tMax, etaMin];
    this.apply();
  }

  protected override rate(initialLr: number, step: number): number {
    return this.#etaMin + ((initialLr - this.#etaMin) * (1 + Math.cos((Math.PI * step) / this.#tMax))) / 2;
  }
}

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

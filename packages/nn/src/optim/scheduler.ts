/**
 * Learning rates over time. Every schedule but the plateau is a function of a group's initial rate and the step, so that its whole state is
 * the step. The names are those of `torch.optim.lr_scheduler` and, for warm-ups, close to Hugging Face's.
 */
import { ArgumentError, eachTime } from '@course/tensor';

/** What a scheduler needs of an optimizer. */
export interface Scheduled {
  readonly paramGroups: readonly {
    lr: number;
    initialLr: number;
    momentum?: number;
    betas?: readonly [number, number];
  }[];
}

/** What a schedule of the step saves. */
export interface SchedulerState {
  readonly step: number;
}

/** A rate that depends on the step alone; step 0 applies at once. */
export abstract class Scheduler {
  #step = 0;

  constructor(readonly optimizer: Scheduled) {}

  /** The rate that another schedule gives, for schedules that are made of schedules. */
  protected static rateOf(schedule: Scheduler, initialLr: number, step: number, group: number): number {
    return schedule.rate(initialLr, step, group);
  }

  /** The rate of a group that started from `initialLr`, after `step` steps. */
  protected abstract rate(initialLr: number, step: number, group: number): number;

  /** Goes on by one step; call it after `optimizer.step()`. */
  step(): void {
    eachTime(() => {
      this.#step++;
      this.apply();
    });
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

  /** Steps done. */
  protected get steps(): number {
    return this.#step;
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
export function checkSteps(name: string, steps: Readonly<Record<string, number>>, least = 0): void {
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

/** The rate times (1 - step / totalIters) to a power, 0 from `totalIters` on. */
export class PolynomialLR extends LambdaLR {
  constructor(
    optimizer: Scheduled,
    { totalIters = 5, power = 1 }: { readonly totalIters?: number; readonly power?: number } = {},
  ) {
    checkSteps('PolynomialLR', { totalIters }, 1);
    super(optimizer, (step) => (1 - Math.min(step, totalIters) / totalIters) ** power);
  }
}

/**
 * One schedule after the other, as
 * [torch.optim.lr_scheduler.SequentialLR](https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.SequentialLR.html): the
 * second starts anew at the first of the `milestones`, and so on.
 *
 * @throws ArgumentError unless there is one milestone less than schedules, in rising order, and all are of this optimizer.
 * @example
 * const warmup = new LinearLR(optimizer, { startFactor: 0.1, totalIters: 10 });
 * const decay = new ExponentialLR(optimizer, { gamma: 0.9 });
 * const scheduler = new SequentialLR(optimizer, { schedulers: [warmup, decay], milestones: [10] });
 */
export class SequentialLR extends Scheduler {
  readonly #schedulers: readonly Scheduler[];
  readonly #milestones: readonly number[];

  constructor(
    optimizer: Scheduled,
    { schedulers, milestones }: { readonly schedulers: readonly Scheduler[]; readonly milestones: readonly number[] },
  ) {
    super(optimizer);
    if (milestones.length !== schedulers.length - 1)
      throw new ArgumentError(
        `SequentialLR: expects number of schedulers provided to be one more than the number of milestone points, but got number of schedulers ${schedulers.length} and the number of milestones to be equal to ${milestones.length}`,
      );
    if (milestones.some((milestone, i) => !(milestone > (milestones[i - 1] ?? 0))))
      throw new ArgumentError(`SequentialLR: milestones must rise from above 0, got ${milestones.join(', ')}`);
    if (schedulers.some((each) => each.optimizer !== optimizer))
      throw new ArgumentError('SequentialLR: all schedulers must belong to the same optimizer');
    [this.#schedulers, this.#milestones] = [schedulers, milestones];
    this.apply();
  }

  protected override rate(initialLr: number, step: number, group: number): number {
    const at = this.#milestones.filter((milestone) => milestone <= step).length;
    const own = this.#schedulers[at] as Scheduler;
    return Scheduler.rateOf(own, initialLr, step - (this.#milestones[at - 1] ?? 0), group);
  }
}

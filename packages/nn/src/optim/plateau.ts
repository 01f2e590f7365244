/** A learning rate that falls when a metric stops getting better. */
import { ArgumentError } from '@course/tensor';
import type { Scheduled } from './scheduler.js';

/** Options of {@link ReduceLROnPlateau}, torch's. */
export interface PlateauOptions {
  /** Whether smaller or larger is better. Default min. */
  readonly mode?: 'min' | 'max';
  /** What the rate is multiplied by. Default 0.1. */
  readonly factor?: number;
  /** Steps without getting better that are forgiven. Default 10. */
  readonly patience?: number;
  /** What counts as better: this much, relative or absolute. Default 1e-4. */
  readonly threshold?: number;
  readonly thresholdMode?: 'rel' | 'abs';
  /** Steps after a fall in which nothing is counted. Default 0. */
  readonly cooldown?: number;
  /** The rate stays above. Default 0. */
  readonly minLr?: number;
  /** A fall smaller than this is left out. Default 1e-8. */
  readonly eps?: number;
}

/** What {@link ReduceLROnPlateau.stateDict} gives; `best` is null before the first step. */
export interface PlateauState {
  readonly step: number;
  readonly best: number | null;
  readonly badSteps: number;
  readonly cooldownLeft: number;
}

/**
 * Multiplies the rate by `factor` when a metric has not become better for more than `patience` steps, as
 * [torch.optim.lr_scheduler.ReduceLROnPlateau](https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html).
 *
 * @example
 * const scheduler = new ReduceLROnPlateau(optimizer, { patience: 2 });
 * scheduler.step(0.7); // the loss of an evaluation
 */
export class ReduceLROnPlateau {
  readonly #options: Required<PlateauOptions>;
  #state: PlateauState = { step: 0, best: null, badSteps: 0, cooldownLeft: 0 };

  constructor(
    protected readonly optimizer: Scheduled,
    options: PlateauOptions = {},
  ) {
    this.#options = {
      mode: 'min',
      factor: 0.1,
      patience: 10,
      threshold: 1e-4,
      thresholdMode: 'rel',
      cooldown: 0,
      minLr: 0,
      eps: 1e-8,
      ...options,
    };
    const { mode, factor, thresholdMode } = this.#options;
    if (!(factor < 1)) throw new ArgumentError(`ReduceLROnPlateau: Factor should be < 1.0, got ${factor}`);
    if (mode !== 'min' && mode !== 'max')
      throw new ArgumentError(`ReduceLROnPlateau: mode ${String(mode)} is unknown: it may be min or max`);
    if (thresholdMode !== 'rel' && thresholdMode !== 'abs')
      throw new ArgumentError(
        `ReduceLROnPlateau: threshold mode ${String(thresholdMode)} is unknown: it may be rel or abs`,
      );
  }

  /** Takes the metric of an epoch or evaluation. */
  step(metric: number): void {
    const { patience, cooldown } = this.#options;
    let { best, badSteps, cooldownLeft } = this.#state;
    if (this.#isBetter(metric, best)) [best, badSteps] = [metric, 0];
    else badSteps++;
    if (cooldownLeft > 0) [cooldownLeft, badSteps] = [cooldownLeft - 1, 0];
    if (badSteps > patience) {
      this.#reduce();
      [cooldownLeft, badSteps] = [cooldown, 0];
    }
    this.#state = { step: this.#state.step + 1, best, badSteps, cooldownLeft };
  }

  /** Rates of the groups now. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map((group) => group.lr);
  }

  /** What it has seen so far, for saving. */
  stateDict(): PlateauState {
    return this.#state;
  }

  /** The rates themselves are the optimizer's state. */
  loadStateDict(state: PlateauState): void {
    this.#state = state;
  }

  #isBetter(metric: number, best: number | null): boolean {
    if (best === null) return !Number.isNaN(metric);
    const { mode, threshold, thresholdMode } = this.#options;
    const sign = mode === 'min' ? -1 : 1;
    const bound = thresholdMode === 'rel' ? best * (1 + sign * threshold) : best + sign * threshold;
    return mode === 'min' ? metric < bound : metric > bound;
  }

  #reduce(): void {
    const { factor, minLr, eps } = this.#options;
    for (const group of this.optimizer.paramGroups) {
      const lower = Math.max(group.lr * factor, minLr);
      if (group.lr - lower > eps) group.lr = lower;
    }
  }
}

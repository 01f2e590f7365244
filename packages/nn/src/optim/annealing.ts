/** Rates that follow a cosine: once, again and again, or up and down within one run. */
import { ArgumentError } from '@course/tensor';
import { checkSteps, type Scheduled, Scheduler } from './scheduler.js';

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

/**
 * Falls along half a cosine and starts anew, the first time after `t0` steps, then after `tMult` times as many as before
 * (Loshchilov & Hutter 2017).
 */
export class CosineAnnealingWarmRestarts extends Scheduler {
  readonly #t0: number;
  readonly #tMult: number;
  readonly #etaMin: number;

  constructor(
    optimizer: Scheduled,
    { t0, tMult = 1, etaMin = 0 }: { readonly t0: number; readonly tMult?: number; readonly etaMin?: number },
  ) {
    super(optimizer);
    checkSteps('CosineAnnealingWarmRestarts', { t0, tMult }, 1);
    [this.#t0, this.#tMult, this.#etaMin] = [t0, tMult, etaMin];
    this.apply();
  }

  protected override rate(initialLr: number, step: number): number {
    let [at, period] = [step, this.#t0];
    while (at >= period) [at, period] = [at - period, period * this.#tMult];
    return this.#etaMin + ((initialLr - this.#etaMin) * (1 + Math.cos((Math.PI * at) / period))) / 2;
  }
}

/** Options of {@link OneCycleLR}, torch's. */
export interface OneCycleOptions {
  /** The highest rate, of all groups or of each. */
  readonly maxLr: number | readonly number[];
  /** Steps in all. */
  readonly totalSteps: number;
  /** The share of steps in which the rate rises. Default 0.3. */
  readonly pctStart?: number;
  /** Default cos. */
  readonly annealStrategy?: 'cos' | 'linear';
  /** Move momentum (of Adam, the first beta) the other way. Default true; groups that have neither are left alone. */
  readonly cycleMomentum?: boolean;
  readonly baseMomentum?: number;
  readonly maxMomentum?: number;
  /** The rate starts from `maxLr / divFactor`. Default 25. */
  readonly divFactor?: number;
  /** It ends at the start's rate over this. Default 1e4. */
  readonly finalDivFactor?: number;
  /** Fall to the start's rate as fast as it rose, then to the end. Default false. */
  readonly threePhase?: boolean;
}

/** The step at which a part of a cycle ends, and the height at its ends: 0 the last rate, 1 the first, 2 the highest. */
interface Phase {
  readonly end: number;
  readonly from: 0 | 1 | 2;
  readonly to: 0 | 1 | 2;
}

/**
 * Up to `maxLr` and down again within one run (Smith & Topin 2018), as
 * [torch.optim.lr_scheduler.OneCycleLR](https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html).
 *
 * @throws ArgumentError for options out of range, and at a step past `totalSteps`.
 * @example
 * const scheduler = new OneCycleLR(optimizer, { maxLr: 1e-2, totalSteps: 1000 });
 */
export class OneCycleLR extends Scheduler {
  readonly #options: Required<OneCycleOptions>;
  readonly #maxLrs: readonly number[];
  readonly #phases: readonly Phase[];

  constructor(optimizer: Scheduled, options: OneCycleOptions) {
    super(optimizer);
    const filled = {
      pctStart: 0.3,
      annealStrategy: 'cos' as const,
      cycleMomentum: true,
      baseMomentum: 0.85,
      maxMomentum: 0.95,
      divFactor: 25,
      finalDivFactor: 1e4,
      threePhase: false,
      ...options,
    };
    const { maxLr, totalSteps, pctStart, annealStrategy, threePhase } = filled;
    checkSteps('OneCycleLR', { totalSteps }, 1);
    if (!(pctStart >= 0 && pctStart <= 1))
      throw new ArgumentError(`OneCycleLR: Expected float between 0 and 1 pctStart, but got ${pctStart}`);
    if (annealStrategy !== 'cos' && annealStrategy !== 'linear')
      throw new ArgumentError(`OneCycleLR: annealStrategy must be cos or linear, got '${String(annealStrategy)}'`);
    const groups = optimizer.paramGroups.length;
    this.#maxLrs = typeof maxLr === 'number' ? optimizer.paramGroups.map(() => maxLr) : maxLr;
    if (this.#maxLrs.length !== groups)
      throw new ArgumentError(
        `OneCycleLR: expected ${groups} values for maxLr, one a group, got ${this.#maxLrs.length}`,
      );
    this.#options = filled;
    const rise = pctStart * totalSteps - 1;
    this.#phases = threePhase
      ? [
          { end: rise, from: 1, to: 2 },
          { end: 2 * rise, from: 2, to: 1 },
          { end: totalSteps - 1, from: 1, to: 0 },
        ]
      : [
          { end: rise, from: 1, to: 2 },
          { end: totalSteps - 1, from: 2, to: 0 },
        ];
    this.apply();
  }

  protected override rate(_initialLr: number, step: number, group: number): number {
    const { divFactor, finalDivFactor } = this.#options;
    const highest = this.#maxLrs[group] ?? Number.NaN;
    const first = highest / divFactor;
    return this.#at(step, [first / finalDivFactor, first, highest]);
  }

  protected override apply(): void {
    super.apply();
    const { cycleMomentum, baseMomentum, maxMomentum } = this.#options;
    if (!cycleMomentum) return;
    const momentum = this.#at(this.steps, [maxMomentum, maxMomentum, baseMomentum]);
    for (const group of this.optimizer.paramGroups) {
      if (group.betas) group.betas = [momentum, group.betas[1]];
      else if (group.momentum !== undefined) group.momentum = momentum;
    }
  }

  #at(step: number, heights: readonly [last: number, first: number, highest: number]): number {
    const { totalSteps, annealStrategy } = this.#options;
    if (step >= totalSteps)
      throw new ArgumentError(
        `OneCycleLR: Tried to step ${step + 1} times. The specified number of total steps is ${totalSteps}`,
      );
    const at = this.#phases.findIndex(({ end }, i) => step <= end || i === this.#phases.length - 1);
    const { end, from, to } = this.#phases[at] as Phase;
    const start = this.#phases[at - 1]?.end ?? 0;
    const share = (step - start) / (end - start);
    if (annealStrategy === 'linear') return heights[from] + (heights[to] - heights[from]) * share;
    return heights[to] + ((heights[from] - heights[to]) / 2) * (1 + Math.cos(Math.PI * share));
  }
}

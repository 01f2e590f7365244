/** Learning rates over time: a factor of each group's initial rate, a function of the step. */
import { ArgumentError } from '@course/tensor';

/** What a scheduler needs of an optimizer. */
export interface Scheduled {
  readonly paramGroups: readonly { lr: number; initialLr: number }[];
}

/** Multiplies each group's initial learning rate by `factor(step)`, as `torch.optim.lr_scheduler.LambdaLR`; step 0 applies at once. */
export class LambdaLR {
  #step = 0;

  constructor(
    protected readonly optimizer: Scheduled,
    protected readonly factor: (step: number) => number,
  ) {
    this.#apply();
  }

  /** Goes on by one step; call it after `optimizer.step()`. */
  step(): void {
    this.#step++;
    this.#apply();
  }

  /** Rates of the groups now. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map((group) => group.lr);
  }

  stateDict(): { readonly step: number } {
    return { step: this.#step };
  }

  loadStateDict({ step }: { readonly step: number }): void {
    this.#step = step;
    this.#apply();
  }

  #apply(): void {
    for (const group of this.optimizer.paramGroups) group.lr = group.initialLr * this.factor(this.#step);
  }
}

export interface WarmupOptions {
  /** Steps in which the rate rises from 0. */
  readonly warmupSteps: number;
  /** Steps after which it is 0 again. */
  readonly totalSteps: number;
}

function checkWarmup(name: string, { warmupSteps, totalSteps }: WarmupOptions): void {
  if (!(warmupSteps >= 0 && totalSteps >= 0))
    throw new ArgumentError(
      `${name}: warmupSteps and totalSteps must not be negative, got ${warmupSteps} and ${totalSteps}`,
    );
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
    const { warmupSteps, totalSteps } = options;
    super(optimizer, (step) =>
      step < warmupSteps
        ? step / Math.max(1, warmupSteps)
        : Math.max(0, 0.5 * (1 + Math.cos((Math.PI * (step - warmupSteps)) / Math.max(1, totalSteps - warmupSteps)))),
    );
  }
}

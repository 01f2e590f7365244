/**
 * Scaling of losses for training with float16 (Micikevicius et al. 2018): small gradients would be 0 there, so the loss is made larger before
 * the backward pass and the gradients smaller after it; a step whose gradients overflowed is left out, and the scale shrinks.
 */
import { ArgumentError, eachTime, keep, noGrad, scope, stack, type Tensor, tensor } from '@course/tensor';
import type { BaseSettings, Optimizer } from './optim/optimizer.js';

/** Options of {@link GradScaler}, torch's. */
export interface GradScalerOptions {
  /** The scale at the start. Default 2^16. */
  readonly initScale?: number;
  /** What it grows by after `growthInterval` steps without an overflow. Default 2. */
  readonly growthFactor?: number;
  /** What it is multiplied by after an overflow. Default 0.5. */
  readonly backoffFactor?: number;
  /** Default 2000. */
  readonly growthInterval?: number;
  /** False makes everything a plain step. Default true. */
  readonly enabled?: boolean;
}

/** What {@link GradScaler.stateDict} gives. */
export interface GradScalerState {
  readonly scale: number;
  /** Steps without an overflow since the scale last changed. */
  readonly growthTracker: number;
}

/** The scale as kernels read it. */
interface Factor {
  /** A scalar on the device of the losses. */
  readonly factor: Tensor;
  /** What it holds. */
  scale: number;
}

type Backend = Tensor['storage']['backend'];

type AnyOptimizer = Pick<Optimizer<BaseSettings>, 'paramGroups' | 'step'>;

/** How far an optimizer is in the step at hand. */
interface Progress {
  /** Whether a gradient is infinite or NaN; on its way from the device. */
  readonly overflow: Promise<boolean>;
  isStepped: boolean;
}

/**
 * Scales losses, takes the scale out of the gradients again, and leaves out the steps of gradients that are not finite, as
 * [torch.amp.GradScaler](https://pytorch.org/docs/stable/amp.html#gradient-scaling). Whether they are finite has to be read from the device:
 * `step` is asynchronous.
 *
 * @example
 * const scaler = new GradScaler();
 * const loss = model.forward(x).square().mean();
 * scaler.scale(loss).backward();
 * scaler.unscale_(optimizer);
 * clipGradNorm_(model.parameters(), 1);
 * await scaler.step(optimizer);
 * await scaler.update();
 * optimizer.zeroGrad();
 */
export class GradScaler {
  readonly enabled: boolean;
  readonly growthFactor: number;
  readonly backoffFactor: number;
  readonly growthInterval: number;
  #scale: number;
  #growthTracker = 0;
  /** By the backend of the losses: one that was lost and opened again is another. */
  readonly #factors = new WeakMap<Backend, Factor>();
  readonly #optimizers = new Map<AnyOptimizer, Progress>();

  constructor({
    initScale = 2 ** 16,
    growthFactor = 2,
    backoffFactor = 0.5,
    growthInterval = 2000,
    enabled = true,
  }: GradScalerOptions = {}) {
    if (!(initScale > 0 && Number.isFinite(initScale)))
      throw new ArgumentError(`GradScaler: initScale must be a positive number, got ${initScale}`);
    if (!(growthFactor > 1))
      throw new ArgumentError(`GradScaler: The growth factor must be > 1.0, got ${growthFactor}`);
    if (!(backoffFactor < 1 && backoffFactor > 0))
      throw new ArgumentError(`GradScaler: The backoff factor must be < 1.0 and above 0, got ${backoffFactor}`);
    if (!(Number.isInteger(growthInterval) && growthInterval >= 1))
      throw new ArgumentError(`GradScaler: growthInterval must be a whole number of at least 1, got ${growthInterval}`);
    [this.enabled, this.growthFactor, this.backoffFactor] = [enabled, growthFactor, backoffFactor];
    [this.growthInterval, this.#scale] = [growthInterval, initScale];
  }

  /** The scale now; 1 if it is not enabled. */
  getScale(): number {
    return this.enabled ? this.#scale : 1;
  }

  /** A loss times the scale; within a captured function times the scale of each call. */
  scale(loss: Tensor): Tensor {
    if (!this.enabled) return loss;
    // A number would be that of the recording, a tensor is read anew: as in torch, it is what changes.
    const { device, storage } = loss;
    const { backend } = storage;
    eachTime(() => this.#fillIn(backend, device));
    return loss.mul((this.#factors.get(backend) as Factor).factor);
  }

  /** Has the factor on a device hold the scale of now. */
  #fillIn(backend: Backend, device: Tensor['device']): void {
    const known = this.#factors.get(backend);
    if (!known) {
      this.#factors.set(backend, { factor: keep(tensor(this.#scale, { device })), scale: this.#scale });
    } else if (known.scale !== this.#scale) {
      noGrad(() => known.factor.fill_(this.#scale));
      known.scale = this.#scale;
    }
  }

  /**
   * Takes the scale out of the gradients of an optimizer's parameters, for clipping before the step.
   *
   * @throws ArgumentError if it was done already for this step.
   */
  unscale_(optimizer: AnyOptimizer): void {
    if (!this.enabled) return;
    const before = this.#optimizers.get(optimizer);
    if (before)
      throw new ArgumentError(
        before.isStepped
          ? 'GradScaler: unscale_() is being called after step()'
          : 'GradScaler: unscale_() has already been called on this optimizer since the last update()',
      );
    const gradients = optimizer.paramGroups.flatMap(({ params }) => params.flatMap(({ grad }) => grad ?? []));
    const overflow = noGrad(() => scope(() => this.#unscale(gradients))).reading.then((finite) => finite === 0);
    // Where it cannot be read, `step` and `update` say so.
    overflow.catch(() => undefined);
    this.#optimizers.set(optimizer, { overflow, isStepped: false });
  }

  /** Takes the scale out of gradients; the answer, whether all were finite, is on its way. */
  #unscale(gradients: readonly Tensor[]): { readonly reading: Promise<number> } {
    if (gradients.length === 0) return { reading: Promise.resolve(1) };
    for (const gradient of gradients) gradient.mul_(1 / this.#scale);
    return {
      reading: stack(gradients.map((gradient) => gradient.isfinite().all()))
        .all()
        .item(),
    };
  }

  /**
   * Takes the scale out of the gradients, unless `unscale_` did, and makes the optimizer's step if all of them are finite. Tells whether the
   * step was made.
   *
   * @throws ArgumentError if it was called already since the last `update`.
   */
  async step(optimizer: AnyOptimizer): Promise<boolean> {
    if (!this.enabled) {
      optimizer.step();
      return true;
    }
    if (!this.#optimizers.has(optimizer)) this.unscale_(optimizer);
    const progress = this.#optimizers.get(optimizer) as Progress;
    if (progress.isStepped)
      throw new ArgumentError('GradScaler: step() has already been called since the last update()');
    progress.isStepped = true;
    if (await progress.overflow) return false;
    optimizer.step();
    return true;
  }

  /**
   * Shrinks the scale if a gradient overflowed since the last call, and lets it grow after `growthInterval` calls in which none did; or sets it.
   *
   * @throws ArgumentError if there was no step since the last call.
   */
  async update(newScale?: number): Promise<void> {
    if (!this.enabled) return;
    if (newScale !== undefined) {
      if (!(newScale > 0 && Number.isFinite(newScale)))
        throw new ArgumentError(`GradScaler: a scale must be a positive number, got ${newScale}`);
      this.#scale = newScale;
      this.#optimizers.clear();
      return;
    }
    if (this.#optimizers.size === 0)
      throw new ArgumentError('GradScaler: No inf checks were recorded prior to update: call step() first');
    // Also where an answer cannot be read: the next step begins anew.
    const overflows = await Promise.all([...this.#optimizers.values()].map(({ overflow }) => overflow)).finally(() =>
      this.#optimizers.clear(),
    );
    if (overflows.some(Boolean)) {
      this.#scale *= this.backoffFactor;
      this.#growthTracker = 0;
    } else if (++this.#growthTracker === this.growthInterval) {
      // As torch: a scale that would leave the numbers of float32 stays.
      const grown = this.#scale * this.growthFactor;
      if (grown <= 3.4028234663852886e38) this.#scale = grown;
      this.#growthTracker = 0;
    }
  }

  /** The scale and how long it has been good, for saving. */
  stateDict(): GradScalerState {
    return { scale: this.#scale, growthTracker: this.#growthTracker };
  }

  /**
   * Goes on with a saved scale.
   *
   * @throws ArgumentError if the state is none: the scale is no positive number, or the steps are not counted by a whole one.
   */
  loadStateDict({ scale, growthTracker }: GradScalerState): void {
    if (!(scale > 0 && Number.isFinite(scale) && Number.isInteger(growthTracker) && growthTracker >= 0))
      throw new ArgumentError(
        `GradScaler: a state has a positive scale and a whole growthTracker, got ${scale} and ${growthTracker}`,
      );
    this.#scale = scale;
    this.#growthTracker = growthTracker;
  }
}

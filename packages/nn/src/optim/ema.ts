/** A running average of parameters, which often judges better than the last ones (Polyak & Juditsky 1992). */
import { ArgumentError, eachTime, keep, noGrad, ShapeError, scope, type Tensor } from '@course/tensor';

/** Options of {@link ExponentialMovingAverage}. */
export interface EmaOptions {
  /** The share that stays of the average in an update. Default 0.999. */
  readonly decay?: number;
  /** Let the decay rise with the updates, min(decay, (1 + n) / (10 + n)), so that an early average is not all start. Default false. */
  readonly warmup?: boolean;
}

/** What {@link ExponentialMovingAverage.stateDict} gives. */
export interface EmaState {
  readonly updates: number;
  readonly averages: readonly Tensor[];
}

/**
 * Keeps an exponential moving average of parameters; `swap()` puts it in their place and back.
 *
 * @example
 * const ema = new ExponentialMovingAverage(model.parameters(), { decay: 0.999 });
 * // after every optimizer.step(): ema.update();
 * ema.swap(); // evaluate with the average
 * ema.swap(); // train on
 */
export class ExponentialMovingAverage {
  readonly decay: number;
  readonly warmup: boolean;
  readonly #parameters: readonly Tensor[];
  readonly #averages: readonly Tensor[];
  #updates = 0;

  constructor(parameters: Iterable<Tensor>, { decay = 0.999, warmup = false }: EmaOptions = {}) {
    if (!(decay >= 0 && decay < 1))
      throw new ArgumentError(`ExponentialMovingAverage: decay must be at least 0 and below 1, got ${decay}`);
    [this.decay, this.warmup, this.#parameters] = [decay, warmup, [...parameters]];
    this.#averages = noGrad(() => this.#parameters.map((parameter) => keep(parameter.detach().clone())));
  }

  /** Moves the averages towards the parameters as they are now. */
  update(): void {
    eachTime(() => this.#update());
  }

  #update(): void {
    const n = ++this.#updates;
    const decay = this.warmup ? Math.min(this.decay, (1 + n) / (10 + n)) : this.decay;
    this.#each((average, parameter) => void average.copy_(average.mul(decay).add(parameter, { alpha: 1 - decay })));
  }

  /** Exchanges parameters and averages: the first call puts the averages into the model, the second takes them out. */
  swap(): void {
    this.#each((average, parameter) => {
      const value = parameter.clone();
      parameter.copy_(average);
      average.copy_(value);
    });
  }

  /** Updates so far and the averages, for saving. Tensors are live, not copies. */
  stateDict(): EmaState {
    return { updates: this.#updates, averages: this.#averages };
  }

  /** @throws ShapeError if the averages are of other parameters. Nothing has changed then. */
  loadStateDict({ updates, averages }: EmaState): void {
    if (averages.length !== this.#averages.length)
      throw new ShapeError(
        `ExponentialMovingAverage: the state holds ${averages.length} averages, there are ${this.#averages.length} parameters`,
      );
    for (const [i, { shape }] of this.#averages.entries())
      if (averages[i]?.shape.join() !== shape.join())
        throw new ShapeError(
          `ExponentialMovingAverage: the state holds an average of shape [${averages[i]?.shape.join(', ')}] for parameter ${i} of shape [${shape.join(', ')}]`,
        );
    this.#each((average, _parameter, i) => void average.copy_(averages[i] ?? average));
    this.#updates = updates;
  }

  /** Frees the averages. */
  dispose(): void {
    for (const average of this.#averages) average.dispose();
  }

  #each(fn: (average: Tensor, parameter: Tensor, i: number) => void): void {
    noGrad(() =>
      scope(() => {
        for (const [i, average] of this.#averages.entries()) {
          const parameter = this.#parameters[i];
          if (parameter) fn(average, parameter, i);
        }
      }),
    );
  }
}

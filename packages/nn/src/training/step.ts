/**
 * One optimizer step from one or several batches. Losses, and the norm of the gradients, are read before the step that they decide, so
 * that what is not a number never reaches the weights; the batch is then run again to find the op that made it.
 */
import { CourseError, defaultGenerator, detectAnomaly, scope, Tensor } from '@course/tensor';
import type { GradScaler } from '../amp.js';
import { clipGradNorm_ } from '../clip.js';
import type { Module } from '../module.js';
import { NonFiniteLossError } from './errors.js';
import type { AnyOptimizer } from './lightning.js';

export interface StepSettings {
  readonly maxGradNorm: number;
  readonly stopOnNan: boolean;
}

/** What a step did. Where nothing is checked the numbers may not be there yet. */
export interface StepResult {
  readonly loss: Promise<number>;
  /** Before clipping; null where nothing is clipped. */
  readonly gradNorm: Promise<number> | null;
  /** False where gradients overflowed float16, and the weights are those of the step before. */
  readonly isMade: boolean;
}

export class StepMaker<Batch> {
  #losses: Promise<number>[] = [];
  /** The last batch of the step at hand, and the random stream before it: to run it again. */
  #last: { readonly batch: Batch; readonly index: number; readonly random: Uint8Array } | null = null;

  constructor(
    private readonly model: Module,
    private readonly optimizer: AnyOptimizer,
    private readonly lossOf: (batch: Batch, index: number) => Tensor,
    private readonly settings: StepSettings,
    /** Scales losses, where gradients are float16. */
    private readonly scaler: GradScaler | null,
    /** Where the run stands, for errors. */
    private readonly where: () => { readonly step: number; readonly checkpoint: string | null },
  ) {}

  /** Adds the gradients of a batch, one of `count` that make a step. */
  async accumulate(batch: Batch, index: number, count: number): Promise<void> {
    this.#last = { batch, index, random: defaultGenerator().getState() };
    const loss = scope(() => this.lossOf(batch, index));
    // Requested before the backward pass, so that it arrives while that runs.
    const reading = loss.item();
    this.#losses.push(reading);
    scope(() => {
      const share = count === 1 ? loss : loss.div(count);
      (this.scaler?.scale(share) ?? share).backward();
    });
    loss.dispose();
    if (!this.settings.stopOnNan) return;
    const value = await reading;
    if (!Number.isFinite(value)) await this.#fail(`the loss is ${value}`);
  }

  /** Clips, updates the weights, and forgets the gradients. */
  async finish(): Promise<StepResult> {
    const losses = this.#losses;
    this.#losses = [];
    const { maxGradNorm, stopOnNan } = this.settings;
    const { scaler } = this;
    let gradNorm: Promise<number> | null = null;
    scaler?.unscale_(this.optimizer);
    if (maxGradNorm > 0) {
      const norm = clipGradNorm_(this.model.parameters(), maxGradNorm);
      gradNorm = norm.item();
      norm.dispose();
      const value = stopOnNan ? await gradNorm : 0;
      // Under a scale that is what the scaler is for: it leaves the step out.
      if (!Number.isFinite(value) && !scaler) await this.#fail(`the norm of the gradients is ${value}`);
    }
    let isMade = true;
    if (scaler) {
      isMade = await scaler.step(this.optimizer);
      await scaler.update();
      if (!isMade && stopOnNan && scaler.getScale() < 1)
        await this.#fail(`gradients are not finite, down to a loss scale of ${scaler.getScale()}`);
    } else this.optimizer.step();
    this.optimizer.zeroGrad();
    const loss = Promise.all(losses).then((values) => values.reduce((sum, each) => sum + each, 0) / values.length);
    return { loss, gradNorm, isMade };
  }

  async #fail(what: string): Promise<never> {
    const op = await this.#culprit();
    const { step, checkpoint } = this.where();
    const remedy = checkpoint
      ? `the last good checkpoint is ${checkpoint}`
      : 'there is no checkpoint yet; the weights are still those of the step before';
    throw new NonFiniteLossError(
      `training stopped at step ${step}: ${what}${op ? `: ${op}` : ''}; ${remedy}`,
      step,
      op,
      checkpoint,
    );
  }

  /** Runs the last batch again, with the same random numbers, looking at every value. */
  async #culprit(): Promise<string | null> {
    const last = this.#last;
    if (!last) return null;
    this.optimizer.zeroGrad();
    defaultGenerator().setState(last.random);
    try {
      await detectAnomaly(() => scope(() => this.lossOf(last.batch, last.index).backward()));
    } catch (error) {
      if (!(error instanceof CourseError)) throw error;
      return error.message.replace(/^detectAnomaly: /, '');
    } finally {
      this.optimizer.zeroGrad();
    }
    return null;
  }
}

/** The loss of what a training step returned. */
export function lossIn(output: unknown): Tensor | null {
  if (output instanceof Tensor) return output;
  if (typeof output !== 'object' || output === null || !('loss' in output)) return null;
  return output.loss instanceof Tensor ? output.loss : null;
}

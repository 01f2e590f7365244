/** Judging a model over a data set: the mean loss, and logits and labels gathered on the host for metrics. */
import { noGrad, ShapeError, scope, type Tensor } from '@course/tensor';
import type { Module } from '../module.js';
import { type BatchSource, batchSizeOf, iterate, release } from './batches.js';
import type { Metrics } from './callbacks.js';
import type { HostTensor } from './metrics.js';
import type { TrainerOptions } from './trainer-options.js';

/** What a model gives for a batch. */
export interface ModelOutput {
  readonly loss?: Tensor | null;
  readonly logits?: Tensor | null;
}

/** What {@link gather} found. */
export interface Gathered {
  /** The mean over rows; null if the model gives no loss. */
  readonly loss: number | null;
  readonly logits: HostTensor | null;
  readonly labels: HostTensor | null;
  readonly samples: number;
  readonly steps: number;
}

/** Runs `outputOf` over all batches, in evaluation and without gradients; the model's mode is put back. */
export async function gather<Batch>(
  model: Module,
  source: BatchSource<Batch>,
  outputOf: (batch: Batch) => ModelOutput,
  reduce: TrainerOptions<unknown, unknown>['preprocessLogitsForMetrics'] = (logits) => logits,
): Promise<Gathered> {
  const [logits, labels] = [new HostRows('logits'), new HostRows('labels')];
  let [loss, samples, steps]: [number | null, number, number] = [null, 0, 0];
  const modes = [...model.modules()].map((module) => [module, module.training] as const);
  model.eval();
  try {
    for await (const batch of iterate(source)) {
      const rows = batchSizeOf(batch);
      const given = labelsOf(batch);
      const readings = noGrad(() =>
        scope(() => {
          const output = outputOf(batch);
          const kept = output.logits ? reduce(output.logits, given) : null;
          return {
            loss: output.loss?.item() ?? null,
            logits: kept ? { data: kept.data(), shape: kept.shape } : null,
            labels: given ? { data: given.data(), shape: given.shape } : null,
          };
        }),
      );
      if (readings.loss) loss = (loss ?? 0) + (await readings.loss) * rows;
      if (readings.logits) logits.add(await readings.logits.data, readings.logits.shape);
      if (readings.labels) labels.add(await readings.labels.data, readings.labels.shape);
      samples += rows;
      steps++;
      release(source, batch);
    }
  } finally {
    for (const [module, training] of modes) module.training = training;
  }
  return {
    loss: loss === null ? null : loss / samples,
    logits: logits.result(),
    labels: labels.result(),
    samples,
    steps,
  };
}

/** The numbers of an evaluation that began at `start`: the loss, what `computeMetrics` says, and the speed, each with `prefix` in front. */
export async function metricsOf(
  { loss, logits, labels, samples, steps }: Gathered,
  prefix: string,
  start: number,
  computeMetrics: TrainerOptions<unknown, unknown>['computeMetrics'],
): Promise<Metrics> {
  const seconds = (performance.now() - start) / 1000;
  const own = computeMetrics && logits && labels ? await computeMetrics({ logits, labels }) : {};
  const named = Object.entries(own).map(([name, value]) => [
    name.startsWith(prefix) ? name : `${prefix}${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    value,
  ]);
  return {
    ...(loss !== null && { [`${prefix}Loss`]: loss }),
    ...(Object.fromEntries(named) as Metrics),
    [`${prefix}Runtime`]: seconds,
    [`${prefix}SamplesPerSecond`]: samples / seconds,
    [`${prefix}StepsPerSecond`]: steps / seconds,
  };
}

function labelsOf(batch: unknown): Tensor | null {
  if (typeof batch !== 'object' || batch === null || !('labels' in batch)) return null;
  return batch.labels as Tensor | null;
}

/** The value that stands where a shorter sequence has ended: metrics leave labels of it out. */
const PADDING = -100;

/** Rows of batches one behind the other; where sequences differ in length they are padded with -100, as in Hugging Face's Trainer. */
class HostRows {
  readonly #parts: { readonly data: ArrayLike<number>; readonly shape: readonly number[] }[] = [];

  constructor(readonly name: string) {}

  add(data: ArrayLike<number>, shape: readonly number[]): void {
    const [first] = this.#parts;
    const fits =
      !first || (first.shape.length === shape.length && shape.every((size, d) => d < 2 || size === first.shape[d]));
    if (!fits || shape.length === 0)
      throw new ShapeError(
        `evaluate: ${this.name} of shape [${shape.join(', ')}] cannot be put behind those of shape [${first?.shape.join(', ')}]`,
      );
    this.#parts.push({ data, shape });
  }

  result(): HostTensor | null {
    const [first] = this.#parts;
    if (!first) return null;
    const rows = this.#parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
    const length = Math.max(...this.#parts.map(({ shape }) => shape[1] ?? 1));
    const inner = first.shape.slice(2).reduce((a, b) => a * b, 1);
    const data = new Float32Array(rows * length * inner).fill(PADDING);
    let row = 0;
    for (const part of this.#parts) {
      const own = (part.shape[1] ?? 1) * inner;
      for (let i = 0; i < (part.shape[0] ?? 0); i++, row++)
        for (let j = 0; j < own; j++) data[row * length * inner + j] = part.data[i * own + j] ?? Number.NaN;
    }
    return { data, shape: first.shape.length === 1 ? [rows] : [rows, length, ...first.shape.slice(2)] };
  }
}

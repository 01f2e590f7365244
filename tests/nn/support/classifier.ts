// A small task for the tests of the Trainer: data, a model, and the bits of its weights.
import { Dataset } from '@course/data';
import * as nn from '@course/nn';
import * as F from '@course/nn/functional';
import { type Tensor, tensor } from '@course/tensor';

export interface Row {
  readonly x: readonly number[];
  readonly label: number;
}
export interface Batch {
  readonly inputIds: Tensor;
  readonly labels: Tensor;
}

/** Two classes by the sign of the first number, of 40 rows. */
export function rows(count = 40): Dataset<Row> {
  return Dataset.fromRows(
    Array.from({ length: count }, (_, i) => ({
      x: [Math.sin(i * 3) + (i % 2 ? 1 : -1), Math.cos(i), Math.sin(i * 7)],
      label: i % 2,
    })),
  );
}

export const dataCollator = (batch: readonly Row[]): Batch => ({
  inputIds: tensor(batch.map(({ x }) => [...x])),
  labels: tensor(
    batch.map(({ label }) => label),
    { dtype: 'int32' },
  ),
});

export class Classifier extends nn.Module {
  readonly body: nn.Sequential;
  /** From this call of forward on the logits are made of square roots of negative numbers. */
  failFrom = Number.POSITIVE_INFINITY;
  calls = 0;
  constructor(p = 0.2) {
    super();
    this.body = new nn.Sequential(new nn.Linear(3, 8), new nn.ReLU(), new nn.Dropout(p), new nn.Linear(8, 2));
  }
  forward(x: Tensor, { labels }: { labels?: Tensor } = {}): { logits: Tensor; loss?: Tensor } {
    const made = this.body.forward(x);
    const logits = ++this.calls >= this.failFrom ? made.square().neg().sub(1).sqrt() : made;
    return { logits, ...(labels && { loss: F.crossEntropy(logits, labels) }) };
  }
}

export async function bits(model: nn.Module): Promise<number[][]> {
  const all: number[][] = [];
  for (const value of model.stateDict().values()) {
    const data = await value.data();
    all.push([...new Uint32Array(data.buffer, data.byteOffset, data.length)]);
  }
  return all;
}

/** Judging and using a module in Lightning's form: its own steps over batches, in evaluation, and the means of what they log. */
import type { Tensor } from '@course/tensor';
import { runFrom } from '../places.js';
import { type BatchSource, batchSizeOf } from './batches.js';
import type { Metrics } from './callbacks.js';
import { gather } from './evaluation.js';
import { type LightningModule, listen } from './lightning.js';
import { EpochMeans } from './means.js';
import type { HostTensor } from './metrics.js';

/** Runs a step for each batch, without gradients. */
export type GoThrough<Batch> = (step: (batch: Batch, index: number) => unknown) => Promise<void>;

/** Runs a step in the precision of the run. */
type InPrecision = <T>(step: () => T) => T;

/** Calls `run`, which goes through the batches; the means of what the module logs meanwhile, weighted by rows, and of what it logs around them. */
export async function judge<Batch>(
  model: LightningModule<Batch>,
  source: BatchSource<Batch>,
  inPrecision: InPrecision,
  run: (goThrough: GoThrough<Batch>) => Promise<void>,
): Promise<Metrics> {
  const means = new EpochMeans();
  let rows = 1;
  const stopListening = listen(model, (name, value, { onEpoch = true, batchSize = rows }) => {
    if (onEpoch) means.add(name, value, batchSize);
  });
  try {
    await run(async (step) => {
      let index = 0;
      await gather(model, source, (batch) => {
        rows = batchSizeOf(batch);
        runFrom(model, () => inPrecision(() => step(batch, index++)));
        return {};
      });
      rows = 1;
    });
  } finally {
    stopListening();
  }
  return means.means();
}

/** What a module's `predictStep`, or its `forward`, gives for each batch, on the host. */
export async function predictBatches<Batch>(
  model: LightningModule<Batch>,
  source: BatchSource<Batch>,
  inPrecision: InPrecision,
): Promise<HostTensor[]> {
  const found: Promise<HostTensor>[] = [];
  const { forward } = model as unknown as { forward(batch: Batch): Tensor };
  await gather(model, source, (batch) => {
    const output = runFrom(model, () =>
      inPrecision(() => model.predictStep?.(batch, found.length) ?? forward.call(model, batch)),
    );
    const { shape } = output;
    found.push(output.data().then((data) => ({ data, shape })));
    return {};
  });
  return Promise.all(found);
}

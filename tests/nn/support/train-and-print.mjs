// A short training run that shows its progress as it finds its output: `node train-and-print.mjs`.
import { Dataset } from '@course/data';
import { Linear, Module, Trainer } from '@course/nn';
import { crossEntropy, init, manualSeed, tensor } from '@course/tensor';

await init({ device: 'cpu' });
manualSeed(1);

class Classifier extends Module {
  layer = new Linear(2, 2);
  forward(x, { labels }) {
    const logits = this.layer.forward(x);
    return { logits, loss: crossEntropy(logits, labels) };
  }
}

const rows = (count) => Dataset.fromRows(Array.from({ length: count }, (_, i) => ({ x: [i % 2, 1], label: i % 2 })));
const trainer = new Trainer({
  model: new Classifier(),
  args: { numTrainEpochs: 3, perDeviceTrainBatchSize: 4, loggingSteps: 4, evalStrategy: 'epoch', learningRate: 1e-2 },
  trainDataset: rows(16),
  evalDataset: rows(4),
  dataCollator: (batch) => ({
    inputIds: tensor(batch.map(({ x }) => x)),
    labels: tensor(
      batch.map(({ label }) => label),
      { dtype: 'int32' },
    ),
  }),
  callbacks: [{ onEpochEnd: (run) => run.print(`after epoch ${run.state.epoch}`) }],
});
await trainer.train();

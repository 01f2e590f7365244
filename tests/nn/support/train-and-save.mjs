// A training run that saves after every step, for the test that kills it: `node train-and-save.mjs FOLDER`. It goes on from the last
// checkpoint in the folder, says `step N` before the save of step N, and at the end the weights in hexadecimal.
import { Dataset } from '@course/data';
import { Dropout, Linear, lastCheckpoint, Module, ReLU, Sequential, Trainer } from '@course/nn';
import { crossEntropy, init, manualSeed, tensor } from '@course/tensor';

const [folder = ''] = process.argv.slice(2);
await init({ device: 'cpu' });
manualSeed(1);

class Classifier extends Module {
  body = new Sequential(new Linear(16, 64), new ReLU(), new Dropout(0.3), new Linear(64, 2));
  forward(x, { labels }) {
    const logits = this.body.forward(x);
    return { logits, loss: crossEntropy(logits, labels) };
  }
}

const model = new Classifier();
const trainer = new Trainer({
  model,
  args: {
    outputDir: folder,
    maxSteps: 50,
    perDeviceTrainBatchSize: 4,
    learningRate: 1e-2,
    saveSteps: 1,
    saveTotalLimit: 2,
    loggingSteps: 3,
    disableTqdm: true,
  },
  trainDataset: Dataset.fromRows(
    Array.from({ length: 30 }, (_, i) => ({
      x: Array.from({ length: 16 }, (_, j) => Math.sin(i * 16 + j)),
      label: i % 2,
    })),
  ),
  dataCollator: (rows) => ({
    inputIds: tensor(rows.map(({ x }) => x)),
    labels: tensor(
      rows.map(({ label }) => label),
      { dtype: 'int32' },
    ),
  }),
  callbacks: [{ onStepEnd: ({ state }) => void process.stdout.write(`step ${state.globalStep}\n`) }],
});
await trainer.train({ resumeFromCheckpoint: (await lastCheckpoint(folder)) ?? false });
const bytes = [];
for (const value of model.stateDict().values()) {
  const data = await value.data();
  bytes.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
}
const losses = trainer.state.logHistory.map(({ step, loss }) => [step, loss]);
process.stdout.write(`${JSON.stringify({ weights: Buffer.concat(bytes).toString('hex'), losses })}\n`);

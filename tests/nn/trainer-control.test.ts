// What callbacks may do to a run of the Trainer, and the names under which Hugging Face's scripts ask for things.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as nn from '@course/nn';
import * as optim from '@course/nn/optim';
import { manualSeed, type Tensor } from '@course/tensor';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import { type Batch, Classifier, dataCollator, type Row, rows } from './support/classifier.js';

const quiet = { disableTqdm: true, perDeviceTrainBatchSize: 4, perDeviceEvalBatchSize: 8, learningRate: 1e-2 };

function make(
  args: nn.TrainingArguments = {},
  more: Partial<nn.TrainerOptions<Row, Batch>> = {},
): nn.Trainer<Row, Batch> {
  manualSeed(0);
  const data = { trainDataset: rows(), evalDataset: rows(18) };
  return new nn.Trainer<Row, Batch>({
    model: new Classifier(),
    args: { ...quiet, ...args },
    dataCollator,
    ...data,
    ...more,
  });
}

onEachDevice('callbacks of the Trainer', () => {
  it('ask for an entry of the log, an evaluation and a checkpoint after a step, once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'control-test-'));
    try {
      const steps: string[] = [];
      const trainer = make({ outputDir: folder, saveStrategy: 'no', maxSteps: 6 });
      const callback: nn.TrainerCallback = {
        onStepBegin: ({ state }) => void steps.push(`begin ${state.globalStep}`),
        onStepEnd({ state, control }) {
          if (state.globalStep === 2) control.shouldLog = true;
          if (state.globalStep === 3) control.shouldEvaluate = true;
          if (state.globalStep === 4) control.shouldSave = true;
          if (state.globalStep === 5) control.shouldTrainingStop = true;
        },
        onLog: (_trainer, entry) => void steps.push(`log ${entry.step}`),
        onEvaluate: ({ state }) => void steps.push(`evaluate ${state.globalStep}`),
        onSave: ({ state }) => void steps.push(`save ${state.globalStep}`),
      };
      trainer.addCallback(callback);
      await trainer.train();
      expect(steps).toEqual([
        ...['begin 0', 'begin 1', 'log 2', 'begin 2', 'log 3', 'evaluate 3', 'begin 3', 'save 4', 'begin 4'],
      ]);
      expect(await readdir(folder)).toEqual(['checkpoint-4']);
      expect(trainer.state.globalStep).toBe(5);
      // A run that was stopped can be run again, and a callback that was removed is silent.
      trainer.removeCallback(callback);
      expect((await trainer.train()).globalStep).toBe(6);
      expect(steps).toHaveLength(9);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('see a step once, however many batches it has', async () => {
    let begun = 0;
    const trainer = make(
      { maxSteps: 3, gradientAccumulationSteps: 2 },
      { callbacks: [{ onStepBegin: () => void begun++ }] },
    );
    await trainer.train();
    expect(begun).toBe(3);
  });

  it('names metrics as it is told to, and keeps of the logits what it is told to', async () => {
    const seen: (readonly number[])[] = [];
    const trainer = make(
      {},
      {
        preprocessLogitsForMetrics: (logits: Tensor) => logits.argmax(-1),
        computeMetrics: ({ logits, labels }) => {
          seen.push(logits.shape);
          return { accuracy: nn.accuracy(logits, labels) };
        },
      },
    );
    const { evalAccuracy } = await trainer.evaluate();
    const named = await trainer.evaluate(rows(18), { metricKeyPrefix: 'held' });
    const predicted = await trainer.predict(rows(18), { metricKeyPrefix: 'final' });
    expect(Object.keys(named).slice(0, 2)).toEqual(['heldLoss', 'heldAccuracy']);
    expect([named.heldAccuracy, predicted.metrics.finalAccuracy]).toEqual([evalAccuracy, evalAccuracy]);
    expect(seen).toEqual([[18], [18], [18]]);
    const whole = make({}, { computeMetrics: ({ logits, labels }) => ({ accuracy: nn.accuracy(logits, labels) }) });
    expect((await whole.evaluate()).evalAccuracy).toBe(evalAccuracy);
  });

  it('takes the names that its arguments had before', () => {
    expect(make({ evaluationStrategy: 'epoch', optim: 'adamw_torch' }).args.evalStrategy).toBe('epoch');
    expect(make({ evaluationStrategy: 'epoch', evalStrategy: 'no' }).args.evalStrategy).toBe('no');
  });

  it('lowers the rate where evaluations get no better', async () => {
    const model = new Classifier();
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.5 });
    const plateau = new optim.ReduceLROnPlateau(optimizer, { patience: 1, factor: 0.5 });
    const rates: number[] = [];
    const callbacks: nn.TrainerCallback[] = [{ onEvaluate: () => void rates.push(optimizer.paramGroups[0]?.lr ?? 0) }];
    const options = {
      model,
      optimizers: [optimizer, plateau] as const,
      callbacks,
      computeMetrics: () => ({ score: 1 }),
    };
    const args = {
      evalStrategy: 'epoch' as const,
      metricForBestModel: 'score',
      greaterIsBetter: true,
      numTrainEpochs: 5,
    };
    await make(args, options).train();
    // The first is the best; two later ones that are no better, and again.
    expect(rates).toEqual([0.5, 0.5, 0.25, 0.25, 0.125]);
    await expect(make({}, options).train()).rejects.toThrow('it goes by evaluations, and there are none');
  });
});

// Save, load in PyTorch, train there, save, load here: the weights go both ways by the published names, and both sides compute the same.
// Runs where the system has PyTorch.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as models from '@course/models';
import { bertConfig, distilBertConfig, gpt2Config, type PreTrainedModel, safetensors } from '@course/models';
import { init, manualSeed, noGrad, Tensor, tensor } from '@course/tensor';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('support/round_trip.py', import.meta.url));
const environment = { ...process.env, OMP_NUM_THREADS: '1', OMP_WAIT_POLICY: 'PASSIVE' };
const python = ['/usr/bin/python3', 'python3'].find(
  (command) => spawnSync(command, ['-c', 'import torch, numpy'], { env: environment }).status === 0,
);
if (python === undefined) console.warn('pytorch.test.ts: skipped, this system has no Python with torch');

type Runnable = PreTrainedModel & {
  forward(ids: Tensor, inputs: Readonly<Record<string, Tensor>>): Readonly<Record<string, unknown>>;
};
interface Loadable {
  fromPretrained(folder: string, options: { onReport: (report: string) => void }): Promise<Runnable>;
}

const int32 = { dtype: 'int32' } as const;
const ids = [
  [2, 7, 5, 9, 3],
  [2, 8, 3, 0, 0],
];
const kept = ids.map((row) => row.map((id) => Number(id !== 0)));
const words = ids.map((row) => row.map((id, i) => (id !== 0 && i > 0 ? id : -100)));
// Deviation 0.4, so that attention is far from uniform.
const common = {
  vocabSize: 23,
  maxPositionEmbeddings: 10,
  initializerRange: 0.4,
  id2label: { 0: 'a', 1: 'b', 2: 'c' },
};
const bert = () =>
  bertConfig({ ...common, hiddenSize: 12, numHiddenLayers: 2, numAttentionHeads: 3, intermediateSize: 16 });
const roberta = () =>
  models.robertaConfig({
    ...common,
    padTokenId: 0,
    hiddenSize: 12,
    numHiddenLayers: 2,
    numAttentionHeads: 3,
    intermediateSize: 16,
  });
const distil = () => distilBertConfig({ ...common, dim: 12, nLayers: 2, nHeads: 3, hiddenDim: 16 });
const gpt = () => gpt2Config({ vocabSize: 23, nPositions: 10, nEmbd: 12, nLayer: 2, nHead: 3, initializerRange: 0.4 });
const types = { tokenTypeIds: ids.map((row) => row.map((id, i) => Number(id !== 0 && i > 2))) };
const oneType = { tokenTypeIds: ids.map((row) => row.map(() => 0)) };
const spans = { startPositions: [1, 2], endPositions: [3, 2] };

const cases: [name: string, make: () => PreTrainedModel, inputs: Readonly<Record<string, number[] | number[][]>>][] = [
  ['BertModel', () => new models.BertModel(bert()), types],
  ['BertForMaskedLM', () => new models.BertForMaskedLM(bert()), { ...types, labels: words }],
  [
    'BertForPreTraining',
    () => new models.BertForPreTraining(bert()),
    { ...types, labels: words, nextSentenceLabel: [1, 0] },
  ],
  ['RobertaForMaskedLM', () => new models.RobertaForMaskedLM(roberta()), { ...oneType, labels: words }],
  [
    'RobertaForSequenceClassification',
    () => new models.RobertaForSequenceClassification(roberta()),
    { ...oneType, labels: [2, 0] },
  ],
  [
    'BertForNextSentencePrediction',
    () => new models.BertForNextSentencePrediction(bert()),
    { ...types, labels: [1, 0] },
  ],
  [
    'BertForSequenceClassification',
    () => new models.BertForSequenceClassification(bert()),
    { ...types, labels: [2, 0] },
  ],
  [
    'BertForTokenClassification',
    () => new models.BertForTokenClassification(bert()),
    { ...types, labels: words.map((row) => row.map((id) => (id < 0 ? id : id % 3))) },
  ],
  ['BertForQuestionAnswering', () => new models.BertForQuestionAnswering(bert()), { ...types, ...spans }],
  ['DistilBertModel', () => new models.DistilBertModel(distil()), {}],
  ['DistilBertForMaskedLM', () => new models.DistilBertForMaskedLM(distil()), { labels: words }],
  [
    'DistilBertForSequenceClassification',
    () => new models.DistilBertForSequenceClassification(distil()),
    { labels: [2, 0] },
  ],
  ['DistilBertForQuestionAnswering', () => new models.DistilBertForQuestionAnswering(distil()), spans],
  ['GPT2LMHeadModel', () => new models.GPT2LMHeadModel(gpt()), { labels: words }],
];

it.skipIf(python === undefined).each(cases)(
  '%s goes to PyTorch and back',
  { timeout: 60_000 },
  async (name, make, extra) => {
    await init({ device: 'cpu' });
    const folder = await mkdtemp(join(tmpdir(), 'round-trip-'));
    try {
      manualSeed(4);
      const inputs: Record<string, Tensor> = { attentionMask: tensor(kept, int32) };
      for (const [key, value] of Object.entries(extra)) inputs[key] = tensor(value as number[][], int32);
      const inputIds = tensor(ids, int32);
      const model = make().eval() as Runnable;
      const there = join(folder, 'there');
      await mkdir(there);
      await model.savePretrained(folder);
      await safetensors.save(join(folder, 'inputs.safetensors'), { inputIds, ...inputs });
      const printed = execFileSync(python as string, ['-B', script, folder, there], {
        encoding: 'utf8',
        env: environment,
      });
      const [before = {}, after = {}] = JSON.parse(printed) as Record<string, number[]>[];
      const check = async (own: Runnable, expected: Record<string, number[]>) => {
        const outputs = noGrad(() => own.forward(inputIds, inputs));
        expect(Object.keys(expected).length).toBeGreaterThan(0);
        for (const [key, values] of Object.entries(expected)) {
          const value = outputs[key];
          if (!(value instanceof Tensor)) expect.fail(`${name} gives no ${key}`);
          const isLoss = key === 'loss';
          // Two float32 programs of a dozen layers that sum in different orders, on values of size 1 to 10.
          expect(await value.data(), key).toBeClose(values, { atol: isLoss ? 1e-4 : 2e-5, rtol: 2e-5 });
        }
      };
      await check(model, before);
      const reports: string[] = [];
      const back = await (models as unknown as Record<string, Loadable>)[name]?.fromPretrained(there, {
        onReport: (report) => reports.push(report),
      });
      expect(reports).toEqual([]);
      if (back) await check(back, after);
      expect(after).not.toEqual(before);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

// The main job's training as it is on real text: its model and settings over SST-2 where that is at hand, else over generated
// sentences. Lengths differ from batch to batch, which a step of fixed shape does not show.
// Peers read the very same batches from a file.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataCollatorWithPadding, DataLoader, Dataset, type LabelledBatch, trainWordPiece } from '@course/data';
import { TextClassifier } from '@course/models';
import { clipGradNorm_, type Module } from '@course/nn';
import { AdamW } from '@course/nn/optim';
import { keep, manualSeed, scope, type Tensor } from '@course/tensor';
import { data, folder, generatedTexts } from './texts.js';
import type { Workload } from './workload.js';

const STEPS = 50;
const SENTENCES = 12_000;
const VOCAB = 8000;
const LENGTH = 64;

interface Row {
  readonly text: string;
  readonly label: number;
}

interface Encoded {
  readonly inputIds: readonly number[];
  readonly label: number;
}

const reviews = join(data, 'datasets/sst2/train.jsonl');

function rows(): Row[] {
  if (existsSync(reviews))
    return readFileSync(reviews, 'utf8')
      .split('\n', SENTENCES)
      .map((line) => JSON.parse(line) as Row);
  return generatedTexts(SENTENCES, (i) => 3 + ((i * 7) % 30)).map((text, i) => ({ text, label: i % 2 }));
}

/** The first batches of an epoch: sentences of similar length together, 32 at a time. */
async function* batches(): AsyncGenerator<LabelledBatch> {
  const all = rows();
  const tokenizer = trainWordPiece(
    all.map(({ text }) => text),
    { vocabSize: VOCAB, lowercase: true, modelMaxLength: LENGTH },
  );
  const encoded = all.map(
    ({ text, label }): Encoded => ({
      inputIds: tokenizer.encode(text, { truncation: true, maxLength: LENGTH }).inputIds,
      label,
    }),
  );
  const loader = new DataLoader<Encoded, LabelledBatch>(Dataset.fromRows(encoded), {
    batchSize: 32,
    shuffle: true,
    seed: 0,
    collate: new DataCollatorWithPadding<Encoded>(tokenizer),
    bucketByLength: { key: ({ inputIds }) => inputIds.length },
  });
  let step = 0;
  for await (const batch of loader) {
    yield batch;
    if (++step === STEPS) return;
  }
}

/** The batches, kept, and written down for peers. */
async function prepared(): Promise<readonly LabelledBatch[]> {
  const kept: LabelledBatch[] = [];
  const lists: unknown[] = [];
  for await (const batch of batches()) {
    const { inputIds, attentionMask, labels } = batch;
    for (const tensor of Object.values(batch)) keep(tensor);
    kept.push(batch);
    lists.push({
      inputIds: await inputIds.toArray(),
      attentionMask: await attentionMask.toArray(),
      labels: await labels.toArray(),
    });
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'batches.json'), JSON.stringify(lists));
  return kept;
}

export const classifying: Workload = {
  name: `main job, ${STEPS} steps`,
  prepare() {
    manualSeed(0);
    const kept = prepared();
    const model = new TextClassifier({
      vocabSize: VOCAB,
      dim: 64,
      layers: 2,
      heads: 4,
      maxLength: LENGTH,
      labels: ['negative', 'positive'],
      embeddingStd: 0.02,
    });
    const parameters = [...(model as Module).parameters()];
    const optimizer = new AdamW(parameters, { lr: 7e-4 });
    const learn = ({ inputIds, attentionMask, labels }: LabelledBatch): Tensor =>
      scope(() => {
        const { loss } = model.forward(inputIds, { attentionMask, labels });
        if (!loss) throw new TypeError('the model gave no loss');
        loss.backward();
        clipGradNorm_(parameters, 1);
        optimizer.step();
        optimizer.zeroGrad();
        return loss.detach();
      });
    return async () => {
      for (const loss of (await kept).map(learn)) {
        await loss.item();
        loss.dispose();
      }
    };
  },
};

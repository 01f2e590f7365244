// What the examples in doc comments take for granted: a tensor `x`, a `model` and what trains it, a `tokenizer`, texts and
// files. Every example gets things of its own, real ones of the smallest size, in a folder of its own.
import { mkdirSync, writeFileSync } from 'node:fs';
import { BertTokenizer, DataCollatorWithPadding, DataLoader, Dataset, trainByteLevelBpe } from '@course/data';
import { BertForMaskedLM, BertForSequenceClassification, bertConfig, TextClassifier } from '@course/models';
import { LayerNorm, Linear, Sequential } from '@course/nn';
import { AdamW, LinearWarmup } from '@course/nn/optim';
import { manualSeed, rand, randint, randn } from '@course/tensor';
import { save } from '@course/tensor/safetensors';

/** Tokens at the places that the published vocabularies have them, and nothing in between. */
function sparseVocab(tokens: Readonly<Record<number, string>>): string[] {
  const vocab = Array.from({ length: Math.max(...Object.keys(tokens).map(Number)) + 1 }, (_, id) => `[unused${id}]`);
  for (const [id, token] of Object.entries(tokens)) vocab[Number(id)] = token;
  return vocab;
}

const specials = { 0: '[PAD]', 100: '[UNK]', 101: '[CLS]', 102: '[SEP]', 103: '[MASK]' };

/** The part of bert-base-cased that the examples show. */
const casedVocab = sparseVocab({
  ...specials,
  119: '.',
  170: 'a',
  1132: 'are',
  1141: 'one',
  1160: 'two',
  1210: 'three',
  1137: 'or',
  1363: 'good',
  2213: 'bad',
  2304: 'question',
  3110: 'powerful',
  3584: 'models',
  5618: 'context',
  13809: 'Trans',
  23763: '##former',
  8362: 'un',
  10871: '##rave',
  1233: '##l',
  24928: 'ne',
  1964: '##v',
  4412: '##ral',
});

const makeTokenizer = (): BertTokenizer =>
  new BertTokenizer({ vocab: casedVocab, lowercase: false, modelMaxLength: 16 });
const tokenizer = makeTokenizer();
const dataset = Dataset.fromRows([
  { text: 'good', label: 1 },
  { text: 'bad', label: 0 },
  { text: 'two or three', label: 1 },
  { text: 'a question', label: 0 },
]);
const rows = [...dataset].map((row) => ({ ...tokenizer.encode(row.text), label: row.label }));
const tokenized = Dataset.fromRows(rows);
const collate = new DataCollatorWithPadding<(typeof rows)[number]>(tokenizer);

/** Files as the cache of the hub has them after a download; examples run offline (examples.test.ts). */
function writeHubCache(repo: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  const commit = '0'.repeat(40);
  const root = `hub-cache/${repo}`;
  mkdirSync(`${root}/refs`, { recursive: true });
  writeFileSync(`${root}/refs/main`, commit);
  for (const [name, content] of Object.entries(files)) {
    const path = `${root}/snapshots/${commit}/${name}`;
    mkdirSync(path.slice(0, path.lastIndexOf('/')), { recursive: true });
    writeFileSync(path, content);
  }
}

/** Writes the files that examples open into the current folder. */
export async function writeFiles(): Promise<void> {
  for (const folder of ['bert-base-cased', 'distilbert-base-uncased']) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/vocab.txt`, `${casedVocab.join('\n')}\n`);
  }
  writeHubCache('models--google-bert--bert-base-uncased', {
    'config.json': '{ "model_type": "bert" }\n',
    'vocab.txt': `${casedVocab.join('\n')}\n`,
  });
  await trainByteLevelBpe(['good bad two or three a question'], { vocabSize: 280, minFrequency: 1 }).save('gpt2');
  for (const file of ['train.jsonl', 'dev.jsonl'])
    writeFileSync(file, [...dataset].map((row) => `${JSON.stringify(row)}\n`).join(''));
  const config = bertConfig({
    vocabSize: tokenizer.vocabSize,
    hiddenSize: 2,
    numHiddenLayers: 1,
    numAttentionHeads: 1,
    intermediateSize: 4,
    maxPositionEmbeddings: 16,
    id2label: { 0: 'NEGATIVE', 1: 'POSITIVE' },
  });
  await new BertForSequenceClassification(config).savePretrained('tiny-bert-sst2', { tokenizer });
  await new BertForMaskedLM(config).savePretrained('tiny-bert-mlm', { tokenizer });
  await save('model.safetensors', { 'classifier.weight': randn([2, 8]) });
}

/** Things for an example to use. What an example may change is made anew for each. */
export function surroundings() {
  manualSeed(0);
  const model = new Sequential(new Linear(64, 16), new LayerNorm(16), new Linear(16, 64));
  const optimizer = new AdamW(model.parameters());
  return {
    x: randn([2, 64], { requiresGrad: true }),
    y: randn([2, 64]),
    /** Of the shape of `x`. */
    mask: rand([2, 64]).gt(0.5),
    ids: randint(0, 10, [2, 5]),
    /** [batch, heads, query, key or width]. */
    q: randn([2, 2, 5, 4]),
    k: randn([2, 2, 5, 4]),
    v: randn([2, 2, 5, 4]),
    logits: randn([4, 3], { requiresGrad: true }),
    /** Classes of the rows of `logits`. */
    labels: randint(0, 3, [4]),
    model,
    optimizer,
    scheduler: new LinearWarmup(optimizer, { warmupSteps: 1, totalSteps: 10 }),
    /** Steps of the optimizer until now. */
    step: 1,
    tokenizer: makeTokenizer(),
    classifier: new TextClassifier({
      vocabSize: tokenizer.vocabSize,
      labels: ['bad', 'good'],
      dim: 4,
      heads: 1,
      layers: 1,
    }),
    dataset,
    tokenized,
    trainDataset: tokenized,
    evalDataset: tokenized,
    loader: new DataLoader(tokenized, { batchSize: 2, shuffle: true, seed: 42, collate }),
    get batch() {
      return collate.collate(rows);
    },
  };
}

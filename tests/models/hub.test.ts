// Models, configurations and pipelines by id, from a hub on loopback whose files were written by savePretrained.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BertTokenizer } from '@course/data';
import { HubError, type HubOptions } from '@course/data/hub';
import { AutoConfig, AutoModel, BertForSequenceClassification, BertModel, bertConfig, pipeline } from '@course/models';
import { ArgumentError, init, manualSeed, type Tensor, tensor } from '@course/tensor';
import { save } from '@course/tensor/safetensors';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type MockFile, MockHub } from '../data/support/mock-hub.js';

const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'good', 'bad', 'film'];
let hub: MockHub;
let root = '';
let options: HubOptions;
let model: BertForSequenceClassification;

beforeAll(async () => {
  await init({ device: 'cpu' });
  hub = await MockHub.start();
  root = await mkdtemp(join(tmpdir(), 'course-models-hub-'));
  options = { endpoint: hub.endpoint, cacheDir: join(root, 'cache'), retries: 1, retryDelay: 1 };
  manualSeed(3);
  model = new BertForSequenceClassification(
    bertConfig({
      vocabSize: vocab.length,
      hiddenSize: 8,
      numHiddenLayers: 1,
      numAttentionHeads: 2,
      intermediateSize: 12,
      maxPositionEmbeddings: 16,
    }),
  ).eval();
  await model.savePretrained(join(root, 'whole'), { tokenizer: new BertTokenizer({ vocab }) });
  hub.repos.set('someone/classifier', { files: await filesOf('whole') });
  // The same weights in three shards.
  const state = [...model.stateDict()];
  const shards = [0, 1, 2].map((i) => state.filter((_, j) => j % 3 === i));
  const map: Record<string, string> = {};
  for (const [i, shard] of shards.entries()) {
    const name = `model-0000${i + 1}-of-00003.safetensors`;
    await save(join(root, name), new Map<string, Tensor>(shard), { format: 'pt' });
    for (const [key] of shard) map[key] = name;
  }
  const files = await filesOf('whole');
  delete files['model.safetensors'];
  for (const name of new Set(Object.values(map)))
    files[name] = { content: await readFile(join(root, name)), large: true };
  hub.repos.set('someone/sharded', {
    files: { ...files, 'model.safetensors.index.json': JSON.stringify({ weight_map: map }) },
  });
});
afterAll(async () => {
  await hub.stop();
  await rm(root, { recursive: true, force: true });
});

async function filesOf(folder: string): Promise<Record<string, MockFile | string>> {
  const files: Record<string, MockFile | string> = {};
  for (const name of await readdir(join(root, folder))) {
    const content = await readFile(join(root, folder, name));
    files[name] = { content, large: name.endsWith('.safetensors') };
  }
  return files;
}

const ids = (): Tensor => tensor([[2, 5, 7, 3]], { dtype: 'int32' });

it('reads models by id, whole or in shards, and tells the progress of each file', async () => {
  const expected = await model.forward(ids()).logits.data();
  for (const id of ['someone/classifier', 'someone/sharded']) {
    const seen = new Set<string>();
    const loaded = await BertForSequenceClassification.fromPretrained(id, {
      ...options,
      onProgress: ({ file, loaded, total }) => loaded === total && seen.add(file),
    });
    expect(await loaded.forward(ids()).logits.data()).toEqual(expected);
    expect([...seen].filter((file) => file.endsWith('.safetensors'))).toHaveLength(id.endsWith('sharded') ? 3 : 1);
    loaded.dispose();
  }
  const auto = await AutoModel.fromPretrained('someone/sharded', { ...options, localFilesOnly: true });
  expect(auto).toBeInstanceOf(BertModel);
  auto.dispose();
  expect(await AutoConfig.fromPretrained('someone/classifier', options)).toMatchObject({ hiddenSize: 8 });
});

it('makes pipelines by id', async () => {
  const classify = await pipeline('text-classification', 'someone/classifier', options);
  const [answer] = await classify('good film');
  expect(answer?.label).toMatch(/^LABEL_[01]$/);
  classify.dispose();
});

it('takes a revision, and names what is not there', async () => {
  const missing = await BertModel.fromPretrained('someone/classifier', { ...options, revision: 'v2' }).catch((e) => e);
  expect(missing).toBeInstanceOf(HubError);
  expect(missing.kind).toBe('no-revision');
  const none = await AutoModel.fromPretrained('someone/none', options).catch((e) => e);
  expect(none.message).toMatch(/model 'someone\/none' is neither a folder here nor on the hub/);
  const folder = await AutoModel.fromPretrained('./nowhere', options).catch((e) => e);
  expect(folder).toBeInstanceOf(ArgumentError);
  expect(folder.message).toContain('not a folder');
});

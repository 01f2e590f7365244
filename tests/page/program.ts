// What people do with the packages, once: run in Node and in a page, and its answers compared. It reads its files over HTTP (`files`, the URL of
// a folder), as a page must, and gives plain data back.
import { BertTokenizer, loadDataset, trainWordPiece } from '@course/data';
import { AutoModelForSequenceClassification, GPT2LMHeadModel, gpt2Config, pipeline } from '@course/models';
import * as nn from '@course/nn';
import { AdamW } from '@course/nn/optim';
import {
  capture,
  crossEntropy,
  type DeviceKind,
  init,
  manualSeed,
  ones,
  profile,
  randint,
  randn,
  scaledDotProductAttention,
  tensor,
} from '@course/tensor';
import { open, serialize } from '@course/tensor/safetensors';

const sentences = ['The plot is dull and the jokes are duller', 'A bright, generous film', 'naïve Übermut 東京'];

/** A block of a transformer that learns, dropout and all: eager for four steps, then captured for four. */
async function losses(): Promise<number[]> {
  manualSeed(7);
  const block = new nn.TransformerEncoderBlock(16, 2, 8, { dropout: 0.1 });
  const head = new nn.Linear(16, 3);
  const parameters = [...block.parameters(), ...head.parameters()];
  const optimizer = new AdamW(parameters, { lr: 1e-2 });
  const x = randn([4, 6, 16]);
  const classes = tensor([0, 1, 2, 0], { dtype: 'int32' });
  const step = () => {
    const loss = crossEntropy(head.forward(block.forward(x).mean(1)), classes);
    loss.backward();
    nn.clipGradNorm_(parameters, 1);
    optimizer.step();
    optimizer.zeroGrad();
    return loss.detach();
  };
  const replayed = capture(step);
  const found: number[] = [];
  for (let i = 0; i < 8; i++) found.push(await (i < 4 ? step() : replayed()).item());
  return found;
}

/** Layers that are not in the block above, forward and backward: the sums of what they give, and of the gradients of their inputs. */
async function layers(): Promise<number[]> {
  manualSeed(3);
  const found: number[] = [];
  const x = randn([2, 8, 5], { requiresGrad: true });
  const [lstm, convolution] = [new nn.LSTM(5, 4, { bidirectional: true }), new nn.Conv1d(8, 3, 3)];
  const [states] = lstm.forward(x);
  const attended = scaledDotProductAttention(x, x, x, { isCausal: true });
  for (const y of [states, convolution.forward(x), attended, x.softmax(-1).log(), x.gelu(), x.sort(1).values]) {
    x.grad = null;
    y.square().sum().backward();
    found.push(await y.square().sum().item(), await (x.grad as unknown as typeof x).square().sum().item());
  }
  return found;
}

async function tokens(files: string) {
  const learned = trainWordPiece(sentences, { vocabSize: 80, lowercase: true });
  const published = await BertTokenizer.fromPretrained(files);
  const parallel = await published.parallel({ threads: 2 });
  try {
    const many = Array.from({ length: 300 }, (_, i) => `${sentences[i % 3]} ${i}`);
    const batch = await parallel.encodeBatch(many);
    return {
      learned: sentences.map((text) => learned.tokenize(text)),
      published: sentences
        .map((text) => published.encode(text))
        .map(({ inputIds, offsets }) => ({ inputIds, offsets })),
      inWorkers: Array.from(batch, ({ inputIds }) => inputIds),
      decoded: published.decode(published.encode(sentences[1] ?? '').inputIds, { skipSpecialTokens: true }),
    };
  } finally {
    await parallel.close();
  }
}

async function models(files: string) {
  const model = await AutoModelForSequenceClassification.fromPretrained(files);
  const classify = await pipeline('text-classification', model, {
    tokenizer: await BertTokenizer.fromPretrained(files),
  });
  const rows = await loadDataset('json', { dataFiles: `${files}/rows.jsonl` });
  manualSeed(1);
  const gpt = new GPT2LMHeadModel(gpt2Config({ vocabSize: 30, nPositions: 32, nEmbd: 16, nLayer: 2, nHead: 2 })).eval();
  const generated = await gpt.generate(randint(0, 30, [1, 4]), { maxNewTokens: 8, doSample: false });
  const file = serialize({ weight: { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) } });
  const weights = await open(new Blob(file as Uint8Array<ArrayBuffer>[]));
  return {
    judged: await classify(sentences),
    rows: [...rows],
    generated,
    weights: await (await weights.load('weight')).toArray(),
  };
}

/** Everything, on one device. */
export async function program(device: DeviceKind, files: string) {
  const info = await init({ device });
  const product = ones([300, 300]).matmul(ones([300, 300]));
  const profiled = await profile(() => product.add(1).sum());
  return {
    backend: info.backend,
    threads: info.threads,
    product: await product.sum().item(),
    kernels: profiled.kernels.length,
    losses: await losses(),
    layers: await layers(),
    tokens: await tokens(files),
    models: await models(files),
  };
}
export type Answers = Awaited<ReturnType<typeof program>>;

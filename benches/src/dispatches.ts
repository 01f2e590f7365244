// What a GPU program costs beside its kernels: dispatches a layer and a model, JavaScript a dispatch, and what a new sequence length compiles.
import { BertModel, bertConfig, TextClassifier } from '@course/models';
import { clipGradNorm_, TransformerEncoderBlock } from '@course/nn';
import { AdamW } from '@course/nn/optim';
import { capture, device, memory, noGrad, ones, randint, randn, scope, type Tensor } from '@course/tensor';

/** A figure, and the most that it should be. */
export interface Count {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly most?: number;
}

/** Of an encoder layer: six linear layers, attention, an activation, two additions, two norms. */
const LAYER_OPS = 12;
const CHAIN = 1000;
/** Dispatches until V8 has compiled what makes them, which takes it some hundred training steps, and a quiet moment has come. */
const MOST = 60_000;

/** Dispatches of a forward pass. */
function dispatchesOf(fn: () => Tensor): number {
  const before = memory().device.dispatches;
  noGrad(() => scope(() => fn().compute()));
  return memory().device.dispatches - before;
}

/** A training step of a small encoder over four texts and their labels, which leaves its loss. */
function trainingStep(): (ids: Tensor, labels: Tensor) => Tensor {
  const model = new TextClassifier({
    ...{ vocabSize: 1000, dim: 64, layers: 4, heads: 4, mlpDim: 128, maxLength: 256, dropout: 0.1, labels: ['a', 'b'] },
  });
  const optimizer = new AdamW(model.parameters(), { lr: 1e-3 });
  return (ids, labels) => {
    const { loss } = model.forward(ids, { labels });
    loss?.backward();
    clipGradNorm_(model.parameters(), 1);
    optimizer.step();
    optimizer.zeroGrad();
    return loss as Tensor;
  };
}

/** Kernels that further lengths compile, after a step with one. */
async function compiledByOthers(step: (length: number) => Tensor): Promise<number> {
  const run = async (length: number): Promise<number> => {
    const result = scope(() => step(length));
    result.compute();
    await device.synchronize();
    result.dispose();
    return memory().device.compiledKernels ?? 0;
  };
  const first = await run(16);
  let last = first;
  for (const length of [3, 17, 31, 64, 129]) last = await run(length);
  return last - first;
}

/** The least time that a run holds the program up, until it may go on: in µs a dispatch. */
async function recordingTime(run: () => Tensor): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  const { dispatches: first } = memory().device;
  while (memory().device.dispatches - first < MOST) {
    await device.synchronize();
    const { dispatches } = memory().device;
    const start = performance.now();
    const result = scope(run);
    const elapsed = performance.now() - start;
    least = Math.min(least, (elapsed * 1000) / (memory().device.dispatches - dispatches));
    result.dispose();
  }
  return least;
}

async function recordingTimes(runs: Readonly<Record<string, () => Tensor>>): Promise<Count[]> {
  const counts: Count[] = [];
  for (const [name, run] of Object.entries(runs))
    counts.push({ name, value: await recordingTime(run), unit: 'µs a dispatch', most: 15 });
  return counts;
}

export async function countDispatches(): Promise<readonly Count[]> {
  const block = new TransformerEncoderBlock(768, 12, 64, { norm: 'post' }).eval();
  const model = new BertModel(bertConfig({ vocabSize: 1000 })).eval();
  const ids = randint(0, 1000, [1, 16]);
  const hidden = randn([1, 16, 768]);
  const forward = (input: Tensor): Tensor => model.forward(input).lastHiddenState;
  dispatchesOf(() => block.forward(hidden));
  const text = randint(0, 1000, [1, 128]);
  dispatchesOf(() => forward(text));
  const layer = dispatchesOf(() => block.forward(hidden));
  const whole = dispatchesOf(() => forward(text));

  // What a dispatch costs in JavaScript does not depend on widths, how long the device takes does.
  const narrow = new BertModel(
    bertConfig({ vocabSize: 1000, hiddenSize: 64, numAttentionHeads: 4, intermediateSize: 128 }),
  ).eval();
  const train = trainingStep();
  const ofForward = await compiledByOthers((length) => noGrad(() => forward(randint(0, 1000, [1, length]))));
  const ofTraining = await compiledByOthers((length) => train(randint(0, 1000, [4, length]), randint(0, 2, [4])));

  const [start, one] = [ones([64]), ones([64])];
  const chain = (from: Tensor): Tensor => {
    let x = from;
    for (let i = 0; i < CHAIN; i++) {
      x = x.add(one);
      x.compute();
    }
    return x;
  };
  const captured = capture(chain);
  const [texts, labels] = [randint(0, 1000, [4, 16]), randint(0, 2, [4])];
  const capturedStep = capture(() => train(texts, labels));
  return [
    { name: 'encoder layer, post-norm', value: layer, unit: 'dispatches' },
    { name: 'the same, for each of its ops', value: layer / LAYER_OPS, unit: 'dispatches', most: 1.2 },
    { name: "forward of BERT-base's shape, 128 tokens", value: whole, unit: 'dispatches', most: 100 },
    { name: 'compiled by five further lengths, forward pass', value: ofForward, unit: 'kernels', most: 0 },
    { name: 'the same, training step', value: ofTraining, unit: 'kernels', most: 0 },
    ...(await recordingTimes({
      'JavaScript of a forward pass, twelve layers of width 64': () =>
        noGrad(() => narrow.forward(ids).lastHiddenState),
      'of a training step, four layers of width 64': () => train(texts, labels),
      'the same, captured': () => capturedStep(),
      'of a small op': () => noGrad(() => chain(start)),
      'of a small op, captured': () => noGrad(() => captured(start)),
    })),
  ];
}

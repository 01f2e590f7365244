// What a GPU program costs beside its kernels: dispatches a layer and a model, JavaScript a dispatch, and what a new sequence length compiles.
import { BertModel, bertConfig } from '@course/models';
import { TransformerEncoderBlock } from '@course/nn';
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
const ROUNDS = 9;

/** Dispatches of a forward pass. */
function dispatchesOf(fn: () => Tensor): number {
  const before = memory().device.dispatches;
  noGrad(() => scope(() => fn().compute()));
  return memory().device.dispatches - before;
}

/** The least time that a run holds the program up, until it may go on: in µs a dispatch. */
async function recordingTime(run: () => Tensor): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i++) {
    await device.synchronize();
    const { dispatches } = memory().device;
    const start = performance.now();
    const result = noGrad(() => scope(run));
    const elapsed = performance.now() - start;
    least = Math.min(least, (elapsed * 1000) / (memory().device.dispatches - dispatches));
    result.dispose();
  }
  return least;
}

export async function countDispatches(): Promise<readonly Count[]> {
  const block = new TransformerEncoderBlock(768, 12, 64, { norm: 'post' }).eval();
  const model = new BertModel(bertConfig({ vocabSize: 1000 })).eval();
  const ids = randint(0, 1000, [1, 16]);
  const hidden = randn([1, 16, 768]);
  const forward = (input: Tensor): Tensor => model.forward(input).lastHiddenState;
  dispatchesOf(() => block.forward(hidden));
  dispatchesOf(() => forward(ids));
  const layer = dispatchesOf(() => block.forward(hidden));
  const whole = dispatchesOf(() => forward(ids));

  await device.synchronize();
  const compiled = memory().device.compiledKernels ?? 0;
  for (const length of [17, 31, 64]) dispatchesOf(() => forward(randint(0, 1000, [1, length])));
  await device.synchronize();
  const again = (memory().device.compiledKernels ?? 0) - compiled;

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
  return [
    { name: 'encoder layer, post-norm', value: layer, unit: 'dispatches' },
    { name: 'the same, for each of its ops', value: layer / LAYER_OPS, unit: 'dispatches', most: 1.2 },
    { name: "forward of BERT-base's shape", value: whole, unit: 'dispatches', most: 100 },
    { name: 'compiled for three further sequence lengths', value: again, unit: 'kernels', most: 0 },
    {
      name: 'JavaScript of a small op',
      value: await recordingTime(() => chain(start)),
      unit: 'µs a dispatch',
      most: 15,
    },
    { name: 'the same, captured', value: await recordingTime(() => captured(start)), unit: 'µs a dispatch', most: 15 },
  ];
}

// What a BERT costs in kernels, and that fusing them shows in nothing else: hooks, replaced layers and changed weights get what they would
// get from kernels of their own.
import { BertModel, bertConfig } from '@course/models';
import { Linear, Module, summary } from '@course/nn';
import {
  manualSeed,
  memory,
  noGrad,
  randint,
  randn,
  scaledDotProductAttention,
  scope,
  type Tensor,
} from '@course/tensor';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

/** BERT-base's depth, in miniature. */
const model = (layers = 12): BertModel => {
  manualSeed(3);
  return new BertModel(
    bertConfig({
      vocabSize: 50,
      hiddenSize: 16,
      numHiddenLayers: layers,
      numAttentionHeads: 4,
      intermediateSize: 32,
      maxPositionEmbeddings: 16,
    }),
  ).eval();
};
const states = (bert: BertModel, ids: Tensor): Tensor =>
  noGrad(() => scope(() => bert.forward(ids).poolerOutput as Tensor));

/** The same arithmetic without epilogues and without products together: some roundings of single precision a layer. */
const ROUNDING = { rtol: 2e-5, atol: 2e-5 };

onEachDevice('the kernels of a BERT', (kind) => {
  it("of BERT-base's depth are at most a hundred on WebGPU, fewer than its ops", () => {
    const [bert, ids] = [model(), randint(0, 50, [1, 8])];
    const forward = (): number => {
      const before = memory().device.dispatches;
      states(bert, ids).compute();
      return memory().device.dispatches - before;
    };
    const first = forward();
    // The CPU copies weights into panels at their second use, and reads them from there afterwards.
    forward();
    const count = forward();
    if (kind === 'webgpu') expect(count).toBe(first);
    // A layer: six linear layers, two norms, two additions, an activation, an attention.
    const ops = 12 * bert.config.numHiddenLayers;
    expect(count).toBeLessThanOrEqual(1.2 * ops);
    // 7 a layer (queries, keys and values in one; attention; its projection; norm; both layers of the MLP; norm), 5 around them.
    // With the eight buffers of WebGPU's default limits, queries, keys and values go in two launches.
    const each = process.env.COURSE_LIMITS === undefined ? 7 : 8;
    if (kind === 'webgpu') expect(count).toBeLessThanOrEqual(each * 12 + 4);
  });

  it("are one for an attention as wide as BERT-base's, however long its texts", () => {
    // On adapters that make long ones of products, those are longer than a BERT may be.
    const [query, key, value] = [randn([1, 12, 512, 64]), randn([1, 12, 512, 64]), randn([1, 12, 512, 64])];
    for (const each of [query, key, value]) each.compute();
    const before = memory().device.dispatches;
    noGrad(() => scaledDotProductAttention(query, key, value).compute());
    expect(memory().device.dispatches - before).toBe(1);
  });

  it('give hooks on inner layers their own outputs, and change nothing by it', async () => {
    const [bert, ids] = [model(2), randint(0, 50, [2, 8])];
    const expected = await states(bert, ids).data();
    const seen: Tensor[] = [];
    const layer = bert.encoder.layer.at(0);
    const { dense } = layer.intermediate;
    const remove = dense.registerForwardHook((_, [input], output) => {
      seen.push((input as Tensor).clone(), (output as Tensor).clone());
      return undefined;
    });
    const hooked = noGrad(() => bert.forward(ids).poolerOutput as Tensor);
    remove();
    expect(await hooked.data()).toBeClose(expected, ROUNDING);
    const [input, output] = seen as [Tensor, Tensor];
    const own = noGrad(() => dense.forward(input));
    expect(await output.data()).toBeClose(await own.data(), ROUNDING);
    expect(output.shape).toEqual([2, 8, 32]);
    // Before the activation: a GELU gives nothing below -0.17.
    expect(Math.min(...(await own.data()))).toBeLessThan(-0.0);
  });

  it('let hooks replace what inner layers give', async () => {
    const [bert, ids] = [model(2), randint(0, 50, [2, 8])];
    const { query } = bert.encoder.layer.at(1).attention.self;
    const remove = query.registerForwardHook((_, __, output) => (output as Tensor).mul(0));
    const hooked = await states(bert, ids).data();
    remove();
    noGrad(() => {
      query.weight.fill_(0);
      query.bias?.fill_(0);
    });
    expect(hooked).toBeClose(await states(bert, ids).data(), ROUNDING);
  });

  it('take layers that were replaced', async () => {
    /** A frozen layer with an update of low rank beside it (LoRA: Hu et al. 2021). */
    class LowRank extends Module {
      readonly down: Linear;
      readonly up: Linear;
      constructor(readonly base: Linear) {
        super();
        this.down = new Linear(base.inFeatures, 2, { bias: false });
        this.up = new Linear(2, base.outFeatures, { bias: false });
      }
      forward(x: Tensor): Tensor {
        return this.base.forward(x).add(this.up.forward(this.down.forward(x)));
      }
    }
    const [bert, ids] = [model(2), randint(0, 50, [2, 8])];
    const { self } = bert.encoder.layer.at(0).attention;
    const { value } = self;
    const adapted = new LowRank(value);
    Object.assign(self, { value: adapted });
    const result = await states(bert, ids).data();
    Object.assign(self, { value });
    noGrad(() => scope(() => void value.weight.add_(adapted.up.weight.matmul(adapted.down.weight))));
    expect(result).toBeClose(await states(bert, ids).data(), ROUNDING);
  });

  it('notice new weights, loaded or trained', async () => {
    const [bert, ids] = [model(2), randint(0, 50, [2, 8])];
    for (let i = 0; i < 3; i++) states(bert, ids).compute();
    const other = model(2);
    noGrad(() => {
      for (const parameter of other.parameters()) parameter.mul_(1.5);
    });
    bert.loadStateDict(other.stateDict());
    expect(await states(bert, ids).data()).toEqual(await states(other, ids).data());
    noGrad(() => {
      for (const each of [bert, other]) each.encoder.layer.at(1).attention.self.key.weight.mul_(0.5);
    });
    expect(await states(bert, ids).data()).toEqual(await states(other, ids).data());
  });

  it('leave the table of layers as it is', () => {
    const bert = model(1);
    const table = String(summary(bert, [randint(0, 50, [1, 8])]));
    for (const name of ['query', 'key', 'value', 'intermediate', 'LayerNorm']) expect(table).toContain(name);
  });
});

// The encoder-decoder Transformer: it learns, its caches change nothing and spare the work they are for, and it survives being saved.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoConfig, AutoModelForSeq2SeqLM, Seq2SeqTransformer, seq2SeqConfig } from '@course/models';
import { AdamW, LinearWarmup } from '@course/nn/optim';
import {
  ArgumentError,
  Generator,
  init,
  manualSeed,
  memory,
  noGrad,
  ShapeError,
  scope,
  type Tensor,
  tensor,
} from '@course/tensor';
import { beforeEach, describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

const int32 = { dtype: 'int32' } as const;
const sizes = {
  vocabSize: 14,
  dModel: 16,
  encoderLayers: 2,
  decoderLayers: 2,
  numAttentionHeads: 2,
  ffnDim: 32,
  dropout: 0,
  maxPositionEmbeddings: 16,
};
const source = () => tensor([[5, 9, 7, 3, 2]], int32);
const greedy = { maxNewTokens: 6, eosTokenId: null } as const;

onEachDevice('an encoder-decoder Transformer', () => {
  let model: Seq2SeqTransformer;
  beforeEach(() => {
    manualSeed(3);
    model = new Seq2SeqTransformer(seq2SeqConfig(sizes)).eval();
  });

  it('takes the most probable token of the whole target at each step', async () => {
    const [ids = []] = await model.generate(source(), greedy);
    expect(ids).toHaveLength(7);
    expect(ids[0]).toBe(1);
    const { logits } = noGrad(() => model.forward(source(), { decoderInputIds: tensor([ids.slice(0, -1)], int32) }));
    expect(await logits.argmax(-1).toArray()).toEqual([ids.slice(1)]);
  });

  it('gives the same with and without caches, and frees all that it made', async () => {
    const ids = source();
    const before = memory();
    const options = { maxNewTokens: 8, eosTokenId: null, doSample: true, topK: 0 } as const;
    const cached = await model.generate(ids, { ...options, generator: new Generator(1) });
    const plain = await model.generate(ids, { ...options, generator: new Generator(1), useCache: false });
    expect(cached).toEqual(plain);
    for await (const _ of model.stream(ids, greedy)) break;
    // The collector may have freed what other tests dropped.
    expect(memory().tensors).toBeLessThanOrEqual(before.tensors);
    expect(memory().bytes).toBeLessThanOrEqual(before.bytes);
  });

  it('gives each row of a padded batch what it gives alone, and several targets a source', async () => {
    const [alone] = await model.generate(tensor([[5, 9, 2]], int32), greedy);
    const [other] = await model.generate(source(), greedy);
    const both = tensor(
      [
        [5, 9, 2, 0, 0],
        [5, 9, 7, 3, 2],
      ],
      int32,
    );
    const attentionMask = tensor(
      [
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 1],
      ],
      int32,
    );
    expect(await model.generate(both, { ...greedy, attentionMask })).toEqual([alone, other]);
    const drawn = await model.generate(both, {
      ...greedy,
      attentionMask,
      doSample: true,
      topK: 1,
      numReturnSequences: 2,
    });
    expect(drawn).toEqual([alone, alone, other, other]);
  });

  it('computes one token a step: the source, its keys and past targets are not computed again', async () => {
    const times = new Map<string, number[]>();
    for (const [path, module] of model.namedModules())
      module.registerForwardHook((_, __, output) => {
        const [first] = [output].flat() as Tensor[];
        if (first && first.ndim >= 3) times.set(path, [...(times.get(path) ?? []), first.size(-2)]);
      });
    await model.generate(source(), greedy);
    expect(times.get('encoder.0')).toEqual([5]);
    expect(times.get('encoder_norm')).toEqual([5]);
    expect(times.get('decoder.1.cross_attention.key')).toEqual([5]);
    for (const path of ['decoder.0', 'decoder.1.attention.key', 'decoder.1.cross_attention.query', 'lm_head'])
      expect(times.get(path), path).toEqual(new Array(6).fill(1));
  });

  it('gives the weights of all its attentions, and its loss', async () => {
    const labels = tensor([[7, 9, 2, -100]], int32);
    const output = model.forward(source(), { labels, outputAttentions: true });
    expect(output.encoderAttentions?.map(({ shape }) => shape)).toEqual(new Array(2).fill([1, 2, 5, 5]));
    expect(output.decoderAttentions?.map(({ shape }) => shape)).toEqual(new Array(2).fill([1, 2, 4, 4]));
    expect(output.crossAttentions?.map(({ shape }) => shape)).toEqual(new Array(2).fill([1, 2, 4, 5]));
    expect(await model.shiftRight(labels).toArray()).toEqual([[1, 7, 9, 2]]);
    expect(await model.shiftRight(tensor([[7, -100, 2]], int32)).toArray()).toEqual([[1, 7, 0]]);
    const logs = await output.logits.logSoftmax(-1).data();
    const expected = -[7, 9, 2].reduce((sum, id, i) => sum + (logs[14 * i + id] ?? 0), 0) / 3;
    expect(await output.loss?.item()).toBeCloseTo(expected, 4);
  });

  it('survives being saved and read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'seq2seq-'));
    try {
      model.generationConfig = { maxNewTokens: 3 };
      await model.savePretrained(folder);
      expect(await AutoConfig.fromPretrained(folder)).toMatchObject({ modelType: 'course-seq2seq', dModel: 16 });
      const again = await AutoModelForSeq2SeqLM.fromPretrained(folder);
      const options = { eosTokenId: null } as const;
      expect(await again.generate(source(), options)).toEqual(await model.generate(source(), options));
      expect((await again.generate(source(), options))[0]).toHaveLength(4);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('says what does not fit', async () => {
    expect(() => model.forward(source())).toThrow(/needs decoderInputIds or labels/);
    expect(() => model.forward(source(), { labels: tensor([[1], [2]], int32) })).toThrow(/1 sources, but 2 targets/);
    expect(() => model.forward(tensor([new Array(17).fill(3)], int32), { labels: source() })).toThrow(ShapeError);
    await expect(model.generate(source(), { maxNewTokens: 16 })).rejects.toThrow(/exceed the 16 positions/);
    await expect(model.generate(source(), { numReturnSequences: 2 })).rejects.toThrow(/without doSample/);
    expect(() => seq2SeqConfig({ ...sizes, numAttentionHeads: 3 })).toThrow(ArgumentError);
    expect(() => seq2SeqConfig({ ...sizes, eosTokenId: 14 })).toThrow(/eosTokenId must be an id below vocabSize/);
  });
});

describe('learning', () => {
  it.each([
    ['pre-norm', true],
    ['post-norm', false],
  ] as const)('turns sequences around (%s)', { timeout: 60_000 }, async (_, normFirst) => {
    await init({ device: 'cpu' });
    manualSeed(7);
    const model = new Seq2SeqTransformer(
      seq2SeqConfig({
        ...sizes,
        dModel: 32,
        ffnDim: 64,
        encoderLayers: 1,
        decoderLayers: 1,
        numAttentionHeads: 4,
        normFirst,
      }),
    );
    const optimizer = new AdamW(model.parameters(), { lr: 4e-3, weightDecay: 0 });
    const scheduler = new LinearWarmup(optimizer, { warmupSteps: 30, totalSteps: 600 });
    const generator = new Generator(5);
    const whole = (low: number, high: number): number => low + Math.floor(generator.randomDouble() * (high - low));
    /** Sources of 3 to 6 letters with their end, padded to 7; targets in reverse, -100 behind their end. */
    const batch = (count: number) => {
      const rows = Array.from({ length: count }, () => Array.from({ length: whole(3, 7) }, () => whole(3, 14)));
      const fill = (row: number[], value: number) => [...row, 2, ...new Array<number>(6 - row.length).fill(value)];
      const inputs = rows.map((row) => fill(row, 0));
      return {
        inputs,
        mask: inputs.map((row) => row.map((id) => Number(id !== 0))),
        labels: rows.map((row) => fill(row.toReversed(), -100)),
      };
    };
    for (let step = 0; step < 600; step++) {
      const { inputs, mask, labels } = batch(32);
      scope(() => {
        const { loss } = model.forward(tensor(inputs, int32), {
          attentionMask: tensor(mask, int32),
          labels: tensor(labels, int32),
        });
        loss?.backward();
        optimizer.step();
        scheduler.step();
        optimizer.zeroGrad();
      });
    }
    const { inputs, mask, labels } = batch(50);
    model.eval();
    const targets = await model.generate(tensor(inputs, int32), {
      attentionMask: tensor(mask, int32),
      maxNewTokens: 8,
    });
    const right = targets.filter((ids, i) => {
      const expected = (labels[i] ?? []).filter((id) => id >= 0);
      return expected.every((id, at) => ids[at + 1] === id);
    });
    // A model that only copies letters in some order would turn around few of 50.
    expect(right.length).toBeGreaterThanOrEqual(45);
  });
});

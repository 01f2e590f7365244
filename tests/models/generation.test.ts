// Generation: what is drawn, in which order the rules apply, and that caches, padding and streaming change nothing.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GPT2LMHeadModel, generateTokens, gpt2Config } from '@course/models';
import { ArgumentError, Generator, manualSeed, memory, noGrad, ShapeError, Tensor, tensor } from '@course/tensor';
import { beforeEach, describe, expect, it } from 'vitest';
import { banRepeats, candidates, draw, penalise, ruled } from '../../packages/models/src/generation/sampling.js';
import { onEachDevice } from '../support/devices.js';

const int32 = { dtype: 'int32' } as const;
const all = { temperature: 1, topK: 0, topP: 1 };

describe('sampling', () => {
  const scores = Float32Array.from([1, 3, 2, 0].map(Math.log).map((x) => Math.max(x, -50)));

  it('draws by the softmax of the scores', () => {
    const { ids, probabilities } = candidates(scores, all);
    expect(ids).toEqual([1, 2, 0, 3]);
    // Shares of 6 by construction; float32 logarithms.
    for (const [i, share] of [3 / 6, 2 / 6, 1 / 6, 0].entries()) expect(probabilities[i]).toBeCloseTo(share, 6);
  });

  it('sharpens by temperature: a half squares the odds', () => {
    const { probabilities } = candidates(scores, { ...all, temperature: 0.5 });
    for (const [i, share] of [9 / 14, 4 / 14, 1 / 14].entries()) expect(probabilities[i]).toBeCloseTo(share, 6);
  });

  it('keeps the k best, and ties of the k-th', () => {
    expect(candidates(scores, { ...all, topK: 2 }).ids).toEqual([1, 2]);
    expect(candidates(Float32Array.of(1, 2, 1, 0), { ...all, topK: 2 }).ids).toEqual([1, 0, 2]);
  });

  it('keeps the fewest that reach p, and shares it out among them', () => {
    const { ids, probabilities } = candidates(scores, { ...all, topP: 0.6 });
    expect(ids).toEqual([1, 2]);
    for (const [i, share] of [3 / 5, 2 / 5].entries()) expect(probabilities[i]).toBeCloseTo(share, 6);
    expect(candidates(scores, { ...all, topP: 0.1 }).ids).toEqual([1]);
  });

  it('punishes repetition by sign, each token once', () => {
    const own = Float32Array.of(2, -2, 5);
    penalise(own, [0, 1, 0], 2);
    expect([...own]).toEqual([1, -4, 5]);
  });

  it('forbids runs that were there, ends that come too early, and the rules go before the drawing', () => {
    const none = () => new Float32Array(5);
    const banned = (said: number[], size: number): number[] => {
      const own = none();
      banRepeats(own, said, size);
      return [...own.keys()].filter((id) => own[id] === -Infinity);
    };
    // 1 2 was followed by 3, and by 4.
    expect(banned([1, 2, 3, 1, 2, 4, 1, 2], 3)).toEqual([3, 4]);
    expect(banned([1, 2, 3], 1)).toEqual([1, 2, 3]);
    expect(banned([1, 2], 3)).toEqual([]);
    expect(banned([1], 3)).toEqual([]);
    const options = { repetitionPenalty: 2, noRepeatNgramSize: 0, minNewTokens: 2, endTokens: new Set([4]) };
    expect([...ruled(Float32Array.of(1, 2, 3, 4, 5), [3], 1, options)]).toEqual([1, 2, 3, 2, -Infinity]);
    expect([...ruled(Float32Array.of(1, 2, 3, 4, 5), [3], 2, options)]).toEqual([1, 2, 3, 2, 5]);
    // What is forbidden is never drawn, be it for want of others.
    expect(candidates(Float32Array.of(1, -Infinity), all).ids).toEqual([0]);
    expect(() => candidates(new Float32Array(3).fill(-Infinity), all)).toThrow(/leave no token/);
  });

  it('draws each token as often as its probability says', () => {
    const generator = new Generator(3);
    const counts = [0, 0, 0];
    const draws = 20_000;
    for (let i = 0; i < draws; i++) {
      const id = draw([0, 1, 2], [0.5, 0.3, 0.2], generator);
      counts[id] = (counts[id] ?? 0) + 1;
    }
    // Five standard deviations of a binomial count.
    for (const [id, p] of [0.5, 0.3, 0.2].entries())
      expect(Math.abs((counts[id] ?? 0) - draws * p)).toBeLessThan(5 * Math.sqrt(draws * p * (1 - p)));
  });

  it('refuses scores that are not numbers', () => {
    expect(() => candidates(Float32Array.of(Number.NaN, 1), all)).toThrow(/not numbers/);
  });
});

onEachDevice('generation with GPT-2', () => {
  let model: GPT2LMHeadModel;
  const prompt = () => tensor([[5, 9, 2]], int32);
  beforeEach(() => {
    manualSeed(11);
    // Large weights, so that the next token depends on all before it.
    model = new GPT2LMHeadModel(
      gpt2Config({
        vocabSize: 31,
        nPositions: 24,
        nEmbd: 16,
        nLayer: 2,
        nHead: 2,
        initializerRange: 0.5,
        eosTokenId: 30,
      }),
    ).eval();
  });

  it('takes the most probable token of the whole sequence at each step', async () => {
    const [ids = []] = await model.generate(prompt(), { maxNewTokens: 8, eosTokenId: null });
    expect(ids).toHaveLength(11);
    for (let length = 3; length < ids.length; length++) {
      const { logits } = noGrad(() => model.forward(tensor([ids.slice(0, length)], int32)));
      expect(
        await logits
          .select(1, length - 1)
          .argmax(-1)
          .item(),
      ).toBe(ids[length]);
    }
  });

  it('gives the same with and without caches', async () => {
    const options = { maxNewTokens: 10, eosTokenId: null, doSample: true, topK: 0, temperature: 0.7 } as const;
    const cached = await model.generate(prompt(), { ...options, generator: new Generator(1) });
    const plain = await model.generate(prompt(), { ...options, generator: new Generator(1), useCache: false });
    expect(cached).toEqual(plain);
    expect(await model.generate(prompt(), { ...options, generator: new Generator(2) })).not.toEqual(cached);
  });

  it('gives each row of a left-padded batch what it gives alone', async () => {
    const options = { maxNewTokens: 6, eosTokenId: null } as const;
    const [alone = []] = await model.generate(prompt(), options);
    const [other = []] = await model.generate(tensor([[7, 1, 3, 4, 8]], int32), options);
    const both = await model.generate(
      tensor(
        [
          [0, 0, 5, 9, 2],
          [7, 1, 3, 4, 8],
        ],
        int32,
      ),
      {
        ...options,
        attentionMask: tensor(
          [
            [0, 0, 1, 1, 1],
            [1, 1, 1, 1, 1],
          ],
          int32,
        ),
      },
    );
    expect(both).toEqual([[0, 0, ...alone], other]);
  });

  it('ends at the end token, fills the batch up, and stops where it is told to', async () => {
    const [free = []] = await model.generate(prompt(), { maxNewTokens: 8, eosTokenId: null });
    const end = free[5] ?? 0;
    const [ended = []] = await model.generate(prompt(), { maxNewTokens: 8, eosTokenId: end });
    const at = free.indexOf(end, 3);
    expect(ended).toEqual(free.slice(0, at + 1));
    const [stopped] = await model.generate(prompt(), {
      maxNewTokens: 8,
      eosTokenId: null,
      stop: (ids) => ids.length === 6,
    });
    expect(stopped).toEqual(free.slice(0, 6));
  });

  it('gives token by token what it gives at once, and frees all when it is left early', async () => {
    const options = { maxNewTokens: 8, eosTokenId: null } as const;
    const [whole] = await generateTokens(model, prompt(), options);
    const ids = prompt();
    const before = memory();
    const streamed: number[] = [];
    for await (const [id = 0] of model.stream(ids, options)) {
      streamed.push(id);
      if (streamed.length === 4) break;
    }
    expect(streamed).toEqual(whole?.slice(3, 7));
    // Fewer is right as well: what earlier tests dropped may be collected meanwhile.
    expect(memory().tensors).toBeLessThanOrEqual(before.tensors);
    expect(memory().bytes).toBeLessThanOrEqual(before.bytes);
  });

  it('computes one token a step in every layer, however long the text has become', async () => {
    const seen = new Map<string, number[]>();
    for (const [path, module] of model.namedModules())
      module.registerForwardHook((_, __, output) => {
        if (output instanceof Tensor && output.ndim === 3) seen.set(path, [...(seen.get(path) ?? []), output.size(1)]);
      });
    await model.generate(prompt(), { maxNewTokens: 12, eosTokenId: null });
    for (const path of ['transformer.h.0', 'transformer.h.1.attn.c_attn', 'transformer.h.1.mlp.c_proj', 'lm_head'])
      expect(seen.get(path), path).toEqual([3, ...new Array<number>(11).fill(1)]);
  });

  it('ends no sooner than told, repeats no run, and stops at a length', async () => {
    const [free = []] = await model.generate(prompt(), { maxNewTokens: 12, eosTokenId: null });
    const end = free[3] ?? 0;
    const [ended = []] = await model.generate(prompt(), { maxNewTokens: 12, eosTokenId: end, minNewTokens: 5 });
    expect(ended.length).toBeGreaterThanOrEqual(8);
    expect(ended.slice(3, 8)).not.toContain(end);
    const [varied = []] = await model.generate(prompt(), { maxNewTokens: 18, eosTokenId: null, noRepeatNgramSize: 2 });
    const pairs = varied.slice(1).map((id, i) => `${varied[i]} ${id}`);
    expect(new Set(pairs).size).toBe(pairs.length);
    expect((await model.generate(prompt(), { maxLength: 7, eosTokenId: null }))[0]).toEqual(free.slice(0, 7));
    await expect(model.generate(prompt(), { maxLength: 3 })).rejects.toThrow(
      /maxLength must be .*above the prompt's 3/,
    );
  });

  it('draws several texts a prompt', async () => {
    const options = {
      maxNewTokens: 6,
      eosTokenId: null,
      doSample: true,
      topK: 0,
      generator: new Generator(4),
    } as const;
    const texts = await model.generate(tensor([[5], [9]], int32), { ...options, numReturnSequences: 3 });
    expect(texts.map(([first]) => first)).toEqual([5, 5, 5, 9, 9, 9]);
    expect(new Set(texts.map(String)).size).toBe(6);
    await expect(model.generate(prompt(), { numReturnSequences: 2 })).rejects.toThrow(/without doSample/);
  });

  it('keeps options in its folder, which a call overrides', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'generation-'));
    try {
      await model.savePretrained(folder);
      const file = join(folder, 'generation_config.json');
      await writeFile(
        file,
        JSON.stringify({ _from_model_config: true, max_new_tokens: 4, eos_token_id: [29, 30], top_k: null }),
      );
      const again = await GPT2LMHeadModel.fromPretrained(folder);
      expect(again.generationConfig).toEqual({
        maxNewTokens: 4,
        eosTokenId: [29, 30],
        others: { _from_model_config: true },
      });
      expect((await again.generate(prompt(), { eosTokenId: null }))[0]).toHaveLength(7);
      expect((await again.generate(prompt(), { eosTokenId: null, maxLength: 5 }))[0]).toHaveLength(5);
      await again.savePretrained(folder);
      expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
        _from_model_config: true,
        max_new_tokens: 4,
        eos_token_id: [29, 30],
      });
      await writeFile(file, '{"max_new_tokens": "four"}');
      await expect(GPT2LMHeadModel.fromPretrained(folder)).rejects.toThrow(
        /'max_new_tokens' must be a number, got "four"/,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('says what does not fit', async () => {
    await expect(model.generate(prompt(), { maxNewTokens: 22 })).rejects.toThrow(/exceed the 24 positions/);
    await expect(model.generate(prompt(), { temperature: 0 })).rejects.toThrow(ArgumentError);
    await expect(model.generate(prompt(), { topP: 1.5 })).rejects.toThrow(
      /topP must be above 0 and at most 1, got 1.5/,
    );
    await expect(model.generate(tensor([1, 2], int32))).rejects.toThrow(ShapeError);
    const right = { attentionMask: tensor([[1, 1, 0]], int32) };
    await expect(model.generate(prompt(), right)).rejects.toThrow(/padded on the right/);
  });
});

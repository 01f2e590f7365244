// RoBERTa beyond its numbers (published.golden.test.ts): places that leave padding out, the longest input, and a folder with its kind of
// tokenizer, from which pipelines are made.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trainByteLevelBpe } from '@course/data';
import {
  AutoConfig,
  AutoModel,
  AutoModelForMaskedLM,
  AutoModelForSequenceClassification,
  pipeline,
  RobertaForMaskedLM,
  RobertaForSequenceClassification,
  RobertaModel,
  robertaConfig,
} from '@course/models';
import { ArgumentError, manualSeed, noGrad, ShapeError, tensor, zeros } from '@course/tensor';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

const special = ['<s>', '<pad>', '</s>', '<unk>', '<mask>'];
const texts = ['the cat sat on the mat', 'a dog ran under the tree', 'the dog sat', 'a cat ran on the mat'];
const sizes = {
  hiddenSize: 12,
  numHiddenLayers: 2,
  numAttentionHeads: 3,
  intermediateSize: 20,
  maxPositionEmbeddings: 12,
  initializerRange: 0.4,
};

onEachDevice('RoBERTa', () => {
  let folder = '';
  beforeEach(async () => {
    manualSeed(2);
    folder = await mkdtemp(join(tmpdir(), 'roberta-test-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** A folder as the hub has it: the tokenizer's frame and its mask, which takes the space before it. */
  async function saved(model: RobertaForMaskedLM | RobertaForSequenceClassification, vocabulary: typeof tokenizer) {
    await model.savePretrained(folder, { tokenizer: vocabulary });
    const path = join(folder, 'tokenizer.json');
    const json = JSON.parse(await readFile(path, 'utf8')) as {
      post_processor: unknown;
      added_tokens: { content: string; lstrip: boolean }[];
    };
    json.post_processor = {
      type: 'RobertaProcessing',
      sep: ['</s>', 2],
      cls: ['<s>', 0],
      trim_offsets: true,
      add_prefix_space: false,
    };
    for (const token of json.added_tokens) if (token.content === '<mask>') token.lstrip = true;
    await writeFile(path, JSON.stringify(json));
    const names = {
      bos_token: '<s>',
      eos_token: '</s>',
      cls_token: '<s>',
      sep_token: '</s>',
      unk_token: '<unk>',
      pad_token: '<pad>',
      mask_token: '<mask>',
    };
    await writeFile(join(folder, 'special_tokens_map.json'), JSON.stringify(names));
    await writeFile(
      join(folder, 'tokenizer_config.json'),
      JSON.stringify({ tokenizer_class: 'RobertaTokenizer', ...names }),
    );
  }
  const tokenizer = trainByteLevelBpe(texts, { vocabSize: 290, minFrequency: 1, specialTokens: special });
  const { vocabSize } = tokenizer;

  it('counts places over real tokens, whichever side is padded', async () => {
    const model = new RobertaModel(robertaConfig({ ...sizes, vocabSize })).eval();
    const int32 = { dtype: 'int32' } as const;
    const states = async (ids: number[], mask: number[]) => {
      const { lastHiddenState } = noGrad(() =>
        model.forward(tensor([ids], int32), { attentionMask: tensor([mask], int32) }),
      );
      return (await lastHiddenState.toArray()) as number[][][];
    };
    const [alone] = await states([0, 9, 7, 2], [1, 1, 1, 1]);
    const [right] = await states([0, 9, 7, 2, 1, 1], [1, 1, 1, 1, 0, 0]);
    const [left] = await states([1, 1, 0, 9, 7, 2], [0, 0, 1, 1, 1, 1]);
    // The same sums over other tilings.
    const close = { atol: 1e-5 };
    expect(right?.slice(0, 4).flat() ?? []).toBeClose(alone?.flat() ?? [], close);
    expect(left?.slice(2).flat() ?? []).toBeClose(alone?.flat() ?? [], close);
  });

  it('takes as many tokens as the table has places behind that of padding', () => {
    const model = new RobertaModel(robertaConfig({ ...sizes, vocabSize }));
    expect(model.longestInput).toBe(10);
    expect(model.forward(zeros([1, 10], { dtype: 'int32' })).lastHiddenState.shape).toEqual([1, 10, 12]);
    expect(() => model.forward(zeros([1, 11], { dtype: 'int32' }))).toThrow(ShapeError);
    expect(() => model.forward(zeros([1, 11], { dtype: 'int32' }))).toThrow(
      'RobertaModel: a sequence of 11 tokens is longer than the 10',
    );
    expect(() => robertaConfig({ padTokenId: 513 })).toThrow(ArgumentError);
  });

  it('fills masks from a folder, in texts longer than the model too', async () => {
    const model = new RobertaForMaskedLM(robertaConfig({ ...sizes, vocabSize })).eval();
    await saved(model, tokenizer);
    expect(await AutoModelForMaskedLM.fromPretrained(folder)).toBeInstanceOf(RobertaForMaskedLM);
    expect((await AutoConfig.fromPretrained(folder)).modelType).toBe('roberta');
    const base = await AutoModel.fromPretrained(folder, { onReport: () => undefined });
    expect(base).toBeInstanceOf(RobertaModel);
    const unmask = await pipeline('fill-mask', folder);
    expect(unmask.tokenizer.encode('the <mask> sat').tokens).toEqual(['<s>', 'the', '<mask>', 'Ġsat', '</s>']);
    const [best] = await unmask('the <mask> sat', { topK: 2 });
    const ids = unmask.tokenizer.encode('the <mask> sat').inputIds;
    const { logits } = noGrad(() => model.forward(tensor([ids], { dtype: 'int32' })));
    expect(best?.token).toBe(await logits.slice(0, 2).argmax(-1).item());
    expect(await unmask(`the <mask> sat ${'on the mat '.repeat(9)}`)).toHaveLength(5);
  });

  it('classifies from a folder', async () => {
    const model = new RobertaForSequenceClassification(robertaConfig({ ...sizes, vocabSize, numLabels: 3 })).eval();
    await saved(model, tokenizer);
    expect(await AutoModelForSequenceClassification.fromPretrained(folder)).toBeInstanceOf(
      RobertaForSequenceClassification,
    );
    const classify = await pipeline('sentiment-analysis', folder);
    const found = await classify(texts);
    for (const [i, text] of texts.entries()) {
      const ids = classify.tokenizer.encode(text, { truncation: true, maxLength: 10 }).inputIds;
      const { logits } = noGrad(() => model.forward(tensor([ids], { dtype: 'int32' })));
      expect(found[i]?.label).toBe(`LABEL_${await logits.argmax(-1).item()}`);
    }
  });
});

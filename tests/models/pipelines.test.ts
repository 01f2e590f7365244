// Pipelines over small random models: what they give is recomputed from the models' own outputs, one text at a time.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BertTokenizer, trainByteLevelBpe } from '@course/data';
import {
  BertForMaskedLM,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
  bertConfig,
  GPT2LMHeadModel,
  gpt2Config,
  pipeline,
  safetensors,
} from '@course/models';
import type { Module } from '@course/nn';
import {
  ArgumentError,
  device as current,
  type DeviceKind,
  FormatError,
  manualSeed,
  memory,
  noGrad,
  Tensor,
} from '@course/tensor';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { devices, onEachDevice } from '../support/devices.js';

const words =
  'the a cat dog sat ran on under mat tree mary anna lives in paris rome where does not good bad film ##s ##ing ? .';
const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words.split(' ')];
const sizes = {
  vocabSize: vocab.length,
  hiddenSize: 16,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  intermediateSize: 24,
  maxPositionEmbeddings: 24,
  initializerRange: 0.4,
};
const tokenizer = () => new BertTokenizer({ vocab, modelMaxLength: 24 });
const softmax = (scores: readonly number[]): number[] => {
  const weights = scores.map((score) => Math.exp(score));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
};

onEachDevice('pipelines', (kind) => {
  beforeEach(() => void manualSeed(5));
  // Logits of a batch differ from those of one text by the roundings of other tilings; probabilities by a share of that.
  const close = { atol: 1e-5 };

  it('gives each text the label of its own logits, whatever the batches', async () => {
    const model = new BertForSequenceClassification(bertConfig({ ...sizes, id2label: { 0: 'no', 1: 'yes', 2: 'so' } }));
    const own = tokenizer();
    const classify = await pipeline('text-classification', model, { tokenizer: own, batchSize: 2 });
    const texts = [
      'the cat sat',
      'a dog ran under the tree .',
      'mat',
      'good film',
      'the bad dog sat on the mat . the cat ran',
    ];
    const all = await classify(texts, { topK: null });
    for (const [i, text] of texts.entries()) {
      const { inputIds } = own.encodeBatch([text]).toTensors();
      const logits = await noGrad(() => model.eval().forward(inputIds).logits).data();
      const expected = softmax(Array.from(logits));
      const scores = Object.fromEntries((all[i] ?? []).map(({ label, score }) => [label, score]));
      expect([scores.no, scores.yes, scores.so]).toBeClose(expected, close);
      expect(all[i]?.[0]?.score).toBe(Math.max(...(all[i] ?? []).map(({ score }) => score)));
    }
    const best = await classify(texts);
    expect(best).toEqual(all.map(([first]) => first));
    const [one] = await classify('mat');
    expect(one?.label).toBe(best[2]?.label);
    expect(await classify([])).toEqual([]);
    const raw = await classify('mat', { topK: null, functionToApply: 'none' });
    expect(raw.reduce((sum, { score }) => sum + score, 0)).not.toBeCloseTo(1, 3);
  });

  it('pads no further than to the longest row of a batch of like lengths, and answers in the order asked', async () => {
    const model = new BertForSequenceClassification(bertConfig(sizes));
    const own = tokenizer();
    const classify = await pipeline('text-classification', model, { tokenizer: own, batchSize: 4 });
    // One unknown word is one token, however many letters it has: by letters these two kinds would mix.
    const word = (i: number): string => (i % 2 === 0 ? 'cat ' : 'incomprehensibilities ');
    const texts = Array.from({ length: 18 }, (_, i) => word(i).repeat(1 + ((7 * i) % 18)));
    const seen: number[][] = [];
    const remove = model.bert.embeddings.registerForwardHook((_, __, output) => {
      if (output instanceof Tensor) seen.push([...output.shape.slice(0, 2)]);
    });
    const all = await classify(texts);
    remove();
    const lengths = texts.map((text) => own.encode(text).inputIds.length).sort((a, b) => a - b);
    const widest = [3, 7, 11, 15, 17].map((at) => lengths[at]);
    expect(seen).toEqual([4, 4, 4, 4, 2].map((rows, i) => [rows, widest[i]]));
    for (const [i, text] of texts.entries())
      expect([all[i]?.score]).toBeClose([(await classify(text))[0]?.score ?? 0], close);
  });

  it('takes pairs, and cuts texts that are too long for the model', async () => {
    const model = new BertForSequenceClassification(bertConfig(sizes));
    const classify = await pipeline('text-classification', model, { tokenizer: tokenizer() });
    const long = 'the cat sat on the mat . '.repeat(20);
    const [pair, cut] = await classify([['the cat', 'a dog'], long]);
    expect(pair?.label).toMatch(/^LABEL_[01]$/);
    expect(cut?.score).toBeGreaterThan(0);
  });

  it('fills masks with the words of the highest scores', async () => {
    const model = new BertForMaskedLM(bertConfig(sizes));
    const own = tokenizer();
    const unmask = await pipeline('fill-mask', model, { tokenizer: own });
    const found = await unmask('the [MASK] sat', { topK: 3 });
    const { inputIds } = own.encodeBatch(['the [MASK] sat']).toTensors();
    const logits = await noGrad(() => model.eval().forward(inputIds).logits.select(1, 2)).data();
    const shares = softmax(Array.from(logits));
    const order = [...shares.keys()].sort((a, b) => (shares[b] ?? 0) - (shares[a] ?? 0));
    expect(found.map(({ token }) => token)).toEqual(order.slice(0, 3));
    expect(found.map(({ score }) => score)).toBeClose(
      order.slice(0, 3).map((id) => shares[id] ?? 0),
      close,
    );
    for (const { token, tokenStr, sequence } of found) {
      expect(tokenStr).toBe(vocab[token]);
      expect(sequence).toBe(own.decode([5, token, 9], { skipSpecialTokens: true }));
    }
    const several = await unmask.all(['a [MASK] ran [MASK] the tree', 'the [MASK]']);
    expect(several.map((masks) => masks.length)).toEqual([2, 1]);
    expect(several[0]?.[0]?.[0]?.sequence).toMatch(/^\[CLS\] a \S+ ran \[MASK\] the tree \[SEP\]$/);
    const among = await unmask('the [MASK] sat', { targets: ['cat', 'dog'] });
    expect(among.map(({ tokenStr }) => tokenStr).sort()).toEqual(['cat', 'dog']);
    await expect(unmask('the cat sat')).rejects.toThrow(/no mask token \(\[MASK\]\) found in "the cat sat"/);
    // As transformers: a text with several masks gives a list for each, alone or among others.
    const [first, second] = await unmask('a [MASK] ran [MASK] the tree');
    expect([first, second]).toEqual(several[0]);
    const mixed = await unmask(['a [MASK] ran [MASK] the tree', 'the [MASK]']);
    expect(mixed).toEqual([several[0], several[1]?.[0]]);
    await expect(unmask(['the [MASK] sat', 'the [MASK] ran', 'no'], { batchSize: 1 })).rejects.toThrow(/found in "no"/);
    await expect(unmask('[MASK]', { targets: ['cats'] })).rejects.toThrow(/"cats" is 2 tokens/);
  });

  it('gives the states of tokens, and one vector a text', async () => {
    const model = new BertModel(bertConfig(sizes));
    const own = tokenizer();
    const extract = await pipeline('feature-extraction', model, { tokenizer: own });
    const texts = ['the cat sat', 'a dog ran under the tree .'];
    const states = await extract(texts);
    expect(states.map((each) => [each.length, each[0]?.length, each[0]?.[0]?.length])).toEqual([
      [1, 5, 16],
      [1, 9, 16],
    ]);
    const mean = await extract(texts, { pooling: 'mean' });
    for (const [i, tokens] of states.map(([all]) => all ?? []).entries()) {
      const expected = Array.from(
        { length: 16 },
        (_, d) => tokens.reduce((sum, t) => sum + (t[d] ?? 0), 0) / tokens.length,
      );
      // Means of up to 9 numbers of size 1.
      expect(mean[i]).toBeClose(expected, { atol: 1e-5 });
    }
    const unit = await extract('the cat sat', { pooling: 'cls', normalize: true });
    expect(Math.hypot(...unit)).toBeCloseTo(1, 5);
  });

  it('labels tokens, and joins them to entities', async () => {
    const id2label = { 0: 'O', 1: 'B-PER', 2: 'I-PER', 3: 'B-LOC', 4: 'I-LOC' };
    const model = new BertForTokenClassification(bertConfig({ ...sizes, id2label }));
    const own = tokenizer();
    const label = await pipeline('ner', model, { tokenizer: own });
    const text = 'mary lives in paris . anna sits under trees';
    const tokens = await label(text, { ignoreLabels: [] });
    const encoded = own.encode(text);
    expect(tokens.map(({ word }) => word)).toEqual(
      encoded.tokens.slice(1, -1).map((token) => (token === '[UNK]' ? 'sits' : token)),
    );
    for (const { start, end, index } of tokens) expect([start, end]).toEqual(encoded.offsets[index]);
    const { inputIds } = own.encodeBatch([text]).toTensors();
    const logits = (await noGrad(() => model.eval().forward(inputIds).logits).toArray()) as number[][][];
    const names = Object.values(id2label);
    const expected = (logits[0] ?? []).slice(1, -1).map((row) => names[row.indexOf(Math.max(...row))]);
    expect(tokens.map(({ entity }) => entity)).toEqual(expected);

    const groups = await label(text, { aggregationStrategy: 'simple', ignoreLabels: [] });
    // The groups tile the tokens, and each holds one tag.
    for (const { word, start, end } of groups)
      expect(word.replace(/^##|\s/g, '')).toBe(text.slice(start, end).replaceAll(' ', ''));
    const tags = tokens.map(({ entity }) => entity.replace(/^[BI]-/, ''));
    for (const group of groups) {
      const inside = tokens.flatMap(({ start, end }, i) => (start >= group.start && end <= group.end ? [tags[i]] : []));
      expect(new Set(inside)).toEqual(new Set([group.entityGroup]));
    }
    // Words of several tokens come out whole.
    const whole = await label(text, { aggregationStrategy: 'first', ignoreLabels: [] });
    for (const { end } of whole) expect(text.slice(end, end + 1)).toMatch(/^\s?$/);
    await expect(label(text, { aggregationStrategy: 'all' as 'first' })).rejects.toThrow(ArgumentError);
  });

  it('finds the best span, also in texts longer than the model', async () => {
    const model = new BertForQuestionAnswering(bertConfig(sizes));
    const own = tokenizer();
    const answer = await pipeline('question-answering', model, { tokenizer: own });
    const question = 'where does mary live ?';
    const context = 'mary lives in paris . anna lives in rome .';
    const best = await answer({ question, context }, { maxAnswerLen: 3 });
    const encoded = own.encode(question, { pair: context });
    const { inputIds, tokenTypeIds } = own.encodeBatch([[question, context]]).toTensors();
    const output = noGrad(() => model.eval().forward(inputIds, { tokenTypeIds }));
    const [starts, ends] = [await output.startLogits.data(), await output.endLogits.data()];
    const inContext = encoded.tokenTypeIds.map((type, i) => type === 1 && encoded.specialTokensMask[i] === 0);
    const share = (all: ArrayLike<number>) => {
      // [CLS] takes part, and is no answer.
      const [, ...kept] = softmax(Array.from(all).filter((_, i) => i === 0 || inContext[i]));
      return inContext.map((inside) => (inside ? (kept.shift() ?? 0) : 0));
    };
    const [from, to] = [share(starts), share(ends)];
    let most = 0;
    for (let i = 0; i < from.length; i++)
      for (let j = i; j < Math.min(i + 3, from.length); j++) most = Math.max(most, (from[i] ?? 0) * (to[j] ?? 0));
    expect(best.score).toBeCloseTo(most, 4);
    expect(best.answer).toBe(context.slice(best.start, best.end));
    // Whole words.
    expect(` ${context} `).toContain(` ${best.answer} `);

    const long = `${'the cat sat on the mat . '.repeat(8)}${context}`;
    const ranked = await answer({ question, context: long }, { topK: 4, docStride: 6 });
    expect(ranked).toHaveLength(4);
    for (const [i, each] of ranked.entries()) {
      expect(each.answer).toBe(long.slice(each.start, each.end));
      expect(each.score).toBeLessThanOrEqual(ranked[i - 1]?.score ?? 1);
    }
    expect(await answer([{ question, context }], { handleImpossibleAnswer: true })).toHaveLength(1);
    await expect(answer({ question: ' ', context })).rejects.toThrow(/question is empty/);
  });

  it('continues texts, one or several a prompt, whole or in pieces', async () => {
    const own = trainByteLevelBpe(['the cat sat on the mat', 'a dog ran'], { vocabSize: 270, minFrequency: 1 });
    const size = { vocabSize: own.vocabSize, nPositions: 32, nEmbd: 8, nLayer: 1, nHead: 2, initializerRange: 0.4 };
    const model = new GPT2LMHeadModel(gpt2Config({ ...size, eosTokenId: 0, bosTokenId: 0 }));
    const write = await pipeline('text-generation', model, { tokenizer: own });
    const options = { maxNewTokens: 6, eosTokenId: null, padTokenId: 0 } as const;
    const [alone] = await write('the cat', options);
    expect(alone?.generatedText.startsWith('the cat')).toBe(true);
    const [ids = []] = await model.eval().generate(own.encodeBatch(['the cat']).toTensors().inputIds, options);
    const added = own.decode(ids.slice(-6), { skipSpecialTokens: true });
    expect(alone?.generatedText).toBe(`the cat${added}`);
    const both = await write(['the cat', 'a'], { ...options, returnFullText: false });
    expect(both[0]?.[0]?.generatedText).toBe(added);
    let pieces = '';
    for await (const piece of write.stream('the cat', options)) pieces += piece;
    expect(pieces).toBe(added);
    const drawn = await write(['the cat', 'a dog'], { ...options, doSample: true, numReturnSequences: 3 });
    expect(drawn.map((texts) => texts.length)).toEqual([3, 3]);
    for (const { generatedText } of drawn[1] ?? []) expect(generatedText.startsWith('a dog')).toBe(true);
  });

  it('continues texts as the configuration says of the task, as that of GPT-2 does', async () => {
    const own = trainByteLevelBpe(['the cat sat on the mat', 'a dog ran'], { vocabSize: 270, minFrequency: 1 });
    const size = { vocabSize: own.vocabSize, nPositions: 32, nEmbd: 8, nLayer: 1, nHead: 2, initializerRange: 0.4 };
    const others = { task_specific_params: { 'text-generation': { do_sample: true, max_length: 9, top_k: null } } };
    const model = new GPT2LMHeadModel({ ...gpt2Config({ ...size, eosTokenId: 0, bosTokenId: 0 }), others });
    const write = await pipeline('text-generation', model, { tokenizer: own });
    const sampled = async (options: { maxLength?: number; doSample?: boolean }): Promise<string | undefined> => {
      manualSeed(3);
      const [text] = await write('the cat', { eosTokenId: null, padTokenId: 0, ...options });
      return text?.generatedText;
    };
    expect(await sampled({})).toBe(await sampled({ maxLength: 9, doSample: true }));
    expect(await sampled({})).not.toBe(await sampled({ doSample: false }));
    const wrong = { task_specific_params: { 'text-generation': { do_sample: 'yes' } } };
    const faulty = new GPT2LMHeadModel({ ...model.config, others: wrong });
    await expect(pipeline('text-generation', faulty, { tokenizer: own })).rejects.toThrow(
      "config.json: task_specific_params: 'do_sample' must be a boolean",
    );
  });

  it('leaves no tensor behind, and the model in the mode it was in', async () => {
    const model = new BertForSequenceClassification(bertConfig(sizes)).train();
    const classify = await pipeline('text-classification', model, { tokenizer: tokenizer() });
    const before = memory();
    await classify(['the cat', 'a dog ran under the tree']);
    expect(memory().tensors).toBe(before.tensors);
    expect(model.training).toBe(true);
  });

  it('says what does not fit', async () => {
    const model = new BertModel(bertConfig({ ...sizes, vocabSize: 10 }));
    await expect(pipeline('feature-extraction', model, { tokenizer: tokenizer() })).rejects.toThrow(FormatError);
    await expect(pipeline('feature-extraction', model)).rejects.toThrow(/needs its tokenizer/);
    const noMask = new BertTokenizer({ vocab: vocab.map((token) => (token === '[MASK]' ? '[unused]' : token)) });
    const masked = new BertForMaskedLM(bertConfig(sizes));
    await expect(pipeline('fill-mask', masked, { tokenizer: noMask })).rejects.toThrow(
      /its vocabulary lacks '\[MASK\]'/,
    );
    await expect(pipeline('translation' as 'ner', model)).rejects.toThrow(/unknown task 'translation'/);
    const classify = await pipeline('text-classification', new BertForSequenceClassification(bertConfig(sizes)), {
      tokenizer: tokenizer(),
    });
    for (const [wrong, what] of [
      [undefined, 'undefined'],
      [null, 'null'],
      [7, 'number'],
    ] as const)
      await expect(classify(wrong as unknown as string)).rejects.toThrow(
        `text-classification: expected a text or a list of texts, got ${what}`,
      );
  });

  describeFolder(kind);
});

/** A pipeline from a folder on disk: what `pipeline(task, './folder')` does. */
function describeFolder(kind: DeviceKind): void {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pipeline-test-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('reads model and tokenizer from a folder', async () => {
    const model = new BertForSequenceClassification(
      bertConfig({ ...sizes, id2label: { 0: 'NEGATIVE', 1: 'POSITIVE' } }),
    );
    await model.savePretrained(folder, { tokenizer: tokenizer() });
    const classify = await pipeline('sentiment-analysis', folder);
    const here = await pipeline('sentiment-analysis', model, { tokenizer: tokenizer() });
    expect(await classify('a good film')).toEqual(await here('a good film'));
    const file = await safetensors.open(join(folder, 'model.safetensors'));
    expect(file.metadata).toEqual({ format: 'pt' });
    await file.close();
  });

  it.each(devices.filter((each) => each !== kind))('computes on %s, with another device in use', async (other) => {
    const texts = ['a good film', 'the cat sat on the mat .', 'bad'];
    const classifier = new BertForSequenceClassification(bertConfig(sizes));
    await classifier.savePretrained(join(folder, 'classifier'), { tokenizer: tokenizer() });
    const there = await pipeline('text-classification', join(folder, 'classifier'), { device: other });
    expect([...(there.model as Module).parameters()].map(({ device }) => device)).toContain(other);
    const here = await pipeline('text-classification', classifier, { tokenizer: tokenizer() });
    const [expected, found] = [await here(texts, { topK: null }), await there(texts, { topK: null })];
    for (const [i, labels] of found.entries())
      for (const [j, { label, score }] of labels.entries()) {
        expect(label).toBe(expected[i]?.[j]?.label);
        expect(score).toBeClose(expected[i]?.[j]?.score ?? Number.NaN, { atol: 1e-5 });
      }

    const masked = new BertForMaskedLM(bertConfig(sizes));
    await masked.savePretrained(join(folder, 'masked'), { tokenizer: tokenizer() });
    const unmask = await pipeline('fill-mask', join(folder, 'masked'), { device: other });
    expect((await unmask('the [MASK] sat')).map(({ token }) => token)).toEqual(
      (await (await pipeline('fill-mask', masked, { tokenizer: tokenizer() }))('the [MASK] sat')).map(
        ({ token }) => token,
      ),
    );

    const own = trainByteLevelBpe(['the cat sat on the mat', 'a dog ran'], { vocabSize: 270, minFrequency: 1 });
    const size = { vocabSize: own.vocabSize, nPositions: 32, nEmbd: 8, nLayer: 1, nHead: 2, initializerRange: 0.4 };
    const writer = new GPT2LMHeadModel(gpt2Config({ ...size, eosTokenId: 0, bosTokenId: 0 }));
    await writer.savePretrained(join(folder, 'writer'), { tokenizer: own });
    const write = await pipeline('text-generation', join(folder, 'writer'), { device: other });
    const options = { maxNewTokens: 5, eosTokenId: null, padTokenId: 0 } as const;
    expect(await write(['the cat', 'a'], options)).toEqual(
      await (await pipeline('text-generation', writer, { tokenizer: own }))(['the cat', 'a'], options),
    );
    expect(current.kind).toBe(kind);
  });
}

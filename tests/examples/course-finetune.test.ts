// The numbers of the examples about text in pieces: those that the notebooks print, where the published vocabularies are at hand, and
// what holds for any vocabulary.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { init } from '@course/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCourse } from './support/course.js';

const data = process.env.COURSE_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url));

beforeAll(() => init({ device: 'cpu' }));

describe('text in pieces', () => {
  it('bert-tokenization: a vocabulary learned from the book', async () => {
    const { values } = await runCourse('bert-tokenization');
    expect(values['Decoded Text']).toBe(
      'Transformers are a type of deeeep learning model used for NLP tasks. Epehmeral. Anachronism.',
    );
    // Ten places: [CLS], as much as there is room for, [SEP]; or the text and zeros.
    const [cut, padded] = ['cut', 'padded'].map((name) => values[`Encoded Sequence, ${name}`]) as {
      inputIds: number[];
      attentionMask: number[];
    }[];
    expect([cut?.inputIds.length, cut?.inputIds[0], cut?.inputIds[9]]).toEqual([10, 2, 3]);
    expect(cut?.attentionMask).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    expect(padded?.inputIds.map((id) => (id === 0 ? 0 : 1))).toEqual(padded?.attentionMask);
    expect(values['Texts from which on BERT needs fewer tokens than there are words']).toBeGreaterThan(1);
  });

  it('wordpiece-and-bpe: the pieces that hug, pug, pun, bun and hugs are learned as', async () => {
    const { values } = await runCourse('wordpiece-and-bpe');
    // Counted by hand: ug 10 + 5 + 5, un 12 + 4, then hug 10 + 5.
    expect(values['Joined pairs']).toEqual(['u g', 'u n', 'h ug']);
    expect(values['BPE, there and back']).toBe('a whale 🐳 emoji');
    expect(values['WordPiece, there and back']).toBe('[CLS] a whale [UNK] emoji [SEP]');
    const sizes = values['Pieces a word by size of the vocabulary'] as Record<string, [number, number][]>;
    for (const points of Object.values(sizes)) expect(points.at(-1)?.[1]).toBeLessThan(points[0]?.[1] ?? 0);
  });
});

describe('fine-tuning', () => {
  // A new head knows nothing: the loss of guessing among five classes is ln 5 = 1.61, among two ln 2 = 0.69.
  it.each([
    ['fine-tuning', 5],
    ['fine-tuning-distilbert', 2],
    ['fine-tuning-by-hand', 5],
  ])('%s: the first loss is that of guessing', async (name, classes) => {
    const { values, text } = await runCourse(name);
    const [first = 0] = values.losses as number[];
    // Weights of a deviation of 0.08 over 16 states of size 1: logits differ by 0.08 · 4 = 0.32.
    expect(Math.abs(first - Math.log(classes))).toBeLessThan(0.32);
    expect(text).toMatch(/pre-trained for a moment/);
  });

  it('fine-tuning-by-hand: probabilities sum to 1, and the printed losses are the means of the batches', async () => {
    const { values, text } = await runCourse('fine-tuning-by-hand');
    const [row = []] = values.probabilities as number[][];
    expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    const losses = values.losses as number[];
    const mean = losses.reduce((a, b) => a + b, 0) / losses.length;
    expect(text).toContain(`Average Training Loss: ${mean.toFixed(4)}`);
  });
});

describe('pre-training', () => {
  it('bert-pretraining: both losses begin at guessing, and what is hidden is asked for', async () => {
    const { values } = await runCourse('bert-pretraining');
    const before = values.Before as { maskedWords: number; nextSentence: number };
    // Of two answers ln 2; of some 200 tokens ln 200 = 5.3, with logits that the weights spread by half a unit.
    expect(Math.abs(before.nextSentence - Math.log(2))).toBeLessThan(0.32);
    expect(Math.abs(before.maskedWords - Math.log(200))).toBeLessThan(1);
    const [loss = 0] = values.losses as number[];
    expect(Math.abs(loss - Math.log(2) - Math.log(200))).toBeLessThan(1.3);
    expect(values['The model reads']).toMatch(/^\[CLS\] .*\[SEP\] .*\[SEP\]$/);
    expect(values['The film was [MASK].']).toHaveLength(5);
  });
});

describe('models in use', () => {
  it('attention-maps: every token shares out 1, in each head', async () => {
    const { values, page } = await runCourse('attention-maps');
    const heads = values['The film is good. layer 1'] as number[][][];
    expect(heads).toHaveLength(2);
    for (const row of heads.flat()) expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    expect(page).toContain('Attention by layer and head');
  });

  it('bert-embeddings: a state for each token, each like itself', async () => {
    const { values } = await runCourse('bert-embeddings');
    const tokens = values.Tokens as string[];
    expect(values['Last hidden state shape']).toEqual([1, tokens.length, 16]);
    const similarities = values.Similarities as number[][];
    for (const [i, row] of similarities.entries()) expect(row[i]).toBeCloseTo(1, 5);
  });

  it('pipelines: probabilities of all labels, and words that are tokens', async () => {
    const { values } = await runCourse('pipelines');
    const all = values['All probabilities'] as { label: string; score: number }[][];
    for (const scores of all) expect(scores.map(({ label }) => label).sort()).toEqual(['NEGATIVE', 'POSITIVE']);
    expect(values['The film is [MASK].']).toHaveLength(5);
  });
});

describe.skipIf(!existsSync(data))('what the notebooks print (skipped where there is no shared data folder)', () => {
  const withVocabulary = (name: string, ...args: string[]) =>
    runCourse('bert-tokenization', '--model', `${data}/tokenizers/${name}`, ...args);

  it('AICC303 3 and lesson 3: bert-base-cased', async () => {
    const { values } = await withVocabulary('bert-base-cased', '--data', `${data}/datasets/yelp5/train_5k.jsonl`);
    expect(values['Token IDs']).toEqual([101, 13809, 23763, 3584, 1132, 3110, 119, 102]);
    expect(values['Decoded Tokens']).toEqual(['[CLS]', 'Trans', '##former', 'models', 'are', 'powerful', '.', '[SEP]']);
    expect((values['encoding.tokens'] as string[]).join(' ')).toBe(
      '[CLS] In this course we un ##rave ##l the mysteries of ne ##v ##ral networks . [SEP]',
    );
  });

  it('UCI 1.1: bert-base-uncased', async () => {
    const { values } = await withVocabulary('bert-base-uncased');
    expect((values.Tokens as string[]).slice(5, 8)).toEqual(['dee', '##ee', '##p']);
    expect(values['Decoded, cut']).toBe('[CLS] transformers are a type of deeeep [SEP]');
  });

  const expected = <T>(name: string) =>
    JSON.parse(readFileSync(`${data}/models/${name}/expected.json`, 'utf8')) as {
      examples: T[];
      sst2Dev?: { correct: number };
    };

  it('AICC303 2: sentiment and masked words of the tiny checkpoints, as PyTorch computes them', async () => {
    const sentiment = await runCourse('pipelines', '--model', `${data}/models/tiny-bert-sst2`);
    const [first] = expected<{ label: string; score: number }>('tiny-bert-sst2').examples;
    const [result] = sentiment.values.Sentiment as { label: string; score: number }[];
    expect(result?.label).toBe(first?.label);
    // A logit may be off by 1e-4, a probability by half of that at most.
    expect(Math.abs((result?.score ?? 0) - (first?.score ?? 1))).toBeLessThan(1e-4);

    const masked = await runCourse('pipelines', '--model', `${data}/models/tiny-bert-mlm`);
    const text = 'Artificial Intelligence is the [MASK] of the future.';
    const words = masked.values[text] as { token: number; score: number }[];
    const wanted = expected<{ text: string; top5: { token: number; score: number }[] }>('tiny-bert-mlm').examples;
    const { top5 = [] } = wanted.find((each) => each.text === text) ?? {};
    expect(words.map(({ token }) => token)).toEqual(top5.map(({ token }) => token));
    for (const [i, { score }] of words.entries()) expect(Math.abs(score - (top5[i]?.score ?? 1))).toBeLessThan(1e-4);
  });

  it('lesson 3, running a pre-trained model: tiny-bert-sst2 on all rows of SST-2 dev', async () => {
    const model = `${data}/models/tiny-bert-sst2`;
    const { values } = await runCourse('tuned-model', '--model', model, '--data', `${data}/datasets/sst2`);
    expect(values.Right).toBe(expected('tiny-bert-sst2').sst2Dev?.correct);
  });
});

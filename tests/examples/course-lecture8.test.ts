// What the examples of lecture 8 come to with their quick settings: the same conclusions as in the lecture, on data small enough for a test.
// Accuracies are held to bounds that a guess (a half, or one in so many) does not reach by chance: 160 reviews, standard deviation 4 %.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { init } from '@course/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import { runCourse, runWhole } from './support/course.js';

const data = process.env.COURSE_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url));

onEachDevice('lecture 8', () => {
  it('bag of words: learns, and judges "not too terrible" by its single words', async () => {
    const { values, text } = await runCourse('bag-of-words');
    expect((values.val_acc as number[]).at(-1)).toBeGreaterThan(0.65);
    expect(values['Predicted positiveness']).toBeLessThan(0.5);
    const worth = values['What each word adds'] as Record<string, number>;
    expect(Object.keys(worth)).toEqual(['the', 'restaurant', 'is', 'not', 'too', 'terrible']);
    expect(worth.terrible).toBeLessThan(0);
    expect(text).toContain('(dropout1): Dropout(p=0.5, inplace=False)');
  }, 120_000);

  it('embedding and pooling: the words that the labels speak of', async () => {
    const { values } = await runCourse('embedding-pooling');
    expect(Math.max(...(values.val_acc as number[]))).toBeGreaterThan(0.65);
    expect(values['Pooled as it is']).toEqual([2, 100, 1]);
    expect(values['Pooled with the words last']).toEqual([2, 20, 1]);
    // The last of these are the words in front, which pad with zeros.
    const [row] = values['A review as the model sees it'] as number[][];
    expect(row).toHaveLength(40);
    expect(values['Most positive']).toContain('great');
    expect(values['Most negative']).toContain('awful');
  }, 120_000);

  it('text preprocessing: stems, and weights by hand', async () => {
    const { values } = await runCourse('text-preprocessing');
    expect((values.Stems as string[]).filter((stem) => stem === 'meet')).toHaveLength(2);
    expect(values['What is left of "the restaurant is not too terrible"']).toEqual(['restaurant', 'terrible']);
    expect(values['Runs of three letters of "awesome"']).toEqual(['awe', 'wes', 'eso', 'som', 'ome']);
    expect(values.Vocabulary).toEqual(['a', 'dull', 'ending', 'film', 'is', 'music', 'plot', 'the', 'witty']);
    // "the film is a witty film": a in one of four documents, film twice and in two, witty in two; is and the in all.
    const [first, second] = values['TF-IDF'] as number[][];
    expect(first).toBeClose([Math.log(4), 0, 0, 2 * Math.log(2), 0, 0, 0, 0, Math.log(2)], { atol: 1e-12 });
    expect(second).toBeClose([0, Math.log(2), 0, Math.log(2), 0, 0, 0, 0, 0], { atol: 1e-12 });
    expect(values.Lengths).toBeClose([1, 1, 1, 1], { atol: 1e-12 });
    const terms = values['Different terms'] as Record<string, number>;
    expect(terms.stems).toBeLessThan(terms.words ?? 0);
    expect(terms['words and pairs']).toBeGreaterThan(terms.words ?? 0);
  });

  it('simple self-attention: rows sum to 1, sets have no order, dot products grow with the root of the width', async () => {
    const { values } = await runCourse('simple-self-attention');
    // Six numbers that are each rounded once, and so is their sum.
    expect(values['Row sums']).toBeClose([1, 1, 1, 1, 1, 1], { atol: 1e-6 });
    expect(values['What the order of the words changes']).toBeLessThan(1e-5);
    const spread = values['Spread of dot products by width'] as Record<string, number>;
    // 3,200 dot products with 216 independent vectors: the spread is known to some per cent.
    for (const [width, found] of Object.entries(spread))
      expect(found / Math.sqrt(Number(width)), width).toBeClose(1, { atol: 0.25 });
    const without = values['Largest weight without the root'] as number[];
    const divided = values['Largest weight with the root'] as number[];
    expect(without.at(-1)).toBeGreaterThan(0.9);
    expect(divided.at(-1)).toBeLessThan(0.4);
  });

  it('masked self-attention: nothing reaches an output from behind it', async () => {
    const { values } = await runCourse('masked-self-attention');
    expect(values['Does changing a word change outputs before it']).toEqual([false, false, false, false, false]);
    const weights = values['Masked attention weights'] as number[][];
    const influence = values.influence as number[][];
    for (const [i, row] of weights.entries())
      for (const [j, weight] of row.entries()) {
        expect(weight > 0, `weight ${i}, ${j}`).toBe(j <= i);
        expect((influence[i]?.[j] ?? 0) > 0, `influence ${i}, ${j}`).toBe(j <= i);
      }
    expect(values['Loss with the mask']).toBeGreaterThan(2);
    expect(values['Loss without the mask']).toBeLessThan(0.7);
  }, 120_000);

  it('negation: heads of self-attention turn "terrible", single words cannot', async () => {
    const { values } = await runCourse('negation');
    // Of 225 negated sentences; a guess is right in half of them, with a standard deviation of 3 %.
    expect(values['Right where negated, no attention']).toBeLessThan(0.6);
    expect(values['Right where negated, four heads']).toBeGreaterThan(0.75);
    const { 'four heads': heads = [] } = values.praise as Record<string, number[]>;
    // good, not good, not very good, terrible, not terrible, not too terrible
    expect(heads.map((p) => p > 0.5)).toEqual([true, false, false, false, true, true]);
  }, 120_000);

  it('convolutions: how far they see', async () => {
    const { values } = await runCourse('conv1d-text');
    expect(values['Places after both convolutions']).toBe(12);
    expect(values['Words that one place sees']).toBe(41);
    expect(values['Words that a convolution sees, from its own place']).toEqual([-3, 3]);
    expect(values['Words that a causal one sees']).toEqual([-6, 0]);
    const losses = values.train_loss as number[];
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) - 0.05);
  }, 120_000);

  it('frozen vectors: learned less from than those that training goes on with', async () => {
    const { values } = await runCourse('frozen-embeddings');
    const accuracies = values.val_acc as Record<string, number>;
    expect(accuracies['vectors trained on']).toBeGreaterThan(accuracies['frozen vectors'] ?? 1);
    expect(values['Words of the vocabulary without a vector']).toBeGreaterThan(0);
  }, 120_000);

  it('recurrent networks: by hand as in nn.RNN, and memory over five steps', async () => {
    const { values } = await runCourse('recurrent-networks');
    const byHand = values['States by hand'] as number[][];
    // Five steps of sums of eight products.
    expect(values['States of nn.RNN'] as number[][]).toBeClose(byHand, { atol: 1e-5 });
    const left = values['What is left of the gradient after ten steps'] as Record<string, number>;
    for (const kind of ['RNN', 'LSTM', 'GRU']) expect(left[kind], kind).toBeLessThan(0.1);
    expect(left['LSTM, gate open']).toBeGreaterThan(3 * (left.LSTM ?? 1));
    // 256 sequences; a guess is right in a quarter of them, with a standard deviation of 3 %.
    const remembered = values.remembered as Record<string, number>;
    expect(remembered['LSTM, gate open']).toBeGreaterThan(0.5);
  }, 120_000);

  it('the character model: better than a guess, and colder is surer', async () => {
    const { values } = await runCourse('character-language-model');
    expect(values['Loss on the last tenth of the text, nats a character']).toBeLessThan(3);
    expect(values['Loss of a guess']).toBeCloseTo(Math.log(values['Different ones'] as number), 12);
    const entropies = values.entropies as number[];
    expect(entropies).toEqual([...entropies].sort((a, b) => a - b));
    for (const temperature of [0.01, 0.2, 0.5, 1, 2])
      expect(values[`at temperature ${temperature}`]).toHaveLength('Call me'.length + 12);
  }, 120_000);

  it('GPT from scratch: sees no future, starts from a fair guess, learns, and writes', async () => {
    const { values } = await runCourse('gpt-from-scratch');
    expect(values['What later characters change']).toBe(0);
    const guess = values['Loss of a guess'] as number;
    expect(values['Loss on the last tenth before, nats a character']).toBeClose(guess, { atol: 0.1 });
    expect(values['Loss on the last tenth now']).toBeLessThan(guess - 1);
    // Embeddings 65 * 16 and 8 * 16; a block of 2 * 32 + 3 * 256 + 272 + 1088 + 1040; the last norm; the head 16 * 65 + 65.
    expect(values.Parameters).toBe(1040 + 128 + (64 + 768 + 272 + 1088 + 1040) + 32 + 1105);
    expect(values['at temperature 1']).toHaveLength('Call me'.length + 12);
  }, 120_000);
});

describe.skipIf(!existsSync(data))('on 5,000 reviews of IMDb (skipped where there is no shared data folder)', () => {
  beforeAll(() => init({ device: 'cpu' }));

  // PyTorch's accuracies on the same rows after 15 epochs are means of three seeds as well; three of ours spread by about half a point.
  it.each([
    ['bag-of-words', 85.2],
    ['embedding-pooling', 80.2],
  ])(
    '%s is within a point of the %f % of PyTorch',
    async (name, expected) => {
      const accuracies: number[] = [];
      for (const seed of ['0', '1', '2']) {
        const { values } = await runWhole(name, '--seed', seed, '--data', `${data}/datasets/imdb`);
        accuracies.push(100 * ((values.val_acc as number[]).at(-1) ?? 0));
      }
      const mean = accuracies.reduce((sum, each) => sum + each, 0) / accuracies.length;
      expect(mean, accuracies.map((each) => each.toFixed(2)).join(', ')).toBeClose(expected, { atol: 1 });
    },
    300_000,
  );

  it('frozen-embeddings reads the vectors of GloVe', async () => {
    const glove = `${data}/datasets/glove/glove.6B.50d.first2445.txt`;
    const { values } = await runCourse('frozen-embeddings', '--data', `${data}/datasets/imdb`, '--model', glove);
    expect(values['Word vectors found']).toBe(2445);
    expect(values["The vector of 'queen'"]).toHaveLength(50);
    expect((values["Nearest to 'queen'"] as string[])[0]).toBe('king');
  }, 120_000);
});

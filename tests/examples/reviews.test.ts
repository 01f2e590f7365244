// What the synthetic reviews promise: the same bytes for a seed, balance, no sentence on both sides, natural lengths, and that
// counting words does not do.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { accuracyOf, fitBagOfWords } from '../../examples/src/sentiment/bag-of-words.js';
import { generateReviews, normalise, probes, type Review, reviewWords } from '../../examples/src/sentiment/reviews.js';

const { train, test } = generateReviews({ train: 12_000, test: 1000 });
const all = [...train, ...test];

const digest = (reviews: readonly Review[]): string =>
  createHash('sha256').update(JSON.stringify(reviews)).digest('hex');

describe('synthetic reviews', () => {
  it('are the same for the same seed, and others for another', () => {
    const again = generateReviews({ train: 300, test: 100 });
    expect(digest(generateReviews({ train: 300, test: 100 }).train)).toBe(digest(again.train));
    expect(digest(generateReviews({ seed: 1, train: 300, test: 100 }).train)).not.toBe(digest(again.train));
  });

  it('are as many as asked for, balanced, and of natural length', () => {
    expect([train.length, test.length]).toEqual([12_000, 1000]);
    for (const part of [train, test])
      expect(part.filter(({ label }) => label === 'positive').length).toBe(part.length / 2);
    for (const { text } of all) {
      const words = text.split(' ').length;
      expect(words, text).toBeGreaterThanOrEqual(reviewWords.least);
      expect(words, text).toBeLessThanOrEqual(reviewWords.most);
    }
  });

  it('share no sentence between training and test, nor with the sentences tried on a model', () => {
    const learned = new Set(train.map(({ text }) => normalise(text)));
    expect(test.filter(({ text }) => learned.has(normalise(text)))).toEqual([]);
    const generated = new Set(all.map(({ text }) => normalise(text)));
    expect(probes.filter(({ text }) => generated.has(normalise(text)))).toEqual([]);
  });

  it('use the words that turn a judgement with both labels', () => {
    for (const word of ['not', 'never', 'but', 'anything', 'hardly', 'far', 'expected', 'although']) {
      const having = train.filter(({ text }) =>
        new RegExp(`\\b${word}\\b|${word === 'not' ? "n't" : '\\0'}`, 'i').test(text),
      );
      const positive = having.filter(({ label }) => label === 'positive').length / having.length;
      expect(having.length, word).toBeGreaterThan(50);
      expect(positive, word).toBeGreaterThan(0.15);
      expect(positive, word).toBeLessThan(0.85);
    }
  });

  it('cannot be judged by counting words: a bag of words stays below 80 %', () => {
    const model = fitBagOfWords(train);
    expect(accuracyOf(model, train)).toBeGreaterThan(0.6);
    const accuracy = accuracyOf(model, test);
    console.log(`bag of words on ${test.length} held-out reviews: ${(100 * accuracy).toFixed(1)} %`);
    expect(accuracy).toBeLessThan(0.8);
  });
});

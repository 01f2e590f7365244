// The synthetic reviews are a claim: that counting words does not get one through them. Here the claim is measured, with
// what else the data set promises: the same bytes everywhere, balance, and a test part that training has not seen.
import { createHash } from 'node:crypto';
import { ArgumentError } from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { accuracyOf, fitBagOfWords } from '../../examples/src/sentiment/bag-of-words.js';
import { contrasts } from '../../examples/src/sentiment/reviews/contrasts.js';
import { singles } from '../../examples/src/sentiment/reviews/frames.js';
import { contracted, normalised, withArticles } from '../../examples/src/sentiment/reviews/inflection.js';
import { hash, Random } from '../../examples/src/sentiment/reviews/random.js';
import { write } from '../../examples/src/sentiment/reviews/writer.js';
import { generateReviews, probes, type Review, reviewWords } from '../../examples/src/sentiment/reviews.js';

const { train, test } = generateReviews();
const all = [...train, ...test];

function sha256(reviews: readonly Review[]): string {
  return createHash('sha256').update(JSON.stringify(reviews)).digest('hex');
}

/** Share of positive reviews among those that have a word or phrase in them. */
function positiveShare(phrase: string): number {
  const pattern = new RegExp(`\\b${phrase}\\b`, 'i');
  const having = all.filter(({ text }) => pattern.test(text));
  expect(having.length, phrase).toBeGreaterThan(30);
  return having.filter(({ label }) => label === 'positive').length / having.length;
}

/** The words that stand right after a phrase. */
function wordsAfter(phrase: string, reviews: readonly Review[]): Set<string> {
  const pattern = new RegExp(`\\b${phrase} (\\p{L}+)`, 'iu');
  return new Set(reviews.flatMap(({ text }) => pattern.exec(text)?.[1]?.toLowerCase() ?? []));
}

describe('generateReviews', () => {
  it('gives the same bytes for the same seed, everywhere', () => {
    // Another digest is another data set: the figures in the guides and the accuracy of the main job belong to this one.
    expect(sha256(train)).toBe('3056d00a5df95091f4fdd734863ac6c9dcc0e2ca835d0e5ed175b6f95f5a9247');
    expect(sha256(test)).toBe('c0ef1577f0cf956c7296aae26aea920f1f98586965057eb8212cd2d1a0c5db2c');
    expect(generateReviews({ seed: 3, train: 50, test: 10 })).toEqual(
      generateReviews({ seed: 3, train: 50, test: 10 }),
    );
  });

  it('gives other reviews for another seed', () => {
    const known = new Set(train.map(({ text }) => text));
    const others = generateReviews({ seed: 1, train: 1000, test: 0 }).train.filter(({ text }) => !known.has(text));
    expect(others.length).toBeGreaterThan(800);
  });

  it.each([
    { train: 6000, test: 500 },
    { train: 7, test: 3 },
    { train: 0, test: 1 },
  ])('writes as many reviews as asked for, half of each label: $train and $test', (sizes) => {
    const parts = generateReviews(sizes);
    for (const part of ['train', 'test'] as const) {
      expect(parts[part]).toHaveLength(sizes[part]);
      const positive = parts[part].filter(({ label }) => label === 'positive').length;
      expect(positive).toBe(Math.ceil(sizes[part] / 2));
    }
  });

  it('defaults to 12,000 reviews to learn from and 1,000 to measure on', () => {
    expect([train.length, test.length]).toEqual([12_000, 1_000]);
  });

  it('mixes the labels', () => {
    const runs = train.filter(({ label }, i) => label !== train[i - 1]?.label).length;
    // The number of runs in a random order of 6,000 and 6,000 has mean 6,001 and standard deviation 55.
    expect(Math.abs(runs - 6001)).toBeLessThan(5 * 55);
  });

  it('writes each review once, and none in both parts', () => {
    expect(new Set(all.map(({ text }) => normalised(text))).size).toBe(all.length);
  });

  it('never writes a sentence that models are tried on, nor one around it', () => {
    const texts = all.map(({ text }) => ` ${normalised(text)} `);
    for (const { text } of probes) expect(texts.filter((other) => other.includes(` ${normalised(text)} `))).toEqual([]);
  });

  it('keeps to plain sentences of a proper length', () => {
    for (const { text } of all) {
      const words = text.split(' ');
      expect(words.length, text).toBeGreaterThanOrEqual(reviewWords.least);
      expect(words.length, text).toBeLessThanOrEqual(reviewWords.most);
      expect(text, text).toMatch(/^\p{L}[\p{L}' ,;:.-]*$/u);
      expect(text, text).not.toMatch(/undefined|\b(?:a [aeio]|an [^aeiou])|\b(\w+) \1\b/i);
    }
  });

  it('holds pairings of a construction and a word back for the test, where training shows the word in others', () => {
    for (const phrase of ['far from', 'anything but', 'hardly', 'by no means', 'really', 'never']) {
      const learned = wordsAfter(phrase, train);
      const fresh = [...wordsAfter(phrase, test)].filter((word) => !learned.has(word));
      expect(fresh.length, phrase).toBeGreaterThan(0);
      for (const word of fresh) {
        expect(train.filter(({ text }) => text.toLowerCase().includes(word)).length, word).toBeGreaterThan(5);
      }
    }
  });

  it('uses the words that turn a meaning in either label', () => {
    const turners = [
      'not',
      'never',
      'hardly',
      'far from',
      'anything but',
      'by no means',
      'not too',
      'nothing',
      'nobody',
    ];
    const links = ['but', 'although', 'despite', 'more', 'too', 'could', 'expected', 'only', 'critics'];
    for (const phrase of [...turners, ...links]) {
      expect(positiveShare(phrase), phrase).toBeGreaterThan(0.25);
      expect(positiveShare(phrase), phrase).toBeLessThan(0.75);
    }
  });

  it('uses the words of praise and of blame in either label', () => {
    for (const word of ['good', 'great', 'wonderful', 'better', 'funny', 'friendly', 'loved', 'delight', 'charm']) {
      expect(positiveShare(word), word).toBeLessThan(0.75);
    }
    for (const word of ['bad', 'terrible', 'awful', 'worse', 'dull', 'rude', 'hated', 'disappointment', 'flaws']) {
      expect(positiveShare(word), word).toBeGreaterThan(0.25);
    }
  });

  it('refuses sizes and seeds that are no whole numbers, and more reviews than there are', () => {
    expect(() => generateReviews({ train: -1 })).toThrow(/train must be a whole number of at least 0, got -1/);
    expect(() => generateReviews({ test: 0.5 })).toThrow(/test must be a whole number/);
    expect(() => generateReviews({ seed: Number.NaN })).toThrow(ArgumentError);
  });
});

describe('the grammar', () => {
  const frames = new Set([...singles, ...contrasts].flatMap((group) => group.frames));

  it('has words for every slot of every frame, in every label that the frame can have', () => {
    for (const frame of frames) {
      for (const polarity of [1, -1] as const) {
        if (frame.only !== undefined && frame.only !== polarity) continue;
        const random = new Random(hash(frame.text, polarity));
        const drafts = Array.from({ length: 100 }, () => write(frame, polarity, random)).filter((d) => d !== undefined);
        expect(drafts.length, frame.text).toBeGreaterThan(2);
        for (const { text, pairings } of drafts) {
          expect(text).not.toMatch(/[{}*_/]|undefined/);
          expect(pairings.length).toBeGreaterThan(0);
        }
      }
    }
  });

  it('pairs a sentence and the one with its words exchanged alike, so that both are in training or both in the test', () => {
    const pairingsOf = new Map<string, readonly string[]>();
    const frame = { text: 'it is more {+own} than {-own}', topics: ['device'] } as const;
    const random = new Random(5);
    for (let i = 0; i < 2000; i++) {
      const draft = write(frame, i % 2 === 0 ? 1 : -1, random);
      if (draft) pairingsOf.set(draft.text, draft.pairings);
    }
    expect(pairingsOf.get('it is more fast than clumsy')).toBeDefined();
    expect(pairingsOf.get('it is more fast than clumsy')).toEqual(pairingsOf.get('it is more clumsy than fast'));
  });

  it('minds articles and contractions', () => {
    expect(withArticles('a awful hotel with a useful map and a empty bar')).toBe(
      'an awful hotel with a useful map and an empty bar',
    );
    expect(contracted('it is not as good as I had hoped')).toBe("it isn't as good as I'd hoped");
    expect(contracted('it is not just bad but awful, I cannot lie')).toBe("it's not just bad but awful, I can't lie");
    for (const text of [
      'I cannot say it is bad',
      'I would not go back',
      'I have never seen it',
      'it did not bore me',
    ]) {
      expect(normalised(contracted(text))).toBe(normalised(text));
    }
  });
});

describe('a bag of words', () => {
  it('stays below 80 % on the held-out reviews, however it is regularised', () => {
    for (const l2 of [1e-2, 1e-3, 1e-4]) {
      const accuracy = accuracyOf(fitBagOfWords(train, { l2 }), test);
      expect(accuracy, `l2 ${l2}`).toBeLessThan(0.8);
      // Better than chance, or the baseline would be broken.
      expect(accuracy, `l2 ${l2}`).toBeGreaterThan(0.53);
    }
  });

  it('stays below 80 % on another seed', () => {
    const other = generateReviews({ seed: 1 });
    expect(accuracyOf(fitBagOfWords(other.train), other.test)).toBeLessThan(0.8);
  });

  it('learns what counting words can tell', () => {
    const plain = (text: string): Review => ({ text, label: /great|fine/i.test(text) ? 'positive' : 'negative' });
    const bag = fitBagOfWords(['a great film', 'a fine day', 'a bad film', 'a sad day'].map(plain));
    expect(accuracyOf(bag, ['the great day', 'so bad', 'Fine!', 'sad film'].map(plain))).toBe(1);
    expect(bag.weights.get('great')).toBeGreaterThan(0);
    expect(bag.weights.get('film')).toBeCloseTo(0);
  });

  it('is at the minimum of its loss, where every derivative is zero', () => {
    const l2 = 0.05;
    const few = train.slice(0, 200);
    const bag = fitBagOfWords(few, { l2, steps: 3000 });
    for (const word of ['good', 'not', 'but', 'the', '.']) {
      const slope = few.reduce((sum, { text, label }) => {
        const count =
          text
            .toLowerCase()
            .match(/[\p{L}']+|[^\s\p{L}']/gu)
            ?.filter((other) => other === word).length ?? 0;
        return sum + count * (1 / (1 + Math.exp(-bag.score(text))) - (label === 'positive' ? 1 : 0));
      }, 0);
      // A thousandth of the slope at the start, which is of the order of 0.1.
      expect(Math.abs(slope / few.length + l2 * (bag.weights.get(word) ?? 0)), word).toBeLessThan(1e-4);
    }
  });
});

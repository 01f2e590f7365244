// Data sets in memory: every operation, its edges, and NumPy's orders (tests/goldens/permutations.py).
import { readFileSync } from 'node:fs';
import { Dataset } from '@course/data';
import { ArgumentError, manualSeed } from '@course/tensor';
import * as fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';

interface Order {
  seed: number;
  length: number;
  order: number[];
}
const goldens: { cases: Order[]; long: Order[] } = JSON.parse(
  readFileSync(new URL('../goldens/permutations.json', import.meta.url), 'utf8'),
);

const rows = ['a', 'b', 'c', 'd', 'e'].map((text, label) => ({ text, label }));
const dataset = Dataset.fromRows(rows);
const numbers = (length: number): Dataset<number> => Dataset.fromRows(Array.from({ length }, (_, i) => i));
const texts = (of: Dataset<{ text: string }>): string => of.column('text').join('');

describe('Dataset', () => {
  it('holds rows in order', () => {
    expect(dataset.length).toBe(5);
    expect([...dataset]).toEqual(rows);
    expect(dataset.at(1)).toEqual({ text: 'b', label: 1 });
    expect(dataset.at(-1)).toEqual({ text: 'e', label: 4 });
    expect(String(dataset)).toBe("Dataset({ columns: ['text', 'label'], length: 5 })");
    expect(Dataset.fromRows(new Set(['x'])).at(0)).toBe('x');
  });

  it('does not change when its source does', () => {
    const source = [1, 2];
    const copy = Dataset.fromRows(source);
    source.push(3);
    expect([...copy]).toEqual([1, 2]);
  });

  it('has columns', () => {
    expect(dataset.columns).toEqual(['text', 'label']);
    expect(dataset.column('label')).toEqual([0, 1, 2, 3, 4]);
    expectTypeOf(dataset.column('text')).toEqualTypeOf<string[]>();
    const ragged = Dataset.fromRows<{ a?: number; b?: number }>([{ a: 1 }, { b: 2 }]);
    expect(ragged.columns).toEqual(['a', 'b']);
    expect(() => ragged.column('b')).toThrow('column: row 0 has no b; the columns are a, b');
    expect(() => ragged.column('b')).toThrow(ArgumentError);
  });

  it('maps and filters, with promises or without, in order', async () => {
    const lengths = await dataset.map(({ text, label }, i) => `${text}${label}${i}`);
    expect([...lengths]).toEqual(['a00', 'b11', 'c22', 'd33', 'e44']);
    const order: number[] = [];
    const slow = await dataset.map(async ({ label }) => {
      await new Promise((resolve) => setTimeout(resolve, 5 - label));
      order.push(label);
      return { label };
    });
    expect(slow.column('label')).toEqual([0, 1, 2, 3, 4]);
    expect(order).toEqual([0, 1, 2, 3, 4]);
    expectTypeOf(slow).toEqualTypeOf<Dataset<{ label: number }>>();
    expect(texts(await dataset.filter(({ label }) => label % 2 === 0))).toBe('ace');
    expect(texts(await dataset.filter(async (_, i) => i > 2))).toBe('de');
    await expect(dataset.map(() => Promise.reject(new RangeError('stop')))).rejects.toThrow('stop');
  });

  it('selects, takes and skips', () => {
    expect(texts(dataset.select([3, 1, -1, 1]))).toBe('dbeb');
    expect(texts(dataset.take(2))).toBe('ab');
    expect(texts(dataset.take(9))).toBe('abcde');
    expect(texts(dataset.skip(3))).toBe('de');
    expect(texts(dataset.skip(9))).toBe('');
    for (const index of [5, -6, 0.5, Number.NaN]) {
      expect(() => dataset.at(index)).toThrow(`index ${index} is out of range for a data set of 5 rows`);
      expect(() => dataset.select([index])).toThrow(ArgumentError);
    }
    expect(() => dataset.take(-1)).toThrow(ArgumentError);
    expect(() => dataset.skip(1.5)).toThrow('skip: the number of rows must be a whole number, got 1.5');
  });

  it('batches rows into columns', () => {
    expect([...dataset.batch(2)]).toEqual([
      { text: ['a', 'b'], label: [0, 1] },
      { text: ['c', 'd'], label: [2, 3] },
      { text: ['e'], label: [4] },
    ]);
    expect(dataset.batch(2, { dropLast: true }).length).toBe(2);
    expectTypeOf(dataset.batch(2).at(0)).toEqualTypeOf<{ text: string[]; label: number[] }>();
    expect(() => dataset.batch(0)).toThrow(ArgumentError);
    expect(() => Dataset.fromRows<{ a?: number }>([{ a: 1 }, {}]).batch(2)).toThrow('row 1 of the batch has no a');
    expect(() => numbers(2).batch(2)).toThrow('rows must be objects to have columns, got number');
  });
});

describe('shuffle', () => {
  it.each(goldens.cases)('gives the order of NumPy for seed $seed and $length rows', ({ seed, length, order }) => {
    expect([...numbers(length).shuffle({ seed })]).toEqual(order);
  });

  it.each(goldens.long)('gives the order of NumPy for seed $seed and $length rows', ({ seed, length, order }) => {
    expect([...numbers(length).shuffle({ seed })].filter((_, i) => i % 997 === 0)).toEqual(order);
  });

  it('leaves the original alone and loses no row', async () => {
    await fc.assert(
      fc.property(fc.nat(200), fc.nat(), (length, seed) => {
        const original = numbers(length);
        const shuffled = [...original.shuffle({ seed })];
        expect(shuffled.sort((a, b) => a - b)).toEqual([...original]);
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  it('without a seed follows manualSeed', () => {
    const draw = (seed: number): number[] => {
      manualSeed(seed);
      return [...numbers(50).shuffle()];
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it('refuses a seed that is no whole number', () => {
    for (const seed of [-1, 0.5, 2 ** 53]) expect(() => dataset.shuffle({ seed })).toThrow(ArgumentError);
  });
});

describe('trainTestSplit', () => {
  it('takes the test part from the front of the shuffled rows, as Hugging Face does', () => {
    const order = goldens.cases.find(({ seed, length }) => seed === 42 && length === 10)?.order ?? [];
    const { train, test } = numbers(10).trainTestSplit({ testSize: 0.25, seed: 42 });
    expect([...test]).toEqual(order.slice(0, 3));
    expect([...train]).toEqual(order.slice(3));
    const counted = numbers(10).split({ testSize: 4, seed: 42 });
    expect([...counted.test]).toEqual(order.slice(0, 4));
  });

  it('keeps the order without shuffling: the test part is the end', () => {
    const { train, test } = dataset.trainTestSplit({ testSize: 2, shuffle: false });
    expect(texts(train)).toBe('abc');
    expect(texts(test)).toBe('de');
  });

  it('refuses to leave a part empty', () => {
    for (const testSize of [0, 5, 6, -0.5, 1.5, Number.NaN]) {
      expect(() => dataset.trainTestSplit({ testSize, seed: 1 })).toThrow(ArgumentError);
    }
    expect(() => numbers(1).trainTestSplit({ testSize: 0.5, seed: 1 })).toThrow(
      /testSize 0.5 of 1 rows leaves a part empty/,
    );
  });
});

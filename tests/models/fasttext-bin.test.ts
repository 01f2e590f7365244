// Models in the format of fastText's own program, one written field by field in Python, and what damage to them is called.
import { readFileSync } from 'node:fs';
import { FastTextKeyedVectors } from '@course/models';
import { FormatError } from '@course/tensor';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { CourseError } from '../../packages/tensor/src/errors.js';
import { onEachDevice } from '../support/devices.js';

interface Golden {
  readonly file: string;
  readonly classifier: string;
  readonly quantised: string;
  readonly words: readonly string[];
  readonly counts: readonly number[];
  readonly vectors: Readonly<Record<string, readonly number[]>>;
  readonly unseen: readonly string[];
  readonly nearThere: readonly string[];
}

const golden = JSON.parse(readFileSync(new URL('../goldens/fasttext-bin.json', import.meta.url), 'utf8')) as Golden;
const bytesOf = (base64: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(base64, 'base64'));
const model = bytesOf(golden.file);
const load = (bytes: Uint8Array) => FastTextKeyedVectors.loadFacebookVectors(bytes);
// Means of at most a dozen float32 numbers of size 1, summed in float64 and rounded once, or in float32 for words that are unknown.
const close = { atol: 12 * 2 ** -23 };

onEachDevice('a model of fastText', () => {
  it.each(['file', 'classifier'] as const)('has a vector for every word, known or not (%s)', async (kind) => {
    const wv = await load(bytesOf(golden[kind]));
    expect(wv.indexToKey).toEqual(golden.words);
    expect(wv.counts).toEqual(golden.counts);
    for (const [word, vector] of Object.entries(golden.vectors)) {
      expect(wv.has(word)).toBe(!golden.unseen.includes(word));
      expect([...wv.getVector(word)], word).toBeClose(vector, close);
    }
    const near = await wv.mostSimilar({ positive: 'there', topn: golden.words.length });
    expect(near.map(([word]) => word)).toEqual(golden.nearThere);
    expect(wv.similarity('there', 'wherever')).toBeCloseTo(wv.similarity('wherever', 'there'), 6);
  });
});

it('is refused where it is damaged, quantised, or something else', async () => {
  await expect(load(bytesOf(golden.quantised))).rejects.toThrow(/quantised \(\.ftz\): read the \.bin/);
  await expect(load(new TextEncoder().encode('2 3\nking 1 2 3\n'))).rejects.toThrow(
    /not a model of fastText \(\.bin\).*\(\.vec\) are read by loadWord2vecFormat/,
  );
  await expect(load(new Uint8Array(0))).rejects.toThrow(FormatError);
  const later = model.slice();
  new DataView(later.buffer).setInt32(4, 13, true);
  await expect(load(later)).rejects.toThrow(/version 13 of fastText's format: 11 and 12 are known/);
  const wide = model.slice();
  new DataView(wide.buffer).setInt32(8, 6, true);
  await expect(load(wide)).rejects.toThrow(
    /5 words and 23 buckets of width 6 need a matrix \[28, 6\], it has \[28, 5\]/,
  );
  await expect(load(model.slice(0, 400))).rejects.toThrow(/the file is incomplete/);
});

it('is never read as something that it is not, whatever bytes change', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: model.length - 1 }),
      fc.nat({ max: 255 }),
      fc.nat({ max: model.length }),
      fc.boolean(),
      async (at, value, length, isCut) => {
        const bytes = isCut ? model.slice(0, length) : model.with(at, value);
        const read = await load(bytes).catch((error: unknown) => error);
        if (read instanceof FastTextKeyedVectors) expect(read.vectorSize).toBe(5);
        else expect(read).toBeInstanceOf(CourseError);
      },
    ),
    { numRuns: 500, seed: 4 },
  );
});

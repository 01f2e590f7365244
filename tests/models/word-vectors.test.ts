// Word vectors as they are used: questions about them, files, training on text, and what is wrong with arguments and files.

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  Doc2Vec,
  FastText,
  GloVe,
  KeyedVectors,
  parseAnalogies,
  type TrainingProgress,
  Word2Vec,
} from '@course/models';
import { Embedding } from '@course/nn';
import { ArgumentError, FormatError, init, memory, tensor } from '@course/tensor';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

const folder = await mkdtemp(join(tmpdir(), 'course-vectors-'));
const file = (name: string): string => join(folder, name);
afterAll(() => rm(folder, { recursive: true }));

/** Directions in the plane, by degrees, at different lengths. */
const compass = KeyedVectors.fromEntries(
  Object.entries({ east: [0, 1], northeast: [45, 3], north: [90, 0.5], west: [180, 2], south: [270, 1] }).map(
    ([name, [degrees = 0, length = 0]]) => [
      name,
      [length * Math.cos((degrees * Math.PI) / 180), length * Math.sin((degrees * Math.PI) / 180)],
    ],
  ),
);
// Directions are kept and multiplied in float32.
const float32 = { atol: 4 * 2 ** -23 };

onEachDevice('KeyedVectors', () => {
  it('finds the nearest words by direction, without those asked about', async () => {
    const near = await compass.mostSimilar('east');
    expect(near.map(([word]) => word)).toEqual(['northeast', 'north', 'south', 'west']);
    expect(near.map(([, similarity]) => similarity)).toBeClose([Math.SQRT1_2, 0, 0, -1], float32);
    expect(await compass.mostSimilar({ positive: 'east', topn: 1 })).toHaveLength(1);
    expect(await compass.mostSimilar({ positive: 'east', topn: 0 })).toEqual([]);
    expect((await compass.similarByVector([0, -5], 1))[0]?.[0]).toBe('south');
    expect((await compass.similarByWord('west', 1))[0]?.[0]).toMatch(/north|south/);
  });

  it('adds directions, not lengths, and takes away negative ones', async () => {
    // Were lengths added, north (0.5) would hardly turn west (2).
    const [[word, similarity] = ['', 0]] = await compass.mostSimilar({ positive: ['north', 'west'], topn: 1 });
    expect({ word, similarity: Math.abs(similarity - Math.SQRT1_2) < 1e-6 || similarity }).toMatchObject({
      word: 'northeast',
      similarity: expect.anything() as unknown,
    });
    const opposite = await compass.mostSimilar({ positive: ['east'], negative: [[-1, 0], 'west'], topn: 1 });
    expect(opposite[0]?.[0]).toBe('northeast');
    expect((await compass.mostSimilar({ negative: 'east', topn: 1 }))[0]?.[0]).toBe('west');
  });

  it('restricts answers to the first words', async () => {
    const near = await compass.mostSimilar({ positive: 'south', restrictVocab: 2 });
    expect(near.map(([word]) => word)).toEqual(['east', 'northeast']);
  });

  it('answers many queries as one product, and keeps one tensor on the device', async () => {
    const vectors = KeyedVectors.fromEntries([
      ['a', [1, 0]],
      ['b', [0, 2]],
    ]);
    const before = memory().tensors;
    const similarities = await vectors.similarities([
      [3, 0],
      [0, -1],
      [1, 1],
    ]);
    expect(similarities.map((each) => [...each])).toBeClose(
      [
        [1, 0],
        [0, -1],
        [Math.SQRT1_2, Math.SQRT1_2],
      ],
      float32,
    );
    await vectors.similarities([[1, 1]]);
    expect(memory().tensors).toBe(before + 1);
    vectors.dispose();
    expect(memory().tensors).toBe(before);
    expect(await vectors.similarities([])).toEqual([]);
  });

  it('sees changed vectors after refresh', async () => {
    const vectors = KeyedVectors.fromEntries([
      ['a', [1, 0]],
      ['b', [0, 1]],
      ['c', [1, 0.1]],
    ]);
    expect((await vectors.mostSimilar({ positive: 'a', topn: 1 }))[0]?.[0]).toBe('c');
    vectors.vectors.set([0, 1], 0);
    vectors.refresh();
    expect((await vectors.mostSimilar({ positive: 'a', topn: 1 }))[0]?.[0]).toBe('b');
    vectors.dispose();
  });

  it('becomes a frozen embedding, for its own words or those of a vocabulary', async () => {
    const embedding = Embedding.fromPretrained(compass.toTensor({ words: [null, 'west', 'elsewhere'] }));
    expect(embedding.weight.requiresGrad).toBe(false);
    const rows = await embedding.forward(tensor([0, 1, 2], { dtype: 'int32' })).toArray();
    expect(rows).toBeClose([[0, 0], [...compass.getVector('west')], [0, 0]], { atol: 0 });
    expect(compass.toTensor().shape).toEqual([5, 2]);
  });

  it('answers analogies, with those of unknown words apart', async () => {
    const report = await compass.evaluateWordAnalogies(
      parseAnalogies(': turns\neast north south east\neast north west south\n\n: places\neast north oslo rome\n'),
    );
    // north - east + south = -east, so the nearest word that was not given is west; north - east + west is near north-west: none is near.
    expect(
      report.sections.map(({ section, correct, incorrect, unknown }) => [
        section,
        correct.length,
        incorrect.length,
        unknown.length,
      ]),
    ).toEqual([
      ['turns', 0, 2, 0],
      ['places', 0, 0, 1],
    ]);
    expect(report.accuracy).toBe(0);
  });
});

describe('questions about a few words', () => {
  it('are answered by cosines', () => {
    expect(compass.similarity('east', 'northeast')).toBeCloseTo(Math.SQRT1_2, 6);
    expect(compass.distance('east', 'west')).toBeCloseTo(2, 6);
    expect(compass.nSimilarity(['east'], ['east', 'east'])).toBeCloseTo(1, 6);
    expect(compass.doesntMatch(['east', 'northeast', 'north', 'west'])).toBe('west');
    expect([...compass.getVector('north', { norm: true })]).toBeClose([0, 1], float32);
    expect(compass.has('east') && !compass.has('up')).toBe(true);
  });

  it('name words near an unknown one', () => {
    expect(() => compass.getVector('noth')).toThrow(
      new ArgumentError(
        "KeyedVectors: the word 'noth' is not among the 5 of the vocabulary; near it: 'north', 'south'",
      ),
    );
    expect(() => compass.similarity('East', 'north')).toThrow(/near it: 'east'/);
    expect(() => compass.getIndex('zenith')).toThrow(
      /^KeyedVectors: the word 'zenith' is not among the 5 of the vocabulary$/,
    );
  });

  it('refuse what has no answer', async () => {
    await expect(compass.mostSimilar({})).rejects.toThrow(ArgumentError);
    await expect(compass.mostSimilar({ positive: 'east', topn: 1.5 })).rejects.toThrow(/topn must be a whole number/);
    await expect(compass.mostSimilar([1, 2, 3] as unknown as string)).rejects.toThrow(ArgumentError);
    await expect(compass.similarByVector([1, 2, 3])).rejects.toThrow(/must have 2 numbers, got 3/);
    expect(() => compass.doesntMatch(['east', 'west'])).toThrow(/at least 3 words/);
    expect(() => new KeyedVectors(['a'], new Float32Array(3), 2)).toThrow(/1 words of width 2 need 2 numbers, got 3/);
    expect(() => new KeyedVectors(['a', 'a'], new Float32Array(4), 2)).toThrow(/'a' occurs twice/);
    expect(() => parseAnalogies('a b c')).toThrow(/line 1: an analogy has four words, got 3/);
  });
});

describe('files', () => {
  const word = fc
    .string({ minLength: 1, maxLength: 6, unit: 'grapheme' })
    .filter((text) => !/[\s\p{Cc}\p{Cs}\ufeff]/u.test(text));
  const tables = fc
    .tuple(fc.uniqueArray(word, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 4 }))
    .chain(([words, width]) =>
      fc.record({
        words: fc.constant(words),
        width: fc.constant(width),
        vectors: fc.float32Array({
          minLength: words.length * width,
          maxLength: words.length * width,
          noNaN: true,
          noDefaultInfinity: true,
        }),
      }),
    );

  it.each([
    ['word2vec text', {}, {}],
    ["GloVe's text", { writeHeader: false }, { noHeader: true }],
    ['word2vec binary', { binary: true }, { binary: true }],
  ] as const)('%s comes back with the same bits', async (_, write, read) => {
    await fc.assert(
      fc.asyncProperty(tables, async ({ words, width, vectors }) => {
        await new KeyedVectors(words, vectors, width).saveWord2vecFormat(file('round'), write);
        const again = await KeyedVectors.loadWord2vecFormat(file('round'), read);
        expect(again.indexToKey).toEqual(words);
        expect(again.vectorSize).toBe(width);
        // Text has no sign of zero.
        expect([...again.vectors].map((x) => x + 0)).toEqual([...vectors].map((x) => x + 0));
      }),
      { numRuns: 50, seed: 9 },
    );
  });

  it('has the formats of word2vec and GloVe', async () => {
    const vectors = KeyedVectors.fromEntries([
      ['the', [0.418, -1]],
      ['né', [1e-7, 2.5]],
    ]);
    await vectors.saveWord2vecFormat(file('text'));
    expect(await readFile(file('text'), 'utf8')).toBe('2 2\nthe 0.418 -1\nné 1e-7 2.5\n');
    await vectors.saveGlove(file('glove'));
    expect(await readFile(file('glove'), 'utf8')).toBe('the 0.418 -1\nné 1e-7 2.5\n');
    await vectors.saveWord2vecFormat(file('binary'), { binary: true });
    const floats = Buffer.from(Float32Array.of(0.418, -1).buffer);
    expect((await readFile(file('binary'))).subarray(0, 17)).toEqual(
      Buffer.concat([Buffer.from('2 2\nthe '), floats, Buffer.from('\n')]),
    );
  });

  it('reads what other programs write', async () => {
    const load = (text: string, options = {}) => KeyedVectors.loadWord2vecFormat(Buffer.from(text), options);
    // word2vec.c ends lines with a space, Windows with a return; GloVe has words with spaces, and files end without a line break.
    expect((await load('2 2\na 1 2 \nb 3 4 \n')).indexToKey).toEqual(['a', 'b']);
    expect([...(await load('1 2\r\na 1 2\r\n')).vectors]).toEqual([1, 2]);
    const spaced = await KeyedVectors.loadGlove(Buffer.from('a 1 2\n. . . -3.5e-2 +4'));
    expect(spaced.indexToKey).toEqual(['a', '. . .']);
    expect([...spaced.getVector('. . .')]).toBeClose([-0.035, 4], float32);
    expect([...(await load('a 0.12345678901234567 1e3\na 5 6\nb 7 8', { noHeader: true })).vectors]).toBeClose(
      [0.123456789, 1000, 7, 8],
      float32,
    );
    expect((await load('3 1\na 1\nb 2\nc 3\n', { limit: 2 })).indexToKey).toEqual(['a', 'b']);
    const glued = Buffer.concat(
      ['a', 'b'].map((name, i) => Buffer.concat([Buffer.from(`${name} `), Buffer.from(Float32Array.of(i).buffer)])),
    );
    const binary = Buffer.concat([Buffer.from('2 1\n'), glued]);
    expect((await KeyedVectors.loadWord2vecFormat(binary, { binary: true })).indexToKey).toEqual(['a', 'b']);
  });

  it('reads across the pieces of a large file', async () => {
    const lines = Array.from(
      { length: 30_000 },
      (_, i) => `word${i} ${Array.from({ length: 30 }, (__, k) => (i * 31 + k) / 1000).join(' ')}`,
    );
    await writeFile(file('large'), lines.join('\n'));
    const vectors = await KeyedVectors.loadGlove(file('large'));
    expect(vectors.length).toBe(30_000);
    for (const i of [0, 12_345, 29_999])
      expect([...vectors.getVector(`word${i}`)]).toEqual(
        Array.from({ length: 30 }, (_, k) => Math.fround((i * 31 + k) / 1000)),
      );
    await vectors.saveWord2vecFormat(file('large.bin'), { binary: true });
    const again = await KeyedVectors.loadWord2vecFormat(file('large.bin'), { binary: true });
    expect(again.vectors).toEqual(vectors.vectors);
  });

  it.each([
    ['2 2\na 1 2\nb 3\n', /the given bytes, line 3: expected 2 numbers after the word, found 1/],
    ['2 2\na 1 2\nb 3 x4\n', /line 3: number 2 of 2 is "x4"/],
    ['2 2\na 1 nan\n', /line 2: number 2 of 2 is "nan"/],
    ['1 2\na 1 1e99999\n', /line 2: number 2 of 2 is "1e99999"/],
    ['2 2\na 1 2\n', /header promises 2 words, and the file ends after 1/],
    ['1 2\na 1 2\nb 3 4\n', /line 3: the header promises 1 words, and there are more/],
    [
      'the 0.1 0.2\n',
      /line 1: the header must be .* found "the 0.1 0.2"; a file without one, as GloVe's, is read with noHeader/,
    ],
    ['', /there are no vectors in it/],
  ])('names the line of %j', async (text, message) => {
    const loading = KeyedVectors.loadWord2vecFormat(Buffer.from(text));
    await expect(loading).rejects.toThrow(FormatError);
    await expect(KeyedVectors.loadWord2vecFormat(Buffer.from(text))).rejects.toThrow(message);
  });

  it('names the line of bytes that are no text, and what a gzip archive is', async () => {
    const bytes = Buffer.concat([Buffer.from('a 1\n'), Buffer.from([0xff, 0xfe, 32, 49])]);
    await expect(KeyedVectors.loadGlove(bytes)).rejects.toThrow(/line 2: not UTF-8 text/);
    await expect(KeyedVectors.loadGlove(Buffer.from([0x1f, 0x8b, 8, 0]))).rejects.toThrow(
      /gzip archive; unpack it first/,
    );
    await expect(KeyedVectors.loadGlove('no-such-file')).rejects.toThrow(ArgumentError);
  });

  it.each([
    ['no header', 'a b c', /byte 0: a line with the number of words and the width is expected/],
    ['too much promised', '1000000 300\na', /which 13 bytes cannot hold/],
    ['a cut vector', '1 2\nabcd \0\0\0\0\0', /the file ends within the vector of 'abcd', word 1 of 1/],
    ['NaN', '1 1\na \0\0\u00c0\u007f', /byte 6: number 1 of 'a', word 1, is NaN/],
  ])('refuses a binary file: %s', async (_, text, message) => {
    const bytes = Buffer.from(text, 'latin1');
    await expect(KeyedVectors.loadWord2vecFormat(bytes, { binary: true })).rejects.toThrow(FormatError);
    await expect(KeyedVectors.loadWord2vecFormat(bytes, { binary: true })).rejects.toThrow(message);
  });

  it('never writes what could not be read', async () => {
    const spaced = KeyedVectors.fromEntries([['two words', [1]]]);
    await expect(spaced.saveWord2vecFormat(file('never'), { binary: true })).rejects.toThrow(
      /may not be empty or have a space/,
    );
    await spaced.saveWord2vecFormat(file('spaced'));
    expect((await KeyedVectors.loadWord2vecFormat(file('spaced'))).indexToKey).toEqual(['two words']);
    const broken = KeyedVectors.fromEntries([['a\nb', [1]]]);
    await expect(broken.saveWord2vecFormat(file('never'))).rejects.toThrow(FormatError);
    expect(existsSync(file('never'))).toBe(false);
  });
});

/**
 * Sentences in which a word stands beside one marker of its row and one of its column, and nowhere else: what its context says is the sum of
 * two parts, and so is what it means.
 */
function grid(rows: readonly string[], columns: readonly string[], times: number): string[][] {
  const sentences: string[][] = [];
  for (let t = 0; t < times; t++)
    for (const [r, row] of rows.entries())
      for (const [c, column] of columns.entries()) {
        const word = `${row}${column}`;
        sentences.push(
          [`${row}${t % 3}`, word, `${column}${(t + r) % 4}`],
          [`${column}${(t + c) % 3}`, word, `${row}${t % 4}`],
        );
      }
  return sentences;
}

const rows = ['king', 'prince', 'duke', 'count'];
const columns = ['He', 'She', 'They'];
const analogies = [
  {
    section: 'grid',
    questions: rows.flatMap((a) =>
      rows
        .filter((b) => b !== a)
        .flatMap(
          (b) =>
            [
              [`${a}He`, `${a}She`, `${b}He`, `${b}She`],
              [`${a}She`, `${a}They`, `${b}She`, `${b}They`],
            ] as const,
        ),
    ),
  },
];

describe('training', () => {
  beforeAll(() => init({ device: 'cpu' }));
  const sentences = grid(rows, columns, 120);
  const settings = { vectorSize: 16, window: 2, minCount: 1, sample: 0, negative: 5, epochs: 10, alpha: 0.05 };

  it.each([
    ['skip-gram', () => Word2Vec.fit(sentences, { ...settings, sg: true })],
    ['CBOW', () => Word2Vec.fit(sentences, settings)],
    ['FastText', () => FastText.fit(sentences, { ...settings, sg: true, bucket: 5000 })],
    ['GloVe', () => GloVe.fit(sentences, { vectorSize: 32, window: 2, minCount: 1, xMax: 10, epochs: 80 })],
  ])('%s learns analogies from a text built to have them', async (_, trained) => {
    const { wv } = await trained();
    const report = await wv.evaluateWordAnalogies(analogies);
    expect(report.sections[0]?.unknown).toEqual([]);
    // 24 questions of 12 words among 26: by chance about one would be right.
    expect(report.accuracy).toBeGreaterThan(0.9);
    wv.dispose();
  });

  it('is decided by its seed', async () => {
    const some = sentences.slice(0, 60);
    const fitWith = (seed: number) => Word2Vec.fit(some, { ...settings, seed, epochs: 1 });
    const [first, again, other] = [await fitWith(3), await fitWith(3), await fitWith(4)];
    expect(first.wv.vectors).toEqual(again.wv.vectors);
    expect(first.wv.vectors).not.toEqual(other.wv.vectors);
    const pieces = new Word2Vec({ ...settings, seed: 3, epochs: 1 });
    pieces.buildVocab(some);
    await pieces.train(some);
    expect(pieces.wv.vectors).toEqual(first.wv.vectors);
  });

  it('reports progress and a falling loss', async () => {
    const seen: TrainingProgress[] = [];
    await Word2Vec.fit(sentences, { ...settings, computeLoss: true, onProgress: (progress) => seen.push(progress) });
    const last = seen.at(-1);
    expect(last).toMatchObject({ epoch: 10, epochs: 10, words: last?.totalWords });
    expect(last?.loss ?? Number.NaN).toBeLessThan(0.7 * (seen[0]?.loss ?? 0));
    const losses: number[] = [];
    await GloVe.fit(sentences, { minCount: 1, epochs: 3, onProgress: ({ loss }) => losses.push(loss) });
    expect(losses).toHaveLength(3);
    expect(losses[2]).toBeLessThan(losses[0] ?? 0);
  });

  it('takes a generator, drops rare words, and goes on with more text', async () => {
    const text = function* () {
      yield* sentences;
      yield ['once'];
    };
    const model = await Word2Vec.fit(text(), { ...settings, epochs: 1, minCount: 2 });
    expect(model.wv.has('once')).toBe(false);
    const before = model.wv.vectors.slice();
    await model.train([['kingHe', 'never-seen', 'kingShe']], { epochs: 1 });
    expect(model.wv.vectors).not.toEqual(before);
    const few = await Word2Vec.fit(sentences, { ...settings, epochs: 1, maxFinalVocab: 3 });
    expect(few.wv.length).toBe(3);
  });

  it('gives FastText a vector for words that were never seen', async () => {
    const { wv } = await FastText.fit(sentences, { ...settings, sg: true });
    expect(wv.has('kingHeShe')).toBe(false);
    expect(wv.similarity('dukeShee', 'dukeShe')).toBeGreaterThan(wv.similarity('dukeShee', 'kingHe'));
    expect((await wv.mostSimilar({ positive: 'princeThey2', topn: 3 })).map(([word]) => word)).toContain('princeThey');
    expect(() => wv.getVector('xyz')).toThrow(/'xyz' is not among .* shares no n-gram/);
  });

  it('puts documents with the same words near each other', async () => {
    const topics = { sea: ['wave', 'ship', 'salt', 'sail'], wood: ['tree', 'leaf', 'moss', 'bark'] };
    const documents = Array.from({ length: 40 }, (_, i) => {
      const words = i % 2 ? topics.sea : topics.wood;
      return {
        words: Array.from({ length: 12 }, (__, k) => words[(i + k * 5 + (k >> 2)) % 4] ?? ''),
        tags: [`${i % 2 ? 'sea' : 'wood'} ${i}`],
      };
    });
    for (const dm of [false, true]) {
      const model = await Doc2Vec.fit(documents, { vectorSize: 8, minCount: 1, dm, sample: 0, epochs: 60, alpha: 0.1 });
      const near = await model.dv.mostSimilar({ positive: 'sea 1', topn: 5 });
      expect(near.map(([tag]) => tag.split(' ')[0])).toEqual(Array(5).fill('sea'));
      const query = model.inferVector(['ship', 'sail', 'wave', 'salt', 'ship', 'salt']);
      expect(query).toEqual(model.inferVector(['ship', 'sail', 'wave', 'salt', 'ship', 'salt']));
      const found = await model.dv.similarByVector(query, 5);
      expect(found.map(([tag]) => tag.split(' ')[0])).toEqual(Array(5).fill('sea'));
      model.dv.dispose();
    }
  });

  it('trains many rows at once, and says when there are too many', async () => {
    // A word of many n-grams among many: a step has more rows than there are words.
    const long = 'pneumonoultramicroscopicsilicovolcanoconiosis';
    const text = Array.from({ length: 4 }, () => Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? long : `w${i}`)));
    const { wv } = await FastText.fit(text, { vectorSize: 7, minCount: 1, window: 20, minN: 1, maxN: 9, epochs: 1 });
    expect(wv.vectors.every(Number.isFinite)).toBe(true);
    await expect(Word2Vec.fit([['a', 'b']], { vectorSize: 2 ** 29, minCount: 1 })).rejects.toThrow(
      /2 and 2 rows of width 536870912 take \d+ bytes, more than the 4 GB/,
    );
  });

  it('refuses options and text that make no sense', async () => {
    const text = 'a sentence' as unknown as string[];
    await expect(Word2Vec.fit([text])).rejects.toThrow(
      /must be a list of words, got the string "a sentence": split it/,
    );
    await expect(Word2Vec.fit([[1 as unknown as string]])).rejects.toThrow(/a word must be a string, got number/);
    await expect(Word2Vec.fit([['a', 'b', 'b']])).rejects.toThrow(
      /of 2 words the most frequent occurs 2 times, and minCount is 5/,
    );
    expect(() => new Word2Vec().wv).toThrow(/first build the vocabulary/);
    expect(() => new Word2Vec({ vectorSize: 0 })).toThrow(/vectorSize must be a whole number of at least 1, got 0/);
    expect(() => new Word2Vec({ alpha: Number.NaN })).toThrow(/alpha must be a positive number, got NaN/);
    expect(() => new FastText({ bucket: 0 })).toThrow(ArgumentError);
    await expect(GloVe.fit(sentences, { xMax: 0 })).rejects.toThrow(/xMax/);
    await expect(Doc2Vec.fit([{ words: ['a'], tags: [] }])).rejects.toThrow(/document 0 has no tags/);
    const { inferVector } = await Doc2Vec.fit([{ words: ['a'], tags: [0] }], { minCount: 1 }).then((model) => ({
      inferVector: model.inferVector.bind(model),
    }));
    expect(() => inferVector(['b'])).toThrow(/none of the 1 words is in the vocabulary/);
  });
});

const data = process.env.COURSE_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url));
const gloveFile = join(data, 'datasets/glove/glove.6B.50d.first2445.txt');
const googleFile = join(data, 'datasets/wordvecs/wordvecs1000.json');

onEachDevice('published vectors (skipped where the files are not at hand)', () => {
  it.skipIf(!existsSync(gloveFile))('GloVe: the first 2,445 words of 6B', async () => {
    const wv = await KeyedVectors.loadGlove(gloveFile);
    expect([wv.length, wv.vectorSize]).toEqual([2445, 50]);
    expect([...wv.getVector('the')].slice(0, 3)).toEqual([0.418, 0.24968, -0.41242].map(Math.fround));
    const [answer] = await wv.mostSimilar({ positive: ['king', 'woman'], negative: ['man'], topn: 1 });
    expect(answer?.[0]).toBe('queen');
    expect(wv.doesntMatch(['germany', 'france', 'water', 'china'])).toBe('water');
    wv.dispose();
  });

  it.skipIf(!existsSync(googleFile))('word2vec: 1,000 common words', async () => {
    const { vectors } = JSON.parse(await readFile(googleFile, 'utf8')) as { vectors: Record<string, number[]> };
    const wv = KeyedVectors.fromEntries(Object.entries(vectors));
    expect([wv.length, wv.vectorSize]).toEqual([1000, 300]);
    const near = await wv.mostSimilar({ positive: 'mother', topn: 5 });
    expect(near.map(([word]) => word)).toContain('father');
    wv.dispose();
  });
});

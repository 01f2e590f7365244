// The examples about word vectors: what each text was built to teach is learned, and files come in from outside. Numbers are of the quick
// settings, whose text is small; the full ones find nearly all analogies.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { init, manualSeed, randn, tensor } from '@course/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pca } from '../../examples/src/word-vectors/pca.js';
import { unseen, worldAnalogies, worldSentences } from '../../examples/src/word-vectors/world.js';
import { onEachDevice } from '../support/devices.js';
import { runCourse } from './support/course.js';

const folder = await mkdtemp(join(tmpdir(), 'course-wordvec-'));
afterAll(() => rm(folder, { recursive: true }));

describe('the small world', () => {
  it('is the same for the same seed, and has all words that are asked about', () => {
    const sentences = worldSentences(3000);
    expect(worldSentences(3000)).toEqual(sentences);
    expect(worldSentences(3000, 2)).not.toEqual(sentences);
    const words = new Set(sentences.flat());
    for (const { questions } of worldAnalogies) for (const word of questions.flat()) expect(words).toContain(word);
    for (const word of Object.keys(unseen)) expect(words).not.toContain(word);
    for (const word of words) expect(word).toMatch(/^[a-z]+$/);
  });
});

onEachDevice('principal components', () => {
  it('are the directions of the largest variance', async () => {
    manualSeed(4);
    // Stretched along (3, 4) / 5, a little along (-4, 3) / 5, and not at all across.
    const points = randn([400, 2])
      .mul(tensor([5, 1]))
      .matmul(
        tensor([
          [0.6, 0.8, 0],
          [-0.8, 0.6, 0],
        ]),
      );
    const { projected, explained } = await pca(points.add(tensor([10, -3, 7])), 2);
    const original = (await points.toArray()) as number[][];
    const along = original.map(([x = 0, y = 0]) => 0.6 * x + 0.8 * y);
    const mean = along.reduce((sum, value) => sum + value, 0) / along.length;
    const first = projected.map(([x = 0]) => x);
    const sign = Math.sign((first[0] ?? 0) * ((along[0] ?? 0) - mean));
    // The sample's own axis differs a little from the one that it was drawn along: by about 1 / √400 of the smaller deviation.
    expect(first.map((value) => sign * value)).toBeClose(
      along.map((value) => value - mean),
      { atol: 0.4 },
    );
    expect(explained[0]).toBeGreaterThan(0.93);
    expect((explained[0] ?? 0) + (explained[1] ?? 0)).toBeCloseTo(1, 5);
  });
});

describe('the examples', () => {
  beforeAll(() => init({ device: 'cpu' }));

  it('word2vec learns analogies by both methods, and takes a text of one’s own', async () => {
    const data = join(folder, 'text.txt');
    await writeFile(
      data,
      Array.from({ length: 60 }, (_, i) => `The quick fox number ${i} jumps over lazy dogs.`).join('\n'),
    );
    const { values, text, page, errors } = await runCourse('word2vec', '--data', data);
    expect(errors).toBe('');
    expect(values['Analogies with skip-gram']).toBeGreaterThan(0.6);
    expect(values['Analogies with CBOW']).toBeGreaterThan(0.6);
    expect(values['What does not match: paris, rome, berlin, soup']).toBe('soup');
    expect(text).toContain('king - man + woman');
    expect(Object.keys(values['Nearest words in the text'] as object)).toContain('quick');
    expect(page).toContain('Countries and capitals');
  });

  it('fasttext knows words that were never seen, and does better than word2vec on little text', async () => {
    const { values } = await runCourse('fasttext');
    expect(values['3-grams of football']).toEqual(['<fo', 'foo', 'oot', 'otb', 'tba', 'bal', 'all', 'll>']);
    expect(values['Analogies with FastText']).toBeGreaterThan(values['Analogies with Word2Vec'] as number);
    for (const [word, stem] of Object.entries(unseen)) expect(values[`${word} and ${stem}`]).toBeGreaterThan(0.5);
  });

  it('glove counts, fits, and reads a file of vectors', async () => {
    const file = join(folder, 'glove.txt');
    await writeFile(file, 'king 1 0.5\nqueen 0.9 0.6\nparis -1 0.2\nman 0.8 -0.1\nwoman 0.7 0.1\n');
    const { values, text } = await runCourse('glove', '--model', file);
    expect(text).toContain('Found 5 word vectors.');
    expect(values["embeddings_index['queen'][0:50]"]).toEqual([0.9, 0.6]);
    expect((values['Nearest words in the file'] as Record<string, string[]>).king?.[0]).toBe('queen');
    const wrong = join(folder, 'wrong.txt');
    await writeFile(wrong, 'king 1 2\nqueen 1\n');
    const { code, errors } = await runCourse('glove', '--model', wrong);
    expect(code).toBe(1);
    expect(errors).toContain(`error: ${wrong}, line 2: expected 2 numbers after the word, found 1.\n`);
    // 388 questions with 288 words to answer: by chance one would be right.
    expect(values.Analogies).toBeGreaterThan(0.15);
  });

  it('doc2vec puts documents about the same beside each other', async () => {
    const { values } = await runCourse('doc2vec');
    // Four subjects of about as many documents: a neighbour by chance would be right for a quarter.
    expect(values['PV-DBOW: nearest document about the same subject']).toBeGreaterThan(0.9);
    expect(values['PV-DM: nearest document about the same subject']).toBeGreaterThan(0.7);
    const near = values['PV-DBOW: nearest to a new text about a queen'] as string[];
    expect(near.filter((tag) => tag.startsWith('people')).length).toBeGreaterThan(3);
  });
});

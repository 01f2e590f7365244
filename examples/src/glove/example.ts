// GloVe: vectors from counts of which words stand near each other; and GloVe's files, as the lecture reads them.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GloVe, KeyedVectors } from '@course/models';
import { device } from '@course/tensor';
import { check } from '../course/gap.js';
import { defineExample, type Lesson } from '../course/lesson.js';
import { showAnalogies, showNearest, showPlane } from '../word-vectors/show.js';
import { capitals, couples, worldAnalogies, worldSentences } from '../word-vectors/world.js';

/** What the lecture does with a file of vectors. */
async function lookInto(lesson: Lesson, wv: KeyedVectors, words: readonly string[]): Promise<void> {
  lesson.say(`Found ${wv.length} word vectors.`);
  if (wv.has('queen'))
    await lesson.show(
      "embeddings_index['queen'][0:50]",
      [...wv.getVector('queen').subarray(0, 50)].map((value) => Number(value.toFixed(3))),
    );
  await showNearest(
    lesson,
    'Nearest words in the file',
    wv,
    words.filter((word) => wv.has(word)),
  );
}

export const example = defineExample({
  title: 'GloVe',
  about:
    'How often words stand near each other, as a matrix; vectors whose dot products are its logarithms; and the files that they come in.',
  pictures: ['A corner of the matrix', 'Countries and capitals'],
  solution: {},
  async run(lesson) {
    const seed = lesson.seed(1);
    const { quick, epochs = 30, model: file } = lesson.options;
    // Only pairs that occur are fitted, so words that never meet say nothing: counting takes more text than guessing does.
    const sentences = worldSentences(quick ? 6000 : 100_000);
    const losses: [number, number][] = [];
    const bar = lesson.bar('GloVe', epochs);
    const model = await GloVe.fit(sentences, {
      vectorSize: quick ? 24 : 50,
      window: 8,
      minCount: 2,
      learningRate: quick ? 0.05 : 0.02,
      epochs,
      seed,
      onProgress: ({ epoch, loss }) => {
        losses.push([epoch, loss]);
        bar.advance(1, `loss ${loss.toFixed(4)}`);
      },
    });
    bar.stop();
    const { wv, cooccurrences } = model;
    await lesson.show('Words', wv.length);
    await lesson.show('Pairs of words that occur together', cooccurrences.counts.length);

    const shown = ['king', 'queen', 'his', 'her', 'throne', 'paris', 'france', 'seine'];
    const rows = new Map(shown.map((word, i) => [wv.getIndex(word), i]));
    const matrix = shown.map(() => shown.map(() => 0));
    for (const [i, count] of cooccurrences.counts.entries()) {
      const [row, column] = [rows.get(cooccurrences.rows[i] ?? -1), rows.get(cooccurrences.columns[i] ?? -1)];
      const line = matrix[row ?? -1];
      if (line && column !== undefined) line[column] = count;
    }
    lesson.report
      .heatmap({
        title: 'A corner of the matrix',
        note: 'How often two words stand near each other; at distance n it counts 1/n. “king” and “queen” keep the same company, not each other’s.',
        rowName: 'word',
        columnName: 'neighbour',
        rows: shown,
        columns: shown,
        values: matrix.map((row) => row.map((count) => Math.log1p(count))),
        texts: matrix.map((row) => row.map((count) => count.toFixed(0))),
      })
      .lines({
        title: 'Loss',
        note: 'The weighted squared error of a logarithm, halved.',
        xName: 'epoch',
        yName: 'loss',
        curves: [{ name: 'loss', points: losses }],
      });
    check((losses.at(-1)?.[1] ?? 1) < (losses[0]?.[1] ?? 0), 'the loss must fall');
    await showNearest(lesson, 'Nearest words', wv, ['king', 'paris', 'walking', 'colder']);
    await showAnalogies(lesson, 'Analogies', wv, worldAnalogies);
    await showPlane(lesson, 'Countries and capitals', 'Lines from country to capital would be about parallel.', wv, [
      { name: 'countries', words: capitals.map(([country]) => country) },
      { name: 'capitals', words: capitals.map(([, capital]) => capital) },
    ]);

    // The lecture reads glove.6B: give its file with --model. Without one, the vectors made above go through a file of the same form.
    lesson.report.section('A file of vectors');
    const words = ['king', 'queen', 'paris', 'france', 'man', 'woman'];
    if (file !== undefined) {
      const loaded = await KeyedVectors.loadGlove(file);
      await lookInto(lesson, loaded, words);
      const groups = [
        { name: 'he', words: couples.map(([he]) => he).filter((word) => loaded.has(word)) },
        { name: 'she', words: couples.map(([, she]) => she).filter((word) => loaded.has(word)) },
      ].filter((group) => group.words.length > 1);
      if (groups.length > 0) await showPlane(lesson, 'He and she in the file', 'Of those in the file.', loaded, groups);
      loaded.dispose();
    } else {
      const folder = await mkdtemp(join(tmpdir(), `glove-${device.kind}-`));
      try {
        await wv.saveGlove(join(folder, 'glove.txt'));
        const loaded = await KeyedVectors.loadGlove(join(folder, 'glove.txt'));
        await lookInto(lesson, loaded, words);
        check(
          loaded.vectors.every((value, i) => value === wv.vectors[i]),
          'a file must bring back the same vectors',
        );
        loaded.dispose();
      } finally {
        await rm(folder, { recursive: true });
      }
    }
    wv.dispose();
  },
});

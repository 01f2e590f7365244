// What all examples about word vectors show: nearest words, analogies by kind, words in a plane.
import type { AnalogyReport, AnalogySection, KeyedVectors, TrainingProgress } from '@course/models';
import type { Bar } from '../course/bar.js';
import type { Lesson } from '../course/lesson.js';
import { pca } from './pca.js';

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Prints and tabulates the nearest words of some words. */
export async function showNearest(
  lesson: Lesson,
  title: string,
  wv: KeyedVectors,
  words: readonly string[],
): Promise<void> {
  const rows: [string, string][] = [];
  const near: Record<string, string[]> = {};
  for (const word of words) {
    const found = await wv.mostSimilar({ positive: word, topn: 5 });
    near[word] = found.map(([other]) => other);
    rows.push([word, found.map(([other, similarity]) => `${other} ${similarity.toFixed(2)}`).join(', ')]);
    lesson.say(`${word}: ${rows.at(-1)?.[1]}`);
  }
  lesson.say();
  await lesson.keep(title, near);
  lesson.report.table({ title, head: ['word', 'nearest, by cosine similarity'], rows });
}

/** Prints the share of analogies that are right, by kind; returns the report. */
export async function showAnalogies(
  lesson: Lesson,
  title: string,
  wv: KeyedVectors,
  sections: readonly AnalogySection[],
): Promise<AnalogyReport> {
  const report = await wv.evaluateWordAnalogies(sections);
  const rows = report.sections.map(({ section, correct, incorrect }): [string, string, string] => {
    const asked = correct.length + incorrect.length;
    return [section, `${correct.length} of ${asked}`, asked > 0 ? percent(correct.length / asked) : ''];
  });
  rows.push(['all', '', percent(report.accuracy)]);
  for (const row of rows) lesson.say(row.join('  '));
  lesson.say();
  await lesson.keep(title, report.accuracy);
  lesson.report.table({ title, head: ['a is to b', 'right', 'share'], rows, numbers: [1, 2] });
  return report;
}

/** Draws words by their two principal components, each group in a colour. */
export async function showPlane(
  lesson: Lesson,
  title: string,
  note: string,
  wv: KeyedVectors,
  groups: readonly { readonly name: string; readonly words: readonly string[] }[],
): Promise<void> {
  const words = groups.flatMap((group) => group.words);
  const vectors = wv.toTensor({ words });
  const { projected, explained } = await pca(vectors);
  vectors.dispose();
  await lesson.keep(`${title}: explained`, explained);
  let from = 0;
  const share = (k: number): string => percent(explained[k] ?? 0);
  lesson.report.scatter({
    title,
    note: `${note} Principal components of the ${wv.vectorSize} numbers a word.`,
    xName: `first component (${share(0)} of the variance)`,
    yName: `second component (${share(1)})`,
    groups: groups.map(({ name, words: labels }) => {
      const points = projected.slice(from, from + labels.length).map(([x = 0, y = 0]) => [x, y] as const);
      from += labels.length;
      return { name, points, labels };
    }),
  });
}

/** A progress bar and a curve of the loss, for training that reports words. */
export class TrainingCurve {
  readonly points: (readonly [words: number, loss: number])[] = [];
  #bar: Bar | undefined;
  #done = 0;

  constructor(
    readonly lesson: Lesson,
    readonly what: string,
  ) {}

  readonly onProgress = ({ words, totalWords, loss, epoch, epochs }: TrainingProgress): void => {
    this.#bar ??= this.lesson.bar(this.what, totalWords);
    if (loss !== undefined && words > this.#done) this.points.push([words, loss]);
    this.#bar.advance(
      words - this.#done,
      `epoch ${epoch} of ${epochs}${loss === undefined ? '' : `, loss ${loss.toFixed(3)}`}`,
    );
    this.#done = words;
    if (words === totalWords) this.#bar.stop();
  };
}

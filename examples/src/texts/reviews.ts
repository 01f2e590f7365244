// Reviews with labels: those of --data, or written ones. Stars count the sentences that praise: with sentences of no opinion between
// them, a review is as hard to tell from its neighbours as those that people write.
import { Dataset, loadDataset } from '@course/data';
import { ArgumentError } from '@course/tensor';
import { listFolder } from '@course/tensor/files';
import type { Lesson } from '../course/lesson.js';
import { sentence, writeReviews } from '../movie-reviews/writer.js';
import { Random } from '../sentiment/reviews/random.js';
import { formatOf } from './from-option.js';

/** A text and the number of its class. */
export type LabelledText = { readonly text: string; readonly label: number };

/** What a classifier learns from and is measured on. */
export interface LabelledTexts {
  readonly train: Dataset<LabelledText>;
  readonly test: Dataset<LabelledText>;
  readonly numLabels: number;
}

const tables = /\.(jsonl|csv|tsv)$/;

/**
 * The reviews of `--data`: a folder with a file `train…` and one `test…`, `dev…` or `validation…`, or one file of which a fifth is held out.
 * Rows have a `text` and a `label`, a whole number from 0. Without `--data` written reviews: of two classes, or of five.
 *
 * @throws ArgumentError for a folder without such files; FormatError that names file and line.
 */
export async function reviewsFor({ options }: Lesson, kind: 'sentiment' | 'stars'): Promise<LabelledTexts> {
  if (options.data === undefined) return kind === 'stars' ? stars(options.quick) : sentiments(options.quick);
  const { train, test } = await fromFiles(options.data);
  const most = [...train, ...test].reduce((most, { label }) => Math.max(most, label), 0);
  return { train, test, numLabels: most + 1 };
}

async function fromFiles(path: string): Promise<Pick<LabelledTexts, 'train' | 'test'>> {
  const options = {
    fields: ['text', 'label'] as const,
    check: ({ text, label }: LabelledText) =>
      typeof text === 'string' && Number.isInteger(label) && label >= 0
        ? undefined
        : 'a row must be a text and a label, a whole number from 0',
  };
  if (tables.test(path)) {
    const rows = await loadDataset<LabelledText>(formatOf(path), { ...options, dataFiles: path });
    return rows.trainTestSplit({ testSize: 0.2, seed: 42 });
  }
  const names = (await listFolder(path)).filter((name) => tables.test(name)).sort();
  const train = names.find((name) => name.startsWith('train'));
  const test = names.find((name) => /^(test|dev|validation)/.test(name));
  if (train === undefined || test === undefined)
    throw new ArgumentError(
      `${path} must hold train.jsonl (or .csv, .tsv) and a file named test, dev or validation; it holds ${names.join(', ') || 'none of them'}`,
    );
  return loadDataset<LabelledText>(formatOf(train), {
    ...options,
    dataFiles: { train: `${path}/${train}`, test: `${path}/${test}` },
  });
}

function sentiments(quick: boolean): LabelledTexts {
  const [learn, judge] = quick ? [80, 16] : [10_000, 1000];
  const all = Dataset.fromRows(writeReviews(learn + judge, 8));
  return { train: all.take(learn), test: all.skip(learn), numLabels: 2 };
}

/** Eight sentences, of which none, two, four, six or eight are from praising reviews. */
function stars(quick: boolean): LabelledTexts {
  const [learn, judge] = quick ? [120, 16] : [6000, 1000];
  const random = new Random(5);
  const rows = Array.from({ length: learn + judge }, () => {
    const label = random.below(5);
    const parts = Array.from({ length: 8 }, (_, at) => ({
      text: sentence(at < 2 * label ? 1 : 0, random),
      key: random.next(),
    }));
    const ordered = parts.sort((a, b) => a.key - b.key);
    return { text: ordered.map(({ text }) => text).join(' '), label };
  });
  const all = Dataset.fromRows(rows);
  return { train: all.take(learn), test: all.skip(learn), numLabels: 5 };
}

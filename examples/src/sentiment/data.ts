// Texts and labels: from files of any size of label set, or from the generator of synthetic reviews. Labels are names here
// (a number is its digits), and class numbers follow from the training texts alone; a label that the model could never give
// is refused with its file and line.
import { extname } from 'node:path';
import { Dataset, type DatasetFormat, loadDataset } from '@course/data';
import { ArgumentError, FormatError } from '@course/tensor';
import { generateReviews } from './reviews.js';

/** A text and the name of its class. */
export interface Example {
  readonly text: string;
  readonly label: string;
}

/** What a model learns from and is measured on. */
export interface Corpus {
  readonly train: Dataset<Example>;
  readonly test: Dataset<Example>;
  /** The names of the classes, in the order of their numbers. */
  readonly labels: readonly string[];
  /** Where the texts come from, in words. */
  readonly source: string;
}

/** Share of the training texts that is held out when no test file is given. */
const heldOut = 0.1;

const formats: Readonly<Record<string, DatasetFormat>> = {
  '.jsonl': 'json',
  '.ndjson': 'json',
  '.json': 'json',
  '.csv': 'csv',
  '.tsv': 'csv',
};

/** The synthetic reviews, the same ones every time: the seed of a run changes the training, not the task. */
export function syntheticCorpus(): Corpus {
  const { train, test } = generateReviews({ train: 12_000, test: 1000 });
  return {
    train: Dataset.fromRows(train),
    test: Dataset.fromRows(test),
    labels: labelsOf(train),
    source: 'synthetic reviews, written by a generator and not by people (--train takes a file of yours)',
  };
}

/**
 * The texts of a training file and of a test file; without the latter a tenth of the former is held out.
 *
 * @throws FormatError or ArgumentError that names the file, and the line where there is one.
 */
export async function loadCorpus(
  trainFile: string,
  testFile: string | undefined,
  { seed }: { readonly seed: number },
): Promise<Corpus> {
  const all = await loadTexts(trainFile);
  const labels = labelsOf(all);
  if (labels.length < 2) {
    throw new FormatError(
      `${trainFile}: every text has the label ${quote(labels[0])}; there must be two labels at least`,
    );
  }
  if (testFile !== undefined) {
    const test = await loadTexts(testFile, { labels, of: trainFile });
    return { train: all, test, labels, source: `texts of ${trainFile}, and of ${testFile} to measure the accuracy on` };
  }
  const { train, test } = all.trainTestSplit({ testSize: heldOut, seed });
  return { train, test, labels, source: `texts of ${trainFile}, a tenth of them held out` };
}

/** Labels that texts may have, and the file or folder that says so. */
interface KnownLabels {
  readonly labels: readonly string[];
  readonly of: string;
}

/**
 * The texts of a file.
 *
 * @throws FormatError or ArgumentError that names the file, and the line where there is one.
 */
export async function loadTexts(file: string, known?: KnownLabels): Promise<Dataset<Example>> {
  const format = formats[extname(file).toLowerCase()];
  if (format === undefined) {
    throw new ArgumentError(`${file}: the name must end in ${Object.keys(formats).join(', ')}, which tells the format`);
  }
  const allowed = known && new Set(known.labels);
  const rows = await loadDataset<Record<'text' | 'label', unknown>>(format, {
    dataFiles: file,
    fields: ['text', 'label'],
    // A table's values stay as they are written: a label 007 is not the label 7.
    ...(format === 'csv' && { types: { text: 'string', label: 'string' } }),
    check: ({ text, label }) => {
      if (typeof text !== 'string') return `the field "text" must be a string, got ${quote(text)}`;
      const name = labelName(label);
      if (name === undefined) return `the field "label" must be a name or a whole number, got ${quote(label)}`;
      if (known && !allowed?.has(name)) return `unknown label ${quote(label)}; ${known.of} has ${list(known.labels)}`;
      return undefined;
    },
  });
  return rows.map(({ text, label }) => ({ text: String(text), label: labelName(label) ?? '' }));
}

function labelName(label: unknown): string | undefined {
  if (typeof label === 'string' && label !== '') return label;
  return Number.isSafeInteger(label) ? String(label) : undefined;
}

/** The different labels: by value if all are whole numbers, else by name. */
function labelsOf(examples: Iterable<Example>): string[] {
  const names = [...new Set(Array.from(examples, ({ label }) => label))];
  const numbers = names.every((name) => /^-?\d+$/.test(name));
  return numbers ? names.sort((a, b) => Number(a) - Number(b)) : names.sort();
}

function list(labels: readonly string[]): string {
  const most = 10;
  const named = labels.slice(0, most).map(quote);
  return labels.length > most ? `${named.join(', ')} and ${labels.length - most} more` : named.join(', ');
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

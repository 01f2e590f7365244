/**
 * `loadDataset`: rows from files, folders, URLs and the hub, into memory or as a stream. What is wrong with a file is found here and
 * named with file and line, so that training never meets a row without a label.
 */
import { ArgumentError, FormatError } from '@course/tensor';
import { listFolder, openRepo, pathKind } from '#platform';
import { isRepoId } from '../hub/names.js';
import type { HubOptions } from '../hub/options.js';
import type { CsvOptions } from '../readers/csv.js';
import type { CsvType } from '../readers/csv-types.js';
import { readText } from '../text-file.js';
import { Dataset } from './dataset.js';
import type { Features } from './features.js';
import { IterableDataset } from './iterable-dataset.js';
import { formatOf, repoFiles, splitParts } from './repo-files.js';
import { featuresOfFile, type RowFile, readFileRows } from './rows.js';
import { listTextFolder } from './text-folder.js';

/**
 * The formats: 'json' is JSON Lines, or a JSON array; 'csv' also reads TSV; 'text' makes each line a row `{ text }`; 'parquet'; and
 * 'textfolder' makes each text file a row `{ text, label }` with the folder that it lies in as its class. All may be gzip.
 */
export type DatasetFormat = 'json' | 'csv' | 'text' | 'parquet' | 'textfolder';

/** One file, folder or URL, or several whose rows follow each other. */
export type DataFiles = string | readonly string[];

/** Options of `loadDataset`, but for the files. */
export interface LoadDatasetOptions<Row> extends CsvOptions {
  /** Columns that every row must have. */
  readonly fields?: readonly (keyof Row & string)[];
  /** Looks at each row; a sentence it returns becomes the error about the row's line. */
  readonly check?: (row: Row) => string | undefined;
  /** CSV: the types of columns that should not be left to their values. */
  readonly types?: { readonly [Name in keyof Row & string]?: CsvType };
  /** JSON: the field of the one object in the file that holds the rows. */
  readonly field?: string;
  /** Text: what a row is; 'line' by default. Paragraphs are parted by blank lines. */
  readonly sampleBy?: 'line' | 'paragraph' | 'document';
  /** Folders of text by class: the classes in their order, others left out; by default all, in the order of their names. */
  readonly classNames?: readonly string[];
  /** Longest line, in bytes; 64 MiB by default. Nothing longer is ever held in memory. */
  readonly maxLineBytes?: number;
}

/** Options of `loadDataset` with a folder or an id of the hub. */
export interface LoadRepoOptions<Row> extends LoadDatasetOptions<Row>, HubOptions {
  /** The configuration, where there are several. */
  readonly name?: string;
  /** One split, or a part of it: `train`, `test[:1000]`, `train[10%:20%]`, `train+test`. */
  readonly split?: string;
  /** Read the rows as they are used. */
  readonly streaming?: boolean;
}

/** Files by the name of their split. */
export type SplitFiles<Split extends string> = { readonly [Name in Split]: DataFiles };

/** Data sets by the name of their split. */
export type Splits<Split extends string, Row> = { readonly [Name in Split]: Dataset<Row> };

/** Streams by the name of their split. */
export type StreamedSplits<Split extends string, Row> = { readonly [Name in Split]: IterableDataset<Row> };

/** What a row is when nothing is said about it. */
export type AnyRow = Record<string, unknown>;

type Load<Row, Files> = LoadDatasetOptions<Row> & { readonly dataFiles: Files; readonly streaming?: false };
type Stream<Row, Files> = LoadDatasetOptions<Row> & { readonly dataFiles: Files; readonly streaming: true };
type LoadRepo<Row> = LoadRepoOptions<Row> & { readonly dataFiles?: undefined };

/**
 * Loads rows from files, as `datasets.load_dataset` of
 * [Hugging Face](https://huggingface.co/docs/datasets/loading#local-and-remote-files).
 *
 * @param format A format with `dataFiles`; or, without, a folder or the id of a data set on the hub, such as `imdb`, whose files are
 * found as there and kept in its cache.
 * @param options `dataFiles` is a path or URL, several, or an object of them by split (`train`, `validation`, `test`, or any name); a
 * folder stands for the files of the format in it. With `streaming` nothing is read before it is used.
 * @returns A data set, or an object of data sets by split.
 * @throws FormatError naming file and line when a file is missing, empty, not UTF-8 or malformed, or a row lacks one of `fields`
 * or fails `check`.
 * @throws HubError when the hub does not have the id, or cannot be reached.
 * @example
 * const dataset = await loadDataset<{ text: string; label: number }>('json', {
 *   dataFiles: { train: 'train.jsonl', test: 'dev.jsonl' },
 *   fields: ['text', 'label'],
 * });
 * dataset.train.length;
 */
export function loadDataset<Row = AnyRow>(
  format: DatasetFormat,
  options: Stream<Row, DataFiles>,
): Promise<IterableDataset<Row>>;
export function loadDataset<Row = AnyRow, Split extends string = string>(
  format: DatasetFormat,
  options: Stream<Row, SplitFiles<Split>>,
): Promise<StreamedSplits<Split, Row>>;
export function loadDataset<Row = AnyRow>(format: DatasetFormat, options: Load<Row, DataFiles>): Promise<Dataset<Row>>;
export function loadDataset<Row = AnyRow>(
  format: DatasetFormat,
  options: Load<Row, SplitFiles<'train'>>,
): Promise<Splits<'train', Row>>;
export function loadDataset<Row = AnyRow>(
  format: DatasetFormat,
  options: Load<Row, SplitFiles<'train' | 'test'>>,
): Promise<Splits<'train' | 'test', Row>>;
export function loadDataset<Row = AnyRow>(
  format: DatasetFormat,
  options: Load<Row, SplitFiles<'train' | 'validation'>>,
): Promise<Splits<'train' | 'validation', Row>>;
export function loadDataset<Row = AnyRow>(
  format: DatasetFormat,
  options: Load<Row, SplitFiles<'train' | 'validation' | 'test'>>,
): Promise<Splits<'train' | 'validation' | 'test', Row>>;
export function loadDataset<Row = AnyRow, Split extends string = string>(
  format: DatasetFormat,
  options: Load<Row, SplitFiles<Split>>,
): Promise<Splits<Split, Row>>;
export function loadDataset<Row = AnyRow>(
  id: string,
  options: LoadRepo<Row> & { readonly split: string; readonly streaming: true },
): Promise<IterableDataset<Row>>;
export function loadDataset<Row = AnyRow, Split extends string = string>(
  id: string,
  options: LoadRepo<Row> & { readonly streaming: true },
): Promise<StreamedSplits<Split, Row>>;
export function loadDataset<Row = AnyRow>(
  id: string,
  options: LoadRepo<Row> & { readonly split: string },
): Promise<Dataset<Row>>;
export function loadDataset<Row = AnyRow, Split extends string = string>(
  id: string,
  options?: LoadRepo<Row>,
): Promise<Splits<Split, Row>>;
export async function loadDataset<Row>(
  format: string,
  options: LoadRepoOptions<Row> & { readonly dataFiles?: DataFiles | SplitFiles<string> | undefined } = {},
): Promise<unknown> {
  const { dataFiles, streaming = false } = options;
  if (dataFiles === undefined && !isFormat(format)) return loadRepo(format, options, streaming);
  checkOptions(format, options);
  if (dataFiles === undefined) throw new ArgumentError(`loadDataset: '${format}' needs dataFiles: the files to read`);
  const load = async (files: DataFiles): Promise<Loaded<Row>> =>
    opened(await rowFiles(format, files, options), {}, options, streaming);
  if (isFiles(dataFiles)) return load(dataFiles);
  const splits: Record<string, Loaded<Row>> = {};
  for (const [name, files] of Object.entries(dataFiles)) splits[name] = await load(files);
  return splits;
}

type Loaded<Row> = Dataset<Row> | IterableDataset<Row>;

function isFiles(files: DataFiles | SplitFiles<string>): files is DataFiles {
  return typeof files === 'string' || Array.isArray(files);
}

const FORMATS: readonly string[] = ['json', 'csv', 'text', 'parquet', 'textfolder'];

function isFormat(format: string): format is DatasetFormat {
  return FORMATS.includes(format);
}

function checkOptions<Row>(format: string, options: LoadDatasetOptions<Row>): asserts format is DatasetFormat {
  if (!isFormat(format)) {
    const known = FORMATS.map((name) => `'${name}'`).join(', ');
    throw new ArgumentError(`loadDataset: the format must be one of ${known}, got ${JSON.stringify(format)}`);
  }
  const only = (of: DatasetFormat, ...names: (keyof LoadDatasetOptions<Row>)[]): void => {
    for (const name of names) {
      if (format !== of && options[name] !== undefined)
        throw new ArgumentError(`loadDataset: ${name} is an option of '${of}', not of '${format}'`);
    }
  };
  only('csv', 'delimiter', 'header', 'quotes', 'types');
  only('json', 'field');
  only('text', 'sampleBy');
  const { sampleBy = 'line' } = options;
  if (!['line', 'paragraph', 'document'].includes(sampleBy))
    throw new ArgumentError(
      `loadDataset: sampleBy must be 'line', 'paragraph' or 'document', got ${JSON.stringify(sampleBy)}`,
    );
  only('textfolder', 'classNames');
}

async function rowFiles<Row>(
  format: DatasetFormat,
  files: DataFiles,
  { classNames }: LoadDatasetOptions<Row>,
): Promise<RowFile[]> {
  const found: RowFile[] = [];
  for (const path of typeof files === 'string' ? [files] : files) {
    if (format === 'textfolder') found.push({ path, format, folder: await listTextFolder(path, classNames) });
    else if ((await pathKind(path)) === 'folder') found.push(...(await filesIn(path, format)));
    else found.push({ path, format });
  }
  return found;
}

/** The files of a format in a folder, in the order of their names. */
async function filesIn(folder: string, format: DatasetFormat): Promise<RowFile[]> {
  const names = (await listFolder(folder)).filter((name) => formatOf(name) === format);
  if (names.length === 0) throw new FormatError(`${folder}: no files of the format '${format}' in this folder`);
  return names.map((name) => ({ path: `${folder.replace(/[/\\]+$/, '')}/${name}`, format }));
}

/** The rows of files, in memory or as a stream. */
async function opened<Row>(
  files: readonly RowFile[],
  told: Features,
  options: LoadDatasetOptions<Row>,
  streaming: boolean,
): Promise<Loaded<Row>> {
  if (streaming) {
    return IterableDataset.fromGenerator(async function* () {
      for (const file of files) yield* readFileRows(file, options, true);
    });
  }
  const rows: Row[] = [];
  for (const file of files) for await (const row of readFileRows(file, options, false)) rows.push(row);
  const own = files[0] === undefined ? {} : await featuresOfFile(files[0]);
  return Dataset.fromRows(rows, { features: { ...told, ...own } });
}

/** The branch on which the hub keeps data sets as Parquet, whatever their own files are. */
const CONVERTED = 'refs/convert/parquet';

/** Where the files of a repository or folder are. */
interface Place {
  readonly names: readonly string[];
  paths(names: readonly string[]): Promise<string[]>;
}

async function loadRepo<Row>(id: string, options: LoadRepoOptions<Row>, streaming: boolean): Promise<unknown> {
  const place = (await pathKind(id)) === 'folder' ? await folderPlace(id) : await hubPlace(id, options);
  const [readme] = place.names.includes('README.md') ? await place.paths(['README.md']) : [];
  const text = readme === undefined ? undefined : await readText(readme);
  const { splits, features } = repoFiles(id, place.names, text, options.name);
  const load = async (split: string): Promise<Loaded<Row>> => {
    const names = splits.get(split);
    if (names === undefined)
      throw new ArgumentError(`${id}: no split ${JSON.stringify(split)}; there are ${[...splits.keys()].join(', ')}`);
    const paths = await place.paths(names);
    const files = names.map((name, i): RowFile => ({ path: paths[i] ?? '', format: formatOf(name) ?? 'text', name }));
    return opened(files, features, options, streaming);
  };
  if (options.split !== undefined) return loadParts(options.split, load);
  const all: Record<string, Loaded<Row>> = {};
  for (const split of splits.keys()) all[split] = await load(split);
  return all;
}

async function loadParts<Row>(split: string, load: (split: string) => Promise<Loaded<Row>>): Promise<Loaded<Row>> {
  const parts = splitParts(split);
  const loaded: Dataset<Row>[] = [];
  for (const part of parts) {
    const rows = await load(part.split);
    if (rows instanceof IterableDataset) {
      if (part.isWhole && parts.length === 1) return rows;
      throw new ArgumentError(`split: ${JSON.stringify(split)} of a stream; use take and skip`);
    }
    const [from, to] = part.range(rows.length);
    loaded.push(part.isWhole ? rows : rows.skip(from).take(to - from));
  }
  return loaded.length === 1 ? (loaded[0] as Dataset<Row>) : Dataset.concatenate(loaded);
}

async function folderPlace(folder: string): Promise<Place> {
  const root = folder.replace(/[/\\]+$/, '');
  return { names: await listFolder(folder), paths: async (names) => names.map((name) => `${root}/${name}`) };
}

async function hubPlace(id: string, options: HubOptions): Promise<Place> {
  if (!isRepoId(id)) throw new FormatError(`${id}: no such folder, and not the id of a data set`);
  const repo = await openRepo(id, { ...options, repoType: 'dataset' });
  const names = await repo.names();
  if (options.revision !== undefined || names.some((name) => formatOf(name) !== undefined))
    return { names, paths: (some) => repo.files(some) };
  // Old data sets are programs; the hub keeps what they make.
  const converted = await openRepo(id, { ...options, repoType: 'dataset', revision: CONVERTED });
  return { names: await converted.names(), paths: (some) => converted.files(some) };
}

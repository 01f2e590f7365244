/**
 * Which files of a repository or folder make which split, by the rules of Hugging Face's `datasets`: what the head of its `README.md`
 * says under `configs`, else what the names say (`train-00000-of-00001.parquet`, `data/test.csv`).
 */
import { ArgumentError, FormatError } from '@course/tensor';
import { parse } from 'yaml';
import type { Feature, Features } from './features.js';

/** The formats that files can have, by the ends of their names. */
const FORMATS = {
  parquet: 'parquet',
  jsonl: 'json',
  ndjson: 'json',
  json: 'json',
  csv: 'csv',
  tsv: 'csv',
  txt: 'text',
} as const;

/** How a file is read. */
export type FileFormat = (typeof FORMATS)[keyof typeof FORMATS];

/** The files of each split. */
export interface RepoFiles {
  readonly splits: ReadonlyMap<string, readonly string[]>;
  /** The classes that the README tells. */
  readonly features: Features;
}

/** How a file is read, by its name; undefined for one that holds no rows. */
export function formatOf(name: string): FileFormat | undefined {
  const end = /\.([a-z]+)(?:\.gz)?$/i.exec(name)?.[1]?.toLowerCase() ?? '';
  return Object.hasOwn(FORMATS, end) ? FORMATS[end as keyof typeof FORMATS] : undefined;
}

interface Config {
  readonly name: string;
  readonly isDefault: boolean;
  readonly splits: readonly (readonly [split: string, patterns: readonly string[]])[];
  readonly folder: string | undefined;
}

/**
 * The files of one configuration.
 *
 * @param names All files, as relative paths.
 * @param readme The text of `README.md`.
 * @param wanted The name of the configuration; needed where there are several and none is the default.
 * @throws ArgumentError for a configuration that is not there; FormatError where no file holds rows.
 */
export function repoFiles(
  where: string,
  names: readonly string[],
  readme: string | undefined,
  wanted: string | undefined,
): RepoFiles {
  const head = frontMatter(readme, where);
  const configs = listOf(head.configs).map(configOf);
  const data = names.filter((name) => formatOf(name) !== undefined && !/(^|\/)[._]/.test(name));
  const config = chosen(where, configs, wanted, data);
  const features = featuresOf(head.dataset_info, config?.name);
  const inFolder = config?.folder === undefined ? data : data.filter((name) => name.startsWith(`${config.folder}/`));
  const splits = new Map<string, readonly string[]>();
  for (const [split, patterns] of config?.splits ?? []) {
    const tests = patterns.map((pattern) =>
      patternOf(config?.folder === undefined ? pattern : `${config.folder}/${pattern}`),
    );
    const files = data.filter((name) => tests.some((test) => test.test(name)));
    if (files.length === 0)
      throw new FormatError(
        `${where}: the README's configuration has no file for the split ${split} (${patterns.join(', ')})`,
      );
    splits.set(split, files);
  }
  return { splits: splits.size > 0 ? splits : byNames(where, inFolder), features };
}

function chosen(
  where: string,
  configs: readonly Config[],
  wanted: string | undefined,
  data: readonly string[],
): Config | undefined {
  if (wanted !== undefined) {
    const found = configs.find(({ name }) => name === wanted);
    if (found !== undefined) return found;
    if (configs.length === 0 && data.some((name) => name.startsWith(`${wanted}/`)))
      return { name: wanted, isDefault: true, splits: [], folder: wanted };
    if (configs.length === 0 && wanted === 'default') return undefined;
    const known = configs.map(({ name }) => name).join(', ') || 'default';
    throw new ArgumentError(`${where}: no configuration ${JSON.stringify(wanted)}; there are ${known}`);
  }
  if (configs.length <= 1) return configs[0];
  const standard = configs.find(({ isDefault }) => isDefault) ?? configs.find(({ name }) => name === 'default');
  if (standard !== undefined) return standard;
  throw new ArgumentError(`${where}: name one of its configurations: ${configs.map(({ name }) => name).join(', ')}`);
}

/** The part of a README between lines of dashes. */
function frontMatter(readme: string | undefined, where: string): Record<string, unknown> {
  const text = /^---\r?\n([\s\S]*?)\r?\n---(?:\r?\n|$)/.exec(readme ?? '')?.[1];
  if (text === undefined) return {};
  try {
    const value: unknown = parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch (error) {
    throw new FormatError(
      `${where}: README.md: its head is not YAML: ${error instanceof Error ? error.message : error}`,
      {
        cause: error,
      },
    );
  }
}

function listOf(value: unknown): Record<string, unknown>[] {
  const list = Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
  return list.filter((item): item is Record<string, unknown> => typeof item === 'object' && item !== null);
}

function textsOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((item): item is string => typeof item === 'string');
}

function configOf(config: Record<string, unknown>): Config {
  const { data_files: files } = config;
  const isPlain =
    typeof files === 'string' || (Array.isArray(files) && files.every((item) => typeof item === 'string'));
  const splits = isPlain
    ? [['train', textsOf(files)] as const]
    : listOf(files).map(({ split, path }) => [String(split ?? 'train'), textsOf(path)] as const);
  const { data_dir: folder } = config;
  return {
    name: String(config.config_name ?? 'default'),
    isDefault: config.default === true,
    splits,
    folder: typeof folder === 'string' ? folder.replace(/^\.?\/+|\/+$/g, '') : undefined,
  };
}

/** The columns that `dataset_info` describes. */
function featuresOf(info: unknown, config: string | undefined): Features {
  const infos = listOf(info);
  const own = infos.find(({ config_name: name }) => name === config) ?? (infos.length === 1 ? infos[0] : undefined);
  const entries = listOf(own?.features).flatMap(({ name, dtype }): [string, Feature][] => {
    if (typeof name !== 'string') return [];
    if (typeof dtype === 'string') return [[name, { type: 'Value', dtype }]];
    const { class_label: label } = (dtype ?? {}) as { class_label?: { names?: unknown } };
    // By number, as YAML keeps them: { '0': neg, '1': pos }.
    const names =
      typeof label?.names === 'object' && label.names !== null ? Object.values(label.names).map(String) : [];
    return names.length > 0 ? [[name, { type: 'ClassLabel', names }]] : [];
  });
  return Object.fromEntries(entries);
}

/** Words that stand for a split where they stand alone in a path. */
const KEYWORDS: readonly (readonly [split: string, words: string])[] = [
  ['train', 'train|training'],
  ['validation', 'validation|valid|dev|val'],
  ['test', 'test|testing|eval|evaluation'],
];

function byNames(where: string, names: readonly string[]): Map<string, string[]> {
  const splits = new Map<string, string[]>();
  // `data/NAME-00000-of-00001.parquet`, for splits of any name.
  const sharded = names.flatMap((name) => {
    const split = /^data\/([\w.-]+?)-\d{5}-of-\d{5}[^/]*$/.exec(name)?.[1];
    return split === undefined ? [] : [[split, name] as const];
  });
  if (sharded.length > 0) {
    for (const [split, name] of sharded) splits.set(split, [...(splits.get(split) ?? []), name]);
    return splits;
  }
  for (const [split, words] of KEYWORDS) {
    const files = names.filter((name) => new RegExp(`(^|[-._ /\\d])(${words})([-._ /\\d]|$)`, 'i').test(name));
    if (files.length > 0) splits.set(split, files);
  }
  if (splits.size === 0 && names.length > 0) splits.set('train', [...names]);
  if (splits.size > 0) return splits;
  throw new FormatError(
    `${where}: no files of rows: none ends in ${Object.keys(FORMATS)
      .map((end) => `.${end}`)
      .join(', ')}`,
  );
}

/** A pattern of paths: `*` and `?` stay inside a folder, `**` does not. */
function patternOf(pattern: string): RegExp {
  // Each star is a choice for each character of a name: what no sane pattern has could take for ever.
  if (pattern.split('*').length > 16) throw new FormatError(`too many stars in the pattern ${JSON.stringify(pattern)}`);
  const text = pattern
    .replace(/(?:\*\*\/)+/g, '**/')
    .replace(/^\.?\/+/, '')
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*{2,}\/?|\*|\?/g, (found) => {
      if (found === '?') return '[^/]';
      if (found === '*') return '[^/]*';
      return found.endsWith('/') ? '(?:.*/)?' : '.*';
    });
  return new RegExp(`^${text}$`);
}

/** A part of a split, as `train[:100]` or `test[10%:20%]` say it. */
export interface SplitPart {
  readonly split: string;
  /** The first row and the one after the last, of a number of rows. */
  range(rows: number): [from: number, to: number];
  readonly isWhole: boolean;
}

/**
 * The parts that a text such as `train[:80%]+test` names.
 *
 * @throws ArgumentError for what does not read like that.
 */
export function splitParts(text: string): SplitPart[] {
  return text.split('+').map((part) => {
    const match = /^\s*([\w.-]+)(?:\[(-?\d+%?)?:(-?\d+%?)?\])?\s*$/.exec(part);
    if (match === null)
      throw new ArgumentError(`split: ${JSON.stringify(part)} does not read like train, train[:100] or train[10%:20%]`);
    const [, split = '', from, to] = match;
    const place = (bound: string | undefined, rows: number, otherwise: number): number => {
      if (bound === undefined) return otherwise;
      const value = bound.endsWith('%') ? Math.round((Number(bound.slice(0, -1)) / 100) * rows) : Number(bound);
      return Math.min(rows, Math.max(0, value < 0 ? value + rows : value));
    };
    return {
      split,
      range: (rows) => {
        const first = place(from, rows, 0);
        return [first, Math.max(first, place(to, rows, rows))];
      },
      isWhole: !part.includes('['),
    };
  });
}

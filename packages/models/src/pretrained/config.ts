/**
 * Configurations as Hugging Face's `config.json` holds them. A kind of model states its fields once, as defaults; reading, checking,
 * writing and overriding follow from them. Names are camelCase here and snake_case in the file. Fields that nobody here reads are kept,
 * so that a file survives being loaded and saved.
 */
import { ArgumentError, FormatError } from '@course/tensor';

/** What a classifier's labels stand for; decides its loss. */
export type ProblemType = 'regression' | 'single_label_classification' | 'multi_label_classification';

/** What every model's configuration has. */
export interface PretrainedConfig {
  /** The kind of model: `bert`, `distilbert`, `gpt2`. */
  readonly modelType: string;
  /** Names of the classes, by class number. */
  readonly id2label: Readonly<Record<number, string>>;
  /** Deviation of the normal numbers that new weights are drawn from. */
  readonly initializerRange: number;
  /** Whether a language-model head uses the table of word embeddings. */
  readonly tieWordEmbeddings: boolean;
  /** Null: told by the number and dtype of the labels, as in transformers. */
  readonly problemType: ProblemType | null;
  /** Everything else that the file holds, by the file's names. */
  readonly others: Readonly<Record<string, unknown>>;
}

/** What the fields that every configuration has start from. */
export const COMMON_DEFAULTS = {
  id2label: { 0: 'LABEL_0', 1: 'LABEL_1' } as Readonly<Record<number, string>>,
  initializerRange: 0.02,
  tieWordEmbeddings: true,
  problemType: null as ProblemType | null,
  others: {} as Readonly<Record<string, unknown>>,
} as const;

/** What a caller may say over what a file says. */
export type ConfigOverrides<C extends PretrainedConfig> = Partial<Omit<C, 'modelType' | 'others'>> & {
  /** The number of classes: names them LABEL_0, LABEL_1, … */
  readonly numLabels?: number;
};

/** One kind of configuration: its fields with their defaults, and what must hold between them. */
export interface ConfigKind<C extends PretrainedConfig> {
  readonly defaults: C;
  /** Other names that files have for a field, by the name that it is written by. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** What files call a field, where it is not its own name in snake_case. */
  readonly fileNames?: Readonly<Record<string, string>>;
  /** Throws an ArgumentError when the fields do not fit each other. */
  check(config: C): void;
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const PROBLEMS: readonly string[] = [
  'regression',
  'single_label_classification',
  'multi_label_classification',
] satisfies readonly ProblemType[];
/** What files call a field of a kind. */
const fileNameOf = ({ fileNames }: { readonly fileNames?: Readonly<Record<string, string>> }, field: string): string =>
  fileNames?.[field] ?? snake(field);
/** Fields that are read or written by rules of their own. */
const SPECIAL = new Set(['modelType', 'id2label', 'others', 'problemType']);

/**
 * A configuration from options over the defaults of its kind.
 *
 * @throws ArgumentError that names the option and what it may be.
 */
export function makeConfig<C extends PretrainedConfig>(
  kind: ConfigKind<C>,
  options: ConfigOverrides<C> = {},
  base: C = kind.defaults,
): C {
  const { numLabels, ...rest } = options;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const config: C = { ...base, ...given };
  const name = config.modelType;
  for (const field of Object.keys(given))
    if (!(field in kind.defaults)) throw new ArgumentError(`${name}: there is no option '${field}'`);
  if (numLabels !== undefined && rest.id2label === undefined) {
    if (!(Number.isInteger(numLabels) && numLabels >= 1))
      throw new ArgumentError(`${name}: numLabels must be a whole number of at least 1, got ${numLabels}`);
    if (numLabels !== labelNames(config).length)
      Object.assign(config, {
        id2label: Object.fromEntries(Array.from({ length: numLabels }, (_, id) => [id, `LABEL_${id}`])),
      });
  } else if (numLabels !== undefined && numLabels !== labelNames(config).length)
    throw new ArgumentError(
      `${name}: numLabels is ${numLabels}, but id2label names ${labelNames(config).length} classes`,
    );
  checkFields(kind, config);
  return config;
}

function checkFields<C extends PretrainedConfig>(kind: ConfigKind<C>, config: C): void {
  for (const [field, initial] of Object.entries(kind.defaults)) {
    const value = (config as Readonly<Record<string, unknown>>)[field];
    if (typeof initial === 'number' && !(typeof value === 'number' && Number.isFinite(value)))
      throw new ArgumentError(`${config.modelType}: ${field} must be a finite number, got ${String(value)}`);
  }
  if (config.problemType !== null && !PROBLEMS.includes(config.problemType))
    throw new ArgumentError(
      `${config.modelType}: problemType must be ${PROBLEMS.join(', ')} or null, got '${config.problemType}'`,
    );
  kind.check(config);
}

/** The names of the classes in order. */
export function labelNames(config: PretrainedConfig): string[] {
  const { id2label } = config;
  return Object.keys(id2label)
    .map(Number)
    .sort((a, b) => a - b)
    .map((id) => id2label[id] ?? '');
}

/** Throws unless the named fields are whole numbers of at least 1. */
export function checkSizes<C extends PretrainedConfig>(config: C, fields: readonly (keyof C & string)[]): void {
  for (const field of fields) {
    const value = config[field];
    if (!(Number.isInteger(value) && (value as number) >= 1))
      throw new ArgumentError(
        `${config.modelType}: ${field} must be a whole number of at least 1, got ${String(value)}`,
      );
  }
}

/** Throws unless the named fields are probabilities below 1. */
export function checkDropouts<C extends PretrainedConfig>(config: C, fields: readonly (keyof C & string)[]): void {
  for (const field of fields) {
    const value = config[field] as number;
    if (!(value >= 0 && value < 1))
      throw new ArgumentError(`${config.modelType}: ${field} must be at least 0 and below 1, got ${value}`);
  }
}

/**
 * The fields of a `config.json`.
 *
 * @throws FormatError when the text is not a JSON object.
 */
export function parseJsonObject(text: string, file: string): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    // Python's json writes them, which no other reader takes.
    const [word] = /(?<=[:[,]\s*)-?(NaN|Infinity)\b/.exec(text) ?? [];
    const hint = word === undefined ? '' : `; '${word}' is no JSON: put a number in its place, or leave the field out`;
    throw new FormatError(`${file}: not valid JSON: ${(cause as Error).message}${hint}`, { cause });
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new FormatError(`${file}: expected a JSON object`);
  return json as Record<string, unknown>;
}

/**
 * Reads a configuration of a kind from the fields of `config.json`; `overrides` win.
 *
 * @throws FormatError that names file and field; ArgumentError for overrides that do not fit.
 */
export function readConfig<C extends PretrainedConfig>(
  kind: ConfigKind<C>,
  json: Readonly<Record<string, unknown>>,
  file: string,
  overrides: ConfigOverrides<C> = {},
): C {
  const { defaults } = kind;
  if (json.model_type !== undefined && json.model_type !== defaults.modelType)
    throw new FormatError(
      `${file}: model_type is ${JSON.stringify(json.model_type)}, this class reads '${defaults.modelType}'`,
    );
  const others: Record<string, unknown> = { ...json };
  delete others.model_type;
  const fields: Record<string, unknown> = {};
  for (const [field, initial] of Object.entries(defaults)) {
    if (SPECIAL.has(field)) continue;
    const key = fileNameOf(kind, field);
    const alias = kind.aliases?.[key];
    const found = key in json ? key : alias !== undefined && alias in json ? alias : undefined;
    delete others[key];
    if (alias !== undefined) delete others[alias];
    if (found === undefined) continue;
    const value = json[found];
    // A null default means "as another field": its type is told by the check of the kind.
    if (initial !== null && typeof value !== typeof initial)
      throw new FormatError(`${file}: '${found}' must be a ${typeof initial}, got ${JSON.stringify(value)}`);
    fields[field] = value;
  }
  for (const key of ['id2label', 'label2id', 'problem_type', 'num_labels', '_num_labels']) delete others[key];
  fields.problemType = json.problem_type ?? null;
  const labels = readLabels(json, file);
  if (labels) fields.id2label = labels;
  const base: C = { ...defaults, ...fields, others };
  try {
    checkFields(kind, base);
  } catch (cause) {
    if (cause instanceof ArgumentError) throw new FormatError(`${file}: ${cause.message}`, { cause });
    throw cause;
  }
  return makeConfig(kind, overrides, base);
}

function readLabels(json: Readonly<Record<string, unknown>>, file: string): Record<number, string> | undefined {
  const { id2label, num_labels: count = json._num_labels } = json;
  if (id2label === undefined || id2label === null) {
    if (count === undefined) return undefined;
    if (!(Number.isInteger(count) && (count as number) >= 1))
      throw new FormatError(`${file}: 'num_labels' must be a whole number of at least 1, got ${JSON.stringify(count)}`);
    return Object.fromEntries(Array.from({ length: count as number }, (_, id) => [id, `LABEL_${id}`]));
  }
  if (typeof id2label !== 'object') throw new FormatError(`${file}: 'id2label' must map class numbers to names`);
  const names = Object.entries(id2label as Readonly<Record<string, unknown>>);
  const labels: Record<number, string> = {};
  for (const [id] of names) {
    const name = (id2label as Readonly<Record<string, unknown>>)[id];
    // Older files hold numbers as names.
    labels[Number(id)] = typeof name === 'string' ? name : String(name);
  }
  for (let id = 0; id < names.length; id++)
    if (!(id in labels))
      throw new FormatError(`${file}: 'id2label' must name the classes 0 to ${names.length - 1}, ${id} is missing`);
  return labels;
}

/** The text of `config.json`: the fields in the file's names, `architecture` the class that the weights are of. */
export function writeConfig<C extends PretrainedConfig>(kind: ConfigKind<C>, config: C, architecture: string): string {
  const json: Record<string, unknown> = { ...config.others, architectures: [architecture] };
  for (const field of Object.keys(kind.defaults)) {
    if (SPECIAL.has(field)) continue;
    json[fileNameOf(kind, field)] = (config as Readonly<Record<string, unknown>>)[field];
  }
  json.model_type = config.modelType;
  const names = labelNames(config);
  json.id2label = config.id2label;
  json.label2id = Object.fromEntries(names.map((name, id) => [name, id]));
  if (config.problemType !== null) json.problem_type = config.problemType;
  const sorted = Object.keys(json).sort();
  return `${JSON.stringify(Object.fromEntries(sorted.map((key) => [key, json[key]])), null, 2)}\n`;
}

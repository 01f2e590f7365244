/**
 * How a folder of sentence-transformers says what becomes of a text: `modules.json` lists the steps, each with a folder of its own. The steps
 * known here are the transformer, the pooling and the normalising; a folder that asks for others is refused by name.
 */
import { FormatError } from '@course/tensor';
import { parseJsonObject } from '../pretrained/config.js';
import type { ModelFiles } from '../pretrained/files.js';
import type { Pooling } from './pooling.js';

/** What becomes of a text. */
export interface SentenceConfig {
  /** How the states of tokens become one vector; of several ways the vectors are joined. */
  readonly pooling: readonly Pooling[];
  /** Whether vectors are scaled to length 1. */
  readonly normalize: boolean;
  /** Texts are cut to so many tokens; null: as long as the model reads. */
  readonly maxSeqLength: number | null;
  /** Whether texts become lower case before the tokenizer sees them. */
  readonly doLowerCase: boolean;
}

const MODULES = 'modules.json';
const TRANSFORMER = 'sentence_bert_config.json';

/** The names of the ways of pooling in files, in the order in which sentence-transformers joins their vectors. */
const FLAGS: readonly (readonly [flag: string, pooling: Pooling])[] = [
  ['pooling_mode_cls_token', 'cls'],
  ['pooling_mode_max_tokens', 'max'],
  ['pooling_mode_mean_tokens', 'mean'],
  ['pooling_mode_mean_sqrt_len_tokens', 'meanSqrtLen'],
  ['pooling_mode_weightedmean_tokens', 'weightedMean'],
  ['pooling_mode_lasttoken', 'lastToken'],
];

interface Step {
  readonly kind: string;
  readonly path: string;
}

async function readSteps(files: ModelFiles): Promise<readonly Step[]> {
  const path = files.path(MODULES);
  const listed = parseJsonObject(`{"steps":${await files.text(MODULES)}}`, path).steps;
  if (!Array.isArray(listed)) throw new FormatError(`${path}: expected a list of modules`);
  return listed.map((each: unknown) => {
    const { type, path: folder } = (each ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof type !== 'string' || typeof folder !== 'string' || !/^[\w.-]*$/.test(folder) || folder.startsWith('..'))
      throw new FormatError(`${path}: a module must have a type and a folder beside it, got ${JSON.stringify(each)}`);
    return { kind: type.split('.').at(-1) ?? '', path: folder };
  });
}

/**
 * Reads what becomes of a text; a folder without `modules.json` is a transformer whose states are averaged, as in sentence-transformers.
 *
 * @throws FormatError that names file and field, also for steps that are not here.
 */
export async function readSentenceConfig(files: ModelFiles): Promise<SentenceConfig> {
  let config: SentenceConfig = { pooling: ['mean'], normalize: false, maxSeqLength: null, doLowerCase: false };
  if (await files.has(MODULES)) {
    for (const { kind, path } of await readSteps(files)) {
      if (kind === 'Normalize') config = { ...config, normalize: true };
      else if (kind === 'Pooling') config = { ...config, pooling: await readPooling(files, `${path}/config.json`) };
      else if (kind !== 'Transformer')
        throw new FormatError(`${files.path(MODULES)}: modules of the kind ${kind} are not supported`);
      else if (path !== '')
        throw new FormatError(
          `${files.path(MODULES)}: the transformer must lie in the folder itself, not in '${path}'`,
        );
    }
  }
  if (!(await files.has(TRANSFORMER))) return config;
  const file = files.path(TRANSFORMER);
  const { max_seq_length: length = null, do_lower_case: lower = false } = parseJsonObject(
    await files.text(TRANSFORMER),
    file,
  );
  if (length !== null && !(Number.isInteger(length) && (length as number) >= 1))
    throw new FormatError(
      `${file}: 'max_seq_length' must be a whole number of at least 1, got ${JSON.stringify(length)}`,
    );
  return { ...config, maxSeqLength: length as number | null, doLowerCase: lower === true };
}

async function readPooling(files: ModelFiles, name: string): Promise<Pooling[]> {
  const json = parseJsonObject(await files.text(name), files.path(name));
  const pooling = FLAGS.flatMap(([flag, way]) => (json[flag] === true ? [way] : []));
  if (pooling.length === 0) throw new FormatError(`${files.path(name)}: no way of pooling is switched on`);
  return pooling;
}

/** The files of sentence-transformers for a model of this width: texts by their path in the folder. */
export function writeSentenceConfig(config: SentenceConfig, width: number): Record<string, string> {
  const steps = [
    ['Transformer', ''],
    ['Pooling', '1_Pooling'],
    ...(config.normalize ? [['Normalize', '2_Normalize']] : []),
  ];
  const text = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  return {
    [MODULES]: text(
      steps.map(([kind, path], idx) => ({
        idx,
        name: String(idx),
        path,
        type: `sentence_transformers.models.${kind}`,
      })),
    ),
    '1_Pooling/config.json': text({
      word_embedding_dimension: width,
      ...Object.fromEntries(FLAGS.map(([flag, way]) => [flag, config.pooling.includes(way)])),
    }),
    [TRANSFORMER]: text({ max_seq_length: config.maxSeqLength, do_lower_case: config.doLowerCase }),
  };
}

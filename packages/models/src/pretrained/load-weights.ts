/**
 * Which tensor of a checkpoint goes into which of a model. Published files differ from the class that reads them: the base model's
 * prefix is there or not, heads are missing or too many, TensorFlow's `gamma` and `beta` stand for `weight` and `bias`, shared tensors are
 * written once. All that is decided from the headers, before anything is changed.
 */
import { FormatError, type Tensor } from '@course/tensor';
import type { WeightFiles } from './weight-files.js';

/** What loading found, as `output_loading_info` gives it in transformers. */
export interface LoadingInfo {
  /** Weights of the model that the file lacks: they are newly initialised. */
  readonly missingKeys: readonly string[];
  /** Weights of the file that the model has no place for. */
  readonly unexpectedKeys: readonly string[];
  /** Weights whose shape differs; they are newly initialised where that was asked for. */
  readonly mismatchedKeys: readonly string[];
}

/** How the names of a kind of model and its files fit. */
export interface NamingRules {
  /** The field that holds the base model in models with a head: `bert`. */
  readonly baseModelPrefix: string;
  /** Keys of files that are not weights. */
  readonly ignoredKeys?: RegExp;
}

/** What to do where shapes differ. */
export interface LoadOptions {
  /** Initialise weights whose shape differs anew, as after a change of `numLabels`, instead of an error. */
  readonly ignoreMismatchedSizes?: boolean;
  /** Throw where the file lacks weights of the model or has others, instead of a report. Default false. */
  readonly strict?: boolean;
}

interface Plan extends LoadingInfo {
  /** The key in the file of each tensor, by the model's own key. */
  readonly sources: ReadonlyMap<string, string>;
}

/** Layer norms of old files name their tensors as TensorFlow does. */
function modernName(key: string): string {
  return key.replace(/\.gamma$/, '.weight').replace(/\.beta$/, '.bias');
}

/** The names that the keys of a file have in the model: with the base model's prefix added, or taken away. */
function renamed(keys: readonly string[], own: ReadonlyMap<string, Tensor>, prefix: string): Map<string, string> {
  const isBase = ![...own.keys()].some((key) => key.startsWith(`${prefix}.`));
  const names = new Map<string, string>();
  for (const key of keys) {
    const name = modernName(key);
    if (isBase && name.startsWith(`${prefix}.`)) names.set(name.slice(prefix.length + 1), key);
    else if (!isBase && !own.has(name) && own.has(`${prefix}.${name}`)) names.set(`${prefix}.${name}`, key);
    else names.set(name, key);
  }
  return names;
}

function planOf(state: ReadonlyMap<string, Tensor>, files: WeightFiles, rules: NamingRules): Plan {
  const inFile = renamed(
    files.keys().filter((key) => !rules.ignoredKeys?.test(key)),
    state,
    rules.baseModelPrefix,
  );
  // A tensor that the model has at several places is loaded once, from whichever of its names the file has.
  const names = new Map<Tensor, string[]>();
  for (const [key, tensor] of state) names.set(tensor, [...(names.get(tensor) ?? []), key]);
  const sources = new Map<string, string>();
  const [missingKeys, mismatchedKeys]: [string[], string[]] = [[], []];
  for (const [tensor, keys] of names) {
    const [first = ''] = keys;
    const found = keys.find((key) => inFile.has(key));
    const source = found === undefined ? undefined : inFile.get(found);
    if (source === undefined) missingKeys.push(first);
    else if (files.info(source).shape.join() !== tensor.shape.join()) mismatchedKeys.push(first);
    else sources.set(first, source);
  }
  const unexpectedKeys = [...inFile].filter(([name]) => !state.has(name)).map(([, key]) => key);
  return { sources, missingKeys, unexpectedKeys, mismatchedKeys };
}

/**
 * Copies the weights of files into a model's tensors. Nothing is changed unless they fit.
 *
 * @throws FormatError when shapes differ, when the file has none of the model's weights, or under `strict` when it has not just them.
 */
export async function loadWeightsInto(
  name: string,
  state: ReadonlyMap<string, Tensor>,
  files: WeightFiles,
  rules: NamingRules,
  { ignoreMismatchedSizes = false, strict = false }: LoadOptions = {},
): Promise<LoadingInfo> {
  const plan = planOf(state, files, rules);
  const problems: string[] = [];
  if (strict && plan.missingKeys.length > 0) problems.push(`the file lacks ${plan.missingKeys.join(', ')}`);
  if (strict && plan.unexpectedKeys.length > 0)
    problems.push(`the model has no place for ${plan.unexpectedKeys.join(', ')}`);
  if (plan.mismatchedKeys.length > 0 && !ignoreMismatchedSizes) {
    const inFile = renamed(files.keys(), state, rules.baseModelPrefix);
    const lines = plan.mismatchedKeys.map((key) => {
      const shape = files.info(inFile.get(key) ?? key).shape.join(', ');
      return `${key} is [${shape}] in the file, [${state.get(key)?.shape.join(', ')}] by the configuration`;
    });
    problems.push(`${lines.join('; ')}. With ignoreMismatchedSizes they are initialised anew`);
  }
  if (problems.length > 0)
    throw new FormatError(`${files.name}: the weights do not fit ${name}: ${problems.join('; ')}`);
  if (plan.sources.size === 0)
    throw new FormatError(
      `${files.name}: none of its ${files.keys().length} tensors belongs to ${name}: it is a checkpoint of another architecture (it begins with '${files.keys()[0] ?? ''}')`,
    );
  for (const [key, source] of plan.sources) {
    const target = state.get(key);
    if (target !== undefined) await files.copyInto(source, target);
  }
  const { missingKeys, unexpectedKeys, mismatchedKeys } = plan;
  return { missingKeys, unexpectedKeys, mismatchedKeys };
}

/** The sentences of transformers about weights that were not loaded; none if all were. */
export function loadingReport(model: string, source: string, info: LoadingInfo): string | undefined {
  const lines: string[] = [];
  if (info.unexpectedKeys.length > 0)
    lines.push(`Some weights of ${source} were not used when initializing ${model}: ${info.unexpectedKeys.join(', ')}`);
  const fresh = [...info.missingKeys, ...info.mismatchedKeys];
  if (fresh.length > 0)
    lines.push(
      `Some weights of ${model} were not initialized from ${source} and are newly initialized: ${fresh.join(', ')}. Train the model before you use it.`,
    );
  return lines.length === 0 ? undefined : lines.join('\n');
}

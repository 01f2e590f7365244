/**
 * The base of models that have published weights, after `transformers.PreTrainedModel`: a module with a configuration, made anew,
 * read from a folder or written to one. Subclasses name their parameters as the public checkpoints do.
 */
import type { HubOptions } from '@course/data/hub';
import { Embedding, init, LayerNorm, Linear, Module } from '@course/nn';
import {
  ArgumentError,
  device as current,
  type DeviceKind,
  type DType,
  DTypeError,
  isFloating,
  ShapeError,
  scope,
  type Tensor,
  tensor,
  withDevice,
  zeros,
} from '@course/tensor';
import { writeText } from '@course/tensor/files';
import {
  GENERATION_CONFIG,
  type GenerationConfig,
  readGenerationConfig,
  writeGenerationConfig,
} from '../generation/config.js';
import {
  type ConfigKind,
  type ConfigOverrides,
  type PretrainedConfig,
  parseJsonObject,
  readConfig,
  writeConfig,
} from './config.js';
import { CONFIG, type ModelFiles, openModelFiles } from './files.js';
import {
  type LoadingInfo,
  type LoadOptions,
  loadingReport,
  loadWeightsInto,
  type NamingRules,
} from './load-weights.js';
import { saveModel } from './save.js';
import type { TiedLinear } from './tied-linear.js';
import { resizeRows } from './vocabulary.js';
import { WeightFiles } from './weight-files.js';

/** A class of models that `fromPretrained` can make. */
export interface PretrainedClass<M extends PreTrainedModel<C>, C extends PretrainedConfig> extends NamingRules {
  new (config: C): M;
  readonly name: string;
  readonly configKind: ConfigKind<C>;
}

/** Options of `fromPretrained`, beside those of the configuration. */
export interface FromPretrainedOptions<C extends PretrainedConfig> extends LoadOptions, HubOptions {
  /** What to say over what `config.json` says: `{ numLabels: 5 }`. */
  readonly config?: ConfigOverrides<C>;
  /** The number of classes, a short form of `config: { numLabels }`. */
  readonly numLabels?: number;
  /** What the weights become, whatever the file holds; a float that the device has. Default float32. */
  readonly dtype?: 'float32' | 'float16' | 'float64';
  /** Where the weights go. Default: the device in use. */
  readonly device?: DeviceKind;
  /** Told what was newly initialised and what was not used; by default such a report is printed as a warning. */
  readonly onReport?: (report: string, info: LoadingInfo) => void;
}

/** What a tokenizer has to be able to do to be saved beside a model. */
export interface SavableTokenizer {
  /** Writes its files into a folder. */
  save(folder: string): Promise<void>;
}

/** Options of {@link PreTrainedModel.savePretrained}. */
export interface SavePretrainedOptions {
  /** A tokenizer, whose files go into the folder too. */
  readonly tokenizer?: SavableTokenizer | null;
  /** The most bytes of one file of weights, or a text such as `5GB` (default) or `200MB`; larger models are saved as shards with an index. */
  readonly maxShardSize?: number | string;
}

/** Base class of {@link BertModel} and its like. */
export abstract class PreTrainedModel<C extends PretrainedConfig = PretrainedConfig> extends Module {
  #config: C;
  /** What stands in for options that a call of `generate` leaves out: the model's `generation_config.json`, if there is one. */
  generationConfig: GenerationConfig = {};

  constructor(config: C) {
    super();
    this.#config = config;
  }

  /** Sizes and options, as `config.json` holds them. */
  get config(): C {
    return this.#config;
  }

  /** The table of word embeddings. */
  abstract getInputEmbeddings(): Embedding;

  /** What scores the words of the vocabulary; null for models without a language-model head. */
  getOutputEmbeddings(): TiedLinear | null {
    return null;
  }

  /** The modules before the first layer: the embeddings of words and places. */
  abstract embeddingModules(): readonly Module[];

  /** The layers, from the first to the last. */
  abstract layers(): Iterable<Module>;

  /** The model without its head: a model with one holds it in the field that its files name it by; else the model itself. */
  get baseModel(): PreTrainedModel {
    const { baseModelPrefix } = this.constructor as unknown as NamingRules;
    const held = (this as unknown as Readonly<Record<string, unknown>>)[baseModelPrefix];
    return held instanceof PreTrainedModel ? held : this;
  }

  /**
   * Keeps the embeddings and the first `count` layers from learning: what is left learns faster, and forgets less of what it knew.
   * `model.baseModel.freeze()` leaves the head alone to learn.
   *
   * @throws ArgumentError when there are not as many layers.
   * @example
   * const classifier = new BertForSequenceClassification(bertConfig({ vocabSize: 100, hiddenSize: 16, numHiddenLayers: 4, numAttentionHeads: 2, intermediateSize: 32 }));
   * classifier.freezeLayers(3);
   */
  freezeLayers(count: number): this {
    const layers = [...this.layers()];
    if (!(Number.isInteger(count) && count >= 0 && count <= layers.length))
      throw new ArgumentError(
        `freezeLayers: ${this.constructor.name} has ${layers.length} layers, cannot freeze the first ${count}`,
      );
    for (const module of [...this.embeddingModules(), ...layers.slice(0, count)]) module.freeze();
    return this;
  }

  /**
   * Gives the model a row for every token of a vocabulary that has changed, as `resize_token_embeddings` of transformers: the rows that
   * both have stay, further ones begin at the mean of the old, further biases of a language-model head at 0. Make an optimizer afterwards.
   *
   * @param vocabSize As many rows as the tokenizer has tokens: `tokenizer.vocabSize`.
   * @throws ArgumentError for a size that is none.
   * @example
   * const bert = new BertModel(bertConfig({ vocabSize: 100, hiddenSize: 16, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 32 }));
   * bert.resizeTokenEmbeddings(102).numEmbeddings; // 102
   */
  resizeTokenEmbeddings(vocabSize: number): Embedding {
    if (!(Number.isInteger(vocabSize) && vocabSize >= 1))
      throw new ArgumentError(
        `resizeTokenEmbeddings: vocabSize must be a whole number of at least 1, got ${vocabSize}`,
      );
    const table = this.getInputEmbeddings();
    const { paddingIdx } = table;
    if (paddingIdx !== null && paddingIdx >= vocabSize)
      throw new ArgumentError(
        `resizeTokenEmbeddings: ${vocabSize} rows would leave out that of padding, ${paddingIdx}`,
      );
    const head = this.getOutputEmbeddings();
    resizeRows(table.weight, vocabSize, 'mean');
    if (head && head.weight !== table.weight) resizeRows(head.weight, vocabSize, 'mean');
    if (head?.bias) resizeRows(head.bias, vocabSize, 'zero');
    for (const module of this.modules())
      if (module instanceof PreTrainedModel) module.#config = { ...module.#config, vocabSize };
    return table;
  }

  /**
   * Draws the weights of one module as the model does at its beginning: normal numbers of `initializerRange`, biases 0, norms 1 and 0, the
   * row of padding 0.
   */
  protected initWeights(module: Module): void {
    const std = this.config.initializerRange;
    if (module instanceof Linear) {
      init.normal_(module.weight, 0, std);
      if (module.bias) init.zeros_(module.bias);
    } else if (module instanceof Embedding) {
      init.normal_(module.weight, 0, std);
      if (module.paddingIdx !== null) init.zeroRow_(module.weight, module.paddingIdx);
    } else if (module instanceof LayerNorm) {
      if (module.weight) init.ones_(module.weight);
      if (module.bias) init.zeros_(module.bias);
    }
  }

  /** Draws the weights of this model, or of the modules that own one of `keys`, anew. To be called at the end of a constructor. */
  resetParameters(keys?: readonly string[]): void {
    const owners = keys && new Set(keys.map((key) => key.slice(0, key.lastIndexOf('.'))));
    // From the leaves up, so that a module may say more about the weights of those below it.
    for (const [path, module] of [...this.namedModules()].reverse())
      if (!owners || owners.has(path)) this.initWeights(module);
  }

  /**
   * Reads a model: `config.json` and `model.safetensors` (or shards and their index) of a folder, below a URL, or of a model id on the
   * Hugging Face hub, whose files are kept in its cache. Weights that the files lack are newly initialised and reported. The model is in
   * evaluation mode, as in transformers.
   *
   * @param source A folder, a URL, or a model id such as `google-bert/bert-base-uncased`.
   * @throws HubError when the hub does not have the id or one of the files, or cannot be reached.
   * @throws FormatError that names the file, when one is missing, of another architecture, or does not fit.
   */
  static async fromPretrained<M extends PreTrainedModel<C>, C extends PretrainedConfig>(
    this: PretrainedClass<M, C>,
    source: string | URL | ModelFiles,
    options: FromPretrainedOptions<C> = {},
  ): Promise<M> {
    // biome-ignore lint/complexity/noThisInStatic: each subclass reads a model of its own kind
    return load(this, source, options);
  }

  /**
   * Writes `config.json`, `model.safetensors` and, with a tokenizer, its files, by the names that transformers reads. Everything is
   * written before the first file takes the place of an older one: a failure leaves an older model as it was.
   *
   * @throws ArgumentError when the folder cannot be written.
   */
  async savePretrained(folder: string, { tokenizer, maxShardSize }: SavePretrainedOptions = {}): Promise<void> {
    const own = this.constructor as unknown as { readonly configKind: ConfigKind<C>; readonly name: string };
    await saveModel(folder, writeConfig(own.configKind, this.config, own.name), withoutAliases(this.stateDict()), {
      ...(maxShardSize !== undefined && { maxShardSize }),
      more: async (temporary) => {
        await tokenizer?.save(temporary);
        if (Object.keys(this.generationConfig).length > 0)
          await writeText(`${temporary}/${GENERATION_CONFIG}`, writeGenerationConfig(this.generationConfig));
      },
    });
  }
}

async function load<M extends PreTrainedModel<C>, C extends PretrainedConfig>(
  kind: PretrainedClass<M, C>,
  source: string | URL | ModelFiles,
  options: FromPretrainedOptions<C>,
): Promise<M> {
  const files = isModelFiles(source) ? source : await openModelFiles(source, options);
  const path = files.path(CONFIG);
  const overrides = { ...options.config } as ConfigOverrides<C> & { numLabels?: number };
  if (options.numLabels !== undefined) overrides.numLabels = options.numLabels;
  const config = readConfig<C>(kind.configKind, parseJsonObject(await files.text(CONFIG), path), path, overrides);
  const weights = await WeightFiles.open(files);
  let model: M | undefined;
  try {
    // Nothing is drawn that the file is about to replace.
    const place = await placeOf(options);
    model = withDevice(place, () => scope(() => init.skipInit(() => new kind(config))));
    if (options.dtype !== undefined) castEmpty(model, options.dtype);
    const info = await loadWeightsInto(kind.name, model.stateDict(), weights, kind, options);
    const fresh = [...info.missingKeys, ...info.mismatchedKeys];
    const made = model;
    if (fresh.length > 0) scope(() => made.resetParameters(fresh));
    if (await files.has(GENERATION_CONFIG)) {
      const file = files.path(GENERATION_CONFIG);
      made.generationConfig = readGenerationConfig(parseJsonObject(await files.text(GENERATION_CONFIG), file), file);
    }
    const report = loadingReport(kind.name, files.name, info);
    if (report !== undefined) (options.onReport ?? warn)(report, info);
    return model.eval();
  } catch (error) {
    model?.dispose();
    throw error;
  } finally {
    await weights.close();
  }
}

/** The device that weights go to, opened by the first tensor that is sent there. */
async function placeOf({ device, dtype }: FromPretrainedOptions<PretrainedConfig>): Promise<DeviceKind> {
  if (dtype !== undefined && !DTYPES.includes(dtype))
    throw new DTypeError(
      `fromPretrained: dtype must be ${DTYPES.join(', ')}, got '${String(dtype)}': weights of other dtypes in the file, bfloat16 too, are cast to it`,
    );
  if (device === undefined || device === current.kind) return current.kind;
  const here = tensor([0]);
  try {
    const there = await here.to(device);
    there.dispose();
    return device;
  } finally {
    here.dispose();
  }
}

/** Gives a model that holds no numbers yet its dtype: its parameters are promised anew, and take memory when they are filled. */
function castEmpty(model: Module, dtype: DType): void {
  for (const parameter of new Set(model.parameters())) {
    if (parameter.dtype === dtype || !isFloating(parameter.dtype)) continue;
    const room = zeros(parameter.shape, { dtype, device: parameter.device });
    parameter.replaceData(room);
    room.dispose();
  }
  // Buffers have their values already.
  for (const buffer of new Set(model.buffers())) {
    if (buffer.dtype === dtype || !isFloating(buffer.dtype)) continue;
    const cast = buffer.to(dtype);
    buffer.replaceData(cast);
    cast.dispose();
  }
}

const DTYPES: readonly DType[] = ['float32', 'float16', 'float64'];

/** A tensor that stands at several places is written once, under its first name, as transformers does. */
function withoutAliases(state: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const seen = new Set<Tensor>();
  const unique = new Map<string, Tensor>();
  for (const [key, tensor] of state) {
    if (seen.has(tensor)) continue;
    seen.add(tensor);
    unique.set(key, tensor);
  }
  return unique;
}

function isModelFiles(source: string | URL | ModelFiles): source is ModelFiles {
  return typeof source === 'object' && !(source instanceof URL);
}

function warn(report: string): void {
  console.warn(report);
}

/** Throws a DTypeError or ShapeError unless ids are what a model of `name` takes; returns batch and time. */
export function checkIds(name: string, inputIds: Tensor, longest: number): [batch: number, time: number] {
  if (inputIds.dtype !== 'int32')
    throw new DTypeError(`${name}: inputIds must be int32 (tensor(ids, { dtype: 'int32' })), got ${inputIds.dtype}`);
  if (inputIds.ndim !== 2)
    throw new ShapeError(`${name}: inputIds must be [batch, time], got [${inputIds.shape.join(', ')}]`);
  const [batch, time] = [inputIds.size(0), inputIds.size(1)];
  if (batch === 0 || time === 0) throw new ShapeError(`${name}: inputIds of shape [${batch}, ${time}] hold no token`);
  if (time > longest)
    throw new ShapeError(
      `${name}: a sequence of ${time} tokens is longer than the ${longest} positions of the model; truncate it when encoding`,
    );
  return [batch, time];
}

/**
 * `pipeline(task, model)`: a task, a folder, and it answers; after
 * [transformers' pipelines](https://huggingface.co/docs/transformers/main_classes/pipelines).
 */

import { AutoTokenizer, type Tokenizer } from '@course/data';
import type { HubOptions } from '@course/data/hub';
import { ArgumentError, type DeviceKind } from '@course/tensor';
import {
  AutoModel,
  AutoModelForCausalLM,
  AutoModelForMaskedLM,
  AutoModelForQuestionAnswering,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
} from '../auto.js';
import type { PipelineModel, PipelineOptions } from './common.js';
import { type FeatureExtractionPipeline, featureExtraction } from './feature-extraction.js';
import { type FillMaskPipeline, fillMask } from './fill-mask.js';
import { type QuestionAnsweringPipeline, questionAnswering } from './question-answering.js';
import { type TextClassificationPipeline, textClassification } from './text-classification.js';
import { type TextGenerationPipeline, textGeneration } from './text-generation.js';
import { type TokenClassificationPipeline, tokenClassification } from './token-classification.js';

/** The tasks, and what each gives. */
export interface Pipelines {
  readonly 'sentiment-analysis': TextClassificationPipeline;
  readonly 'text-classification': TextClassificationPipeline;
  readonly 'fill-mask': FillMaskPipeline;
  readonly 'feature-extraction': FeatureExtractionPipeline;
  readonly 'token-classification': TokenClassificationPipeline;
  readonly ner: TokenClassificationPipeline;
  readonly 'question-answering': QuestionAnsweringPipeline;
  readonly 'text-generation': TextGenerationPipeline;
}

/** How a model that is named is read. */
interface LoadOptions extends HubOptions {
  /** Where it goes, and computes. Default: the device in use. */
  readonly device?: DeviceKind;
  /** What its weights become. Default float32. */
  readonly dtype?: 'float32' | 'float16' | 'float64';
}

/** What {@link pipeline} may be told beside task and model. */
export interface CreatePipelineOptions extends PipelineOptions, LoadOptions {
  /** The tokenizer, or its folder or id; by default that of the model. */
  readonly tokenizer?: Tokenizer | string;
}

/** How a task is made of a model and a tokenizer, and which model it takes where none is named. */
interface Task<P> {
  readonly model: string;
  load(source: string | URL, options: LoadOptions): Promise<PipelineModel>;
  make(model: PipelineModel, tokenizer: Tokenizer, options: PipelineOptions): P;
}

/** A task whose models are `M`s: loading gives one, and a model that is handed over has to be one. */
function task<M extends PipelineModel, P>(
  model: string,
  auto: { fromPretrained(source: string | URL, options: LoadOptions): Promise<M> },
  make: (model: M, tokenizer: Tokenizer, options: PipelineOptions) => P,
): Task<P> {
  return {
    model,
    load: (source, options) => auto.fromPretrained(source, options),
    make: (given, tokenizer, options) => make(given as M, tokenizer, options),
  };
}

const CLASSIFIER = 'distilbert/distilbert-base-uncased-finetuned-sst-2-english';
const NER = 'dbmdz/bert-large-cased-finetuned-conll03-english';

const TASKS: { readonly [T in keyof Pipelines]: Task<Pipelines[T]> } = {
  'sentiment-analysis': task(CLASSIFIER, AutoModelForSequenceClassification, textClassification),
  'text-classification': task(CLASSIFIER, AutoModelForSequenceClassification, textClassification),
  'fill-mask': task('distilbert/distilroberta-base', AutoModelForMaskedLM, fillMask),
  'feature-extraction': task('distilbert/distilbert-base-cased', AutoModel, featureExtraction),
  'token-classification': task(NER, AutoModelForTokenClassification, tokenClassification),
  ner: task(NER, AutoModelForTokenClassification, tokenClassification),
  'question-answering': task(
    'distilbert/distilbert-base-cased-distilled-squad',
    AutoModelForQuestionAnswering,
    questionAnswering,
  ),
  'text-generation': task('openai-community/gpt2', AutoModelForCausalLM, textGeneration),
};

/**
 * Makes a pipeline: a function that takes texts and gives answers.
 *
 * @param task What to do: `sentiment-analysis`, `fill-mask`, …
 * @param model A folder with a model and its tokenizer, their id on the Hugging Face hub, or a model; with a model a `tokenizer` is needed.
 * @throws HubError when a model cannot be had of the hub; ArgumentError for a task that is not here; FormatError where model and tokenizer are not of one kind.
 * @example
 * const classify = await pipeline('sentiment-analysis', './tiny-bert-sst2');
 * await classify('a gorgeous , witty , seductive movie .'); // a list of one label with its score
 */
export async function pipeline<T extends keyof Pipelines>(
  task: T,
  model?: string | URL | PipelineModel,
  { tokenizer, ...options }: CreatePipelineOptions = {},
): Promise<Pipelines[T]> {
  const found: Task<Pipelines[T]> | undefined = TASKS[task];
  if (found === undefined)
    throw new ArgumentError(`pipeline: unknown task '${String(task)}': it may be ${Object.keys(TASKS).join(', ')}`);
  const source = model ?? found.model;
  const isNamed = typeof source === 'string' || source instanceof URL;
  if (!isNamed && tokenizer === undefined)
    throw new ArgumentError(
      'pipeline: a model that is handed over needs its tokenizer: pipeline(task, model, { tokenizer })',
    );
  const words =
    typeof tokenizer === 'object'
      ? tokenizer
      : await AutoTokenizer.fromPretrained(
          tokenizer ?? (source instanceof URL ? source.href : (source as string)),
          options,
        );
  return found.make(isNamed ? await found.load(source, options) : source, words, options);
}

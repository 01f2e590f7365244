/**
 * `AutoModel` and its like: the class that the configuration of a model asks for, after
 * [transformers' auto classes](https://huggingface.co/docs/transformers/model_doc/auto).
 */
import type { HubOptions } from '@course/data/hub';
import { FormatError } from '@course/tensor';
import {
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
} from './bert/classification.js';
import { bertConfigKind } from './bert/config.js';
import { BertForMaskedLM, BertForNextSentencePrediction, BertForPreTraining } from './bert/language-modeling.js';
import { BertModel } from './bert/model.js';
import { type TextClassifierSizes, textClassifierConfigKind } from './classifier/config.js';
import { TextClassifier } from './classifier/text-classifier.js';
import { distilBertConfigKind } from './distilbert/config.js';
import {
  DistilBertForMaskedLM,
  DistilBertForQuestionAnswering,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
} from './distilbert/heads.js';
import { DistilBertModel } from './distilbert/model.js';
import { gpt2ConfigKind } from './gpt2/config.js';
import { GPT2LMHeadModel } from './gpt2/language-modeling.js';
import { GPT2Model } from './gpt2/model.js';
import { type ConfigOverrides, type PretrainedConfig, parseJsonObject, readConfig } from './pretrained/config.js';
import { CONFIG, type ModelFiles, openModelFiles } from './pretrained/files.js';
import type { FromPretrainedOptions } from './pretrained/pretrained-model.js';
import { robertaConfigKind } from './roberta/config.js';
import { RobertaForMaskedLM, RobertaForSequenceClassification, RobertaModel } from './roberta/model.js';
import { seq2SeqConfigKind } from './seq2seq/config.js';
import { Seq2SeqTransformer } from './seq2seq/transformer.js';

/** Options of the auto classes: those that all kinds of model have. */
export type AutoOptions = Omit<FromPretrainedOptions<PretrainedConfig>, 'config'> & {
  readonly config?: ConfigOverrides<PretrainedConfig>;
};

/** A way to read one kind of model. */
type Loader<M> = (files: ModelFiles, options: AutoOptions) => Promise<M>;

async function modelTypeOf(files: ModelFiles): Promise<unknown> {
  return parseJsonObject(await files.text(CONFIG), files.path(CONFIG)).model_type;
}

function auto<M>(task: string, loaders: Readonly<Record<string, Loader<M>>>) {
  return {
    /**
     * Reads a model from a folder, a URL, or by its id on the Hugging Face hub.
     *
     * @throws FormatError when its configuration names no kind that is here; else as the class itself.
     */
    async fromPretrained(source: string | URL, options: AutoOptions = {}): Promise<M> {
      const files = await openModelFiles(source, options);
      const type = await modelTypeOf(files);
      const loader = typeof type === 'string' ? loaders[type] : undefined;
      if (loader === undefined)
        throw new FormatError(
          `${files.path(CONFIG)}: ${task} does not know the model_type ${JSON.stringify(type)}; it knows ${Object.keys(loaders).join(', ')}`,
        );
      return loader(files, options);
    },
  };
}

/** A model without a head. */
export const AutoModel = auto<BertModel | DistilBertModel | GPT2Model | RobertaModel>('AutoModel', {
  bert: (files, options) => BertModel.fromPretrained(files, options),
  distilbert: (files, options) => DistilBertModel.fromPretrained(files, options),
  roberta: (files, options) => RobertaModel.fromPretrained(files, options),
  gpt2: (files, options) => GPT2Model.fromPretrained(files, options),
});

/** A classifier of texts. */
export const AutoModelForSequenceClassification = auto<
  | BertForSequenceClassification
  | DistilBertForSequenceClassification
  | RobertaForSequenceClassification
  | TextClassifier
>('AutoModelForSequenceClassification', {
  bert: (files, options) => BertForSequenceClassification.fromPretrained(files, options),
  distilbert: (files, options) => DistilBertForSequenceClassification.fromPretrained(files, options),
  roberta: (files, options) => RobertaForSequenceClassification.fromPretrained(files, options),
  'course-text-classifier': (files, options) =>
    TextClassifier.fromPretrained<TextClassifier, TextClassifierSizes>(files, options),
});

/** A classifier of tokens. */
export const AutoModelForTokenClassification = auto<BertForTokenClassification | DistilBertForTokenClassification>(
  'AutoModelForTokenClassification',
  {
    bert: (files, options) => BertForTokenClassification.fromPretrained(files, options),
    distilbert: (files, options) => DistilBertForTokenClassification.fromPretrained(files, options),
  },
);

/** A model that finds the answer to a question in a text. */
export const AutoModelForQuestionAnswering = auto<BertForQuestionAnswering | DistilBertForQuestionAnswering>(
  'AutoModelForQuestionAnswering',
  {
    bert: (files, options) => BertForQuestionAnswering.fromPretrained(files, options),
    distilbert: (files, options) => DistilBertForQuestionAnswering.fromPretrained(files, options),
  },
);

/** A model that predicts masked words. */
export const AutoModelForMaskedLM = auto<BertForMaskedLM | DistilBertForMaskedLM | RobertaForMaskedLM>(
  'AutoModelForMaskedLM',
  {
    bert: (files, options) => BertForMaskedLM.fromPretrained(files, options),
    distilbert: (files, options) => DistilBertForMaskedLM.fromPretrained(files, options),
    roberta: (files, options) => RobertaForMaskedLM.fromPretrained(files, options),
  },
);

/** A model that judges whether one text follows the other. */
export const AutoModelForNextSentencePrediction = auto<BertForNextSentencePrediction>(
  'AutoModelForNextSentencePrediction',
  { bert: (files, options) => BertForNextSentencePrediction.fromPretrained(files, options) },
);

/** A model with the heads of its pre-training. */
export const AutoModelForPreTraining = auto<
  BertForPreTraining | DistilBertForMaskedLM | GPT2LMHeadModel | RobertaForMaskedLM
>('AutoModelForPreTraining', {
  bert: (files, options) => BertForPreTraining.fromPretrained(files, options),
  distilbert: (files, options) => DistilBertForMaskedLM.fromPretrained(files, options),
  gpt2: (files, options) => GPT2LMHeadModel.fromPretrained(files, options),
  roberta: (files, options) => RobertaForMaskedLM.fromPretrained(files, options),
});

/** A model that predicts the next word. */
export const AutoModelForCausalLM = auto<GPT2LMHeadModel>('AutoModelForCausalLM', {
  gpt2: (files, options) => GPT2LMHeadModel.fromPretrained(files, options),
});

/** A model that makes one text of another. */
export const AutoModelForSeq2SeqLM = auto<Seq2SeqTransformer>('AutoModelForSeq2SeqLM', {
  'course-seq2seq': (files, options) => Seq2SeqTransformer.fromPretrained(files, options),
});

const CONFIG_KINDS = {
  bert: bertConfigKind,
  distilbert: distilBertConfigKind,
  gpt2: gpt2ConfigKind,
  roberta: robertaConfigKind,
  'course-seq2seq': seq2SeqConfigKind,
  'course-text-classifier': textClassifierConfigKind,
};

/** The configuration of a model, of whatever kind. */
export const AutoConfig = {
  /**
   * Reads `config.json` of a folder, below a URL, or of a model id.
   *
   * @throws FormatError when it does not fit its kind, or the kind is not here.
   */
  async fromPretrained(source: string | URL, options: HubOptions = {}): Promise<PretrainedConfig> {
    const files = await openModelFiles(source, options);
    const path = files.path(CONFIG);
    const json = parseJsonObject(await files.text(CONFIG), path);
    const { model_type: type } = json;
    switch (type) {
      case 'bert':
        return readConfig(CONFIG_KINDS.bert, json, path);
      case 'distilbert':
        return readConfig(CONFIG_KINDS.distilbert, json, path);
      case 'gpt2':
        return readConfig(CONFIG_KINDS.gpt2, json, path);
      case 'roberta':
        return readConfig(CONFIG_KINDS.roberta, json, path);
      case 'course-seq2seq':
        return readConfig(CONFIG_KINDS['course-seq2seq'], json, path);
      case 'course-text-classifier':
        return readConfig(CONFIG_KINDS['course-text-classifier'], json, path);
      default:
        throw new FormatError(
          `${path}: AutoConfig does not know the model_type ${JSON.stringify(type)}; it knows ${Object.keys(CONFIG_KINDS).join(', ')}`,
        );
    }
  },
};

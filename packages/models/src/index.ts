/**
 * `@course/models`: transformer models with Hugging Face's file formats.
 *
 * @packageDocumentation
 */
export * as safetensors from '@course/tensor/safetensors';
export {
  AutoConfig,
  AutoModel,
  AutoModelForCausalLM,
  AutoModelForMaskedLM,
  AutoModelForNextSentencePrediction,
  AutoModelForPreTraining,
  AutoModelForQuestionAnswering,
  AutoModelForSeq2SeqLM,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
  type AutoOptions,
} from './auto.js';
export {
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  type ClassifierOutput,
  type QuestionAnsweringOutput,
  type SpanLabels,
} from './bert/classification.js';
export { type BertConfig, bertConfig } from './bert/config.js';
export type { BertEmbeddingInputs } from './bert/encoder.js';
export {
  BertForMaskedLM,
  BertForNextSentencePrediction,
  BertForPreTraining,
  type BertLabelledInputs,
  type BertPreTrainingInputs,
  type BertPreTrainingOutput,
  type MaskedLMOutput,
  type NextSentenceOutput,
} from './bert/language-modeling.js';
export { type BertInputs, BertModel, type BertModelOutput } from './bert/model.js';
export type { TextClassifierConfig, TextClassifierOptions, TextClassifierSizes } from './classifier/config.js';
export {
  type Classification,
  TextClassifier,
  type TextClassifierInputs,
  type TextClassifierOutput,
} from './classifier/text-classifier.js';
export { type DistilBertConfig, distilBertConfig } from './distilbert/config.js';
export {
  DistilBertForMaskedLM,
  DistilBertForQuestionAnswering,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
  type DistilBertLabelledInputs,
} from './distilbert/heads.js';
export { type BaseModelOutput, type DistilBertInputs, DistilBertModel } from './distilbert/model.js';
export type { GenerationConfig } from './generation/config.js';
export { type CausalModel, generateTokens, streamTokens } from './generation/generate.js';
export type { GenerateOptions } from './generation/options.js';
export { type Gpt2Config, gpt2Config } from './gpt2/config.js';
export { type CausalLMOutput, GPT2LMHeadModel, type Gpt2LabelledInputs } from './gpt2/language-modeling.js';
export { GPT2Model, type Gpt2Inputs, type Gpt2ModelOutput } from './gpt2/model.js';
export type { PipelineModel, PipelineOptions, PipelineParts } from './pipelines/common.js';
export type {
  FeatureExtractionOptions,
  FeatureExtractionPipeline,
} from './pipelines/feature-extraction.js';
export type { FilledMask, FilledText, FillMaskOptions, FillMaskPipeline } from './pipelines/fill-mask.js';
export { type CreatePipelineOptions, type Pipelines, pipeline } from './pipelines/pipeline.js';
export type {
  Answer,
  Question,
  QuestionAnsweringOptions,
  QuestionAnsweringPipeline,
} from './pipelines/question-answering.js';
export type {
  LabelScore,
  TextClassificationOptions,
  TextClassificationPipeline,
} from './pipelines/text-classification.js';
export type { GeneratedText, TextGenerationOptions, TextGenerationPipeline } from './pipelines/text-generation.js';
export type {
  AggregationStrategy,
  EntityGroup,
  TokenClassificationOptions,
  TokenClassificationPipeline,
  TokenEntity,
} from './pipelines/token-classification.js';
export type { ConfigOverrides, PretrainedConfig, ProblemType } from './pretrained/config.js';
export type { ModelFiles } from './pretrained/files.js';
export type { LoadingInfo } from './pretrained/load-weights.js';
export type { ExtraOutputs, OutputOptions, ReadingOptions } from './pretrained/outputs.js';
export {
  type FromPretrainedOptions,
  PreTrainedModel,
  type PretrainedClass,
  type SavableTokenizer,
  type SavePretrainedOptions,
} from './pretrained/pretrained-model.js';
export type { TiedLinear } from './pretrained/tied-linear.js';
export { type RobertaConfig, robertaConfig } from './roberta/config.js';
export { RobertaForMaskedLM, RobertaForSequenceClassification, RobertaModel } from './roberta/model.js';
export type { SentenceConfig } from './sentence/config.js';
export { type Pooling, type PoolOptions, poolStates } from './sentence/pooling.js';
export {
  type EncodeSentencesOptions,
  SentenceTransformer,
  type SentenceTransformerOptions,
} from './sentence/sentence-transformer.js';
export { type Seq2SeqConfig, seq2SeqConfig } from './seq2seq/config.js';
export { type Seq2SeqInputs, type Seq2SeqOutput, Seq2SeqTransformer } from './seq2seq/transformer.js';
export {
  type Analogy,
  type AnalogyReport,
  type AnalogyResult,
  type AnalogySection,
  parseAnalogies,
} from './word-vectors/analogies.js';
export type { Cooccurrences } from './word-vectors/cooccurrence.js';
export type { Sentences } from './word-vectors/corpus.js';
export { Doc2Vec, type Doc2VecOptions, type InferOptions, type TaggedDocument } from './word-vectors/doc2vec.js';
export { FastText, type FastTextOptions } from './word-vectors/fasttext.js';
export { FastTextKeyedVectors } from './word-vectors/fasttext-vectors.js';
export { GloVe, type GloVeOptions, type GloVeProgress } from './word-vectors/glove.js';
export { KeyedVectors } from './word-vectors/keyed-vectors.js';
export { characterNgrams, ngramHash } from './word-vectors/ngrams.js';
export type { TrainOptions, Word2VecOptions } from './word-vectors/options.js';
export type {
  KeyOrVector,
  LoadVectorsOptions,
  MostSimilarOptions,
  SaveVectorsOptions,
  SimilarWord,
  ToTensorOptions,
} from './word-vectors/vector-queries.js';
export { WindowModel } from './word-vectors/window-model.js';
export type { TrainingProgress } from './word-vectors/windows.js';
export { Word2Vec } from './word-vectors/word2vec.js';

/**
 * `@course/data`: everything between a text file and a batch of tensors: data sets, tokenizers, loaders.
 *
 * @packageDocumentation
 */
export { CountVectorizer, type CountVectorizerOptions } from './classical/count-vectorizer.js';
export { SparseMatrix } from './classical/sparse.js';
export { porterStem } from './classical/stem.js';
export { ENGLISH_STOP_WORDS } from './classical/stop-words.js';
export {
  type TfidfOptions,
  TfidfTransformer,
  TfidfVectorizer,
  type TfidfVectorizerOptions,
} from './classical/tfidf.js';
export { mostCommon, Vocabulary, type VocabularyOptions } from './classical/vocabulary.js';
export { charNgrams, charTokenize, charWordNgrams, ngrams, type WordOptions, wordTokenize } from './classical/words.js';
export type { Columns, Renamed } from './datasets/columns.js';
export { concatenateDatasets } from './datasets/concatenate.js';
export { Dataset } from './datasets/dataset.js';
export type { Feature, Features } from './datasets/features.js';
export type { FormatOptions, Formatted } from './datasets/format.js';
export { type GroupedColumns, groupTexts, type TokenColumns } from './datasets/group-texts.js';
export { type BatchedStreamOptions, type BufferShuffleOptions, IterableDataset } from './datasets/iterable-dataset.js';
export {
  type AnyRow,
  type DataFiles,
  type DatasetFormat,
  type LoadDatasetOptions,
  type LoadRepoOptions,
  loadDataset,
  type SplitFiles,
  type Splits,
  type StreamedSplits,
} from './datasets/load-dataset.js';
export type { BatchedMapOptions, BatchTransform, MapOptions, RowTransform } from './datasets/map.js';
export { type IterOptions, RowTable } from './datasets/row-table.js';
export { nextSentencePairs, type SentencePair } from './datasets/sentence-pairs.js';
export type { SortOptions } from './datasets/sort.js';
export type { ShuffleOptions, SplitOptions } from './datasets/split.js';
export type { HostArray } from './host-array.js';
export {
  type BatchOf,
  type Collate,
  type Collator,
  DataCollatorWithPadding,
  type EncodedRow,
  type LabelledBatch,
  type PaddedBatch,
  type PaddingOptions,
  type PaddingTokenizer,
} from './loader/collate.js';
export { DataLoader, type DataLoaderOptions, type LengthBuckets, type LoaderState } from './loader/data-loader.js';
export type { DefaultBatch } from './loader/default-collate.js';
export {
  DataCollatorForLanguageModeling,
  type LanguageModelingBatch,
  type LanguageModelingOptions,
  type LanguageModelingRow,
  type LanguageModelingTokenizer,
} from './loader/language-modeling.js';
export { type PadSequencesOptions, padSequences } from './loader/pad-sequences.js';
export {
  type BatchSampler,
  type BatchSamplerOptions,
  type LengthBucketOptions,
  LengthBucketSampler,
  SimpleBatchSampler,
} from './loader/samplers.js';
export { DataCollatorForSeq2Seq, type Seq2SeqBatch, type Seq2SeqOptions, type Seq2SeqRow } from './loader/seq2seq.js';
export { WeightedRandomSampler, type WeightedSamplerOptions } from './loader/weighted-sampler.js';
export { DataCollatorForWholeWordMask, type WholeWordOptions, type WholeWordTokenizer } from './loader/whole-word.js';
export type { CsvOptions } from './readers/csv.js';
export type { CsvType } from './readers/csv-types.js';
export type { AddedToken } from './tokenizers/added-tokens.js';
export { AutoTokenizer } from './tokenizers/auto-tokenizer.js';
export { BatchEncoding, type EncodedTensors } from './tokenizers/batch-encoding.js';
export type { BertTokenizerOptions, BertTokenizerOverrides, ResolvedBertOptions } from './tokenizers/bert-options.js';
export { BertTokenizer } from './tokenizers/bert-tokenizer.js';
export type { Merge } from './tokenizers/bpe/merges.js';
export type { CallInput, CallOptions, CallResult, ModelInputName } from './tokenizers/call.js';
export type { EncodeBatchOptions, EncodeOptions, Encoding, Padding, Truncation } from './tokenizers/encoding.js';
export type { GPT2TokenizerOptions, GPT2TokenizerOverrides } from './tokenizers/gpt2-options.js';
export { GPT2Tokenizer } from './tokenizers/gpt2-tokenizer.js';
export type { ParallelOptions, ParallelTokenizer } from './tokenizers/parallel-tokenizer.js';
export type { PaddingSection, TokenizerSections, TruncationSection } from './tokenizers/sections.js';
export type { FileRequest, PretrainedSource, ResolveFile } from './tokenizers/source.js';
export type { NewSpecialTokens, NewToken, SpecialTokenRole, SpecialTokens } from './tokenizers/special-tokens.js';
export type { Side, Template, TemplatePiece } from './tokenizers/template.js';
export type { TextOrPair } from './tokenizers/texts.js';
export { type DecodeOptions, TokenDecoder } from './tokenizers/token-decoder.js';
export { Tokenizer, type TokenizerOptions } from './tokenizers/tokenizer.js';
export { type ByteLevelBpeTrainerOptions, trainByteLevelBpe } from './tokenizers/trainer/byte-level-bpe-trainer.js';
export { trainWordPiece, type WordPieceTrainerOptions } from './tokenizers/trainer/wordpiece-trainer.js';
export type { VocabSource } from './tokenizers/vocab.js';

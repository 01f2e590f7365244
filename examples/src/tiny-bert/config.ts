// Sizes of the models that the examples pre-train for a moment. Without dropout and with larger weights than BERT's a narrow model leaves the
// plateau of the most frequent words in a hundred steps instead of thousands.
import { type BertConfig, bertConfig, type DistilBertConfig, distilBertConfig } from '@course/models';

const MOMENT = { initializerRange: 0.08, maxPositionEmbeddings: 128 };

/** A BERT of two layers, 64 wide. */
export function tinyBertConfig(vocabSize: number, quick: boolean): BertConfig {
  const hiddenSize = quick ? 16 : 64;
  return bertConfig({
    ...MOMENT,
    vocabSize,
    hiddenSize,
    numHiddenLayers: quick ? 1 : 2,
    numAttentionHeads: 2,
    intermediateSize: 4 * hiddenSize,
    hiddenDropoutProb: 0,
    attentionProbsDropoutProb: 0,
  });
}

/** A DistilBERT of the same size. */
export function tinyDistilBertConfig(vocabSize: number, quick: boolean): DistilBertConfig {
  const dim = quick ? 16 : 64;
  return distilBertConfig({
    ...MOMENT,
    vocabSize,
    dim,
    nLayers: quick ? 1 : 2,
    nHeads: 2,
    hiddenDim: 4 * dim,
    dropout: 0,
    attentionDropout: 0,
  });
}

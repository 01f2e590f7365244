// Exercise 10 of the class and the optional one of lesson 3, filled in: all the data, a schedule, and an end when nothing gets better.
import type { Dataset } from '@course/data';
import type { TrainingArguments } from '@course/nn';
import type { Classifier } from '../fine-tuning/figures.js';
import type { LabelledText } from '../texts/reviews.js';

/** Which rows to learn from. */
export function trainingRows(all: Dataset<LabelledText>): Dataset<LabelledText> {
  // New reviews teach more than the same ones once again.
  return all;
}

/** How to learn. */
export function trainingArguments(model: Classifier): TrainingArguments {
  const isLarge = model.getInputEmbeddings().embeddingDim >= 512;
  return {
    numTrainEpochs: 4,
    perDeviceTrainBatchSize: 32,
    learningRate: isLarge ? 5e-5 : 5e-4,
    // Up from 0 while the new head says nothing useful, then down to 0.
    warmupRatio: 0.1,
    lrSchedulerType: 'linear',
    maxGradNorm: 1,
    // On the weights of products and embeddings; biases and norms are left alone.
    weightDecay: 0.01,
    earlyStoppingPatience: 2,
  };
}

// The smallest network with an embedding: the mean of a review's word vectors, and a line through their space.
import * as nn from '@course/nn';
import * as F from '@course/nn/functional';
import * as optim from '@course/nn/optim';
import type { Tensor } from '@course/tensor';
import { ReviewClassifier } from '../movie-reviews/classifier.js';

/** Numbers of words [batch, length] to probabilities [batch]. */
export class IMDBEmbeddingModel extends ReviewClassifier {
  readonly embedding;
  readonly pooling = new nn.AdaptiveAvgPool1d(1); // global average pooling over the sequence
  readonly fc;

  constructor(vocabularySize: number, embeddingLength = 20) {
    super();
    this.embedding = new nn.Embedding(vocabularySize, embeddingLength);
    this.fc = new nn.Linear(embeddingLength, 1);
  }

  override forward(x: Tensor): Tensor {
    const embedded = this.embedding.forward(x); // [batch, length, width]
    // Pooling goes over the last axis, so the words have to be there.
    const pooled = this.pooling.forward(embedded.permute([0, 2, 1])).squeeze(-1); // [batch, width]
    return F.sigmoid(this.fc.forward(pooled)).squeeze(-1);
  }

  override configureOptimizers(): optim.RMSprop {
    return new optim.RMSprop(this.parameters());
  }
}

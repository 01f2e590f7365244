// The network of lecture 8 on bags of words: two small layers with dropout between ten thousand words and one probability.
import * as nn from '@course/nn';
import * as F from '@course/nn/functional';
import * as optim from '@course/nn/optim';
import type { Tensor } from '@course/tensor';
import { ReviewClassifier } from '../movie-reviews/classifier.js';

/** Bags of words [batch, words] to probabilities [batch]. */
export class IMDBClassifier extends ReviewClassifier {
  readonly fc1;
  readonly dropout1 = new nn.Dropout(0.5);
  readonly fc2 = new nn.Linear(16, 16);
  readonly dropout2 = new nn.Dropout(0.5);
  readonly fc3 = new nn.Linear(16, 1);

  constructor(words: number) {
    super();
    this.fc1 = new nn.Linear(words, 16);
  }

  override forward(x: Tensor): Tensor {
    let h = F.relu(this.fc1.forward(x));
    h = this.dropout1.forward(h);
    h = F.relu(this.fc2.forward(h));
    h = this.dropout2.forward(h);
    return F.sigmoid(this.fc3.forward(h)).squeeze(-1);
  }

  override configureOptimizers(): optim.RMSprop {
    return new optim.RMSprop(this.parameters());
  }
}

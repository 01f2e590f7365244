// The lecture's classifier over word vectors that somebody else has made: they are looked up, averaged, and weighed by one linear layer.
import * as nn from '@course/nn';
import * as optim from '@course/nn/optim';
import type { Tensor } from '@course/tensor';
import { ReviewClassifier } from '../movie-reviews/classifier.js';
import { Permute, Squeeze } from '../movie-reviews/layers.js';

/** Numbers of words [batch, length] to probabilities [batch]. */
export class GloVeModel extends ReviewClassifier {
  readonly model: nn.Sequential;

  /** @param freeze Leave the vectors as they are; else training goes on with them. */
  constructor(
    matrix: Tensor,
    freeze: boolean,
    readonly lr = 1e-3,
  ) {
    super();
    this.model = new nn.Sequential(
      nn.Embedding.fromPretrained(matrix, { freeze }),
      new Permute(0, 2, 1),
      new nn.AdaptiveAvgPool1d(1),
      new Squeeze(-1),
      new nn.Linear(matrix.size(1), 1),
      new nn.Sigmoid(),
    );
  }

  override forward(x: Tensor): Tensor {
    return this.model.forward(x).squeeze(-1);
  }

  override configureOptimizers(): optim.Adam {
    return new optim.Adam(this.parameters(), { lr: this.lr });
  }
}

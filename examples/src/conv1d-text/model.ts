// The convolutional network of lecture 8: filters over seven words, the strongest answers of each stretch, filters over those.
import * as nn from '@course/nn';
import * as optim from '@course/nn/optim';
import type { Tensor } from '@course/tensor';
import { ReviewClassifier } from '../movie-reviews/classifier.js';
import { Permute } from '../movie-reviews/layers.js';

/** The layers between the word vectors [batch, width, length] and what is pooled over the whole review. */
export function filters(width: number): nn.Sequential {
  return new nn.Sequential(
    new nn.Conv1d(width, 32, 7),
    new nn.ReLU(),
    new nn.MaxPool1d(5),
    new nn.Conv1d(32, 32, 7),
    new nn.ReLU(),
  );
}

/** Numbers of words [batch, length] to probabilities [batch]. */
export class Conv1dClassifier extends ReviewClassifier {
  readonly model: nn.Sequential;

  constructor(
    vocabularySize: number,
    width: number,
    readonly lr = 1e-3,
  ) {
    super();
    this.model = new nn.Sequential(
      new nn.Embedding(vocabularySize, width), // [batch, length, width]
      // A convolution moves along the last axis and takes the one before it for channels; the notebook leaves this out.
      new Permute(0, 2, 1), // [batch, width, length]
      ...filters(width),
      new nn.AdaptiveAvgPool1d(1), // [batch, 32, 1]
      new nn.Flatten(),
      new nn.Linear(32, 1),
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

/** A convolution that sees only the past: all of the padding goes in front. [batch, channels, length] keeps its length. */
export class CausalConv1d extends nn.Module {
  readonly convolution: nn.Conv1d;

  constructor(inChannels: number, outChannels: number, kernelSize: number) {
    super();
    this.convolution = new nn.Conv1d(inChannels, outChannels, kernelSize);
  }

  forward(x: Tensor): Tensor {
    return this.convolution.forward(x.pad([this.convolution.kernelSize - 1, 0]));
  }
}

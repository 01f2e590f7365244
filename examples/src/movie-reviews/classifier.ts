// What the classifiers of lecture 8 have in common, in Lightning's form: a loss, an accuracy, and when they are measured. A classifier adds
// its layers, its `forward`, and its optimizer.
import { LightningModule } from '@course/nn';
import * as F from '@course/nn/functional';
import type { Tensor } from '@course/tensor';

/** Inputs of any kind, and the labels [batch], 0 or 1. */
export type Batch = [x: Tensor, y: Tensor];

/** A network that gives the probability [batch] of a positive review. */
export abstract class ReviewClassifier extends LightningModule<Batch> {
  abstract forward(x: Tensor): Tensor;

  override trainingStep([x, y]: Batch): Tensor {
    const predicted = this.forward(x);
    const loss = F.binaryCrossEntropy(predicted, y);
    this.log('train_loss', loss, { onStep: false, onEpoch: true });
    this.log('train_acc', accuracy(predicted, y), { onStep: false, onEpoch: true });
    return loss;
  }

  override validationStep([x, y]: Batch): void {
    const predicted = this.forward(x);
    this.log('val_loss', F.binaryCrossEntropy(predicted, y), { onEpoch: true });
    this.log('val_acc', accuracy(predicted, y), { onEpoch: true });
  }
}

/** The share of predictions on the right side of a half. */
function accuracy(predicted: Tensor, y: Tensor): Tensor {
  return predicted.gt(0.5).to('float32').eq(y).to('float32').mean();
}

// Exercises 6 to 9 of the class, filled in.
import type { LabelledBatch } from '@course/data';
import { AutoModelForSequenceClassification } from '@course/models';
import type { CrossEntropyLoss } from '@course/nn';
import * as F from '@course/nn/functional';
import { AdamW } from '@course/nn/optim';
import { noGrad, scope, type Tensor, tensor } from '@course/tensor';
import type { Classifier } from '../fine-tuning/figures.js';

/** Exercise 6: a pre-trained encoder with a new head of so many classes. */
export function loadModel(pretrained: string, numLabels: number): Promise<Classifier> {
  return AutoModelForSequenceClassification.fromPretrained(pretrained, { numLabels, onReport: () => undefined });
}

/** Exercise 7: the probabilities [1, classes] of an example. */
export function inference(
  model: Classifier,
  example: { readonly inputIds: readonly number[]; readonly attentionMask: readonly number[] },
): Tensor {
  // A batch of one: the model wants [batch, time].
  const inputIds = tensor([example.inputIds], { dtype: 'int32' });
  const attentionMask = tensor([example.attentionMask], { dtype: 'int32' });
  model.eval();
  const { logits } = noGrad(() => model.forward(inputIds, { attentionMask }));
  return F.softmax(logits, 1);
}

/** Exercise 8: the optimizer. */
export function makeOptimizer(model: Classifier, lr: number): AdamW {
  return new AdamW(model.parameters(), { lr });
}

/** Exercise 9: a step on a batch; its loss. */
export function trainingStep(
  model: Classifier,
  batch: LabelledBatch,
  lossFunction: CrossEntropyLoss,
  optimizer: AdamW,
): Tensor {
  // What a step makes on its way is released at its end.
  return scope(() => {
    const { logits } = model.forward(batch.inputIds, { attentionMask: batch.attentionMask });
    const loss = lossFunction.forward(logits, batch.labels);
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
    return loss.detach();
  });
}

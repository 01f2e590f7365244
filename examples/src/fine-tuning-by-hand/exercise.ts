// Exercises 6 to 9 of the class, to be filled in. Run it: npm run example fine-tuning-by-hand -- --exercise
import type { LabelledBatch } from '@course/data';
import type { CrossEntropyLoss } from '@course/nn';
import type { AdamW } from '@course/nn/optim';
import type { Tensor } from '@course/tensor';
import { gap } from '../course/gap.js';
import type { Classifier } from '../fine-tuning/figures.js';

/** Exercise 6: a pre-trained encoder with a new head of so many classes. */
export function loadModel(pretrained: string, numLabels: number): Promise<Classifier> {
  return gap(
    'loadModel',
    `AutoModelForSequenceClassification from ${pretrained}; which option makes it ${numLabels} classes?`,
  );
}

/** Exercise 7: the probabilities [1, classes] of an example. */
export function inference(
  model: Classifier,
  example: { readonly inputIds: readonly number[]; readonly attentionMask: readonly number[] },
): Tensor {
  return gap(
    'inference',
    `a ${model.constructor.name} takes int32 tensors [batch, time], the example has ${example.inputIds.length} ids; make probabilities of its logits`,
  );
}

/** Exercise 8: the optimizer. */
export function makeOptimizer(model: Classifier, lr: number): AdamW {
  return gap('makeOptimizer', `AdamW over the ${model.numParameters()} parameters with a learning rate of ${lr}`);
}

/** Exercise 9: a step on a batch; its loss. */
export function trainingStep(
  model: Classifier,
  batch: LabelledBatch,
  lossFunction: CrossEntropyLoss,
  optimizer: AdamW,
): Tensor {
  return gap(
    'trainingStep',
    `the loss (${lossFunction.constructor.name}) of ${model.constructor.name} on ${batch.labels.size(0)} texts, its gradients, a step of ${optimizer.constructor.name}, gradients back to nothing`,
  );
}

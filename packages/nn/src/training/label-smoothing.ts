/** The loss of labels that are not quite certain (Szegedy et al. 2016), computed by the trainer in place of the model. */
import { ArgumentError, crossEntropy, type Tensor } from '@course/tensor';
import type { ModelOutput } from './evaluation.js';

/**
 * Runs `outputOf` on a batch without its labels, and adds the cross-entropy of the logits [..., classes] with the labels [...] smoothed by
 * `factor`, as Hugging Face's `LabelSmoother`: -100 is left out. A batch without labels runs as it is.
 */
export function smoothLabels<Batch>(
  batch: Batch,
  factor: number,
  outputOf: (batch: Batch) => ModelOutput,
): ModelOutput {
  const { labels, ...rest } = batch as Batch & { readonly labels?: Tensor | null };
  if (!labels) return outputOf(batch);
  const output = outputOf(rest as Batch);
  const { logits } = output;
  if (!logits)
    throw new ArgumentError(
      `Trainer: labelSmoothingFactor needs a model that returns logits, this one gave ${Object.keys(output).join(', ') || 'nothing'}`,
    );
  const flat = logits.reshape([-1, logits.size(-1)]);
  return { ...output, loss: crossEntropy(flat, labels.reshape([-1]), { labelSmoothing: factor }) };
}

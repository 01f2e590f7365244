// How well a model tells texts that it has not seen: its accuracy, and which classes it takes for which.
import type { TextClassifier } from '@course/models';
import { crossEntropy, noGrad, scope } from '@course/tensor';
import type { Batches } from './encoding.js';
import { breathe } from './interruption.js';

/** What an evaluation found. */
export interface Evaluation {
  /** Share of the texts whose class was told right. */
  readonly accuracy: number;
  /** Mean cross-entropy over the texts. */
  readonly loss: number;
  /** Numbers of texts: rows by their class, columns by the class they were told to have. */
  readonly confusion: readonly (readonly number[])[];
}

/** Classifies every text of some batches and compares. */
export async function evaluate(model: TextClassifier, batches: Batches, signal: AbortSignal): Promise<Evaluation> {
  const classes = model.config.labels.length;
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  let right = 0;
  let loss = 0;
  model.eval();
  for await (const batch of batches) {
    await breathe(signal);
    const [told, cost] = noGrad(() =>
      scope(() => {
        const { logits } = model.forward(batch.inputIds, { attentionMask: batch.attentionMask });
        return [logits.argmax(-1), crossEntropy(logits, batch.labels, { reduction: 'sum' })] as const;
      }),
    );
    const [answers, labels, costs] = await Promise.all([told.data(), batch.labels.data(), cost.data()]);
    for (const tensor of [told, cost, ...Object.values(batch)]) tensor.dispose();
    loss += Number(costs[0]);
    for (const [i, label] of labels.entries()) {
      const answer = Number(answers[i]);
      const row = confusion[Number(label)];
      if (row) row[answer] = (row[answer] ?? 0) + 1;
      if (answer === Number(label)) right++;
    }
  }
  const texts = batches.dataset.length;
  return { accuracy: right / texts, loss: loss / texts, confusion };
}

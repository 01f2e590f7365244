// How a language model writes: from scores to probabilities by a softmax with a temperature, from those to a number by chance.
import * as F from '@course/nn/functional';
import { multinomial, type Tensor } from '@course/tensor';

/** Probabilities of scores [..., choices]: below 1, the temperature sharpens them towards the best; above, it levels them. */
export function probabilities(logits: Tensor, temperature: number): Tensor {
  return F.softmax(logits.div(temperature), -1);
}

/** A choice for each row of scores [rows, choices]: [rows, 1], int32. */
export function sample(logits: Tensor, temperature: number): Tensor {
  return multinomial(probabilities(logits, temperature), 1);
}

/** How undecided probabilities [..., choices] are, in nats: 0 if one is certain, ln of their number if all are alike. */
export function entropy(p: Tensor): Tensor {
  // 0 * ln 0 counts as 0.
  return p.mul(p.add(1e-30).log()).sum(-1).neg();
}

// Where a model looks: the attention of every head of every block over the tokens of a text.
import type { BertTokenizer } from '@course/data';
import type { TextClassifier } from '@course/models';
import { noGrad, scope, tensor } from '@course/tensor';

/** The attention over a text. */
export interface Attention {
  readonly tokens: readonly string[];
  /** [layers][heads][query][key]; the weights of a query add up to 1. */
  readonly weights: readonly (readonly (readonly (readonly number[])[])[])[];
}

/** The attention over a text, cut to the longest input of the model. */
export async function attentionOver(model: TextClassifier, tokenizer: BertTokenizer, text: string): Promise<Attention> {
  const { tokens, inputIds } = tokenizer.encode(text, { truncation: true, maxLength: model.config.maxLength });
  model.eval();
  const blocks = noGrad(() =>
    scope(() => {
      const { attentions = [] } = model.forward(tensor([inputIds], { dtype: 'int32' }), { outputAttentions: true });
      return attentions.map((weights) => weights.squeeze(0));
    }),
  );
  const weights: number[][][][] = [];
  for (const block of blocks) {
    weights.push((await block.toArray()) as number[][][]);
    block.dispose();
  }
  return { tokens, weights };
}

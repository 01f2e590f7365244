/** What models give and take that is common to all of them, and the losses of their heads. */
import type { Module } from '@course/nn';
import {
  ArgumentError,
  bceWithLogits,
  crossEntropy,
  isFloating,
  mseLoss,
  ShapeError,
  type Tensor,
} from '@course/tensor';
import { labelNames, type PretrainedConfig, type ProblemType } from './config.js';

/** What a forward may be asked for beside its result. */
export interface OutputOptions {
  /** Also give the attention weights of every layer, [batch, heads, query, key]. */
  readonly outputAttentions?: boolean;
  /** Also give the hidden states: those of the embeddings and of every layer, [batch, time, hiddenSize]. */
  readonly outputHiddenStates?: boolean;
}

/** What a head may say of what it reads. */
export interface ReadingOptions {
  /**
   * The head reads the state of the first token alone, so that the last layer need not compute those of others: `lastHiddenState` is
   * [batch, 1, hiddenSize] then. Without effect where all states are asked for, or the layer has hooks.
   */
  readonly firstTokenOnly?: boolean;
}

/** What {@link OutputOptions} ask for. */
export interface ExtraOutputs {
  readonly hiddenStates?: readonly Tensor[];
  readonly attentions?: readonly Tensor[];
}

/** The extra outputs of an output that holds more. */
export function extras({ hiddenStates, attentions }: ExtraOutputs): ExtraOutputs {
  return { ...(hiddenStates && { hiddenStates }), ...(attentions && { attentions }) };
}

/** One layer of a stack as {@link runLayers} sees it. */
export interface StackedLayer extends Module {
  /** The states of all tokens after the layer, or of those alone whose states before it are `wanted`. */
  forward(hidden: Tensor, mask: Tensor | null, wanted?: Tensor): Tensor;
  forwardWithWeights(hidden: Tensor, mask: Tensor | null): [hidden: Tensor, weights: Tensor];
}

/** Hidden states through a stack of layers, collecting what is asked for. */
export function runLayers(
  layers: Iterable<StackedLayer>,
  input: Tensor,
  mask: Tensor | null,
  { outputAttentions = false, outputHiddenStates = false, firstTokenOnly = false }: OutputOptions & ReadingOptions,
): ExtraOutputs & { readonly lastHiddenState: Tensor } {
  const hiddenStates: Tensor[] = [input];
  const attentions: Tensor[] = [];
  let hidden = input;
  const all = [...layers];
  const last = all.at(-1);
  const isCut = firstTokenOnly && !outputAttentions && !outputHiddenStates && last?.hasHooks() === false;
  for (const layer of all) {
    if (isCut && layer === last) {
      // Keys and values are those of all tokens; a mask of its own for each query has a row a token.
      const own = mask && mask.size(2) > 1 ? mask.narrow(2, 0, 1) : mask;
      hidden = layer.forward(hidden, own, hidden.narrow(1, 0, 1));
    } else if (outputAttentions) {
      const [next, weights] = layer.forwardWithWeights(hidden, mask);
      hidden = next;
      attentions.push(weights);
    } else hidden = layer.forward(hidden, mask);
    hiddenStates.push(hidden);
  }
  return {
    lastHiddenState: hidden,
    ...(outputHiddenStates && { hiddenStates }),
    ...(outputAttentions && { attentions }),
  };
}

/** `attentionMask` [batch, time] (1 = keep) or [batch, query, key] as a bool mask that broadcasts over heads. */
export function broadcastMask(
  name: string,
  mask: Tensor | null | undefined,
  batch: number,
  time: number,
): Tensor | null {
  if (!mask) return null;
  const kept = mask.dtype === 'bool' ? mask : mask.ne(0);
  if (mask.ndim === 2 && mask.size(0) === batch && mask.size(1) === time) return kept.view([batch, 1, 1, time]);
  if (mask.ndim === 3 && mask.size(0) === batch && mask.size(1) === time && mask.size(2) === time)
    return kept.unsqueeze(1);
  throw new ShapeError(
    `${name}: attentionMask must be [batch, time] = [${batch}, ${time}] (1 = keep) or [batch, query, key], got [${mask.shape.join(', ')}]`,
  );
}

/** The loss of a classifier's logits [batch, labels], as transformers chooses it from configuration and labels. */
export function classificationLoss(config: PretrainedConfig, logits: Tensor, labels: Tensor): Tensor {
  const count = labelNames(config).length;
  const problem: ProblemType =
    config.problemType ??
    (count === 1
      ? 'regression'
      : isFloating(labels.dtype)
        ? 'multi_label_classification'
        : 'single_label_classification');
  if (problem === 'regression') return mseLoss(count === 1 ? logits.squeeze(-1) : logits, labels.to(logits.dtype));
  if (problem === 'multi_label_classification') return bceWithLogits(logits, labels.to(logits.dtype));
  return crossEntropy(logits, labels);
}

/** The mean cross-entropy of logits [batch, time, classes] against [batch, time]; -100 does not count. */
export function tokenLoss(logits: Tensor, labels: Tensor): Tensor {
  return crossEntropy(logits.reshape([-1, logits.size(-1)]), labels.reshape([-1]));
}

/** The loss of a span: the mean of those of its two ends; ends outside the text do not count. */
export function spanLoss(start: Tensor, end: Tensor, startPositions: Tensor, endPositions: Tensor): Tensor {
  const time = start.size(1);
  const within = (places: Tensor): Tensor => {
    if (places.ndim !== 1 && !(places.ndim === 2 && places.size(1) === 1))
      throw new ArgumentError(`question answering: positions must be [batch], got [${places.shape.join(', ')}]`);
    return places.reshape([-1]).clamp({ min: 0, max: time });
  };
  const loss = (logits: Tensor, places: Tensor): Tensor => crossEntropy(logits, within(places), { ignoreIndex: time });
  return loss(start, startPositions).add(loss(end, endPositions)).div(2);
}

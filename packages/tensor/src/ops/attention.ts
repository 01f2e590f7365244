/** Scaled dot-product attention (Vaswani et al. 2017). */
import { ShapeError } from '../errors.js';
import { formatShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { dropout } from './dropout.js';
import { matmul } from './matmul.js';
import { softmax } from './softmax.js';

/** Options of {@link attention}. */
export interface AttentionOptions {
  /** bool, true = attend, or float, added to the scores; broadcastable to [batch, heads, query, key]. */
  readonly mask?: Tensor | null;
  /** Attend only to keys not after the query. */
  readonly isCausal?: boolean;
  readonly dropoutP?: number;
  /** Default 1 / sqrt(width of a head). */
  readonly scale?: number;
}

/**
 * `softmax(q kᵀ * scale + mask) v` for q [..., query, width], k [..., key, width], v [..., key, valueWidth], and the weights [..., query, key].
 * A query with no key left gets zeros (PyTorch gives NaN there).
 */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { mask, isCausal = false, dropoutP = 0, scale }: AttentionOptions = {},
): { output: Tensor; weights: Tensor } {
  if (q.shape.at(-1) !== k.shape.at(-1) || k.shape.at(-2) !== v.shape.at(-2))
    throw new ShapeError(
      `scaledDotProductAttention: query ${formatShape(q.shape)}, key ${formatShape(k.shape)} and value ${formatShape(v.shape)} do not fit: query and key share their last size, key and value their length`,
    );
  const factor = scale ?? 1 / Math.sqrt(q.shape.at(-1) ?? 1);
  const additive = mask && mask.dtype !== 'bool';
  const scores = matmul(q, k.transpose(-2, -1));
  const allowed = allowedKeys(q, k, additive ? null : (mask ?? null), isCausal);
  const options = { ...(allowed && { mask: allowed }) };
  const weights = additive
    ? softmax(scores.mul(factor).add(mask), -1, options)
    : softmax(scores, -1, { scale: factor, ...options });
  return { output: matmul(dropout(weights, dropoutP), v), weights };
}

/** The keys that each query may see, or null for all. */
function allowedKeys(q: Tensor, k: Tensor, mask: Tensor | null, isCausal: boolean): Tensor | null {
  if (!isCausal) return mask;
  const queries = q.newArange(q.shape.at(-2) ?? 0).view([-1, 1]);
  const causal = queries.ge(q.newArange(k.shape.at(-2) ?? 0));
  return mask ? mask.logicalAnd(causal) : causal;
}

/** {@link attention} without the weights, as `torch.nn.functional.scaled_dot_product_attention`. */
export function scaledDotProductAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  return attention(q, k, v, options).output;
}

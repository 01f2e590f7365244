/**
 * Scaled dot-product attention (Vaswani et al. 2017), in two forms with the same values: `attention` composes it of products and a
 * softmax and so can show its weights; `scaledDotProductAttention` fuses it, in memory that does not grow with them.
 */
import { autocasted } from '../autocast.js';
import { needsGrad } from '../autograd/record.js';
import type { DType } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { defaultGenerator } from '../random/default.js';
import { broadcastShapes, formatShape, numel, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { checkProbability, type DropoutKey, dropoutAt, dropoutKey, givingBack } from './dropout.js';
import { type AttentionSettings, fusedAttention } from './fused-attention.js';
import { matmul } from './matmul.js';
import { commonBackend } from './operands.js';
import { softmax } from './softmax.js';

/** Options of {@link attention}. */
export interface AttentionOptions {
  /** bool, true = attend, or float, added to the scores (-infinity takes a key away); broadcastable to [batch, heads, query, key]. */
  readonly mask?: Tensor | null;
  /** Attend only to keys not after the query. */
  readonly isCausal?: boolean;
  /** Probability with which a weight is dropped. Default 0. */
  readonly dropoutP?: number;
  /** Default 1 / sqrt(width of a head). */
  readonly scale?: number;
}

/** What the fused kernels compute of: float16 as float32, so that scores do not overflow. */
const FUSED: readonly DType[] = ['float32', 'float16'];

/** The widest head that the fused kernels take; wider ones are composed of products and a softmax. */
const MOST_WIDTH = 256;

/**
 * `softmax(q kᵀ * scale + mask) v` for q [..., query, width], k [..., key, width], v [..., key, valueWidth], and the weights [..., query, key].
 * A query with no key left gets zeros (PyTorch gives NaN there). Without need of the weights, {@link scaledDotProductAttention}
 * computes the same with less memory.
 */
export function attention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions = {},
): { output: Tensor; weights: Tensor } {
  return givingBack(defaultGenerator(), () => {
    const { q, k, v, settings, mask } = prepare(query, key, value, options);
    return composed(q, k, v, mask, settings);
  });
}

/**
 * `softmax(q kᵀ * scale + mask) v`, as
 * [torch.nn.functional.scaled_dot_product_attention](https://pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html),
 * for q [..., query, width], k [..., key, width], v [..., key, valueWidth]; their leading dims broadcast. The result [..., query,
 * valueWidth] lies in memory in the order of q, so that heads which were split by views merge again without a copy. Memory grows
 * with the number of queries and keys, not with their product (a float mask that needs a gradient, and heads wider than 256,
 * excepted; on software adapters each pass takes up to 32 MiB more while it runs). A query with no key left gets zeros, and zero gradients
 * (PyTorch gives NaN there).
 *
 * @throws ShapeError if sizes do not fit, DTypeError unless the mask is bool or float32.
 * @example
 * const [q, k, v] = [randn([2, 4, 10, 8]), randn([2, 4, 10, 8]), randn([2, 4, 10, 8])];
 * scaledDotProductAttention(q, k, v, { isCausal: true }).shape; // [2, 4, 10, 8]
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions = {},
): Tensor {
  return givingBack(defaultGenerator(), () => attended(prepare(query, key, value, options)));
}

function attended({ q, k, v, settings, mask, batch }: Prepared): Tensor {
  const fuses =
    [q, k, v].every(
      (x) => FUSED.includes(x.dtype) && x.dtype === q.dtype && x.shape.length >= 2 && numel(x.shape) > 0,
    ) &&
    numel(q.shape) > 0 &&
    Math.max(q.shape.at(-1) ?? 0, v.shape.at(-1) ?? 0) <= MOST_WIDTH &&
    !(mask && mask.dtype !== 'bool' && needsGrad([mask]));
  return fuses ? fusedAttention(q, k, v, mask, batch, settings) : composed(q, k, v, mask, settings).output;
}

interface Prepared {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly settings: AttentionSettings;
  readonly mask: Tensor | null;
  /** The leading dims of the result. */
  readonly batch: Shape;
}

/** Checks operands, and settles what the options leave open: the same for both forms. */
function prepare(query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions): Prepared {
  const { isCausal = false, dropoutP = 0, scale } = options;
  const name = 'scaledDotProductAttention';
  const [q, k, v, mask] = autocasted(name, query, key, value, options.mask ?? null);
  commonBackend(name, q, k, v, ...(mask ? [mask] : []));
  if (
    [q, k, v].some((x) => x.shape.length < 2) ||
    q.shape.at(-1) !== k.shape.at(-1) ||
    k.shape.at(-2) !== v.shape.at(-2)
  )
    throw new ShapeError(
      `${name}: query ${formatShape(q.shape)}, key ${formatShape(k.shape)} and value ${formatShape(v.shape)} do not fit: query and key share their last size, key and value their length`,
    );
  const batch = broadcastShapes(name, ...[q, k, v].map((x) => x.shape.slice(0, -2)));
  if (mask) {
    if (mask.dtype !== 'bool' && mask.dtype !== q.dtype)
      throw new DTypeError(`${name}: Expected mask dtype to be bool or ${q.dtype}, but got ${mask.dtype}`);
    const scores = [...batch, q.shape.at(-2) ?? 0, k.shape.at(-2) ?? 0];
    const lead = scores.length - mask.shape.length;
    if (lead < 0 || mask.shape.some((size, d) => size !== 1 && size !== scores[d + lead]))
      throw new ShapeError(
        `${name}: mask of shape ${formatShape(mask.shape)} cannot be broadcast to ${formatShape(scores)}`,
      );
  }
  checkProbability(name, dropoutP);
  const settings = {
    scale: scale ?? 1 / Math.sqrt(Math.max(q.shape.at(-1) ?? 1, 1)),
    isCausal,
    dropout: dropoutP > 0 ? { p: dropoutP, key: dropoutKey() } : null,
    weightsOf: (query: Tensor, key: Tensor, added: Tensor | null) =>
      weights(query, key, added, settings.scale, isCausal),
    drop,
  };
  return { q, k, v, settings, mask, batch };
}

function composed(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | null, { dropout, weightsOf }: AttentionSettings) {
  const found = weightsOf(q, k, mask);
  return { output: matmul(drop(found, dropout), v), weights: found };
}

function drop(x: Tensor, dropout: { readonly p: number; readonly key: DropoutKey } | null): Tensor {
  return dropout ? dropoutAt(x, dropout.p, dropout.key) : x;
}

/** The weights [..., query, key], before dropout. */
function weights(q: Tensor, k: Tensor, mask: Tensor | null, scale: number, isCausal: boolean): Tensor {
  const scores = matmul(q, k.transpose(-2, -1));
  if (!mask || mask.dtype === 'bool') {
    const allowed = causal(q, k, mask, isCausal);
    return softmax(scores, -1, { scale, ...(allowed && { mask: allowed }) });
  }
  return softmax(scores.mul(scale).add(mask), -1, {
    mask: causal(q, k, mask.detach().ne(Number.NEGATIVE_INFINITY), isCausal) as Tensor,
  });
}

/** The keys that each query may see, or null for all. */
function causal(q: Tensor, k: Tensor, mask: Tensor | null, isCausal: boolean): Tensor | null {
  if (!isCausal) return mask;
  const queries = q.newArange(q.shape.at(-2) ?? 0).view([-1, 1]);
  const allowed = queries.ge(q.newArange(k.shape.at(-2) ?? 0));
  return mask ? mask.logicalAnd(allowed) : allowed;
}

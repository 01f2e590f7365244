/** Masks in torch's form, where true means "ignore" and floats are added to the scores, and attention under them. */
import { attention, DTypeError, pad, ShapeError, scaledDotProductAttention, type Tensor } from '@course/tensor';

/** Masks of one attention, torch's way: bool and true = ignore, or float and added to the scores. */
export interface AttentionMasks {
  /** Keys that nobody may look at, [batch, key]. */
  readonly keyPaddingMask?: Tensor | null;
  /** [query, key] or [batch * heads, query, key]. */
  readonly attnMask?: Tensor | null;
  /** No query looks at a later key; an `attnMask` is not needed for it. */
  readonly isCausal?: boolean;
}

interface Mask {
  /** bool, true = may look. */
  readonly allowed: Tensor | null;
  /** float, added to the scores. */
  readonly added: Tensor | null;
  /** No query looks at a later key. */
  readonly isCausal: boolean;
}

/**
 * torch's masks as one bool mask, true = keep, and one that is added; both broadcast to [batch, heads, query, key].
 *
 * @param q [batch, heads, query, width].
 * @param keys Keys that the masks speak of.
 * @param extra Keys behind those, which every query may look at.
 */
export function maskOf(
  { keyPaddingMask, attnMask, isCausal = false }: AttentionMasks,
  q: Tensor,
  keys: number,
  extra: number,
  batched: boolean,
): Mask {
  const [batch = 1, heads = 1, queries = 1] = q.shape;
  const masks: Tensor[] = [];
  if (keyPaddingMask) {
    checkMask('keyPaddingMask', keyPaddingMask, [batched ? [batch, keys] : [keys]]);
    masks.push(keyPaddingMask.view([batch, 1, 1, keys]));
  }
  if (attnMask) {
    checkMask('attnMask', attnMask, [
      [queries, keys],
      [batch * heads, queries, keys],
    ]);
    masks.push(attnMask.ndim === 3 ? attnMask.view([batch, heads, queries, keys]) : attnMask);
  }
  // With keys behind the masks' own, a causal mask is one like the others.
  if (isCausal && extra > 0) masks.push(q.newArange(queries).view([-1, 1]).lt(q.newArange(keys)));
  let allowed: Tensor | null = null;
  let added: Tensor | null = null;
  for (const each of masks) {
    const mask = extra > 0 ? pad(each, [0, extra]) : each;
    if (mask.dtype !== 'bool') added = added ? added.add(mask) : mask;
    else allowed = allowed ? allowed.logicalAnd(mask.logicalNot()) : mask.logicalNot();
  }
  return { allowed, added, isCausal: isCausal && extra === 0 };
}

function checkMask(name: string, mask: Tensor, shapes: readonly (readonly number[])[]): void {
  if (mask.dtype !== 'bool' && mask.dtype !== 'float32')
    throw new DTypeError(
      `MultiheadAttention: ${name} must be bool (true = ignore) or float32 (added to the scores), got ${mask.dtype}`,
    );
  if (!shapes.some((shape) => shape.join() === mask.shape.join()))
    throw new ShapeError(
      `MultiheadAttention: ${name} must be ${shapes.map((shape) => `[${shape.join(', ')}]`).join(' or ')}, got [${mask.shape.join(', ')}]`,
    );
}

/** The output [batch, heads, query, width] of attention under a mask, and the weights if wanted. */
export function attend(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { allowed, added, isCausal }: Mask,
  dropoutP: number,
  needWeights: boolean,
): { output: Tensor; weights: Tensor | null } {
  // Both kinds at once: what is added shifts the scores, and takes away what is not allowed.
  const mask = added && allowed ? added.where(allowed, Number.NEGATIVE_INFINITY) : (added ?? allowed);
  const options = { mask, isCausal, dropoutP };
  return needWeights
    ? attention(q, k, v, options)
    : { output: scaledDotProductAttention(q, k, v, options), weights: null };
}

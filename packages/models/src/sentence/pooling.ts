/** From the states of tokens to one vector a text, in the ways that sentence-transformers knows. */
import { ArgumentError, cat, type Tensor } from '@course/tensor';

/**
 * How the states of a text's tokens become one vector: the first token's, their mean, maximum, sum over the root of their number, mean
 * weighted by place, the last token's.
 */
export type Pooling = 'cls' | 'mean' | 'max' | 'meanSqrtLen' | 'weightedMean' | 'lastToken';

const sumOf = (states: Tensor, weights: Tensor): Tensor => states.mul(weights.unsqueeze(-1)).sum(1);

/** Each takes states [batch, time, width] and weights [batch, time] of 1 and 0. */
const MODES: Readonly<Record<Pooling, (states: Tensor, kept: Tensor) => Tensor>> = {
  cls: (states) => states.select(1, 0),
  mean: (states, kept) => sumOf(states, kept).div(kept.sum(1, { keepDim: true }).clamp({ min: 1e-9 })),
  meanSqrtLen: (states, kept) => sumOf(states, kept).div(kept.sum(1, { keepDim: true }).clamp({ min: 1e-9 }).sqrt()),
  max: (states, kept) => states.maskedFill(kept.eq(0).unsqueeze(-1), -1e9).amax(1),
  weightedMean: (states, kept) => {
    const weights = kept.mul(kept.newArange(kept.size(1)).add(1).to(kept.dtype));
    return sumOf(states, weights).div(weights.sum(1, { keepDim: true }).clamp({ min: 1e-9 }));
  },
  lastToken: (states, kept) => {
    const places = kept.newArange(kept.size(1)).to(kept.dtype);
    const last = kept.mul(places).amax(1, { keepDim: true });
    return sumOf(states, places.eq(last).to(kept.dtype));
  },
};

/** The names of all ways of pooling. */
export const POOLINGS = Object.keys(MODES) as Pooling[];

/** How {@link poolStates} goes about it. */
export interface PoolOptions {
  /** One way, or several whose vectors are joined. */
  readonly pooling: Pooling | readonly Pooling[];
  /** Scale the vectors to length 1. Default false. */
  readonly normalize?: boolean;
}

/**
 * One vector a text from the states of its tokens.
 *
 * @param states [batch, time, width].
 * @param attentionMask [batch, time], 1 = keep.
 * @throws ArgumentError for a pooling that is not here.
 * @example
 * const vectors = poolStates(randn([2, 3, 8]), tensor([[1, 1, 1], [1, 1, 0]]), { pooling: 'mean', normalize: true }); // [2, 8]
 */
export function poolStates(states: Tensor, attentionMask: Tensor, { pooling, normalize = false }: PoolOptions): Tensor {
  const kept = attentionMask.to(states.dtype);
  const ways = typeof pooling === 'string' ? [pooling] : pooling;
  for (const way of ways)
    if (!Object.hasOwn(MODES, way))
      throw new ArgumentError(`poolStates: pooling must be one of ${POOLINGS.join(', ')}, got '${String(way)}'`);
  if (ways.length === 0) throw new ArgumentError('poolStates: pooling names no way');
  const parts = ways.map((way) => MODES[way](states, kept));
  const pooled = parts.length === 1 && parts[0] ? parts[0] : cat(parts, -1);
  return normalize ? pooled.div(pooled.norm(-1, { keepDim: true }).clamp({ min: 1e-12 })) : pooled;
}

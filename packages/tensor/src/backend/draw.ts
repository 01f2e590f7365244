/** What a device may be asked to make where the host would have to: draws from a generator's stream (`random/draw.ts`), and lines. */

/** Float32 or float64 numbers; `integers` and `permutation` are int32. */
export type Draw =
  | { readonly kind: 'uniform'; readonly from: number; readonly to: number }
  /** Of [0, 1), with the 53 bits of a double before they are rounded. */
  | { readonly kind: 'double' }
  | { readonly kind: 'normal'; readonly mean: number; readonly std: number }
  | { readonly kind: 'bernoulli'; readonly p: number }
  | { readonly kind: 'exponential'; readonly rate: number }
  | { readonly kind: 'integers'; readonly low: number; readonly high: number }
  | { readonly kind: 'permutation' };

/** `first + step * i` in the first half, the middle included, and `last - step * (count - 1 - i)` behind it, each rounded once. */
export interface Line {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

// Chance for the review generator: a 32-bit generator and a 32-bit string hash in integer arithmetic only, so that a
// seed gives the same reviews on every machine and in every engine. It is not the tensor library's random stream and
// shares no state with it: a data set must not change when a model draws a number more.

/** 2³² divided by the golden ratio, made odd: the increment of SplitMix (Steele, Lea and Flood 2014). */
const GOLDEN = 0x9e3779b9;

/** The 32-bit finaliser of MurmurHash3: every input bit changes about half of the output bits. */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** FNV-1a over the UTF-16 units of `text`, started from `seed` and finalised; an unsigned 32-bit integer. */
export function hash(text: string, seed: number): number {
  let h = mix(seed) ^ 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return mix(h);
}

/** SplitMix with 32 bits of state: a Weyl sequence through {@link mix}. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = mix(seed);
  }

  /** An unsigned 32-bit integer; none comes twice in 2³² draws. */
  next(): number {
    this.#state = (this.#state + GOLDEN) | 0;
    return mix(this.#state);
  }

  /** An integer in `[0, bound)`. The modulo bias is below `bound / 2³²`, nothing for the small bounds used here. */
  below(bound: number): number {
    return this.next() % bound;
  }

  /** True in `percent` of 100 calls. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** One element of a list, or undefined if it is empty. */
  pick<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)];
  }
}

/** Keys and values of the tokens so far, so that decoding computes only those of the new ones. */
import { ArgumentError, AutogradError, isGradEnabled, keep, noGrad, ShapeError, type Tensor } from '@course/tensor';
import { checkSizes } from '../sizes.js';

/**
 * The keys and values of one attention layer while tokens are generated one after the other. Its memory grows by doubling; it outlives
 * scopes until {@link KeyValueCache.dispose}.
 *
 * @example
 * const attention = new MultiHeadAttention(64, 8, 8);
 * const cache = new KeyValueCache();
 * noGrad(() => {
 *   attention.forward(randn([1, 5, 64]), null, { isCausal: true, cache });
 *   attention.forward(randn([1, 1, 64]), null, { isCausal: true, cache }); // sees the five before
 * });
 * cache.length; // 6
 */
export class KeyValueCache {
  #keys: Tensor | null = null;
  #values: Tensor | null = null;
  #length = 0;

  /** @param capacity Tokens that fit before memory grows for the first time. */
  constructor(readonly capacity = 64) {
    checkSizes('KeyValueCache', { capacity });
  }

  /** Tokens held. */
  get length(): number {
    return this.#length;
  }

  /**
   * Adds keys and values [batch, heads, time, width] of the next tokens and returns those of all tokens: views of the cache, which the next
   * call may overwrite.
   *
   * @throws AutogradError where gradients are recorded; ShapeError if batch, heads or width differ from what is held.
   */
  append(keys: Tensor, values: Tensor): [keys: Tensor, values: Tensor] {
    if (isGradEnabled() && (keys.requiresGrad || values.requiresGrad))
      throw new AutogradError('KeyValueCache: a cache is for inference: decode inside noGrad()');
    return noGrad(() => {
      this.#keys = this.#grown(this.#keys, keys);
      this.#values = this.#grown(this.#values, values);
      const before = this.#length;
      this.#length += keys.size(2);
      this.#keys.narrow(2, before, keys.size(2)).copy_(keys);
      this.#values.narrow(2, before, keys.size(2)).copy_(values);
      return this.all();
    });
  }

  /** Views of all keys and values held. */
  all(): [keys: Tensor, values: Tensor] {
    if (!this.#keys || !this.#values) throw new ArgumentError('KeyValueCache: it is empty');
    return [this.#keys.narrow(2, 0, this.#length), this.#values.narrow(2, 0, this.#length)];
  }

  /** Forgets the tokens from `length` on: going back after a guess. */
  truncate(length: number): void {
    if (!(Number.isInteger(length) && length >= 0 && length <= this.#length))
      throw new ArgumentError(`KeyValueCache: cannot truncate ${this.#length} tokens to ${length}`);
    this.#length = length;
  }

  /** Frees the memory; the cache is empty afterwards. */
  dispose(): void {
    this.#keys?.dispose();
    this.#values?.dispose();
    [this.#keys, this.#values, this.#length] = [null, null, 0];
  }

  #grown(held: Tensor | null, added: Tensor): Tensor {
    if (added.ndim !== 4)
      throw new ShapeError(`KeyValueCache: expected [batch, heads, time, width], got [${added.shape.join(', ')}]`);
    if (held && [0, 1, 3].some((d) => held.size(d) !== added.size(d)))
      throw new ShapeError(
        `KeyValueCache: holds [${held.shape.with(2, this.#length).join(', ')}], cannot append [${added.shape.join(', ')}]`,
      );
    const needed = this.#length + added.size(2);
    if (held && held.size(2) >= needed) return held;
    let capacity = held?.size(2) ?? this.capacity;
    while (capacity < needed) capacity *= 2;
    const larger = keep(added.newFull(added.shape.with(2, capacity), 0));
    if (held) {
      if (this.#length > 0) larger.narrow(2, 0, this.#length).copy_(held.narrow(2, 0, this.#length));
      held.dispose();
    }
    return larger;
  }
}

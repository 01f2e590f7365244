/** Rotary positions (Su et al. 2021): queries and keys are turned by an angle that grows with their place, so that scores depend on distances. */
import { ArgumentError, cat, ShapeError, stack, type Tensor, tensor } from '@course/tensor';
import { Module } from '../module.js';
import { Buffer } from '../parameter.js';
import { checkSizes } from '../sizes.js';

/** Options of {@link RotaryEmbedding}. */
export interface RotaryOptions {
  /** The longest sequence. Default 2048. */
  readonly maxLength?: number;
  /** Angle of pair i at place t: t / base^(2i / dim). Default 10000. */
  readonly base?: number;
  /** Pairs are neighbours (2i, 2i + 1), as in the paper and GPT-J, instead of (i, i + dim / 2), as in LLaMA and GPT-NeoX. Default false. */
  readonly interleaved?: boolean;
}

/**
 * Turns the pairs of x [..., time, dim] by the angles of their places. Apply it to queries and keys, or give it to a {@link MultiHeadAttention}.
 *
 * @throws ArgumentError for an odd dim; ShapeError for a sequence longer than `maxLength`.
 * @example
 * const rotary = new RotaryEmbedding(16);
 * new MultiHeadAttention(64, 4, 16, { rotary }).forward(randn([2, 5, 64]));
 */
export class RotaryEmbedding extends Module {
  readonly cos: Buffer;
  readonly sin: Buffer;
  readonly interleaved: boolean;
  readonly maxLength: number;

  constructor(
    readonly dim: number,
    { maxLength = 2048, base = 10000, interleaved = false }: RotaryOptions = {},
  ) {
    super();
    if (!Number.isInteger(dim) || dim < 2 || dim % 2 !== 0)
      throw new ArgumentError(`RotaryEmbedding: dim must be an even number of at least 2, got ${dim}`);
    checkSizes('RotaryEmbedding', { maxLength });
    this.interleaved = interleaved;
    this.maxLength = maxLength;
    const table = (of: (angle: number) => number): Buffer => {
      const values = new Float32Array((maxLength * dim) / 2);
      for (let at = 0; at < values.length; at++)
        values[at] = of(Math.floor((2 * at) / dim) / base ** ((2 * (at % (dim / 2))) / dim));
      return new Buffer(tensor(values, { shape: [maxLength, dim / 2] }), { persistent: false });
    };
    this.cos = table(Math.cos);
    this.sin = table(Math.sin);
  }

  /** x [..., time, dim] to the same shape; `offset` is the place of its first row, the number of tokens in a cache before. */
  forward(x: Tensor, { offset = 0 }: { readonly offset?: number } = {}): Tensor {
    const [time, dim] = [x.size(-2), x.size(-1)];
    if (dim !== this.dim)
      throw new ShapeError(`RotaryEmbedding: expected [..., time, ${this.dim}], got [${x.shape.join(', ')}]`);
    if (offset + time > this.maxLength)
      throw new ShapeError(
        `RotaryEmbedding: a sequence of ${offset + time} is longer than the ${this.maxLength} positions of the table`,
      );
    const [cos, sin] = [this.cos.narrow(0, offset, time), this.sin.narrow(0, offset, time)];
    const half = dim / 2;
    const [a, b] = this.interleaved ? neighbours(x, half) : [x.narrow(-1, 0, half), x.narrow(-1, half, half)];
    const turned = [a.mul(cos).sub(b.mul(sin)), b.mul(cos).add(a.mul(sin))];
    return this.interleaved ? stack(turned, -1).flatten(-2) : cat(turned, -1);
  }

  override flops(_args: readonly unknown[], output: unknown): number {
    return 3 * (output as Tensor).numel();
  }

  override extraRepr(): string {
    return `${this.dim}, max_length=${this.maxLength}, interleaved=${this.interleaved ? 'True' : 'False'}`;
  }
}

function neighbours(x: Tensor, half: number): [Tensor, Tensor] {
  const pairs = x.reshape([...x.shape.slice(0, -1), half, 2]);
  return [pairs.select(-1, 0), pairs.select(-1, 1)];
}

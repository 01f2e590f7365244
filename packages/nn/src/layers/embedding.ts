/** Lookup tables of learned vectors. */
import { ArgumentError, embedding, noGrad, ShapeError, scope, type Tensor, where, zeros } from '@course/tensor';
import { normal_, zeroRow_ } from '../init.js';
import { Module } from '../module.js';
import { Parameter } from '../parameter.js';
import { checkSizes } from '../sizes.js';

/** Options of {@link Embedding}. */
export interface EmbeddingOptions {
  /** A row that stays zero and learns nothing: that of the padding token. */
  readonly paddingIdx?: number | null;
  /** Rows that are looked up and longer than this are scaled down to it first, in place. */
  readonly maxNorm?: number | null;
  /** The norm that `maxNorm` means. Default 2. */
  readonly normType?: number;
}

/**
 * A table of `numEmbeddings` vectors of `embeddingDim`, as `torch.nn.Embedding`: ids (int32, any shape) to [..., embeddingDim].
 *
 * @throws ArgumentError for ids outside the table.
 */
export class Embedding extends Module {
  weight: Parameter;
  readonly paddingIdx: number | null;
  readonly maxNorm: number | null;
  readonly normType: number;

  constructor(
    numEmbeddings: number,
    readonly embeddingDim: number,
    { paddingIdx = null, maxNorm = null, normType = 2 }: EmbeddingOptions = {},
  ) {
    super();
    checkSizes('Embedding', { numEmbeddings, embeddingDim });
    if (maxNorm !== null && !(maxNorm > 0))
      throw new ArgumentError(`Embedding: maxNorm must be positive, got ${maxNorm}`);
    if (paddingIdx !== null && !(paddingIdx >= -numEmbeddings && paddingIdx < numEmbeddings))
      throw new ArgumentError(
        `Embedding: paddingIdx must be within numEmbeddings (${numEmbeddings}), got ${paddingIdx}`,
      );
    this.paddingIdx = paddingIdx !== null && paddingIdx < 0 ? paddingIdx + numEmbeddings : paddingIdx;
    [this.maxNorm, this.normType] = [maxNorm, normType];
    this.weight = new Parameter(zeros([numEmbeddings, embeddingDim]));
    this.resetParameters();
  }

  /** Rows of the table. */
  get numEmbeddings(): number {
    return this.weight.size(0);
  }

  /** A table from a matrix [rows, width]; frozen unless told otherwise. */
  static fromPretrained(
    matrix: Tensor,
    { freeze = true, ...options }: EmbeddingOptions & { readonly freeze?: boolean } = {},
  ): Embedding {
    const [rows, width] = matrix.shape;
    if (matrix.ndim !== 2 || rows === undefined || width === undefined)
      throw new ShapeError(
        `Embedding.fromPretrained: Embeddings parameter is expected to be 2-dimensional, got [${matrix.shape.join(', ')}]`,
      );
    const module = new Embedding(rows, width, options);
    noGrad(() => module.weight.copy_(matrix));
    module.weight.requiresGrad_(!freeze);
    return module;
  }

  /** Draws the table anew, standard normal; the row of padding is 0. */
  resetParameters(): void {
    normal_(this.weight);
    if (this.paddingIdx !== null) zeroRow_(this.weight, this.paddingIdx);
  }

  /** ids [...], int32, to their vectors [..., embeddingDim]. */
  forward(ids: Tensor): Tensor {
    if (this.maxNorm !== null) this.#renormalise(ids, this.maxNorm);
    return embedding(ids, this.weight, { paddingIdx: this.paddingIdx });
  }

  /** Scales down the rows that `ids` name, as torch does before every look-up. */
  #renormalise(ids: Tensor, maxNorm: number): void {
    noGrad(() =>
      scope(() => {
        const { weight } = this;
        const used = embedding(ids.reshape([-1]), weight);
        const norms = used.norm(-1, { keepDim: true, p: this.normType });
        const scaled = used.mul(norms.add(1e-7).reciprocal().mul(maxNorm));
        // Rows that several ids name are scaled alike, so it does not matter which copy stays.
        const rows = where(norms.gt(maxNorm), scaled, used);
        weight.copy_(weight.indexCopy(0, ids.reshape([-1]), rows));
      }),
    );
  }

  override flops(): number {
    return 0;
  }

  override extraRepr(): string {
    return `${this.numEmbeddings}, ${this.embeddingDim}${this.paddingIdx === null ? '' : `, padding_idx=${this.paddingIdx}`}${this.maxNorm === null ? '' : `, max_norm=${this.maxNorm}`}`;
  }
}

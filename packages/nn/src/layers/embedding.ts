/** Lookup tables of learned vectors. */
import { ArgumentError, embedding, noGrad, ShapeError, type Tensor, zeros } from '@course/tensor';
import { normal_ } from '../init.js';
import { Module } from '../module.js';
import { Parameter } from '../parameter.js';

/** Options of {@link Embedding}. */
export interface EmbeddingOptions {
  /** A row that stays zero and learns nothing: that of the padding token. */
  readonly paddingIdx?: number | null;
}

/**
 * A table of `numEmbeddings` vectors of `embeddingDim`, as `torch.nn.Embedding`: ids (int32, any shape) to [..., embeddingDim].
 *
 * @throws ArgumentError for ids outside the table.
 */
export class Embedding extends Module {
  readonly weight: Parameter;
  readonly paddingIdx: number | null;

  constructor(
    readonly numEmbeddings: number,
    readonly embeddingDim: number,
    { paddingIdx = null }: EmbeddingOptions = {},
  ) {
    super();
    if (paddingIdx !== null && !(paddingIdx >= -numEmbeddings && paddingIdx < numEmbeddings))
      throw new ArgumentError(
        `Embedding: paddingIdx must be within numEmbeddings (${numEmbeddings}), got ${paddingIdx}`,
      );
    this.paddingIdx = paddingIdx !== null && paddingIdx < 0 ? paddingIdx + numEmbeddings : paddingIdx;
    this.weight = new Parameter(zeros([numEmbeddings, embeddingDim]));
    this.resetParameters();
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
    const { paddingIdx } = this;
    if (paddingIdx !== null) noGrad(() => this.weight.select(0, paddingIdx).zero_());
  }

  /** ids [...], int32, to their vectors [..., embeddingDim]. */
  forward(ids: Tensor): Tensor {
    return embedding(ids, this.weight, { paddingIdx: this.paddingIdx });
  }

  override flops(): number {
    return 0;
  }

  override extraRepr(): string {
    return `${this.numEmbeddings}, ${this.embeddingDim}${this.paddingIdx === null ? '' : `, padding_idx=${this.paddingIdx}`}`;
  }
}

/** Normalisation layers. */
import { ArgumentError, layerNorm, ones, rmsNorm, type Shape, type Tensor, zeros } from '@course/tensor';
import { Module } from '../module.js';
import { Parameter } from '../parameter.js';
import { checkSizes } from '../sizes.js';

/** Options of {@link LayerNorm}. */
export interface LayerNormOptions {
  readonly eps?: number;
  /** Learn a weight (from 1) and a bias (from 0). Default true. */
  readonly elementwiseAffine?: boolean;
}

/** Normalises over the last dims to mean 0 and variance 1, then scales and shifts, as `torch.nn.LayerNorm`. */
export class LayerNorm extends Module {
  readonly normalizedShape: Shape;
  readonly eps: number;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(normalizedShape: number | Shape, { eps = 1e-5, elementwiseAffine = true }: LayerNormOptions = {}) {
    super();
    this.normalizedShape = typeof normalizedShape === 'number' ? [normalizedShape] : [...normalizedShape];
    checkShape(new.target.name, this.normalizedShape);
    this.eps = eps;
    this.weight = elementwiseAffine ? new Parameter(ones(this.normalizedShape)) : null;
    this.bias = elementwiseAffine ? new Parameter(zeros(this.normalizedShape)) : null;
  }

  /** x [..., ...normalizedShape] to the same shape. */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.normalizedShape, { weight: this.weight, bias: this.bias, eps: this.eps });
  }

  override flops(_args: readonly unknown[], output: unknown): number {
    return 8 * (output as Tensor).numel();
  }

  override extraRepr(): string {
    const shape =
      this.normalizedShape.length === 1 ? `(${this.normalizedShape[0]},)` : `(${this.normalizedShape.join(', ')})`;
    return `${shape}, eps=${formatEps(this.eps)}, elementwise_affine=${this.weight ? 'True' : 'False'}`;
  }
}

/** Options of {@link RMSNorm}. */
export interface RMSNormOptions {
  /** Default 2^-23, the step of float32 at 1, as in torch. */
  readonly eps?: number;
  /** Learn a weight (from 1). Default true. */
  readonly elementwiseAffine?: boolean;
}

/** Divides by the root mean square of the last dims, then scales (Zhang & Sennrich 2019), as `torch.nn.RMSNorm`. */
export class RMSNorm extends Module {
  readonly normalizedShape: Shape;
  readonly eps: number;
  weight: Parameter | null;

  constructor(normalizedShape: number | Shape, { eps = 2 ** -23, elementwiseAffine = true }: RMSNormOptions = {}) {
    super();
    this.normalizedShape = typeof normalizedShape === 'number' ? [normalizedShape] : [...normalizedShape];
    checkShape(new.target.name, this.normalizedShape);
    this.eps = eps;
    this.weight = elementwiseAffine ? new Parameter(ones(this.normalizedShape)) : null;
  }

  /** x [..., ...normalizedShape] to the same shape. */
  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.normalizedShape, { weight: this.weight, eps: this.eps });
  }

  override flops(_args: readonly unknown[], output: unknown): number {
    return 4 * (output as Tensor).numel();
  }

  override extraRepr(): string {
    const shape =
      this.normalizedShape.length === 1 ? `(${this.normalizedShape[0]},)` : `(${this.normalizedShape.join(', ')})`;
    return `${shape}, eps=${formatEps(this.eps)}, elementwise_affine=${this.weight ? 'True' : 'False'}`;
  }
}

function checkShape(name: string, shape: Shape): void {
  if (shape.length === 0) throw new ArgumentError(`${name}: normalizedShape needs at least one size, got []`);
  checkSizes(name, Object.fromEntries(shape.map((size, d) => [`normalizedShape[${d}]`, size])));
}

/** `1e-05`, as Python writes it. */
function formatEps(eps: number): string {
  return eps >= 1e-4 ? String(eps) : eps.toExponential().replace(/e-(\d)$/, 'e-0$1');
}

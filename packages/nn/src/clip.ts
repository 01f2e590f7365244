/** Gradient clipping, on the device: no value is read back. */
import { ArgumentError, noGrad, scope, stack, type Tensor, zeros } from '@course/tensor';

/** Options of {@link clipGradNorm_}. */
export interface ClipOptions {
  /** Which norm: 2 (default) is the Euclidean one, Infinity the largest magnitude. */
  readonly normType?: number;
}

/**
 * Scales all gradients so that their norm together is at most `maxNorm` (Pascanu et al. 2013), as `torch.nn.utils.clip_grad_norm_`;
 * returns the norm before, a scalar tensor.
 *
 * @example
 * clipGradNorm_(model.parameters(), 1.0);
 */
export function clipGradNorm_(
  parameters: Iterable<Tensor>,
  maxNorm: number,
  { normType = 2 }: ClipOptions = {},
): Tensor {
  if (!(maxNorm > 0)) throw new ArgumentError(`clipGradNorm_: maxNorm must be positive, got ${maxNorm}`);
  if (!(normType > 0)) throw new ArgumentError(`clipGradNorm_: normType must be positive, got ${normType}`);
  return noGrad(() =>
    scope(() => {
      const gradients = [...parameters].flatMap((parameter) => parameter.grad ?? []);
      if (gradients.length === 0) return zeros([]);
      const total = norm(stack(gradients.map((gradient) => norm(gradient, normType))), normType);
      const factor = total.add(1e-6).reciprocal().mul(maxNorm).clamp({ max: 1 });
      for (const gradient of gradients) gradient.mul_(factor);
      return total;
    }),
  );
}

/** The norm of all elements. */
function norm(x: Tensor, type: number): Tensor {
  if (type === 2) return x.norm();
  if (type === Number.POSITIVE_INFINITY) return x.abs().amax();
  return x
    .abs()
    .pow(type)
    .sum()
    .pow(1 / type);
}

/** Limits every gradient element to [-clipValue, clipValue], as `torch.nn.utils.clip_grad_value_`. */
export function clipGradValue_(parameters: Iterable<Tensor>, clipValue: number): void {
  if (!(clipValue >= 0)) throw new ArgumentError(`clipGradValue_: clipValue must not be negative, got ${clipValue}`);
  noGrad(() => {
    for (const parameter of parameters) {
      const { grad } = parameter;
      if (grad) scope(() => void grad.copy_(grad.clamp({ min: -clipValue, max: clipValue })));
    }
  });
}

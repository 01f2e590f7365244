/** Gradient clipping, on the device: no value is read back. */
import { ArgumentError, clipToNorm_, noGrad, scope, stack, type Tensor, totalNorm, zeros } from '@course/tensor';

/** Options of {@link clipGradNorm_}. */
export interface ClipOptions {
  /** Which norm: 2 (default) is the Euclidean one, Infinity the largest magnitude. */
  readonly normType?: number;
  /**
   * Read the norm, and throw instead of scaling where it is NaN or infinite: the result is then a promise. Default false: such a norm
   * makes NaN of the gradients.
   */
  readonly errorIfNonfinite?: boolean;
}

/**
 * Scales all gradients so that their norm together is at most `maxNorm` (Pascanu et al. 2013), as `torch.nn.utils.clip_grad_norm_`;
 * returns the norm before, a scalar tensor.
 *
 * @throws ArgumentError with `errorIfNonfinite`, if the norm is NaN or infinite; the gradients are as they were.
 * @example
 * clipGradNorm_(model.parameters(), 1.0);
 * await clipGradNorm_(model.parameters(), 1.0, { errorIfNonfinite: true });
 */
export function clipGradNorm_(
  parameters: Iterable<Tensor>,
  maxNorm: number,
  options: ClipOptions & { readonly errorIfNonfinite: true },
): Promise<Tensor>;
export function clipGradNorm_(
  parameters: Iterable<Tensor>,
  maxNorm: number,
  options?: ClipOptions & { readonly errorIfNonfinite?: false },
): Tensor;
export function clipGradNorm_(
  parameters: Iterable<Tensor>,
  maxNorm: number,
  { normType = 2, errorIfNonfinite = false }: ClipOptions = {},
): Tensor | Promise<Tensor> {
  if (!(maxNorm > 0)) throw new ArgumentError(`clipGradNorm_: maxNorm must be positive, got ${maxNorm}`);
  if (!(normType > 0)) throw new ArgumentError(`clipGradNorm_: normType must be positive, got ${normType}`);
  const gradients: Tensor[] = [];
  for (const { grad } of parameters) if (grad) gradients.push(grad);
  const together = normType === 2 && gradients.length > 0 && areAlike(gradients);
  const total = noGrad(() => scope(() => (together ? totalNorm(gradients) : normOf(gradients, normType))));
  const clip = (): Tensor => {
    noGrad(() =>
      scope(() => {
        if (together) {
          clipToNorm_(gradients, total, maxNorm);
          return;
        }
        const factor = total.add(1e-6).reciprocal().mul(maxNorm).clamp({ max: 1 });
        for (const gradient of gradients) gradient.mul_(factor);
      }),
    );
    return total;
  };
  if (!errorIfNonfinite) return clip();
  return total.item().then((value) => {
    if (Number.isFinite(value)) return clip();
    total.dispose();
    throw new ArgumentError(
      `clipGradNorm_: The total norm of order ${normType} for gradients from \`parameters\` is non-finite, so it cannot be clipped: it is ${value}`,
    );
  });
}

/** Whether gradients can be taken together: all of one device, and all of float32 or all of float64. */
function areAlike(gradients: readonly Tensor[]): boolean {
  const [first] = gradients;
  return gradients.every(
    ({ dtype, device }) =>
      dtype === first?.dtype && device === first.device && (dtype === 'float32' || dtype === 'float64'),
  );
}

/** The norm of all gradients together. */
function normOf(gradients: readonly Tensor[], type: number): Tensor {
  return gradients.length === 0 ? zeros([]) : norm(stack(gradients.map((gradient) => norm(gradient, type))), type);
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

/** Activations as functions, by the names of `torch.nn.functional`. Each is one fused kernel. */
import { ArgumentError, hardtanh, ShapeError, softmax, type Tensor, where } from '@course/tensor';

export { elu, hardtanh, leakyRelu, logSigmoid, logSoftmax, softmax, softplus } from '@course/tensor';

/** max(x, 0). */
export function relu(x: Tensor): Tensor {
  return x.relu();
}

/** x cut to [0, 6]. */
export function relu6(x: Tensor): Tensor {
  return hardtanh(x, 0, 6);
}

/** x Φ(x), exactly or by tanh. */
export function gelu(x: Tensor, options?: { readonly approximate?: 'none' | 'tanh' }): Tensor {
  return x.gelu(options);
}

/** x * sigmoid(x). */
export function silu(x: Tensor): Tensor {
  return x.silu();
}

/** x * tanh(softplus(x)) (Misra 2019). */
export function mish(x: Tensor): Tensor {
  return x.mish();
}

/** 1 / (1 + exp(-x)). */
export function sigmoid(x: Tensor): Tensor {
  return x.sigmoid();
}

/** The hyperbolic tangent. */
export function tanh(x: Tensor): Tensor {
  return x.tanh();
}

/** x where positive, else alpha (exp(x / alpha) - 1) (Barron 2017). */
export function celu(x: Tensor, alpha = 1): Tensor {
  if (alpha === 0) throw new ArgumentError('celu: ZeroDivisionError: alpha cannot be 0');
  return where(x.gt(0), x, x.clamp({ max: 0 }).div(alpha).expm1().mul(alpha));
}

const SELU = { scale: 1.0507009873554805, alpha: 1.6732632423543772 };

/** The scaled ELU that keeps mean 0 and variance 1 (Klambauer et al. 2017). */
export function selu(x: Tensor): Tensor {
  return x.elu(SELU.alpha).mul(SELU.scale);
}

/** x / (1 + |x|). */
export function softsign(x: Tensor): Tensor {
  return x.div(x.abs().add(1));
}

/** x drawn towards 0 by lambd, 0 within. */
export function softshrink(x: Tensor, lambd = 0.5): Tensor {
  if (!(lambd >= 0))
    throw new ArgumentError(`softshrink: lambda must be greater or equal to 0, but found to be ${lambd}`);
  return where(x.gt(lambd), x.sub(lambd), where(x.lt(-lambd), x.add(lambd), x.mul(0)));
}

/** x outside of [-lambd, lambd], 0 within. */
export function hardshrink(x: Tensor, lambd = 0.5): Tensor {
  return x.maskedFill(x.abs().le(lambd), 0);
}

/** x - tanh(x). */
export function tanhshrink(x: Tensor): Tensor {
  return x.sub(x.tanh());
}

/** x where above the threshold, else value. */
export function threshold(x: Tensor, bound: number, value: number): Tensor {
  return x.maskedFill(x.le(bound), value);
}

/** x / 6 + 1/2 cut to [0, 1]. */
export function hardsigmoid(x: Tensor): Tensor {
  return hardtanh(x.div(6).add(0.5), 0, 1);
}

/** x * hardsigmoid(x) (Howard et al. 2019). */
export function hardswish(x: Tensor): Tensor {
  return x.mul(hardsigmoid(x));
}

/** Softmax of -x. */
export function softmin(x: Tensor, dim: number): Tensor {
  return softmax(x.neg(), dim);
}

/** The first half along a dim times the sigmoid of the second (Dauphin et al. 2017). */
export function glu(x: Tensor, dim = -1): Tensor {
  const size = x.size(dim);
  if (size % 2 !== 0) throw new ShapeError(`glu: Halving dimension must be even, but dimension ${dim} is size ${size}`);
  return x.narrow(dim, 0, size / 2).mul(x.narrow(dim, size / 2, size / 2).sigmoid());
}

/** x where positive, else a learned slope times x (He et al. 2015): one slope, or one for each channel (dim 1). */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  const count = weight.numel();
  const channels = x.ndim > 1 ? x.size(1) : 1;
  if (count !== 1 && count !== channels)
    throw new ShapeError(
      `prelu: Mismatch of parameter numbers and input channel size. Found parameter numbers = ${count} and channel size = ${channels}`,
    );
  const slopes = count === 1 ? weight.view([1]) : weight.view([count, ...x.shape.slice(2).map(() => 1)]);
  return where(x.gt(0), x, x.mul(slopes));
}

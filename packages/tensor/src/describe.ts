/** A tensor in a few numbers, for looking at weights, activations and gradients: computed on the device, read back in two small pieces. */
import { noGrad } from './autograd/mode.js';
import type { DeviceKind } from './backend/backend.js';
import { type DType, isFloating } from './dtype.js';
import { stack } from './ops/shape.js';
import { scope } from './scope.js';
import { formatShape } from './shape.js';
import type { Tensor } from './tensor.js';

/** What {@link Tensor.describe} tells; as a string it is one line. */
export interface Description {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly device: DeviceKind;
  /** Of the finite elements; NaN where there are none. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** With Bessel's correction; NaN for fewer than two. */
  readonly std: number;
  /** How many elements are NaN. */
  readonly nan: number;
  /** How many are infinite. */
  readonly infinite: number;
  /** The line. */
  toString(): string;
}

/** Shape, dtype, device, extremes, mean, deviation, and how many elements are not finite. */
export async function describe(x: Tensor): Promise<Description> {
  const { shape, dtype, device } = x;
  const known = { shape, dtype, device };
  if (x.numel() === 0)
    return make({ ...known, min: Number.NaN, max: Number.NaN, mean: Number.NaN, std: Number.NaN, nan: 0, infinite: 0 });
  const { moments, counts } = scope(() => noGrad(() => measure(x.detach())));
  const [[min, max, mean, std], [finite = 0, nan = 0, infinite = 0]] = await Promise.all([
    moments.data(),
    counts.data(),
  ]);
  moments.dispose();
  counts.dispose();
  const of = (value = Number.NaN, least = 1): number => (finite >= least ? value : Number.NaN);
  return make({ ...known, min: of(min), max: of(max), mean: of(mean), std: of(std, 2), nan, infinite });
}

function measure(x: Tensor): { moments: Tensor; counts: Tensor } {
  const values = isFloating(x.dtype) ? x : x.to('float32');
  const odd = values.isfinite().logicalNot();
  const finite = odd.logicalNot().sum();
  const mean = values.maskedFill(odd, 0).sum().div(finite);
  const squares = values.sub(mean).maskedFill(odd, 0).norm().square();
  const min = values.maskedFill(odd, Number.POSITIVE_INFINITY).amin();
  const max = values.maskedFill(odd, Number.NEGATIVE_INFINITY).amax();
  return {
    moments: stack([min, max, mean, squares.div(finite.sub(1)).sqrt()]),
    counts: stack([finite, values.isnan().sum(), values.isinf().sum()]),
  };
}

function make(parts: Omit<Description, 'toString'>): Description {
  const short = (value: number): string => String(Number(value.toPrecision(5)));
  const text = (): string =>
    `${parts.dtype} ${formatShape(parts.shape)} on ${parts.device}: min ${short(parts.min)}, max ${short(parts.max)}, ` +
    `mean ${short(parts.mean)}, std ${short(parts.std)}, ${parts.nan} NaN, ${parts.infinite} infinite`;
  return Object.defineProperty({ ...parts }, 'toString', { value: text }) as Description;
}

/**
 * The in-place twins, made from a list: `x.exp_()` computes `x.exp()` and writes it over the elements of `x`, in one kernel where the op
 * is pointwise. All of them obey the same rules: no leaf that requires grad, no recorded operand, the shape and the dtype stay.
 */
import { noGrad } from '../autograd/mode.js';
import { ShapeError } from '../errors.js';
import { pendingStorage } from '../fuse/build.js';
import { write } from '../ops/pointwise/apply.js';
import { formatShape, sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { isContiguous } from '../view.js';
import { PointwiseMethods } from './pointwise.js';

/** Methods whose result can take the place of what they are called on. */
// biome-ignore format: a list
const twins = [
  'abs', 'acos', 'acosh', 'add', 'asin', 'asinh', 'atan', 'atan2', 'atanh', 'bitwiseAnd', 'bitwiseNot', 'bitwiseOr',
  'bitwiseXor', 'ceil', 'clamp', 'cos', 'cosh', 'cumprod', 'cumsum', 'div', 'elu', 'erf', 'erfc', 'exp', 'exp2',
  'expm1', 'floor', 'floorDivide', 'fmod', 'gelu', 'hardtanh', 'indexAdd', 'indexCopy', 'leakyRelu', 'lerp', 'log',
  'log10', 'log1p', 'log2', 'logicalAnd', 'logicalNot', 'logicalOr', 'logicalXor', 'maskedFill', 'mish', 'mul',
  'neg', 'pow', 'reciprocal', 'relu', 'remainder', 'round', 'rsqrt', 'scatter', 'scatterAdd', 'sigmoid', 'sign',
  'silu', 'sin', 'sinh', 'sqrt', 'square', 'sub', 'tan', 'tanh', 'tril', 'triu', 'trunc',
] as const;

type Twin = (typeof twins)[number];

/** The twin of each method: the same arguments, and it returns what it is called on. */
export type InPlaceTwins = {
  [Name in Twin as `${Name}_`]: PointwiseMethods[Name] extends (...args: infer Args) => Tensor
    ? <Self extends Tensor>(this: Self, ...args: Args) => Self
    : never;
};

abstract class WithTwins extends PointwiseMethods {}

for (const name of twins) {
  const value = function (this: Tensor, ...args: unknown[]): Tensor {
    const compute = this[name] as (...args: unknown[]) => Tensor;
    return overwrite(this, `${name}_`, args, () => compute.apply(this, args));
  };
  Object.defineProperty(WithTwins.prototype, `${name}_`, { value, writable: true, configurable: true });
}

/** The tensors among an argument: itself, or the values of an options object. */
function tensorsOf(arg: unknown): Tensor[] {
  if (typeof arg !== 'object' || arg === null) return [];
  return 'storage' in arg ? [arg as Tensor] : Object.values(arg).flatMap(tensorsOf);
}

function overwrite(target: Tensor, name: string, args: readonly unknown[], compute: () => Tensor): Tensor {
  target.checkInPlace(name, args.flatMap(tensorsOf));
  const value = noGrad(compute);
  if (!sameShape(value.shape, target.shape)) {
    const { shape } = value;
    value.dispose();
    throw new ShapeError(
      `${name}: output with shape ${formatShape(target.shape)} doesn't match the broadcast shape ${formatShape(shape)}`,
    );
  }
  const { storage, layout, dtype } = value;
  const isWhole = layout.offset === 0 && isContiguous(layout) && storage.size === value.numel();
  write(
    target,
    isWhole
      ? storage.retain()
      : pendingStorage(storage.backend, 'copy', dtype, dtype, layout.shape, [{ storage, view: layout }]),
    name,
  );
  value.dispose();
  return target;
}

/** Methods of {@link Tensor}: in-place twins. The list above makes the methods and their types alike, which TypeScript cannot see. */
export const InPlaceMethods = WithTwins as unknown as abstract new () => PointwiseMethods & InPlaceTwins;

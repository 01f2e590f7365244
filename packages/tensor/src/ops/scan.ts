/**
 * Cumulative sums and products: both are linear recurrences y[k] = a[k] y[k-1] + b[k], and so are their gradients, run from the other
 * end. One kernel serves all, and derivatives exist to any order and at zeros.
 */
import { autocasted } from '../autocast.js';
import { record } from '../autograd/record.js';
import { isFloating } from '../dtype.js';
import { normalizeDim, numel } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { dense, emptyOn } from './operands.js';
import { pad } from './pad.js';

interface Recurrence {
  readonly factors?: Tensor;
  readonly terms?: Tensor;
}

/** The kernel request, over dim `at` of operands of one shape. */
function run(name: string, like: Tensor, at: number, reverse: boolean, { factors, terms }: Recurrence): Tensor {
  const { shape } = like;
  const backend = like.storage.backend;
  const operands = { ...(factors && { factors: dense(factors) }), ...(terms && { terms: dense(terms) }) };
  const { tensor, operand: out } = emptyOn(backend, like.dtype, { name, shape });
  const sizes = { outer: numel(shape.slice(0, at)), length: shape[at] ?? 1, inner: numel(shape.slice(at + 1)) };
  backend.run({ kind: 'scan', reverse, ...sizes, ...operands, out });
  return tensor;
}

/** The elements moved on by one along `at` (back by one where `reverse`), with `fill` at the free end. */
function shifted(x: Tensor, at: number, reverse: boolean, fill: number): Tensor {
  if (x.shape[at] === 0) return x;
  const before = new Array<number>(2 * (x.shape.length - 1 - at)).fill(0);
  return pad(x, [...before, ...(reverse ? [-1, 1] : [1, -1])], { value: fill });
}

function sums(x: Tensor, at: number, reverse: boolean): Tensor {
  return record('cumsum', run('cumsum', x, at, reverse, { terms: x }), [x], [], (grad) => [
    () => sums(grad, at, !reverse),
  ]);
}

/** `y[k] = factors[k] * y[k-1] + terms[k]`. */
function recurrence(factors: Tensor, terms: Tensor, at: number, reverse: boolean): Tensor {
  const output = run('cumprod', terms, at, reverse, { factors, terms });
  return record('recurrence', output, [factors, terms], [factors, output], (grad, [a, y]) => {
    const flow = () => recurrence(shifted(a, at, !reverse, 0), grad, at, !reverse);
    return [() => flow().mul(shifted(y, at, reverse, 0)), flow];
  });
}

/** Running products of `x` from one end along `at`. */
export function products(x: Tensor, at: number, reverse: boolean): Tensor {
  const output = run('cumprod', x, at, reverse, { factors: x });
  return record('cumprod', output, [x], [x, output], (grad, [input, y]) => [
    // dy[k]/dx[i] is what stands before i times what stands between i and k: nothing is divided by.
    () => recurrence(shifted(input, at, !reverse, 0), grad, at, !reverse).mul(shifted(y, at, reverse, 1)),
  ]);
}

/** The product of all other elements along `at`. */
export function productsOfOthers(x: Tensor, at: number): Tensor {
  const before = shifted(products(x, at, false), at, false, 1);
  return before.mul(shifted(products(x, at, true), at, true, 1));
}

function along(name: string, x: Tensor, dim: number, fn: (numbers: Tensor, at: number) => Tensor): Tensor {
  const numbers = isFloating(x.dtype) || x.dtype === 'int32' ? x : x.to('int32');
  const at = normalizeDim(name, dim, x.shape.length);
  return x.shape.length === 0 ? fn(numbers.reshape([1]), 0).reshape([]) : fn(numbers, at);
}

/**
 * Running sums along a dim; integers and truth values are summed as int32. As [torch.cumsum](https://pytorch.org/docs/stable/generated/torch.cumsum.html).
 *
 * @example
 * cumsum(tensor([1, 2, 3]), 0); // [1, 3, 6]
 */
export function cumsum(x: Tensor, dim: number): Tensor {
  return along('cumsum', ...autocasted('cumsum', x), dim, (numbers, at) => sums(numbers, at, false));
}

/**
 * Running products along a dim; gradients are right at zeros too. As [torch.cumprod](https://pytorch.org/docs/stable/generated/torch.cumprod.html).
 *
 * @example
 * cumprod(tensor([1, 2, 3]), 0); // [1, 2, 6]
 */
export function cumprod(x: Tensor, dim: number): Tensor {
  return along('cumprod', ...autocasted('cumprod', x), dim, (numbers, at) => products(numbers, at, false));
}

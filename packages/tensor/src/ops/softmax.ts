/** Softmax and its logarithm over any dim; scale and mask ride on the kernel for attention. */
import { autocasted } from '../autocast.js';
import { isGradEnabled } from '../autograd/mode.js';
import { record } from '../autograd/record.js';
import type { Strided } from '../backend/requests.js';
import { isFloating } from '../dtype.js';
import { ShapeError } from '../errors.js';
import { formatShape, normalizeDim, numel, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { expandView } from '../view.js';
import { checkDTypes, dense, emptyOn } from './operands.js';

/** Options of {@link softmax}. */
export interface SoftmaxOptions {
  /** Multiplies the input first. */
  readonly scale?: number;
  /** bool, broadcastable to the input: false entries take no part; a row without entries gives zeros. */
  readonly mask?: Tensor;
}

/** Softmax over one dim. */
export function softmax(x: Tensor, dim: number, options: SoftmaxOptions = {}): Tensor {
  return alongLast(x, dim, 'softmax', (input) => softmaxLast(input, false, options));
}

/** The logarithm of the softmax over one dim, without ever forming the softmax. */
export function logSoftmax(x: Tensor, dim: number): Tensor {
  return alongLast(x, dim, 'logSoftmax', (input) => softmaxLast(input, true, {}));
}

function alongLast(given: Tensor, dim: number, name: 'softmax' | 'logSoftmax', fn: (input: Tensor) => Tensor): Tensor {
  const [x] = autocasted(name, given);
  const floats = isFloating(x.dtype) ? x : x.to('float32');
  if (x.shape.length === 0) return fn(floats.view([1])).view([]);
  const at = normalizeDim(name, dim, x.shape.length);
  const last = x.shape.length - 1;
  return at === last ? fn(floats) : fn(floats.transpose(at, last)).transpose(at, last);
}

function softmaxLast(x: Tensor, log: boolean, { scale = 1, mask }: SoftmaxOptions): Tensor {
  const { shape } = x;
  const backend = x.storage.backend;
  const input = dense(x);
  const { tensor, operand } = emptyOn(backend, x.dtype, { name: log ? 'logSoftmax' : 'softmax', shape });
  backend.run({
    kind: 'softmax',
    log,
    shape,
    scale,
    input,
    ...(mask && { mask: maskOperand(mask, shape) }),
    out: operand,
  });
  return record(log ? 'logSoftmax' : 'softmax', tensor, [x], [tensor], (grad, [output]) => [
    () => softmaxBackward(grad, output, log, scale),
  ]);
}

function maskOperand(mask: Tensor, shape: Shape): Strided {
  checkDTypes('softmax', 'mask', mask, ['bool']);
  const lead = shape.length - mask.shape.length;
  if (lead < 0 || mask.shape.some((size, d) => size !== 1 && size !== shape[d + lead]))
    throw new ShapeError(
      `softmax: mask of shape ${formatShape(mask.shape)} cannot be broadcast to ${formatShape(shape)}`,
    );
  // The storage first: computing a pending mask gives it memory.
  const { buffer } = mask.storage;
  const { strides, offset } = expandView(mask.layout, shape);
  return { buffer, dtype: 'bool', offset, strides };
}

function softmaxBackward(grad: Tensor, output: Tensor, log: boolean, scale: number): Tensor {
  // A pass that is recorded to be differentiated again runs in tensor ops, any other in the fused kernel.
  if (isGradEnabled()) {
    const sum = (log ? grad : grad.mul(output)).sum(-1, { keepDim: true });
    return (log ? grad.sub(output.exp().mul(sum)) : output.mul(grad.sub(sum))).mul(scale);
  }
  const { shape } = output;
  const width = shape.at(-1) ?? 1;
  const backend = output.storage.backend;
  const { tensor, operand } = emptyOn(backend, output.dtype, { name: log ? 'logSoftmax' : 'softmax', shape });
  const rows = width === 0 ? 0 : numel(shape) / width;
  backend.run({
    kind: 'softmaxBackward',
    log,
    rows,
    width,
    scale,
    grad: dense(grad),
    output: dense(output),
    out: operand,
  });
  return tensor;
}

/**
 * Convolution on backends that read windows where they lie. It is linear in the signal and in the weight, so there are three functions of the
 * same form: the output of both, the gradient of the signal and the gradient of the weight. Each one's gradients are the other two,
 * as often as anybody differentiates. To the backend each is a matrix product (`Windows` in requests.ts), not a request kind of its own: so a
 * convolution waits as a product does, takes its bias and what follows it along in its kernel, and has a product's tiles and slices on
 * every adapter. Only the gradient of the signal, where windows begin further than a place apart, is several kernels.
 */
import { noGrad } from '../autograd/mode.js';
import { needsGrad, record } from '../autograd/record.js';
import type { Windows } from '../backend/requests.js';
import { makeTensor } from '../construct.js';
import { noteFlops } from '../flops.js';
import { numel, type Shape } from '../shape.js';
import { type Factor, type PendingProduct, Storage } from '../storage.js';
import type { Tensor } from '../tensor.js';
import { collapseDims, contiguousView } from '../view.js';
import { matmul } from './matmul.js';
import { fold } from './windows.js';

/** How windows lie over a signal of so many places, and the groups that channels are split into. */
export interface Convolution extends Pick<Windows, 'stride' | 'dilation' | 'padding' | 'length' | 'count'> {
  readonly groups: number;
}

/** The output [batch, outChannels, windows] of a signal [batch, inChannels, length] and weight [outChannels, inChannels / groups, taps]; no size is zero. */
export function convolve(signal: Tensor, weight: Tensor, bias: Tensor | null, convolution: Convolution): Tensor {
  const inputs = bias ? [signal, weight, bias] : [signal, weight];
  const [x, w] = [rowMajor(signal), rowMajor(weight)];
  const [batch = 1, channels = 1, length = 1] = x.shape;
  const [outChannels = 1, groupChannels = 1, taps = 1] = w.shape;
  const { groups, count } = convolution;
  const [m, width] = [outChannels / groups, groupChannels * taps];
  const added = bias ? rowMajor(bias) : null;
  const output = product([x, w], [batch, outChannels, count], {
    ...grouped(
      [batch, groups],
      { ...factor(w, width), batchStrides: [0, m * width] },
      { ...factor(x, length), batchStrides: [channels * length, groupChannels * length] },
    ),
    m,
    n: count,
    k: width,
    bias: added && { storage: added.storage, offset: added.layout.offset },
    ...(added && { biasRows: outChannels }),
    isConstant: !needsGrad(inputs),
    windows: windowsOf('output', taps, convolution),
  });
  return record('conv1d', output, inputs, [signal, weight], (grad, [own, kernels]) => [
    () => signalGradient(grad, kernels, own.shape, convolution),
    () => weightGradient(own, grad, kernels.shape, convolution),
    () => grad.sum([0, 2]),
  ]);
}

/** The gradient of the signal: each place gets, from all windows that have it, the tap it lies at. */
function signalGradient(grad: Tensor, weight: Tensor, shape: Shape, convolution: Convolution): Tensor {
  const output =
    convolution.stride === 1
      ? adjoiningGradient(grad, weight, shape, convolution)
      : noGrad(() => spreadGradient(grad.detach(), weight.detach(), shape, convolution));
  return record('conv1dSignalGradient', output, [grad, weight], [grad, weight], (again, [own, kernels]) => [
    () => convolve(again, kernels, null, convolution),
    () => weightGradient(again, own, kernels.shape, convolution),
  ]);
}

/** Where windows begin a place apart, what a place gets are windows again, of the output. */
function adjoiningGradient(grad: Tensor, weight: Tensor, shape: Shape, convolution: Convolution): Tensor {
  const [dy, w] = [rowMajor(grad), rowMajor(weight)];
  const [batch = 1, channels = 1, length = 1] = shape;
  const [outChannels = 1, groupChannels = 1, taps = 1] = w.shape;
  const { groups, count } = convolution;
  const width = groupChannels * taps;
  const each = outChannels / groups;
  return product([dy, w], shape, {
    ...grouped(
      [batch, groups],
      { ...factor(w, taps), columnStride: width, batchStrides: [0, each * width] },
      { ...factor(dy, count), batchStrides: [outChannels * count, each * count] },
    ),
    m: channels / groups,
    n: length,
    k: each * taps,
    bias: null,
    isConstant: !needsGrad([grad, weight]),
    windows: windowsOf('input', taps, convolution),
  });
}

/** Where they begin further apart, most places lie in no window for most taps: what each window gives is one product, added where it lies. */
function spreadGradient(grad: Tensor, weight: Tensor, shape: Shape, convolution: Convolution): Tensor {
  const [batch = 1, channels = 1, length = 1] = shape;
  const [outChannels = 1, groupChannels = 1, taps = 1] = weight.shape;
  const { groups, count, stride, dilation, padding } = convolution;
  const width = groupChannels * taps;
  const ofWindows = matmul(
    weight.reshape([groups, outChannels / groups, width]).transpose(1, 2),
    grad.reshape([batch, groups, outChannels / groups, count]),
  );
  const parts = ofWindows.view([batch, channels, taps, count]).transpose(2, 3);
  const end = Math.max(padding + length, (count - 1) * stride + dilation * (taps - 1) + 1);
  return fold(parts, [batch, channels, end], 2, stride, dilation).narrow(2, padding, length);
}

/** The gradient of the weight: each tap gets, from all windows of all items, what lies at it. */
function weightGradient(signal: Tensor, grad: Tensor, shape: Shape, convolution: Convolution): Tensor {
  const [x, dy] = [rowMajor(signal), rowMajor(grad)];
  const [batch = 1, channels = 1, length = 1] = x.shape;
  const [outChannels = 1, groupChannels = 1, taps = 1] = shape;
  const { groups, count } = convolution;
  const m = outChannels / groups;
  const output = product([x, dy], shape, {
    ...grouped(
      [groups],
      { ...factor(dy, count), batchStrides: [m * count] },
      { ...factor(x, length), batchStrides: [groupChannels * length] },
    ),
    m,
    n: groupChannels * taps,
    k: batch * count,
    bias: null,
    isConstant: !needsGrad([signal, grad]),
    windows: {
      ...windowsOf('weight', taps, convolution),
      items: batch,
      itemStrides: [outChannels * count, channels * length],
    },
  });
  return record('conv1dWeightGradient', output, [signal, grad], [signal, grad], (again, [own, outer]) => [
    () => signalGradient(outer, again, own.shape, convolution),
    () => convolve(own, again, null, convolution),
  ]);
}

function windowsOf(
  of: Windows['of'],
  taps: number,
  { stride, dilation, padding, length, count }: Convolution,
): Windows {
  return { of, taps, stride, dilation, padding, length, count, items: 1, itemStrides: [0, 0] };
}

/** The tensor in row-major order, computed. */
function rowMajor(x: Tensor): Tensor {
  const dense = x.contiguous();
  dense.compute();
  return dense;
}

/** A tensor's elements, in rows of so many. */
function factor({ storage, layout }: Tensor, rowStride: number): Omit<Factor, 'batchStrides'> {
  return { storage, offset: layout.offset, rowStride, columnStride: 1 };
}

/** Both operands, with dims of the batch that both walk in one go merged, and those of size 1 gone. */
function grouped(sizes: Shape, a: Factor, b: Factor): Pick<PendingProduct, 'batch' | 'a' | 'b'> {
  const { shape: batch, strides } = collapseDims(sizes, [a.batchStrides, b.batchStrides]);
  return { batch, a: { ...a, batchStrides: strides[0] ?? [] }, b: { ...b, batchStrides: strides[1] ?? [] } };
}

function product(of: readonly [Tensor, Tensor], shape: Shape, sizes: Omit<PendingProduct, 'activation'>): Tensor {
  noteFlops(2 * numel(sizes.batch) * sizes.m * sizes.n * sizes.k);
  const { backend, dtype } = of[0].storage;
  const wanted = { name: 'conv1d', shape, from: of.map((each) => each.shape) };
  const storage = new Storage(backend, dtype, numel(shape), wanted, { ...sizes, activation: 'none' });
  return makeTensor(storage, contiguousView(shape));
}

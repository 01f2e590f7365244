/**
 * Convolution and pooling along the last dim: windows are a view, the rest is a matrix product or a reduction over them. Where the backend
 * reads windows itself, a convolution is that product alone (`fused-convolution.ts`).
 */
import { autocasted } from '../autocast.js';
import { needsGrad } from '../autograd/record.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { checkRoom } from '../room.js';
import { formatShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { convolve } from './fused-convolution.js';
import { gatherAs, selectAs } from './indexing.js';
import { matmul } from './matmul.js';
import { checkFloats, commonBackend, hostTensor } from './operands.js';
import { pad } from './pad.js';
import { unfold } from './windows.js';

/** Options of {@link conv1d}. */
export interface Conv1dOptions {
  readonly stride?: number;
  /** Zeros at both ends, or `same` for as many as keep the length (stride 1), or `valid` for none. */
  readonly padding?: number | 'same' | 'valid';
  readonly dilation?: number;
  /** Channels are split into so many groups that do not see each other. */
  readonly groups?: number;
}

function checkPositive(name: string, values: Readonly<Record<string, number>>): void {
  for (const [key, value] of Object.entries(values))
    if (!Number.isInteger(value) || value <= 0)
      throw new ArgumentError(`${name}: ${key} must be a whole number greater than zero, got ${value}`);
}

/**
 * The cross-correlation of input [batch, inChannels, length] (or without the batch) with weight [outChannels, inChannels / groups,
 * kernel], plus bias [outChannels]. As [torch.nn.functional.conv1d](https://pytorch.org/docs/stable/generated/torch.nn.functional.conv1d.html).
 *
 * @throws ShapeError if channels do not fit, or the kernel is longer than the padded input.
 * @example
 * conv1d(tensor([[1, 2, 3]]), tensor([[[1, 1]]])); // [[3, 5]]
 */
export function conv1d(
  x: Tensor,
  kernels: Tensor,
  added?: Tensor | null,
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: Conv1dOptions = {},
): Tensor {
  const [input, weight, bias] = autocasted('conv1d', x, kernels, added);
  const backend = commonBackend('conv1d', input, weight, ...(bias ? [bias] : []));
  checkFloats('conv1d', { input, weight, bias });
  checkPositive('conv1d', { stride, dilation, groups });
  if (input.shape.length === 2)
    return conv1d(input.unsqueeze(0), weight, bias, { stride, padding, dilation, groups }).squeeze(0);
  if (input.shape.length !== 3 || weight.shape.length !== 3)
    throw new ShapeError(
      `conv1d: Expected 2D (unbatched) or 3D (batched) input and 3D weight, but got input of size: ${formatShape(input.shape)} and weight of size ${formatShape(weight.shape)}`,
    );
  const [batch = 0, channels = 0] = input.shape;
  const [outChannels = 0, groupChannels = 0, kernel = 0] = weight.shape;
  if (channels !== groupChannels * groups || outChannels % groups !== 0)
    throw new ShapeError(
      `conv1d: Given groups=${groups}, weight of size ${formatShape(weight.shape)}, expected input ${formatShape(input.shape)} to have ${groupChannels * groups} channels, but got ${channels} channels instead, and ${outChannels} output channels to be divisible by the groups`,
    );
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outChannels))
    throw new ShapeError(
      `conv1d: Given weight of size ${formatShape(weight.shape)}, expected bias to be 1-dimensional with ${outChannels} elements, but got bias of size ${formatShape(bias.shape)} instead`,
    );
  const [left, right] = borders(padding, stride, dilation * (kernel - 1));
  const length = (input.shape[2] ?? 0) + left + right;
  const reach = dilation * (kernel - 1) + 1;
  if (kernel === 0 || reach > length)
    throw new ShapeError(
      `conv1d: Calculated padded input size per channel: (${length}). Kernel size: (${reach}). Kernel size can't be greater than actual input size`,
    );
  const count = Math.floor((length - reach) / stride) + 1;
  // A kernel of one tap is a plain product already.
  const isPlain = kernel === 1 && stride === 1 && length === input.shape[2];
  // Kernels count places in 32 bits, those before the signal too.
  const isReadable = backend.readsWindows && length < 2 ** 32;
  if (isReadable && !isPlain && [...input.shape, ...weight.shape].every((size) => size > 0)) {
    const convolution = { stride, dilation, padding: left, length: input.shape[2] ?? 0, count, groups };
    return convolve(input, weight, bias ?? null, convolution);
  }
  // [batch, channels, windows, kernel] as matrices [batch, groups, channels of a group * kernel, windows]: windows innermost, so that
  // copies, and the sums of the gradient, go along the input.
  const padded = left + right === 0 ? input : pad(input, [left, right]);
  const width = groupChannels * kernel;
  const columns = unfold(padded, 2, kernel, stride, dilation)
    .view([batch, groups, groupChannels, count, kernel])
    .permute([0, 1, 2, 4, 3])
    .reshape([batch, groups, width, count]);
  const rows = weight.reshape([groups, outChannels / groups, width]);
  const product = matmul(rows, columns).reshape([batch, outChannels, count]);
  return bias ? product.add(bias.view([-1, 1])) : product;
}

/** Zeros at the left and the right end. */
function borders(padding: number | 'same' | 'valid', stride: number, reach: number): readonly [number, number] {
  if (padding === 'valid') return [0, 0];
  if (padding === 'same') {
    if (stride !== 1) throw new ArgumentError(`conv1d: padding='same' is not supported for strided convolutions`);
    const left = Math.floor(reach / 2);
    return [left, reach - left];
  }
  if (!Number.isInteger(padding) || padding < 0)
    throw new ArgumentError(`conv1d: negative padding is not supported, got ${padding}`);
  return [padding, padding];
}

/** Windows of a pooling. */
export interface PoolOptions {
  /** Default: the size of the window. */
  readonly stride?: number;
  readonly padding?: number;
  /** Whether a last window may begin inside and end beyond the padded input. */
  readonly ceilMode?: boolean;
}

/** Where windows lie: their number, and how much of a border at the right end they reach into. */
function planWindows(
  name: string,
  x: Tensor,
  kernel: number,
  { stride = kernel, padding = 0, ceilMode = false, dilation = 1 }: PoolOptions & { readonly dilation?: number },
): { stride: number; padding: number; right: number; count: number } {
  checkPositive(name, { kernelSize: kernel, stride, dilation });
  if (x.shape.length < 2)
    throw new ShapeError(`${name}: Expected 2D or 3D input tensor, but got input of size: ${formatShape(x.shape)}`);
  if (!Number.isInteger(padding) || padding < 0 || padding > kernel / 2)
    throw new ArgumentError(
      `${name}: pad should be at most half of effective kernel size, but got pad=${padding} and kernel_size=${kernel}`,
    );
  const length = x.shape.at(-1) ?? 0;
  const span = length + 2 * padding - dilation * (kernel - 1) - 1;
  let count = Math.floor((span + (ceilMode ? stride - 1 : 0)) / stride) + 1;
  // The last window must begin inside the input or its left border.
  if (ceilMode && (count - 1) * stride >= length + padding) count--;
  if (count < 1 || (!ceilMode && span < 0))
    throw new ShapeError(
      `${name}: Given input size: ${formatShape(x.shape)}. Calculated output size would be too small for kernel_size=${kernel}`,
    );
  const end = (count - 1) * stride + dilation * (kernel - 1) + 1;
  return { stride, padding, right: Math.max(0, end - length - padding), count };
}

/** Options of {@link maxPool1d}. */
export interface MaxPoolOptions extends PoolOptions {
  readonly dilation?: number;
}

/** The first `count` of windows [..., windows, kernel]: themselves, where there are no more. */
function firstWindows(windows: Tensor, count: number): Tensor {
  return windows.shape.at(-2) === count ? windows : windows.narrow(-2, 0, count);
}

/** The windows [..., kernel, windows] of an input with a border of -infinity, as a view. */
function maxWindows(name: string, x: Tensor, kernel: number, options: MaxPoolOptions) {
  const plan = planWindows(name, x, kernel, options);
  const { padding, right, stride, count } = plan;
  const border = padding + right > 0 ? pad(x, [padding, right], { value: Number.NEGATIVE_INFINITY }) : x;
  const windows = firstWindows(unfold(border, -1, kernel, stride, options.dilation ?? 1), count);
  return { plan, windows: windows.transpose(-2, -1) };
}

/** Windows of at most so many elements are compared place by place in one kernel, without a copy of them. */
const SMALL_WINDOW = 16;

/**
 * The largest element of each window of `kernelSize` along the last dim of [batch, channels, length] (or without the batch). As
 * [torch.nn.functional.max_pool1d](https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool1d.html).
 *
 * @throws ShapeError if no window fits.
 * @example
 * maxPool1d(tensor([[1, 3, 2, 4]]), 2); // [[3, 4]]
 */
export function maxPool1d(x: Tensor, kernelSize: number, options: MaxPoolOptions = {}): Tensor {
  const { windows } = maxWindows('maxPool1d', x, kernelSize, options);
  if (needsGrad([x]) || kernelSize === 1 || kernelSize > SMALL_WINDOW) return largest(windows).values;
  return Array.from({ length: kernelSize }, (_, place) => windows.select(-2, place)).reduce((a, b) => a.maximum(b));
}

/** The maxima and their places: of a copy with the windows innermost, which all that follows goes along. */
function largest(windows: Tensor): { values: Tensor; indices: Tensor } {
  return windows.contiguous().max(-2);
}

/** {@link maxPool1d} with the places of the maxima along the input, int32; as `torch.nn.functional.max_pool1d_with_indices`. */
export function maxPool1dWithIndices(
  x: Tensor,
  kernelSize: number,
  options: MaxPoolOptions = {},
): { values: Tensor; indices: Tensor } {
  const { plan, windows } = maxWindows('maxPool1d', x, kernelSize, options);
  const { values, indices } = largest(windows);
  const starts = x.newArange(plan.count).mul(plan.stride).sub(plan.padding);
  return { values, indices: indices.mul(options.dilation ?? 1).add(starts) };
}

/** Options of {@link avgPool1d}. */
export interface AvgPoolOptions extends PoolOptions {
  /** Whether zeros of the border count in the mean. Default true. */
  readonly countIncludePad?: boolean;
}

/**
 * The mean of each window of `kernelSize` along the last dim of [batch, channels, length] (or without the batch). As
 * [torch.nn.functional.avg_pool1d](https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool1d.html).
 *
 * @throws ShapeError if no window fits.
 * @example
 * avgPool1d(tensor([[1, 3, 2, 4]]), 2); // [[2, 3]]
 */
export function avgPool1d(
  x: Tensor,
  kernelSize: number,
  { countIncludePad = true, ...options }: AvgPoolOptions = {},
): Tensor {
  const { stride, padding, right, count } = planWindows('avgPool1d', x, kernelSize, options);
  const border = padding + right > 0 ? pad(x, [padding, right]) : x;
  const sums = firstWindows(unfold(border, -1, kernelSize, stride), count).sum(-1);
  const length = x.shape.at(-1) ?? 0;
  const from = countIncludePad ? -padding : 0;
  const to = countIncludePad ? length + padding : length;
  const sizes = Array.from({ length: count }, (_, i) => {
    const start = i * stride - padding;
    return Math.min(start + kernelSize, to) - Math.max(start, from);
  });
  if (sizes.every((size) => size === kernelSize)) return sums.div(kernelSize);
  return sums.div(hostTensor(x.storage.backend, sizes, [count], x.dtype));
}

/** Windows that divide a length as evenly as may be: the first place of each, and how many it has. */
function evenWindows(length: number, count: number): { start: number; size: number }[] {
  return Array.from({ length: count }, (_, i) => {
    const start = Math.floor((i * length) / count);
    return { start, size: Math.ceil(((i + 1) * length) / count) - start };
  });
}

function checkAdaptive(name: string, x: Tensor, outputSize: number): number {
  checkPositive(name, { outputSize });
  const length = x.shape.at(-1) ?? 0;
  if (x.shape.length < 2 || length === 0)
    throw new ShapeError(
      `${name}: Expected 2D or 3D input with non-zero size, but got input of size: ${formatShape(x.shape)}`,
    );
  return length;
}

/**
 * Means over `outputSize` windows that divide the last dim as evenly as may be. As [torch.nn.functional.adaptive_avg_pool1d](https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool1d.html).
 *
 * @example
 * adaptiveAvgPool1d(tensor([[1, 2, 3, 4]]), 2); // [[1.5, 3.5]]
 */
export function adaptiveAvgPool1d(x: Tensor, outputSize: number): Tensor {
  const length = checkAdaptive('adaptiveAvgPool1d', x, outputSize);
  if (length % outputSize === 0) return x.unflatten(-1, [outputSize, length / outputSize]).mean(-1);
  // A product with the matrix of the windows' shares.
  const shape = [length, outputSize];
  checkRoom(x.storage.backend, x.dtype, length * outputSize, { name: 'adaptiveAvgPool1d', shape, from: [x.shape] });
  const shares = new Float64Array(length * outputSize);
  for (const [column, { start, size }] of evenWindows(length, outputSize).entries())
    for (let i = start; i < start + size; i++) shares[i * outputSize + column] = 1 / size;
  return matmul(x, hostTensor(x.storage.backend, shares, shape, x.dtype));
}

/** Maxima over `outputSize` windows that divide the last dim as evenly as may be, as `torch.nn.functional.adaptive_max_pool1d`. */
export function adaptiveMaxPool1d(x: Tensor, outputSize: number): Tensor {
  const length = checkAdaptive('adaptiveMaxPool1d', x, outputSize);
  const windows = evenWindows(length, outputSize);
  const widest = Math.max(...windows.map(({ size }) => size));
  // Shorter windows name their last place again: `max` takes the first of equal ones.
  const places = windows.flatMap(({ start, size }) =>
    Array.from({ length: widest }, (_, i) => start + Math.min(i, size - 1)),
  );
  const index = hostTensor(x.storage.backend, Int32Array.from(places), [places.length], 'int32');
  const picked = selectAs('adaptiveMaxPool1d', x, x.shape.length - 1, index).unflatten(-1, [outputSize, widest]);
  const chosen = picked.detach().argmax(-1, { keepDim: true });
  return gatherAs('adaptiveMaxPool1d', picked, picked.shape.length - 1, chosen).squeeze(-1);
}

/** Convolutions and pooling over sequences [batch, channels, length]. */
import {
  ArgumentError,
  adaptiveAvgPool1d,
  adaptiveMaxPool1d,
  avgPool1d,
  conv1d,
  maxPool1d,
  type Tensor,
  zeros,
} from '@course/tensor';
import { calculateFanInAndFanOut, kaimingUniform_, uniform_ } from '../init.js';
import { Module } from '../module.js';
import { Parameter } from '../parameter.js';
import { checkSizes } from '../sizes.js';

/** Options of {@link Conv1d}, torch's. */
export interface Conv1dOptions {
  /** Default 1. */
  readonly stride?: number;
  /** Zeros at both ends; `same` keeps the length (stride 1), `valid` is 0. Default 0. */
  readonly padding?: number | 'same' | 'valid';
  /** Places between the taps of the kernel. Default 1. */
  readonly dilation?: number;
  /** Parts of the channels that do not see each other. Default 1. */
  readonly groups?: number;
  readonly bias?: boolean;
}

/**
 * A filter that moves along sequences, as [torch.nn.Conv1d](https://pytorch.org/docs/stable/generated/torch.nn.Conv1d.html):
 * [batch, inChannels, length] to [batch, outChannels, places].
 *
 * @throws ArgumentError for sizes that are not whole, or groups that do not divide the channels.
 * @example
 * new Conv1d(16, 32, 7).forward(randn([4, 16, 100])); // [4, 32, 94]
 */
export class Conv1d extends Module {
  weight: Parameter;
  bias: Parameter | null;
  readonly options: Required<Omit<Conv1dOptions, 'bias'>>;

  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    readonly kernelSize: number,
    { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true }: Conv1dOptions = {},
  ) {
    super();
    checkSizes('Conv1d', { inChannels, outChannels, kernelSize, stride, dilation, groups });
    if (padding === 'same' && stride !== 1)
      throw new ArgumentError(`Conv1d: padding='same' is not supported for strided convolutions, got stride ${stride}`);
    for (const [name, size] of Object.entries({ inChannels, outChannels }))
      if (size % groups !== 0)
        throw new ArgumentError(`Conv1d: ${name} (${size}) must be divisible by groups (${groups})`);
    this.options = { stride, padding, dilation, groups };
    this.weight = new Parameter(zeros([outChannels, inChannels / groups, kernelSize]));
    this.bias = bias ? new Parameter(zeros([outChannels])) : null;
    this.resetParameters();
  }

  /** Draws weight and bias anew, in PyTorch's order. */
  resetParameters(): void {
    kaimingUniform_(this.weight, { a: Math.sqrt(5) });
    if (!this.bias) return;
    const bound = 1 / Math.sqrt(calculateFanInAndFanOut(this.weight.shape).fanIn);
    uniform_(this.bias, -bound, bound);
  }

  /** x [batch, channels, length] to [batch, channels, places]. */
  forward(x: Tensor): Tensor {
    return conv1d(x, this.weight, this.bias, this.options);
  }

  override flops(_args: readonly unknown[], output: unknown): number {
    const taps = (this.inChannels / this.options.groups) * this.kernelSize;
    return (output as Tensor).numel() * (2 * taps + (this.bias ? 1 : 0));
  }

  override extraRepr(): string {
    const { stride, padding, dilation, groups } = this.options;
    const parts = [`${this.inChannels}, ${this.outChannels}, kernel_size=(${this.kernelSize},), stride=(${stride},)`];
    if (padding !== 0) parts.push(`padding=${typeof padding === 'number' ? `(${padding},)` : padding}`);
    if (dilation !== 1) parts.push(`dilation=(${dilation},)`);
    if (groups !== 1) parts.push(`groups=${groups}`);
    if (!this.bias) parts.push('bias=False');
    return parts.join(', ');
  }
}

/** Options of pooling, torch's. */
export interface PoolOptions {
  /** Default: the size of the window. */
  readonly stride?: number;
  readonly padding?: number;
  /** Whether a last window may end beyond the padded input. Default false. */
  readonly ceilMode?: boolean;
}

/** The largest element of each window, as `torch.nn.MaxPool1d`. */
export class MaxPool1d extends Module {
  constructor(
    readonly kernelSize: number,
    readonly options: PoolOptions & { readonly dilation?: number } = {},
  ) {
    super();
  }

  /** x [batch, channels, length] to [batch, channels, places]. */
  forward(x: Tensor): Tensor {
    return maxPool1d(x, this.kernelSize, this.options);
  }

  override flops(_args: readonly unknown[], output: unknown): number {
    return (output as Tensor).numel() * this.kernelSize;
  }

  override extraRepr(): string {
    const { stride = this.kernelSize, padding = 0, dilation = 1, ceilMode = false } = this.options;
    return `kernel_size=${this.kernelSize}, stride=${stride}, padding=${padding}, dilation=${dilation}, ceil_mode=${ceilMode ? 'True' : 'False'}`;
  }
}

/** The mean of each window, as `torch.nn.AvgPool1d`. */
export class AvgPool1d extends Module {
  constructor(
    readonly kernelSize: number,
    readonly options: PoolOptions & { readonly countIncludePad?: boolean } = {},
  ) {
    super();
  }

  /** x [batch, channels, length] to [batch, channels, places]. */
  forward(x: Tensor): Tensor {
    return avgPool1d(x, this.kernelSize, this.options);
  }

  override flops(_args: readonly unknown[], output: unknown): number {
    return (output as Tensor).numel() * this.kernelSize;
  }

  override extraRepr(): string {
    const { stride = this.kernelSize, padding = 0 } = this.options;
    return `kernel_size=(${this.kernelSize},), stride=(${stride},), padding=(${padding},)`;
  }
}

/** Means of `outputSize` windows that divide the length, as `torch.nn.AdaptiveAvgPool1d`; 1 is global average pooling. */
export class AdaptiveAvgPool1d extends Module {
  constructor(readonly outputSize: number) {
    super();
  }

  /** x [batch, channels, length] to [batch, channels, places]. */
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool1d(x, this.outputSize);
  }

  override extraRepr(): string {
    return `output_size=${this.outputSize}`;
  }
}

/** Maxima of `outputSize` windows that divide the length, as `torch.nn.AdaptiveMaxPool1d`. */
export class AdaptiveMaxPool1d extends Module {
  constructor(readonly outputSize: number) {
    super();
  }

  /** x [batch, channels, length] to [batch, channels, places]. */
  forward(x: Tensor): Tensor {
    return adaptiveMaxPool1d(x, this.outputSize);
  }

  override extraRepr(): string {
    return `output_size=${this.outputSize}`;
  }
}

/**
 * The shape of a pointwise record and the small words its tables are written in. A record is all there is to know about an
 * elementwise op: how WGSL spells it, which CPU primitive computes it, what float64 says, its derivative, and where tests
 * sample it. Derivatives are written in tensor ops, so they fuse and can be differentiated again.
 */
import type { Category } from '../../dtype.js';
import type { Tensor } from '../../tensor.js';

/** An argument of a pointwise op. */
export type Operand = Tensor | number;

/** Which dtypes an op computes in: its arguments are promoted, then lifted to the lowest of these categories that holds them. */
export type Domain = readonly Category[];

/** How a WGSL expression is being printed: for single elements, or four at a time. */
export interface WgslContext {
  readonly width: 1 | 4;
  /** The dtype's WGSL type at this width: `f32` or `vec4<f32>`; truth values are `bool`. */
  readonly type: string;
  /** The WGSL type of another scalar type at this width. */
  vector(scalar: 'f32' | 'i32' | 'u32' | 'bool'): string;
  /** A call of a helper of the WGSL prelude, which has each helper at both widths. */
  call(helper: string, ...args: readonly string[]): string;
}

/** What the backward needs kept: the inputs, the output, or nothing. */
export type Saves = 'inputs' | 'output' | 'nothing';

/** Records that only derivatives use, and so no method of tensors. */
export type SlopeName = 'geluSlope';

/** Applies such a record. */
export type ApplySlope = (name: SlopeName, x: Tensor) => Tensor;

/** The gradient of one input, computed only when someone needs it. Pieces that were not saved are absent. */
export type GradientRule = (
  grad: Tensor,
  inputs: readonly Operand[],
  output: Tensor | undefined,
  slope: ApplySlope,
) => Tensor;

export interface Derivative {
  readonly saves: Saves;
  /** One rule an input; null where the input has no gradient. */
  readonly rules: readonly (GradientRule | null)[];
}

/** Where tests sample an op, and how exact it is. */
export interface Samples {
  /** An interval for each argument. */
  readonly intervals: readonly (readonly [low: number, high: number])[];
  /** Arguments at which the derivative jumps: gradcheck keeps away from them. */
  readonly kinks?: readonly number[];
  /**
   * Bounds against float64 rounded to float32, in ulp of the result plus an absolute part. On CPU the default is 2 ulp; on WebGPU
   * it is what WGSL guarantees ("Floating Point Accuracy" in its specification).
   */
  readonly cpu?: { readonly ulp: number; readonly absolute?: number };
  readonly webgpu?: { readonly ulp: number; readonly absolute?: number };
}

export interface PointwiseOp {
  readonly arity: number;
  readonly domain: Domain;
  /** `same`: the dtype it computes in; otherwise this category's default dtype. */
  readonly result: 'same' | 'bool' | 'float32';
  /** The value in float64, for tests and for constant folding; booleans are 0 and 1. */
  readonly reference: (...args: number[]) => number;
  readonly wgsl: (args: readonly string[], context: WgslContext) => string;
  /** Absent: not differentiable, its result carries no gradient. */
  readonly derivative?: Derivative;
  readonly samples: Samples;
}

const FLOAT: Domain = ['float'];

/** An op of one argument on floats. */
export function unary(
  reference: (x: number) => number,
  wgsl: string | ((x: string, context: WgslContext) => string),
  derivative: Derivative | undefined,
  samples: Omit<Samples, 'intervals'> & { readonly over: readonly [number, number] },
  domain: Domain = FLOAT,
): PointwiseOp {
  const { over, ...bounds } = samples;
  return {
    arity: 1,
    domain,
    result: 'same',
    reference,
    wgsl: ([x = ''], context) => (typeof wgsl === 'string' ? `${wgsl}(${x})` : wgsl(x, context)),
    ...(derivative && { derivative }),
    samples: { intervals: [over], ...bounds },
  };
}

/** An op of two arguments of one dtype. */
export function binary(
  reference: (a: number, b: number) => number,
  wgsl: (a: string, b: string, context: WgslContext) => string,
  derivative: Derivative | undefined,
  samples: Samples,
  domain: Domain = ['int', 'float'],
): PointwiseOp {
  return {
    arity: 2,
    domain,
    result: 'same',
    reference,
    wgsl: ([a = '', b = ''], context) => wgsl(a, b, context),
    ...(derivative && { derivative }),
    samples,
  };
}

/** A derivative that reads the argument: `rule(grad, x)`. */
export function fromInput(rule: (grad: Tensor, x: Tensor, slope: ApplySlope) => Tensor): Derivative {
  return { saves: 'inputs', rules: [(grad, [x], _, slope) => rule(grad, x as Tensor, slope)] };
}

/** A derivative that reads the result: `rule(grad, y)`. */
export function fromOutput(rule: (grad: Tensor, y: Tensor) => Tensor): Derivative {
  return { saves: 'output', rules: [(grad, _, y) => rule(grad, y as Tensor)] };
}

/** A derivative that reads neither, one rule an argument. */
export function fromNothing(...rules: ((grad: Tensor) => Tensor)[]): Derivative {
  return { saves: 'nothing', rules: rules.map((rule) => (grad) => rule(grad)) };
}

/** The derivatives of a binary op; the argument that a rule belongs to is a tensor, the other may be a number. */
export function fromInputs(
  left: (grad: Tensor, a: Tensor, b: Operand) => Tensor,
  right: (grad: Tensor, a: Operand, b: Tensor) => Tensor,
): Derivative {
  return {
    saves: 'inputs',
    rules: [
      (grad, [a, b]) => left(grad, a as Tensor, b as Operand),
      (grad, [a, b]) => right(grad, a as Operand, b as Tensor),
    ],
  };
}

/** A derivative that is zero wherever it exists (rounding): the gradient is zeros, as in PyTorch. */
export const zeroGradient: Derivative = fromNothing((grad) => grad.mul(0));

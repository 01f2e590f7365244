/**
 * The intermediate form of a fused pointwise kernel, shared by both backends: a straight line of steps over numbered values.
 * The WebGPU backend prints it as WGSL, the CPU backend runs it block by block. Programs hold no sizes and no scalar values, so one
 * compiled program serves every shape and every learning rate.
 */
import type { DType } from '../dtype.js';
import type { PointwiseName } from '../ops/pointwise/table.js';

/**
 * Values are numbered: inputs first, then scalars, then one for every step.
 * All arguments of a step have the dtype `type`, with two exceptions: the condition of `where` is bool, and `cast` takes any.
 */
export interface Step {
  readonly op: PointwiseName;
  /** The dtype the step computes in (that of its arguments; for `cast`, of its argument). */
  readonly type: DType;
  /** The dtype of its value. */
  readonly dtype: DType;
  /** Numbers of earlier values. */
  readonly args: readonly number[];
}

/** What a program is made of. */
export interface ProgramParts {
  readonly inputs: readonly DType[];
  readonly scalars: readonly DType[];
  readonly steps: readonly Step[];
  /** The numbers of the values to write, one an output; an input's number makes a copy. */
  readonly outputs: readonly number[];
}

export class Program implements ProgramParts {
  readonly inputs: readonly DType[];
  readonly scalars: readonly DType[];
  readonly steps: readonly Step[];
  readonly outputs: readonly number[];
  #key: string | null = null;

  constructor({ inputs, scalars, steps, outputs }: ProgramParts) {
    this.inputs = inputs;
    this.scalars = scalars;
    this.steps = steps;
    this.outputs = outputs;
  }

  /** Equal for equal programs: what compiled kernels are cached by. Of one that becomes a product's epilogue nobody asks for it. */
  get key(): string {
    this.#key ??= keyOf(this);
    return this.#key;
  }
}

function keyOf({ inputs, scalars, steps, outputs }: ProgramParts): string {
  // Piece by piece: every small op comes through here, and joining lists of one takes longer than all else in it.
  let key = '';
  for (const dtype of inputs) key += `${dtype},`;
  key += ';';
  for (const dtype of scalars) key += `${dtype},`;
  for (const { op, type, dtype, args } of steps) {
    key += `;${op}:${type}>${dtype}`;
    for (const arg of args) key += `,${arg}`;
  }
  key += '>';
  for (const value of outputs) key += `,${value}`;
  return key;
}

/** The dtype of a numbered value. */
export function valueDType(program: Omit<ProgramParts, 'outputs'>, value: number): DType | undefined {
  const { inputs, scalars, steps } = program;
  if (value < inputs.length) return inputs[value];
  if (value < inputs.length + scalars.length) return scalars[value - inputs.length];
  return steps[value - inputs.length - scalars.length]?.dtype;
}

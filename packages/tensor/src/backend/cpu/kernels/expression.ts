/**
 * Fused expressions as the CPU interprets them. A program is compiled once into steps over slots (the places of its values): inputs, scalars,
 * outputs, and as few registers as the lifetimes of the other values allow. Requests write scalars and operands around them.
 */
import { DeviceError } from '../../../errors.js';
import type { Program } from '../../../fuse/program.js';
import type { PointwiseName } from '../../../ops/pointwise/table.js';
import { ALIGNMENT, type Block } from '../allocator.js';
import type { Launcher } from '../launch.js';
import { ExpressionField, StepField } from '../layout.generated.js';
import { primitiveName, SPREAD } from '../module.js';

/** So many scalars are spread over blocks of their own once, before the first block; more of them when a step needs them. */
const SPREAD_BEFORE = 16;
/** Bytes of programs that are kept: of many long ones, those made last. */
const KEPT_BYTES = 4 * 2 ** 20;
const STEP_BYTES = StepField.length * 4;

/** Elements that make a piece of work for a thread, where each takes one addition. */
const GRAIN = 16_384;
/** Additions that take as long as one of the functions that are long polynomials. */
const FUNCTION_COST = 12;
const FUNCTIONS: ReadonlySet<PointwiseName> = new Set<PointwiseName>([
  ...(['exp', 'expm1', 'log', 'log2', 'log1p', 'sin', 'cos', 'tanh', 'sigmoid', 'erf', 'gelu', 'geluTanh'] as const),
  ...(['geluSlope', 'silu', 'pow', 'uniform'] as const),
]);

/** An output of an expression. */
interface ExpressionOutput {
  /** The slot of its value. */
  readonly source: number;
  /** Whether a step writes to the output's own slot, and which inputs later steps still read. */
  readonly own: boolean;
  readonly readLater: readonly number[];
}

export interface Expression {
  readonly code: Block | undefined;
  readonly steps: number;
  readonly registers: number;
  /** Scalars that keep a block each. */
  readonly scalars: number;
  readonly outputs: readonly ExpressionOutput[];
  /** Elements that make a piece of work. */
  readonly grain: number;
}

/** The compiled programs of one backend. */
export class Expressions {
  readonly #kept = new Map<string, Expression>();
  #bytes = 0;

  get(launcher: Launcher, program: Program): Expression {
    let expression = this.#kept.get(program.key);
    if (expression === undefined) {
      expression = compile(launcher, program);
      this.#kept.set(program.key, expression);
      this.#bytes += expression.steps * STEP_BYTES;
      for (const [key, { code, steps }] of this.#kept) {
        if (this.#bytes <= KEPT_BYTES || key === program.key) break;
        if (code) launcher.give(code);
        this.#bytes -= steps * STEP_BYTES;
        this.#kept.delete(key);
      }
    }
    return expression;
  }
}

/** Writes the head of an expression's record: its code, the values of its scalars, and where the records of its operands are. */
export function writeExpression(
  launcher: Launcher,
  record: number,
  { registers, steps, code }: Expression,
  program: Program,
  scalars: readonly number[],
  operandsAt: number,
): void {
  const scalarsAt = launcher.more(scalars.length);
  const { i32 } = launcher;
  i32[record + ExpressionField.inputs] = program.inputs.length;
  i32[record + ExpressionField.scalars] = scalars.length;
  i32[record + ExpressionField.outputs] = program.outputs.length;
  i32[record + ExpressionField.registers] = registers;
  i32[record + ExpressionField.steps] = steps;
  i32[record + ExpressionField.code] = code === undefined ? 0 : code.start * ALIGNMENT;
  i32[record + ExpressionField.scalarValues] = scalarsAt * 4;
  i32[record + ExpressionField.operands] = operandsAt * 4;
  writeScalars(launcher, scalarsAt, program, scalars);
}

function writeScalars(launcher: Launcher, at: number, program: Program, scalars: readonly number[]): void {
  const { i32, f32 } = launcher;
  for (let s = 0; s < scalars.length; s++) {
    const value = scalars[s] ?? 0;
    const dtype = program.scalars[s];
    if (dtype === 'float32') f32[at + s] = value;
    else i32[at + s] = dtype === 'bool' ? Number(value !== 0) : dtype === 'uint8' ? value & 255 : value;
  }
}

/** Whether a program has too many scalars to keep blocks of all of them. */
export function spreadsLate({ scalars }: Program): boolean {
  return scalars.length > SPREAD_BEFORE;
}

interface PlannedStep {
  readonly primitive: number;
  readonly args: readonly number[];
}

/** Turns a program's values into slots and its steps into code. */
function compile(launcher: Launcher, program: Program): Expression {
  const { inputs, scalars, outputs } = program;
  const leaves = inputs.length + scalars.length;
  const steps: PlannedStep[] = program.steps.map(({ op, type, dtype, args }) => ({
    primitive: primitiveIndex(launcher, primitiveName(op, type, dtype)),
    args,
  }));
  // An output that is an input is a copy; beside steps or other outputs it becomes a step, so that the order of reads is plain.
  const values = outputs.map((value) => {
    const dtype = inputs[value];
    if (dtype === undefined || (steps.length === 0 && outputs.length === 1)) return value;
    steps.push({ primitive: primitiveIndex(launcher, primitiveName('cast', dtype, dtype)), args: [value] });
    return leaves + steps.length - 1;
  });

  const lastUse = new Map<number, number>();
  for (const [k, step] of steps.entries()) for (const arg of step.args) lastUse.set(arg, k);
  const outputOf = new Map(values.map((value, o) => [value, o]));
  const slots = new Map<number, number>();
  const free: number[] = [];
  let registers = 0;
  const register = (): number => free.pop() ?? firstRegister + registers++;
  for (let value = 0; value < leaves; value++) slots.set(value, value);
  const firstRegister = leaves + outputs.length;
  const spread = spreadsLate(program) ? primitiveIndex(launcher, SPREAD) : undefined;
  const code: number[] = [];
  for (const [k, { primitive, args }] of steps.entries()) {
    const value = leaves + k;
    const spreadHere = new Map<number, number>();
    if (spread !== undefined) {
      for (const arg of args) {
        if (arg < inputs.length || arg >= leaves || spreadHere.has(arg)) continue;
        const target = register();
        spreadHere.set(arg, target);
        code.push(spread, target, arg, 0, 0);
      }
    }
    const sources = args.map((arg) => spreadHere.get(arg) ?? slots.get(arg) ?? 0);
    free.push(...spreadHere.values());
    // A value that is read here for the last time leaves its register to the result.
    for (const arg of new Set(args)) {
      const slot = slots.get(arg) ?? 0;
      if (lastUse.get(arg) === k && slot >= firstRegister) free.push(slot);
    }
    const output = outputOf.get(value);
    const target = output === undefined ? register() : leaves + output;
    slots.set(value, target);
    if (output === undefined && !lastUse.has(value)) free.push(target);
    const [a = 0, b = 0, c = 0] = sources;
    code.push(primitive, target, a, b, c);
  }

  const block = code.length > 0 ? launcher.take(code.length * 4) : undefined;
  if (block) launcher.i32.set(code, (block.start * ALIGNMENT) / 4);
  const cost = program.steps.reduce((sum, { op }) => sum + (FUNCTIONS.has(op) ? FUNCTION_COST : 1), 1);
  return {
    code: block,
    steps: code.length / StepField.length,
    scalars: spread === undefined ? scalars.length : 0,
    grain: (2 * GRAIN) / Math.max(cost, 2),
    registers,
    outputs: values.map((value, o) => ({
      source: slots.get(value) ?? 0,
      own: slots.get(value) === leaves + o,
      readLater: inputs.flatMap((_, i) => ((lastUse.get(i) ?? -1) > value - leaves ? [i] : [])),
    })),
  };
}

function primitiveIndex(launcher: Launcher, name: string): number {
  const index = launcher.primitives.get(name);
  if (index === undefined) throw new DeviceError(`cpu: there is no kernel primitive ${name}`);
  return index;
}

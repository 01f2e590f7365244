/**
 * Fused expressions on the CPU. A program is compiled once into steps over slots (the places of its values): inputs, scalars,
 * outputs, and as few registers as the lifetimes of the other values allow. A request only writes operands and scalars. A bare
 * copy that transposes goes to a kernel of its own.
 */
import { DeviceError } from '../../../errors.js';
import type { Program } from '../../../fuse/program.js';
import type { PointwiseName } from '../../../ops/pointwise/table.js';
import { contiguousStrides, numel } from '../../../shape.js';
import type { Dense, MatmulRequest, PointwiseRequest, ProductSteps, Strided } from '../../requests.js';
import { ALIGNMENT, type Block } from '../allocator.js';
import type { Launcher } from '../launch.js';
import {
  FollowingField,
  ItemSize,
  OperandField,
  OperandMode,
  PointwiseField,
  StepField,
  TransposeField,
} from '../layout.generated.js';
import { primitiveName, SPREAD } from '../module.js';
import { SCRATCH_BYTES } from '../scratch.js';

/** Blocks are at most this long, and shorter where a program has so many values that they would leave L1. */
const LONGEST_BLOCK = 1024;
const SHORTEST_BLOCK = 64;
/** Of programs so wide that even those would not fit scratch memory. */
const LEAST_BLOCK = 16;
/** Elements in all the block buffers together: half of a 32 KiB L1. */
const BUFFERED = 4096;
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

/** An output of a compiled program. */
interface CompiledOutput {
  /** The slot of its value. */
  readonly source: number;
  /** Whether a step writes to the output's own slot, and which inputs later steps still read. */
  readonly own: boolean;
  readonly readLater: readonly number[];
}

interface Compiled {
  readonly code: Block | undefined;
  readonly steps: number;
  readonly registers: number;
  /** Scalars that keep a block each. */
  readonly scalars: number;
  readonly outputs: readonly CompiledOutput[];
  /** Elements that make a piece of work. */
  readonly grain: number;
}

/** The compiled programs of one backend. */
export class PointwiseKernels {
  readonly #compiled = new Map<string, Compiled>();
  #bytes = 0;

  run(launcher: Launcher, request: PointwiseRequest): void {
    const { program, shape, inputs, outputs, scalars } = request;
    const total = numel(shape);
    if (total === 0) return;
    if (program.steps.length === 0 && outputs.length === 1 && transposed(launcher, request)) return;
    const compiled = this.#get(launcher, program);

    const rank = shape.length;
    const dense = contiguousStrides(shape);
    const modes: OperandMode[] = [];
    let gathered = 0;
    for (const input of inputs) {
      const mode = modeOf(input, shape, dense);
      modes.push(mode);
      if (mode !== OperandMode.dense) gathered++;
    }
    const block = blockLength(compiled, gathered, inputs.length, outputs.length);
    const operandWords = OperandField.strides + rank;
    const record = launcher.record(PointwiseField.length);
    const shapeAt = launcher.more(rank);
    const scalarsAt = launcher.more(scalars.length);
    const operandsAt = launcher.more(operandWords * (inputs.length + outputs.length));
    const { i32 } = launcher;
    i32[record + PointwiseField.total] = total;
    i32[record + PointwiseField.block] = block;
    i32[record + PointwiseField.rank] = rank;
    i32[record + PointwiseField.shape] = shapeAt * 4;
    i32[record + PointwiseField.inputs] = inputs.length;
    i32[record + PointwiseField.scalars] = scalars.length;
    i32[record + PointwiseField.outputs] = outputs.length;
    i32[record + PointwiseField.registers] = compiled.registers;
    i32[record + PointwiseField.steps] = compiled.steps;
    i32[record + PointwiseField.code] = compiled.code === undefined ? 0 : compiled.code.start * ALIGNMENT;
    i32[record + PointwiseField.scalarValues] = scalarsAt * 4;
    i32[record + PointwiseField.scalarsInPlace] = Number(spreadsLate(program));
    i32[record + PointwiseField.operands] = operandsAt * 4;
    for (let d = 0; d < rank; d++) i32[shapeAt + d] = shape[d] ?? 1;
    writeScalars(launcher, scalarsAt, program, scalars);

    let at = operandsAt;
    for (let i = 0; i < inputs.length; i++) {
      const input = inputs[i];
      if (input === undefined) continue;
      i32[at + OperandField.address] = launcher.pointer(input);
      i32[at + OperandField.mode] = modes[i] ?? OperandMode.strided;
      for (let d = 0; d < rank; d++) i32[at + OperandField.strides + d] = input.strides[d] ?? 0;
      at += operandWords;
    }
    for (let o = 0; o < outputs.length; o++) {
      const output = outputs[o];
      const plan = compiled.outputs[o];
      if (output === undefined || plan === undefined) continue;
      const mode = modeOf(output, shape, dense) === OperandMode.dense ? OperandMode.dense : OperandMode.strided;
      const clobbers = plan.readLater.some((i) => inputs[i]?.buffer === output.buffer);
      i32[at + OperandField.address] = launcher.pointer(output);
      i32[at + OperandField.mode] = mode;
      i32[at + OperandField.source] = plan.source;
      i32[at + OperandField.direct] = Number(plan.own && mode === OperandMode.dense && !clobbers);
      for (let d = 0; d < rank; d++) i32[at + OperandField.strides + d] = output.strides[d] ?? 0;
      at += operandWords;
    }
    launcher.start('pointwise', record, Math.ceil(total / block), Math.ceil(compiled.grain / block));
  }

  /** The bytes of scratch memory that steps behind a product take. */
  followingBytes(launcher: Launcher, { program, inputs, scalars, outputs }: ProductSteps): number {
    if (spreadsLate(program)) return Number.POSITIVE_INFINITY;
    const { registers } = this.#get(launcher, program);
    const buffers = scalars.length + outputs.length + registers;
    const slots = 1 + inputs.length + buffers + outputs.length;
    return Math.ceil((slots * 4) / 64 + 1) * 64 + Math.ceil((buffers * (ItemSize.followingBlock + 16) * 4) / 64) * 64;
  }

  /** Writes the record of steps behind a product as part of the record at hand; the address of it. */
  writeFollowing(launcher: Launcher, { program, inputs, scalars, outputs }: ProductSteps, product: Dense): number {
    const compiled = this.#get(launcher, program);
    const record = launcher.more(FollowingField.length);
    const scalarsAt = launcher.more(scalars.length);
    const operandsAt = launcher.more(OperandField.strides * (1 + inputs.length + outputs.length));
    const { i32 } = launcher;
    i32[record + FollowingField.inputs] = 1 + inputs.length;
    i32[record + FollowingField.scalars] = scalars.length;
    i32[record + FollowingField.outputs] = outputs.length;
    i32[record + FollowingField.registers] = compiled.registers;
    i32[record + FollowingField.steps] = compiled.steps;
    i32[record + FollowingField.code] = compiled.code === undefined ? 0 : compiled.code.start * ALIGNMENT;
    i32[record + FollowingField.scalarValues] = scalarsAt * 4;
    i32[record + FollowingField.operands] = operandsAt * 4;
    i32[record + FollowingField.dense] = Number(inputs.every(({ isRow }) => !isRow));
    writeScalars(launcher, scalarsAt, program, scalars);
    const sources = [{ ...product, isRow: false }, ...inputs];
    let at = operandsAt;
    for (const input of sources) {
      i32[at + OperandField.address] = launcher.pointer(input);
      i32[at + OperandField.mode] = input.isRow ? OperandMode.row : OperandMode.dense;
      at += OperandField.strides;
    }
    for (const [o, output] of outputs.entries()) {
      const plan = compiled.outputs[o];
      if (plan === undefined) continue;
      const clobbers = plan.readLater.some((i) => sources[i]?.buffer === output.buffer);
      i32[at + OperandField.address] = launcher.pointer(output);
      i32[at + OperandField.source] = plan.source;
      i32[at + OperandField.direct] = Number(plan.own && !clobbers);
      at += OperandField.strides;
    }
    return record * 4;
  }

  /** Steps behind a product that has been computed, as a kernel of their own. */
  runFollowing(launcher: Launcher, { batch, m, n, out, steps }: MatmulRequest): void {
    if (steps) this.run(launcher, followingRequest(numel(batch) * m, n, out, steps));
  }

  #get(launcher: Launcher, program: Program): Compiled {
    let compiled = this.#compiled.get(program.key);
    if (compiled === undefined) {
      compiled = compile(launcher, program);
      this.#compiled.set(program.key, compiled);
      this.#bytes += compiled.steps * STEP_BYTES;
      for (const [key, { code, steps }] of this.#compiled) {
        if (this.#bytes <= KEPT_BYTES || key === program.key) break;
        if (code) launcher.give(code);
        this.#bytes -= steps * STEP_BYTES;
        this.#compiled.delete(key);
      }
    }
    return compiled;
  }
}

/** The steps behind a product of `rows` rows in memory as a request of their own. */
export function followingRequest(
  rows: number,
  n: number,
  product: Dense,
  { program, scalars, inputs, outputs }: ProductSteps,
): PointwiseRequest {
  const strided = (operand: Dense, isRow = false): Strided => ({ ...operand, strides: [isRow ? 0 : n, 1] });
  return {
    kind: 'pointwise',
    program,
    shape: [rows, n],
    inputs: [strided(product), ...inputs.map((input) => strided(input, input.isRow))],
    scalars,
    outputs: outputs.map((output) => strided(output)),
  };
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

/** How many elements a block has, so that what the values need buffers for stays in L1, and all of it within scratch memory. */
function blockLength({ registers, scalars }: Compiled, gathered: number, inputs: number, outputs: number): number {
  const buffers = gathered + scalars + outputs + registers;
  const fitting = 2 ** Math.floor(Math.log2(BUFFERED / Math.max(buffers, 1)));
  const block = Math.min(LONGEST_BLOCK, Math.max(SHORTEST_BLOCK, fitting));
  const slots = inputs + scalars + 2 * outputs + registers;
  return block > LEAST_BLOCK && buffers * (block + 16) * 4 + slots * 4 + 64 > SCRATCH_BYTES ? LEAST_BLOCK : block;
}

/** Whether a program has too many scalars to keep blocks of all of them. */
function spreadsLate({ scalars }: Program): boolean {
  return scalars.length > SPREAD_BEFORE;
}

function modeOf(operand: Strided, shape: readonly number[], dense: readonly number[]): OperandMode {
  let contiguous = true;
  let constant = true;
  for (let d = 0; d < shape.length; d++) {
    if (shape[d] === 1) continue;
    if (operand.strides[d] !== dense[d]) contiguous = false;
    if (operand.strides[d] !== 0) constant = false;
  }
  // One element is both; as a dense one it needs no buffer.
  if (contiguous) return OperandMode.dense;
  return constant ? OperandMode.splat : OperandMode.strided;
}

interface PlannedStep {
  readonly primitive: number;
  readonly args: readonly number[];
}

/** Turns a program's values into slots and its steps into code. */
function compile(launcher: Launcher, program: Program): Compiled {
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

/** Runs a copy as a transpose where source and target are dense along different dims; says whether it did. */
function transposed(launcher: Launcher, { shape, inputs, outputs }: PointwiseRequest): boolean {
  const [source] = inputs;
  const [target] = outputs;
  if (source === undefined || target === undefined) return false;
  const rowDim = source.strides.findIndex((stride, d) => stride === 1 && (shape[d] ?? 1) > 1);
  const columnDim = target.strides.findIndex((stride, d) => stride === 1 && (shape[d] ?? 1) > 1);
  if (rowDim < 0 || columnDim < 0 || rowDim === columnDim) return false;
  const rows = shape[rowDim] ?? 1;
  const columns = shape[columnDim] ?? 1;
  if (rows < 4 || columns < 4) return false;
  const others = shape.flatMap((_, d) => (d === rowDim || d === columnDim ? [] : [d]));
  const record = launcher.record(TransposeField.length);
  const sizesAt = launcher.more(others.length);
  const sourceAt = launcher.more(others.length);
  const targetAt = launcher.more(others.length);
  const { i32 } = launcher;
  i32[record + TransposeField.source] = launcher.pointer(source);
  i32[record + TransposeField.target] = launcher.pointer(target);
  i32[record + TransposeField.columns] = columns;
  i32[record + TransposeField.columnStride] = source.strides[columnDim] ?? 0;
  i32[record + TransposeField.rows] = rows;
  i32[record + TransposeField.rowStride] = target.strides[rowDim] ?? 0;
  i32[record + TransposeField.rank] = others.length;
  i32[record + TransposeField.sizes] = sizesAt * 4;
  i32[record + TransposeField.sourceStrides] = sourceAt * 4;
  i32[record + TransposeField.targetStrides] = targetAt * 4;
  let matrices = 1;
  for (const [i, d] of others.entries()) {
    matrices *= shape[d] ?? 1;
    i32[sizesAt + i] = shape[d] ?? 1;
    i32[sourceAt + i] = source.strides[d] ?? 0;
    i32[targetAt + i] = target.strides[d] ?? 0;
  }
  const tile = ItemSize.transposeTile;
  launcher.launch('transpose', record, matrices * Math.ceil(rows / tile) * Math.ceil(columns / tile), 16);
  return true;
}

/**
 * Fused pointwise kernels: a program and the layout of its operands become WGSL that a person can read, one line a step. Sizes,
 * strides, offsets and scalar values are parameters, so one kernel serves every shape of the same rank and layout.
 *
 * An invocation handles four elements at a time where the innermost dim allows it: all operands contiguous there (or constant)
 * and aligned. Operands dense in the order of the output, or constant, need no index arithmetic at all.
 */
import { isFloating, wordBytes } from '../../../../dtype.js';
import type { Program } from '../../../../fuse/program.js';
import { contiguousStrides, numel } from '../../../../shape.js';
import type { PointwiseRequest, Strided } from '../../../requests.js';
import { groupsOf, type KernelContext } from '../../context.js';
import type { ParameterType } from '../../params.js';
import { withHalves } from '../wgsl/halves.js';
import { PLACE, prelude, type Width } from '../wgsl/prelude.js';
import {
  type Each,
  type Element,
  indent,
  type KernelSource,
  moduleText,
  openInvocation,
  parameterOf,
  storedAs,
  u32,
} from '../wgsl/source.js';
import { type Binding, type Operand, type Plan, ProgramPrinter, type Walk } from './body.js';

export function pointwise(context: KernelContext, request: PointwiseRequest): void {
  const { program, shape } = request;
  const count = numel(shape);
  if (count === 0) return;
  const plan = planAccess(request, count);
  const { workgroupSize, perInvocation } = context.tuning.pointwise;
  const kernel = context.kernel(planKey(program, plan), () => pointwiseSource(program, plan, context.tuning.pointwise));

  const units = Math.ceil(count / plan.width);
  const buffers = plan.bindings.map(({ buffer }) => buffer);
  context.dispatch(kernel, buffers, paramsOf(request, plan, units), groupsOf(units, workgroupSize * perInvocation));
}

/** What a dispatch brings, in the order in which {@link pointwiseSource} names it. */
function paramsOf({ program, shape, scalars, inputs, outputs }: PointwiseRequest, plan: Plan, units: number): number[] {
  const params = [units];
  for (let i = 0; i < scalars.length; i++) params.push(parameterOf(program.scalars[i], scalars[i] as number));
  const { width, rank } = plan;
  const inner = rank - 1;
  for (let d = 1; d < rank; d++) params.push((shape[d] ?? 1) / (d === inner ? width : 1));
  const offset = (operand: Operand, place: Strided): void => {
    params.push(place.offset / (operand.isVector ? width : 1));
  };
  const stride = ({ walk, isVector }: Operand, { strides }: Strided): void => {
    if (walk !== 'strided') return;
    for (let d = 0; d < inner; d++) params.push((strides[d] ?? 0) / (isVector ? width : 1));
    // One step along the innermost dim is a whole vector.
    params.push(isVector ? 1 : (strides[inner] ?? 0) * width);
  };
  for (const visit of [offset, stride]) {
    for (let i = 0; i < inputs.length; i++) visit(plan.inputs[i] as Operand, inputs[i] as Strided);
    for (let i = 0; i < outputs.length; i++) visit(plan.outputs[i] as Operand, outputs[i] as Strided);
  }
  return params;
}

function planAccess({ shape, inputs, outputs }: PointwiseRequest, count: number): Plan {
  const dense = contiguousStrides(shape);
  const inputWalks = inputs.map((input) => walkOf(input, shape, dense, count));
  const outputWalks = outputs.map((output) => walkOf(output, shape, dense, count));
  const isFlat = !inputWalks.includes('strided') && !outputWalks.includes('strided');
  const rank = isFlat ? 0 : shape.length;
  const width = widthOf(shape, count, inputs, outputs, inputWalks, outputWalks, isFlat);

  const bindings: Binding[] = [];
  const bind = (name: string, { buffer, dtype }: Strided, isVector: boolean, access: 'read' | 'read_write'): number => {
    const scalar = storedAs(dtype);
    const element: Element = isVector && width === 4 ? `vec4<${scalar}>` : scalar;
    bindings.push({ buffer, source: { name, access, element } });
    return bindings.length - 1;
  };
  const outputOperands = outputs.map((output, i): Operand => {
    const name = `out${i}`;
    const isVector = width === 4;
    // Memory may be bound for writing once only: outputs that share a buffer share the binding.
    const shared = bindings.findIndex(({ buffer }) => buffer === output.buffer);
    const binding = shared >= 0 ? shared : bind(name, output, isVector, 'read_write');
    return { name, dtype: output.dtype, walk: outputWalks[i] ?? 'dense', isVector, binding };
  });
  const written = bindings.length;
  const inputOperands = inputs.map((input, i): Operand => {
    const name = `in${i}`;
    const walk = inputWalks[i] ?? 'dense';
    const isVector = width === 4 && walk !== 'constant' && (walk === 'dense' || input.strides.at(-1) === 1);
    const shared = bindings.findIndex(({ buffer }, j) => j < written && buffer === input.buffer);
    const binding = shared >= 0 ? shared : bind(name, input, isVector, 'read');
    return { name, dtype: input.dtype, walk, isVector, binding };
  });
  return { width, rank, inputs: inputOperands, outputs: outputOperands, bindings };
}

function walkOf({ strides }: Strided, shape: readonly number[], dense: readonly number[], count: number): Walk {
  let isConstant = count !== 1;
  let isDense = true;
  for (let d = 0; d < shape.length; d++) {
    if (shape[d] === 1) continue;
    if (strides[d] !== 0) isConstant = false;
    if (strides[d] !== dense[d]) isDense = false;
  }
  return isConstant ? 'constant' : isDense ? 'dense' : 'strided';
}

/** Four elements at a time, if every operand can. */
function widthOf(
  shape: readonly number[],
  count: number,
  inputs: readonly Strided[],
  outputs: readonly Strided[],
  inputWalks: readonly Walk[],
  outputWalks: readonly Walk[],
  isFlat: boolean,
): Width {
  const last = shape.length - 1;
  const inner = shape[last] ?? 1;
  const fits = (operand: Strided, walk: Walk): boolean => {
    if (walk === 'constant') return true;
    const isSplat = walk === 'strided' && operand.strides[last] === 0;
    if (isSplat) return true;
    if (operand.offset % 4 !== 0) return false;
    return (
      walk === 'dense' ||
      (operand.strides[last] === 1 && operand.strides.every((stride, d) => d === last || stride % 4 === 0))
    );
  };
  // A tail of fewer than four may only be written where nothing follows it in the buffer.
  const endsBuffer = ({ offset, buffer, dtype }: Strided) =>
    Math.ceil(((offset + count) * wordBytes(dtype)) / 4) * 4 === buffer.byteLength;
  const tail = isFlat ? count % 4 === 0 || outputs.every(endsBuffer) : inner % 4 === 0;
  if (!tail) return 1;
  const all =
    inputs.every((input, i) => fits(input, inputWalks[i] ?? 'dense')) &&
    outputs.every((output, i) => fits(output, outputWalks[i] ?? 'dense'));
  // An output with elements apart along the innermost dim, or two uses of one buffer in different steps, go one by one.
  const written = outputs.every((output, i) => outputWalks[i] === 'dense' || output.strides[last] === 1);
  return all && written ? 4 : 1;
}

function planKey(program: Program, { width, rank, inputs, outputs, bindings }: Plan): string {
  let key = `pointwise|${width}|${rank}|`;
  for (const operand of inputs) key += operandKey(operand);
  key += '|';
  for (const operand of outputs) key += operandKey(operand);
  return `${key}|${bindings.length}|${program.key}`;
}

function operandKey({ walk, isVector, binding }: Operand): string {
  return `${walk[0]}${isVector ? 'v' : 's'}${binding}`;
}

/** The WGSL of a fused kernel, for people. */
export function pointwiseText({ tuning }: Pick<KernelContext, 'tuning'>, request: PointwiseRequest): string {
  const plan = planAccess(request, numel(request.shape));
  const halves = [...plan.inputs, ...plan.outputs].filter(({ dtype }) => dtype === 'float16');
  const names = halves.map(({ binding }) => plan.bindings[binding]?.source.name ?? '');
  return moduleText(withHalves(pointwiseSource(request.program, plan, tuning.pointwise), new Set(names)));
}

export function pointwiseSource(
  program: Program,
  plan: Plan,
  { workgroupSize, perInvocation }: { readonly workgroupSize: number; readonly perInvocation: number },
): KernelSource {
  const { width, rank } = plan;
  const used = new Set<string>();
  const printer = new ProgramPrinter(program, plan, used);
  const strided = [...plan.inputs, ...plan.outputs].filter(({ walk }) => walk === 'strided');

  const params: Record<string, ParameterType> = u32('count');
  program.scalars.forEach((dtype, i) => {
    params[`scalar${i}`] = dtype === 'bool' ? 'u32' : isFloating(dtype) ? 'f32' : 'i32';
  });
  for (let d = 1; d < rank; d++) params[`size${d}`] = 'u32';
  for (const { name } of [...plan.inputs, ...plan.outputs]) params[`${name}Offset`] = 'u32';
  for (const { name } of strided) for (let d = 0; d < rank; d++) params[`${name}Stride${d}`] = 'u32';

  const body = [
    ...printer.place(),
    ...printer.coordinates(),
    ...printer.loads(),
    ...printer.steps(),
    ...printer.stores(),
  ].join('\n');
  const helpers = prelude(used, width);
  const each: Each = ['i', 'p.count'];
  const turn = openInvocation(each, workgroupSize, `(group * ${perInvocation}u + step)`);
  const turns = `for (var step = 0u; step < ${perInvocation}u; step++) {\n${indent(`${turn}\n${body}`)}\n}`;
  const ops = program.steps.map(({ op }) => op).join(' ');
  return {
    label: `pointwise ${ops || 'copy'}`,
    about: `Each invocation computes ${perInvocation === 1 ? (width === 4 ? 'four elements in a row' : 'one element') : `${perInvocation} ${width === 4 ? 'times four elements in a row' : 'elements'}`}.`,
    bindings: plan.bindings.map(({ source }) => source),
    params,
    workgroupSize,
    declarations: [...(printer.usesPlace ? [PLACE] : []), helpers].filter((text) => text !== '').join('\n\n'),
    ...(perInvocation === 1 ? { each, main: body } : { main: turns }),
  };
}

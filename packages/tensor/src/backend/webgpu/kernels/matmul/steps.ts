/**
 * Pointwise steps in a matmul kernel: where a product leaves the registers it goes through a program, printed as in a pointwise kernel, and
 * what the program writes is stored instead of the product, or beside it.
 */
import { isFloating } from '../../../../dtype.js';
import type { Program } from '../../../../fuse/program.js';
import type { DeviceBuffer, ProductSteps } from '../../../requests.js';
import type { ParameterType } from '../../params.js';
import { type Operand, ProgramPrinter, type Walk } from '../pointwise/body.js';
import type { Width } from '../wgsl/prelude.js';
import { type BindingSource, type Element, parameterOf, read, storedAs, u32, write } from '../wgsl/source.js';

/** What the text of a kernel with steps depends on. */
export interface StepsVariant {
  readonly program: Program;
  /** Of each input after the product: whether it is one row. */
  readonly rows: readonly boolean[];
  readonly keepsProduct: boolean;
}

export function stepsVariant({ program, inputs, keepsProduct }: ProductSteps): StepsVariant {
  return { program, rows: inputs.map(({ isRow }) => isRow), keepsProduct };
}

export function stepsKey({ program, rows, keepsProduct }: StepsVariant): string {
  return `${rows.map(Number).join('')}${keepsProduct ? 'kept' : ''}|${program.key}`;
}

/** Names of the inputs after the product (`in1`, …) and of the outputs (`out0`, …). */
const inputName = (i: number) => `in${i + 1}`;
const outputName = (i: number) => `out${i}`;

export function stepsBindings({ program, rows }: StepsVariant, width: Width): BindingSource[] {
  const element = (scalar: 'f32' | 'i32' | 'u32'): Element => (width === 4 ? `vec4<${scalar}>` : scalar);
  return [
    ...rows.map((_, i) => read(inputName(i), element(storedAs(program.inputs[i + 1] ?? 'float32')))),
    ...outputDTypes(program).map((dtype, i) => write(outputName(i), element(storedAs(dtype)))),
  ];
}

export function stepsParams({ program, rows }: StepsVariant): Record<string, ParameterType> {
  const params: Record<string, ParameterType> = u32(
    ...rows.map((_, i) => `${inputName(i)}Offset`),
    ...program.outputs.map((_, i) => `${outputName(i)}Offset`),
  );
  program.scalars.forEach((dtype, i) => {
    params[`scalar${i}`] = dtype === 'bool' ? 'u32' : isFloating(dtype) ? 'f32' : 'i32';
  });
  return params;
}

/** Adds what a dispatch brings for the steps, in the order of {@link stepsBindings} and {@link stepsParams}. */
export function bringSteps(
  { program, scalars, inputs, outputs }: ProductSteps,
  width: Width,
  buffers: DeviceBuffer[],
  params: number[],
): void {
  for (const operands of [inputs, outputs]) {
    for (const { buffer, offset } of operands) {
      buffers.push(buffer);
      params.push(offset / width);
    }
  }
  for (let i = 0; i < scalars.length; i++) params.push(parameterOf(program.scalars[i], scalars[i] as number));
}

/** The statements that take the product `product` at the linear index `i` (in units of the width) and `column` to memory, and what they need. */
export function stepsText(
  { program, rows, keepsProduct }: StepsVariant,
  width: Width,
): { readonly usesPlace: boolean; readonly helpers: ReadonlySet<string>; readonly body: readonly string[] } {
  const used = new Set<string>();
  const operand = (name: string, dtype: Operand['dtype'], walk: Walk, binding: number): Operand => ({
    name,
    dtype,
    walk,
    isVector: width === 4,
    binding,
  });
  const inputs = program.inputs.map((dtype, i) =>
    i === 0
      ? operand('product', dtype, 'given', -1)
      : operand(inputName(i - 1), dtype, rows[i - 1] ? 'row' : 'dense', i - 1),
  );
  const outputs = outputDTypes(program).map((dtype, i) => operand(outputName(i), dtype, 'dense', rows.length + i));
  const bindings = stepsBindings({ program, rows, keepsProduct }, width).map((source) => ({ source }));
  const printer = new ProgramPrinter(program, { width, rank: 0, inputs, outputs, bindings }, used);
  const body = [
    ...printer.place(),
    ...printer.loads(),
    ...(keepsProduct ? ['out[p.outOffset + i] = v0;'] : []),
    ...printer.steps(),
    ...printer.stores(),
  ];
  return { usesPlace: printer.usesPlace, helpers: used, body };
}

function outputDTypes({ inputs, scalars, steps, outputs }: Program) {
  return outputs.map((value) => {
    const dtype = value < inputs.length ? inputs[value] : steps[value - inputs.length - scalars.length]?.dtype;
    return dtype ?? 'float32';
  });
}

/** What a value will cost, in words: for people who wonder which ops share a kernel. */
import { numel } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { compose } from './compose.js';
import { pointwiseRequest } from './lower.js';
import type { Program } from './program.js';

/**
 * The kernel that a pending value will be computed by: its inputs, its steps in order, and the text that the device makes of it
 * (WGSL on WebGPU, where it exists). A value that is computed already costs nothing.
 *
 * @example
 * console.log(explain(x.add(1).mul(2).gelu()));
 */
export function explain(value: Tensor): string {
  value.checkAlive('explain');
  const { storage } = value;
  const { recipe, backend } = storage;
  if (!recipe) return `0 kernels: this value of shape [${value.shape.join(', ')}] is computed`;
  const composition = compose(storage);
  const { program, inputs, written } = composition;
  const elements = numel(recipe.shape);
  const head =
    `1 kernel over [${recipe.shape.join(', ')}] (${elements} elements) on ${backend.kind}: ` +
    `${count(inputs.length, 'input')}, ${count(program.steps.length, 'step')}, ${count(written.length, 'output')}`;
  const text = elements > 0 ? backend.kernelText?.(pointwiseRequest(recipe.shape, composition)) : undefined;
  return [head, listing(program, composition.scalars), ...(text ? [text] : [])].join('\n');
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

/** The program, one value a line. */
export function listing(program: Program, scalars: readonly number[]): string {
  const { inputs, steps, outputs } = program;
  const lines = inputs.map((dtype, i) => `  %${i} = input ${i}: ${dtype}`);
  for (const [i, value] of scalars.entries()) lines.push(`  %${inputs.length + i} = ${value}: ${program.scalars[i]}`);
  for (const [i, { op, dtype, args }] of steps.entries())
    lines.push(
      `  %${inputs.length + scalars.length + i} = ${op}(${args.map((arg) => `%${arg}`).join(', ')}): ${dtype}`,
    );
  lines.push(`  write ${outputs.map((value) => `%${value}`).join(', ')}`);
  return lines.join('\n');
}

/** What a value will cost, in words: for people who wonder which ops share a kernel. */
import { numel } from '../shape.js';
import type { PendingProduct } from '../storage.js';
import type { Tensor } from '../tensor.js';
import { composeWithin, pointwiseRequest } from './lower.js';
import { findFollowing } from './product-steps.js';
import { findEpilogue } from './products.js';
import type { Program } from './program.js';

/**
 * The kernel that a pending value will be computed by: its inputs, its steps in order, and the text that the device makes of it
 * (WGSL on WebGPU, where it exists), or the matrix product whose sums go through the steps. A value that is computed already costs nothing.
 *
 * @example
 * console.log(explain(x.add(1).mul(2).gelu()));
 */
export function explain(value: Tensor): string {
  value.checkAlive('explain');
  const { storage } = value;
  const { recipe, product, backend } = storage;
  if (product) return `1 kernel on ${backend.kind}: ${describeProduct(product)}`;
  if (!recipe) return `0 kernels: this value of shape [${value.shape.join(', ')}] is computed`;
  const composition = composeWithin(storage);
  const { program, inputs, scalars, written } = composition;
  const epilogue = findEpilogue(recipe.shape, composition)?.product.product;
  if (epilogue)
    return `1 kernel on ${backend.kind}: ${describeProduct(epilogue)}, whose sums go through\n${listing(program, scalars)}`;
  const following = findFollowing(recipe.shape, composition);
  if (following?.product.product) {
    const others = following.inputs.flatMap(({ storage: { product: waiting } }) => (waiting ? [waiting] : []));
    const kept = following.keepsProduct ? 'kept, ' : '';
    return [
      `${count(others.length + 1, 'kernel')} on ${backend.kind}: ${describeProduct(following.product.product)}, ${kept}whose values go through`,
      ...others.map((each) => `  after a ${describeProduct(each)}`),
      listing(following.program, scalars),
    ].join('\n');
  }
  const elements = numel(recipe.shape);
  const before = inputs.flatMap(({ storage: { product: waiting } }) => (waiting ? [describeProduct(waiting)] : []));
  const head =
    `${count(before.length + 1, 'kernel')} over [${recipe.shape.join(', ')}] (${elements} elements) on ${backend.kind}: ` +
    `${count(inputs.length, 'input')}, ${count(program.steps.length, 'step')}, ${count(written.length, 'output')}`;
  const text =
    elements > 0 && before.length === 0 ? backend.kernelText?.(pointwiseRequest(recipe.shape, composition)) : undefined;
  return [head, ...before.map((each) => `  after a ${each}`), listing(program, scalars), ...(text ? [text] : [])].join(
    '\n',
  );
}

function describeProduct({ batch, m, n, k, bias, activation, windows }: PendingProduct): string {
  const sizes = `[${[...batch, m, k].join(', ')}] @ [${[...batch, k, n].join(', ')}]`;
  return [
    'matrix product',
    sizes,
    ...(windows ? ['of windows'] : []),
    ...(bias ? ['+ bias'] : []),
    ...(activation === 'none' ? [] : [activation]),
  ].join(' ');
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

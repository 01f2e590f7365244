// Random programs as users write them: a pool of tensors, some of them views of each other, and instructions that take operands from it and
// put results into it: products, reductions, rows, indexing, writes in place, gradients, scopes, releases and reads, in any order.
import { scope, type Tensor } from '@course/tensor';
import fc from 'fast-check';
import { OPS, type OpName } from './graph-instructions.js';
import { leafTensors, Machine, type Mode, type Program, type Reading } from './graph-machine.js';

export { leafTensors, type Mode, type Program, type Reading };

const anything = fc.nat(255);
/** How often each instruction comes. */
const WEIGHTS: Readonly<Record<OpName, number>> = {
  binary: 5,
  unary: 6,
  product: 6,
  chain: 3,
  linear: 4,
  conv1d: 2,
  view: 6,
  reduction: 3,
  rows: 2,
  attend: 2,
  integers: 2,
  select: 1,
  index: 2,
  join: 2,
  write: 4,
  further: 3,
  dropout: 1,
  grad: 3,
  backward: 2,
  gradients: 2,
  release: 3,
  read: 2,
  other: 3,
  scope: 2,
};

/** Programs of up to so many instructions. */
export function programs(
  maxLength: number,
  only: readonly OpName[] = Object.keys(WEIGHTS) as OpName[],
): fc.Arbitrary<Program> {
  const op = fc.oneof(...only.map((name) => ({ weight: WEIGHTS[name], arbitrary: fc.constant(name) })));
  return fc.record({
    instructions: fc.array(fc.record({ op, picks: fc.tuple(anything, anything, anything, anything) }), {
      minLength: 1,
      maxLength,
      size: 'max',
    }),
    width: fc.constantFrom(4, 4, 8, 5, 16),
    // Half of the programs record nothing: what follows a product then is an epilogue.
    wants: fc.oneof(fc.constant(0), fc.nat(255)),
    seed: fc.nat(99),
    stride: fc.integer({ min: 0, max: 12 }),
  });
}

/** Runs a program and reads what is left of its values, and the gradients of its leaves; all that it made is released. */
export async function readingsOf(program: Program, mode: Mode): Promise<Reading[]> {
  const machine = new Machine(OPS, program, mode);
  scope(() => {
    machine.start(leafTensors(program, mode.dtype));
    machine.run(0, program.instructions.length);
    for (const entry of machine.rest()) machine.read(entry);
    for (const [i, leaf] of machine.leaves.entries())
      if (leaf.grad) machine.read({ value: leaf.grad, bound: 100, name: `leaf${i}.grad` });
  });
  const readings = await Promise.all(machine.readings);
  for (const { value } of machine.pool) value.dispose();
  return readings;
}

/** A program as a function of its leaves: what is left of its values at the end, and the gradients of its leaves. */
export function asFunction(program: Program): (...leaves: Tensor[]) => Tensor[] {
  return (...given) => {
    const machine = new Machine(OPS, program, { dtype: 'float32' }, true);
    machine.start(given);
    machine.run(0, program.instructions.length);
    const grads = machine.leaves.flatMap(({ grad }) => (grad ? [grad] : []));
    return [...machine.rest().map(({ value }) => value), ...grads];
  };
}

/** A program in words, for the message of a failure. */
export function describeProgram({ instructions, ...rest }: Program): string {
  return `${JSON.stringify(rest)}\n${instructions.map(({ op, picks }, i) => `  ${i}: ${op} ${picks.join(',')}`).join('\n')}`;
}

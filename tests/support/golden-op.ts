// Runs one case of tests/goldens/ops.json on the device in use and compares outputs and gradients: shapes and dtypes exactly,
// floats within the case's tolerance. What a name of an op means is the caller's table; everything else of a case is here.
import { FormatError, Tensor, tensor } from '@course/tensor';
import { expect } from 'vitest';
import {
  type GoldenOption,
  type GoldenOptions,
  type GoldenTensor,
  type GoldenView,
  largest,
  type OpsGolden,
  tolerance,
} from './goldens.js';

export type OpCase = OpsGolden['cases'][number];

/** Calls the op under test with the inputs of a case. */
export type OpRunner = (inputs: readonly Tensor[], args: GoldenOptions) => Tensor | readonly Tensor[];

/** The same for ops whose result has a size that depends on values. */
export type AsyncOpRunner = (...args: Parameters<OpRunner>) => ReturnType<OpRunner> | Promise<Tensor>;

/** The number that an option is, infinities included. */
export function numberOption(value: GoldenOption | undefined): number {
  if (value === '-Infinity') return Number.NEGATIVE_INFINITY;
  if (value === 'Infinity') return Number.POSITIVE_INFINITY;
  if (typeof value !== 'number')
    throw new FormatError(`expected a number in a golden case, got ${JSON.stringify(value)}`);
  return value;
}

/** The list of numbers that an option is. */
export function numbersOption(value: GoldenOption | undefined): number[] {
  if (!Array.isArray(value)) throw new FormatError(`expected numbers in a golden case, got ${JSON.stringify(value)}`);
  return value.map(numberOption);
}

/** An input that the op cannot do without: its absence is a mistake in the table or the file. */
export function given(input: Tensor | undefined): Tensor {
  if (!input) throw new FormatError('a golden case has fewer inputs than its op takes');
  return input;
}

/** A tensor on the device in use. */
export function toDevice({ data, shape, dtype }: GoldenTensor, requiresGrad = false): Tensor {
  return tensor(data, { shape, dtype, requiresGrad });
}

function seen(x: Tensor, views: readonly GoldenView[]): Tensor {
  return views.reduce((y, view) => {
    if (view[0] === 'narrow') return y.narrow(view[1], view[2], view[3]);
    return view[0] === 'permute' ? y.permute(view[1]) : y.expand(view[1]);
  }, x);
}

async function compare(
  actual: Tensor | null | undefined,
  expected: GoldenTensor,
  atol: number,
  what: string,
): Promise<void> {
  expect({ shape: actual?.shape, dtype: actual?.dtype }, what).toEqual({
    shape: expected.shape,
    dtype: expected.dtype,
  });
  expect(await actual?.data(), what).toBeClose(expected.data, { atol: expected.dtype === 'float32' ? atol : 0 });
}

export interface OpAccuracy {
  /** The op moves or chooses values: its outputs are equal to the bit. Gradients may be sums. */
  readonly exact?: boolean;
  /**
   * What the device's own functions may be off by, as a share of the largest value compared (WGSL promises less of them
   * than IEEE does); it adds to the tolerance that the case carries.
   */
  readonly slack?: number;
}

/** Runs a case on the device in use and checks its outputs and gradients. */
export async function checkOp(
  golden: OpCase,
  run: AsyncOpRunner,
  { exact = false, slack = 0 }: OpAccuracy = {},
): Promise<void> {
  const allowed = (expected: readonly GoldenTensor[]) => tolerance(expected) + slack * largest(expected);
  const leaves = golden.inputs.map((input, i) => toDevice(input, Boolean(golden.gradients?.[i])));
  const result = await run(
    leaves.map((leaf, i) => seen(leaf, golden.inputs[i]?.views ?? [])),
    golden.args,
  );
  const outputs = result instanceof Tensor ? [result] : result;
  expect(outputs).toHaveLength(golden.outputs.length);
  for (const [i, expected] of golden.outputs.entries()) {
    await compare(outputs[i], expected, exact ? 0 : allowed([expected]), `output ${i}`);
  }
  if (!golden.gradients || !golden.upstream) return;
  outputs[0]?.backward({ gradient: toDevice(golden.upstream) });
  const atol = allowed(golden.gradients.filter((gradient) => gradient !== null));
  for (const [i, expected] of golden.gradients.entries()) {
    if (expected) await compare(leaves[i]?.grad, expected, atol, `gradient of input ${i}`);
  }
}

// Runs one case of tests/goldens/ops.json on the device in use and compares outputs and gradients: shapes and dtypes exactly,
// floats within the case's tolerance. In float64 (CPU) the same cases hold to one rounding to float32, and derivatives to differences. What
// a name of an op means is the caller's table; everything else of a case is here.
import { FormatError, gradcheck, init, Tensor, tensor } from '@course/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { devices } from './devices.js';
import type { GoldenOption, GoldenOptions, GoldenTensor, GoldenView, OpsGolden } from './golden-files.js';
import { largest, tolerance } from './goldens.js';

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

/** A tensor on the device in use; floats in float64 where asked for. */
export function toDevice(
  { data, shape, dtype }: GoldenTensor,
  requiresGrad = false,
  float: 'float32' | 'float64' = 'float32',
): Tensor {
  return tensor(data, { shape, dtype: dtype === 'float32' ? float : dtype, requiresGrad });
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

/** Runs a case in float64: expected values are PyTorch's in float64, rounded once to float32. */
async function checkOpInFloat64(golden: OpCase, run: AsyncOpRunner): Promise<void> {
  const leaves = golden.inputs.map((input, i) => toDevice(input, Boolean(golden.gradients?.[i]), 'float64'));
  const result = await run(
    leaves.map((leaf, i) => seen(leaf, golden.inputs[i]?.views ?? [])),
    golden.args,
  );
  const outputs = result instanceof Tensor ? [result] : result;
  const within = async (actual: Tensor | null | undefined, expected: GoldenTensor, size: number, what: string) => {
    const isFloat = expected.dtype === 'float32';
    expect({ shape: actual?.shape, dtype: actual?.dtype }, what).toEqual({
      shape: expected.shape,
      dtype: isFloat ? 'float64' : expected.dtype,
    });
    // One rounding to float32 (of a subnormal, half of the least one), beside which those of float64 sums are nothing.
    const tolerance = isFloat ? { rtol: 2 ** -24, atol: 2 ** -150 + 1e-12 * size } : {};
    expect(await actual?.data(), what).toBeClose(expected.data, tolerance);
  };
  for (const [i, expected] of golden.outputs.entries())
    await within(outputs[i], expected, largest([expected, ...golden.inputs]), `output ${i}`);
  if (!golden.gradients || !golden.upstream) return;
  outputs[0]?.backward({ gradient: toDevice(golden.upstream, false, 'float64') });
  const size = largest([...golden.inputs, golden.upstream]);
  for (const [i, expected] of golden.gradients.entries())
    if (expected) await within(leaves[i]?.grad, expected, size, `gradient of input ${i}`);
}

/** The cases whose derivatives differences can check: of moderate size, and not about NaN and infinity. */
function isDifferentiable({ gradients, inputs, special }: OpCase): boolean {
  const sizes = inputs.map(({ data }, i) => (gradients?.[i] ? data.length : 0));
  const total = sizes.reduce((a, b) => a + b, 0);
  return special !== true && total > 0 && total <= MOST_DIFFERENCES;
}

/** Each element takes two evaluations. */
const MOST_DIFFERENCES = 150;

/**
 * Runs the cases of an op in float64 on the CPU, against PyTorch and through `gradcheck` with PyTorch's own step and tolerances.
 * Cases that differences cannot check are named: at a kink or a pole, or where an op's size depends on values.
 */
export function walkInFloat64(
  title: string,
  byOp: ReadonlyMap<string, readonly OpCase[]>,
  runnerOf: (op: string) => AsyncOpRunner | undefined,
  kinks: ReadonlySet<string> = new Set(),
): void {
  describe.runIf(devices.includes('cpu'))(`${title} in float64 on cpu`, () => {
    beforeAll(() => init({ device: 'cpu' }));
    for (const [op, cases] of byOp) {
      const run = runnerOf(op);
      if (!run) continue;
      for (const each of cases) {
        it(each.name, () => checkOpInFloat64(each, run));
        const first = each.layout ? each.name.slice(0, -`, ${each.layout}`.length) : each.name;
        if (!isDifferentiable(each) || kinks.has(each.name) || kinks.has(first)) continue;
        it(`${each.name}: gradcheck`, async () => {
          const inputs = each.inputs.map((input, i) => toDevice(input, Boolean(each.gradients?.[i]), 'float64'));
          await gradcheck((...leaves) => {
            const result = run(
              leaves.map((leaf, i) => seen(leaf, each.inputs[i]?.views ?? [])),
              each.args,
            );
            if (result instanceof Promise) throw new FormatError(`${each.name}: its size depends on values`);
            return result instanceof Tensor ? result : given(result[0]);
          }, inputs);
        });
      }
    }
  });
}

// Tensors without elements against PyTorch: shapes, dtypes, what sums and products of nothing are, gradients, and which ops refuse.
import * as core from '@course/tensor';
import { CourseError, type Tensor, tensor } from '@course/tensor';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import type { EmptyGolden, GoldenTensor } from '../support/golden-files.js';
import { golden } from '../support/goldens.js';

type Case = EmptyGolden['cases'][number];

const { cases } = golden('empty');
const AsyncFunction: FunctionConstructor = Object.getPrototypeOf(async () => undefined).constructor;
const atHand: Readonly<Record<string, unknown>> = core;

/** Operands as in tests/goldens/empty.py. */
function operand(shape: readonly number[], isInteger: boolean): Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  if (isInteger) return tensor(new Int32Array(count), { shape });
  return tensor(
    Float32Array.from({ length: count }, (_, i) => i / 4 + 0.5),
    { shape, requiresGrad: true },
  );
}

async function evaluate({ here }: Case, operands: readonly Tensor[]): Promise<Tensor> {
  const names = ['x', 'y', 'z'].slice(0, operands.length);
  const run = new AsyncFunction(...Object.keys(atHand), ...names, `return ${here};`);
  const result = await run(...Object.values(atHand), ...operands);
  return result instanceof core.Tensor ? result : result.values;
}

async function expectSame(actual: Tensor | null, expected: GoldenTensor | null): Promise<void> {
  expect(actual?.shape).toEqual(expected?.shape);
  if (actual === null || expected === null) return;
  expect(actual.dtype).toBe(expected.dtype);
  // A handful of additions, products and quotients of numbers around 1.
  expect(Array.from(await actual.data(), Number)).toBeClose(expected.data, { atol: 2 ** -20, rtol: 2 ** -20 });
}

onEachDevice('without elements', () => {
  it.each(cases.map((each) => [`${each.here} of ${JSON.stringify(each.shapes)}`, each] as const))(
    '%s',
    async (_, each) => {
      const operands = each.shapes.map((shape, i) => operand(shape, each.integers[i] ?? false));
      if (each.error !== undefined) {
        await expect(evaluate(each, operands)).rejects.toBeInstanceOf(CourseError);
        return;
      }
      const result = await evaluate(each, operands);
      await expectSame(result, each.result ?? null);
      if (result.requiresGrad) result.sum().backward();
      for (const [i, gradient] of (each.gradients ?? []).entries())
        await expectSame(operands[i]?.grad ?? null, gradient);
    },
  );
});

// The first program of the API page, as it stands, with the values it promises.
import { grad, init, manualSeed, memory, noGrad, randn, ShapeError, scope, tensor } from '@course/tensor';
import { expect, it, vi } from 'vitest';
import { devices } from '../support/devices.js';

it.each(devices)('runs on %s', async (kind) => {
  await init({ device: kind });
  manualSeed(42);
  const q = randn([1, 3, 4]);
  const k = randn([1, 3, 4]);
  const v = randn([1, 3, 4]);
  const weights = q.matmul(k.transpose(-2, -1)).div(Math.sqrt(4)).softmax(-1);
  const printed = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  await weights.print();
  expect(printed).toHaveBeenCalledWith(
    'tensor([[[0.3017, 0.3098, 0.3884],\n         [0.2451, 0.3801, 0.3748],\n         [0.2938, 0.2293, 0.4769]]])',
  );
  await weights.matmul(v).print();
  printed.mockRestore();
  // The notebook's printed digits: within 2 ulp on CPU, 1e-6 on WebGPU.
  const expected = [
    0.3017341, 0.30983964, 0.3884262, 0.2450955, 0.3801395, 0.37476498, 0.29378855, 0.2293217, 0.4768897,
  ];
  expect(await weights.data()).toBeClose(expected, kind === 'cpu' ? { rtol: 2 * 2 ** -23 } : { atol: 1e-6 });

  const x = tensor(
    [
      [1, 2],
      [3, 4],
    ],
    { requiresGrad: true },
  );
  const y = x.pow(3).sum();
  y.backward();
  expect(await x.grad?.toArray()).toEqual([
    [3, 12],
    [27, 48],
  ]);
  const [dx] = grad(x.pow(3).sum(), [x], { createGraph: true });
  const [ddx] = grad(dx.sum(), [x]);
  expect(await ddx.toArray()).toEqual([
    [6, 12],
    [18, 24],
  ]);

  const total = noGrad(() => x.mean(0, { keepDim: true }));
  const shape: readonly number[] = total.shape;
  expect(shape).toEqual([1, 2]);
  expect([total.dtype, total.device]).toEqual(['float32', kind]);
  scope(() => {
    x.exp().log();
  });
  expect(memory().tensors).toBeGreaterThan(0);
  expect(memory().bytes).toBeGreaterThan(0);
  const wrong = () => tensor([[1, 2, 3]]).matmul(tensor([[1, 2, 3]]));
  expect(wrong).toThrow(ShapeError);
  expect(wrong).toThrow('matmul: mat1 and mat2 shapes cannot be multiplied (1x3 and 1x3)');
});

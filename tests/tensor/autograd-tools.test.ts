// Hooks, custom functions, checkpoints, anomaly detection, second-order checks.
import {
  AutogradError,
  attention,
  checkpoint,
  crossEntropy,
  defineFunction,
  detectAnomaly,
  dropout,
  embedding,
  grad,
  gradcheck,
  gradgradcheck,
  layerNorm,
  linear,
  manualSeed,
  memory,
  randn,
  scope,
  type Tensor,
  tensor,
} from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

/** In a function of its own: TypeScript would take a `grad` assigned in sight for null until the end of the block. */
function forget(x: Tensor): void {
  x.grad = null;
}

const cube = defineFunction({
  name: 'cube',
  forward(context, x: Tensor) {
    context.saveForBackward(x);
    return x.mul(x).mul(x);
  },
  backward(context, gradient) {
    return context.savedTensors.map((x) => gradient.mul(x).mul(x).mul(3));
  },
});

onEachDevice('autograd tools', () => {
  it('lets hooks see and replace gradients, until they are removed', async () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const seen: number[][] = [];
    const y = x.mul(3);
    const remove = y.registerHook((gradient) => gradient.mul(10));
    x.registerHook((gradient) => {
      seen.push([...gradient.shape]);
      return undefined;
    });
    y.sum().backward();
    expect(await x.grad?.toArray()).toEqual([30, 30]);
    remove();
    forget(x);
    x.mul(3).sum().backward();
    expect(await x.grad?.toArray()).toEqual([3, 3]);
    expect(seen).toEqual([[2], [2]]);
    const z = x.mul(1);
    z.registerHook((gradient) => gradient.sum());
    expect(() => z.sum().backward()).toThrow(/a hook returned a gradient of shape \[\] for one of \[2\]/);
  });

  it('runs custom functions, to second order', async () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const [dx] = grad(cube(x).sum(), [x], { createGraph: true });
    expect(await dx.toArray()).toEqual([3, 12]);
    const [ddx] = grad(dx.sum(), [x]);
    expect(await ddx.toArray()).toEqual([6, 12]);
    const broken = defineFunction({ name: 'broken', forward: (_, a: Tensor) => a.mul(2), backward: () => [] });
    expect(() => broken(x).sum().backward()).toThrow(AutogradError);
  });

  it('checkpoints: same gradients, dropout included, and less memory', async () => {
    manualSeed(3);
    const w = randn([32, 32], { requiresGrad: true });
    const block = (x: Tensor): Tensor => dropout(linear(x, w).gelu().layerNorm([32]).tanh(), 0.5);
    const run = (through: (fn: (x: Tensor) => Tensor, x: Tensor) => Tensor): { x: Tensor; held: number } => {
      manualSeed(9);
      const x = randn([64, 32], { requiresGrad: true });
      const before = memory().bytes;
      const loss = scope(() => through(block, through(block, x)).square().sum());
      const held = memory().bytes - before;
      loss.backward();
      return { x, held };
    };
    const plain = run((fn, x) => fn(x));
    const expected = { x: await plain.x.grad?.data(), w: await w.grad?.data() };
    forget(w);
    const light = run((fn, x) => checkpoint(fn, x));
    expect(light.held).toBeLessThan(plain.held * 0.6);
    // The same kernels on the same numbers, fused differently at the border of a block: a few roundings of the largest gradient.
    for (const [found, wanted] of [
      [await light.x.grad?.data(), expected.x],
      [await w.grad?.data(), expected.w],
    ])
      expect(found).toBeClose([...(wanted ?? [])], { rtol: 1e-4, atol: 1e-4 });
    const y = checkpoint(block, light.x);
    expect(() => grad(y.sum(), [light.x])).toThrow(/cannot pass through checkpoint/);
  });

  it('names the op that made the first NaN', async () => {
    const x = tensor([1, -1], { requiresGrad: true });
    await expect(detectAnomaly(() => x.mul(2).log().add(1).sum().backward())).rejects.toThrow(
      'detectAnomaly: log returned nan values, in a tensor of shape [2]',
    );
    const zero = tensor([0], { requiresGrad: true });
    await expect(detectAnomaly(() => zero.sqrt().mul(0).sum().backward())).rejects.toThrow("sqrt's backward");
    expect(await detectAnomaly(() => 5)).toBe(5);
  });

  describe('differences of structured ops, first and second order', () => {
    const x = (): Tensor =>
      tensor(
        [
          [0.3, -0.7, 1.1],
          [0.9, 0.2, -0.4],
        ],
        { requiresGrad: true },
      );
    const cases: Record<string, { fn: (...inputs: Tensor[]) => Tensor; inputs: () => Tensor[] }> = {
      softmax: { fn: (a = x()) => a.softmax(-1), inputs: () => [x()] },
      'softmax over dim 0': { fn: (a = x()) => a.softmax(0), inputs: () => [x()] },
      logSoftmax: { fn: (a = x()) => a.logSoftmax(-1), inputs: () => [x()] },
      layerNorm: {
        fn: (a = x(), w = x(), b = x()) => layerNorm(a, [3], { weight: w, bias: b }),
        inputs: () => [x(), tensor([1, 2, 0.5], { requiresGrad: true }), tensor([0, 0.4, -1], { requiresGrad: true })],
      },
      matmul: {
        fn: (a = x(), b = x()) => a.matmul(b),
        inputs: () => [
          x(),
          tensor(
            [
              [1, 0.5],
              [-0.3, 0.2],
              [0.7, -1],
            ],
            { requiresGrad: true },
          ),
        ],
      },
      linear: {
        fn: (a = x(), w = x()) => linear(a, w, tensor([0.1, 0.2])),
        inputs: () => [
          x(),
          tensor(
            [
              [1, 0.5, -0.3],
              [0.2, 0.7, -1],
            ],
            { requiresGrad: true },
          ),
        ],
      },
      attention: {
        fn: (q = x(), k = x(), v = x()) => attention(q, k, v, { isCausal: true }).output,
        inputs: () => [x(), x().detach().mul(0.8).requiresGrad_(), x().detach().add(0.3).requiresGrad_()],
      },
      embedding: { fn: (w = x()) => embedding(tensor([1, 0, 1], { dtype: 'int32' }), w), inputs: () => [x()] },
      crossEntropy: {
        fn: (a = x()) => crossEntropy(a, tensor([2, 0], { dtype: 'int32' }), { reduction: 'none' }),
        inputs: () => [x()],
      },
      'crossEntropy, ignored row': {
        fn: (a = x()) => crossEntropy(a, tensor([2, -100], { dtype: 'int32' })),
        inputs: () => [x()],
      },
      'variance and mean': { fn: (a = x()) => a.var(-1).add(a.mean(1)), inputs: () => [x()] },
      logsumexp: { fn: (a = x()) => a.logsumexp(1), inputs: () => [x()] },
      'largest of a row': { fn: (a = x()) => a.max(1).values.mul(a.amin(1)), inputs: () => [x()] },
      norm: { fn: (a = x()) => a.norm(1), inputs: () => [x()] },
    };
    it.each(Object.entries(cases))('%s', async (_, { fn, inputs }) => {
      // float32 values of size 1 over a step of 2e-2: 2^-24 / 1e-2, with room for the truncation of third derivatives and for WGSL's exp.
      await gradcheck(fn, inputs(), { atol: 5e-3, rtol: 1e-2 });
      await gradgradcheck(fn, inputs(), { atol: 1e-2, rtol: 2e-2 });
    });
  });
});

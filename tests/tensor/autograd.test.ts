// What a backward pass is, beyond the gradients of single ops: accumulation, higher orders, lifetimes of the graph, errors.
import { AutogradError, grad, noGrad, ShapeError, scope, type Tensor, tensor } from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

onEachDevice('autograd', () => {
  it('gives the gradients of the API page', async () => {
    const x = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { requiresGrad: true },
    );
    x.pow(3).sum().backward();
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
  });

  it('accumulates into .grad, and zeroing forgets', async () => {
    const x = tensor([1, 2], { requiresGrad: true });
    x.mul(3).sum().backward();
    x.mul(4).sum().backward();
    expect(await x.grad?.toArray()).toEqual([7, 7]);
    x.grad = null;
    expect(x.grad).toBeNull();
  });

  it('adds the gradients of every use of a value', async () => {
    const x = tensor([2, 3], { requiresGrad: true });
    const y = x.mul(x).add(x.mul(2));
    y.mul(y).sum().backward();
    // d/dx (x² + 2x)² = 2 (x² + 2x)(2x + 2)
    expect(await x.grad?.toArray()).toEqual([2 * 8 * 6, 2 * 15 * 8]);
  });

  it('adds up the gradients of parts, overlapping ones and the whole among them', async () => {
    const x = tensor(
      [
        [1, 2, 3],
        [4, 5, 6],
        [7, 8, 9],
      ],
      { requiresGrad: true },
    );
    const h = x.mul(2);
    const rows = h.unbind(0).map((row, i) => row.mul(i + 1).sum());
    const columns = h.split([1, 2], 1).map((part, i) => part.square().mul(i).sum());
    const parts = [...rows, ...columns, h.diagonal().mul(10).sum(), h.slice([1, 3], [0, 2]).sum(), h.sum()];
    const total = parts.reduce((a, b) => a.add(b));
    total.backward({ retainGraph: true });
    // 2 (row + 4x in the last two columns + 10 on the diagonal + 1 in the lower left corner + 1)
    const expected = [
      [24, 20, 28],
      [8, 68, 54],
      [10, 74, 100],
    ];
    expect(await x.grad?.toArray()).toEqual(expected);
    total.backward();
    expect(await x.grad?.toArray()).toEqual(expected.map((row) => row.map((value) => 2 * value)));
    const [dx] = grad(
      x
        .unbind(0)
        .reduce((a, b) => a.mul(b))
        .sum(),
      [x],
      { createGraph: true },
    );
    const [ddx] = grad(dx.select(0, 0).sum(), [x]);
    expect(await ddx.toArray()).toEqual([
      [0, 0, 0],
      [7, 8, 9],
      [4, 5, 6],
    ]);
  });

  it('does not let two leaves share one gradient', async () => {
    const [a, b] = [tensor([1, 2], { requiresGrad: true }), tensor([3, 4], { requiresGrad: true })];
    a.add(b).sum().backward();
    a.mul(5).sum().backward();
    expect(await a.grad?.toArray()).toEqual([6, 6]);
    expect(await b.grad?.toArray()).toEqual([1, 1]);
  });

  it('leaves a gradient that the caller gave as it was', async () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const given = tensor([1, 1]);
    x.add(0).backward({ gradient: given });
    x.add(0).backward({ gradient: given });
    expect(await given.toArray()).toEqual([1, 1]);
    expect(await x.grad?.toArray()).toEqual([2, 2]);
  });

  it('walks a graph twice only if it was retained', () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const y = x.exp().sum();
    y.backward({ retainGraph: true });
    y.backward();
    expect(() => y.backward()).toThrow(AutogradError);
    expect(() => y.backward()).toThrow(/second time/);
  });

  it('notices that a saved value was changed in place', () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const y = x.exp();
    noGrad(() => y.detach().mul_(2));
    expect(() => y.sum().backward()).toThrow(/modified by an inplace operation/);
  });

  it('computes what still reads a value before the value is overwritten', async () => {
    const x = tensor([1, 2]);
    const before = x.add(10);
    x.mul_(100);
    const after = x.add(10);
    expect(await before.toArray()).toEqual([11, 12]);
    expect(await after.toArray()).toEqual([110, 210]);
  });

  it('writes in place through views, and from itself in another layout', async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    x.select(1, 0).fill_(9);
    expect(await x.toArray()).toEqual([
      [9, 2],
      [9, 4],
    ]);
    x.copy_(x.transpose(0, 1));
    expect(await x.toArray()).toEqual([
      [9, 9],
      [2, 4],
    ]);
    expect(() => tensor([1]).expand([3]).add_(1)).toThrow(ShapeError);
  });

  it('gives null for inputs that were not used, when that is allowed', async () => {
    const [x, unused] = [tensor([1, 2], { requiresGrad: true }), tensor([1], { requiresGrad: true })];
    const y = x.square().sum();
    expect(() => grad(y, [x, unused])).toThrow(/appears to not have been used in the graph/);
    const [dx, none] = grad(x.square().sum(), [x, unused], { allowUnused: true });
    expect(await dx?.toArray()).toEqual([2, 4]);
    expect(none).toBeNull();
  });

  it('records nothing inside noGrad and on detached values', () => {
    const x = tensor([1, 2], { requiresGrad: true });
    expect(noGrad(() => x.mul(2)).requiresGrad).toBe(false);
    expect(x.detach().mul(2).requiresGrad).toBe(false);
    expect(x.mul(2).requiresGrad).toBe(true);
    expect(x.gt(1).requiresGrad).toBe(false);
  });

  it('keeps the gradient of an inner value when asked', async () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const y = x.mul(3);
    y.retainGrad();
    y.mul(y).sum().backward();
    expect(await y.grad?.toArray()).toEqual([6, 12]);
  });

  it('differentiates fused ops twice as well', async () => {
    // Second derivatives by central differences of the first: truncation 1e-4, rounding about 2^-24 / 1e-2 of values near 1.
    const inputs: Record<string, (x: Tensor) => Tensor> = {
      softmax: (x) => x.softmax(-1).mul(tensor([1, 2, 3])),
      logSoftmax: (x) => x.logSoftmax(-1).mul(tensor([1, 2, 3])),
      layerNorm: (x) =>
        x.layerNorm([3], { weight: tensor([1, 2, 0.5]), bias: tensor([0, 1, 2]) }).mul(tensor([1, 2, 3])),
      gelu: (x) => x.gelu(),
      tanh: (x) => x.tanh(),
      matmul: (x) => x.matmul(x.transpose(0, 1)),
    };
    for (const [name, fn] of Object.entries(inputs)) {
      const values = [
        [0.3, -0.7, 1.1],
        [0.9, 0.2, -0.4],
      ];
      const direction = tensor([
        [1, -2, 0.5],
        [0.25, 1, -1],
      ]);
      const slope = (at: number[][]): { x: Tensor; g: Tensor } => {
        const x = tensor(at, { requiresGrad: true });
        const [g] = grad(fn(x).mul(fn(x)).sum(), [x], { createGraph: true });
        return { x, g: g.mul(direction).sum() };
      };
      const { x, g } = slope(values);
      const [second] = grad(g, [x]);
      const found = (await second.toArray()) as number[][];
      for (const [r, row] of values.entries()) {
        for (const [c, value] of row.entries()) {
          const moved = (by: number) => slope(values.with(r, row.with(c, value + by))).g.item();
          const expected = ((await moved(1e-2)) - (await moved(-1e-2))) / 2e-2;
          expect(
            Math.abs((found[r]?.[c] ?? Number.NaN) - expected),
            `${name} at ${r},${c}: ${found[r]?.[c]} for ${expected}`,
          ).toBeLessThan(2e-2 + 1e-2 * Math.abs(expected));
        }
      }
    }
  });

  describe('errors', () => {
    it('asks for a gradient where the output is no scalar', () => {
      expect(() => tensor([1, 2], { requiresGrad: true }).mul(2).backward()).toThrow(
        'backward: grad can be implicitly created only for scalar outputs, this one has shape [2]',
      );
    });
    it('refuses tensors without a graph', () => {
      expect(() => tensor([1]).backward()).toThrow(/does not require grad/);
      const [x, y] = [tensor([1], { requiresGrad: true }), tensor([1], { requiresGrad: true })];
      expect(() => grad(x.mul(2).sum(), [y])).toThrow(/not have been used/);
    });
    it('refuses to change leaves in place and integers that would carry gradients', () => {
      const x = tensor([1, 2], { requiresGrad: true });
      expect(() => x.add_(1)).toThrow(/a leaf Variable that requires grad is being used in an in-place operation/);
      expect(() => tensor([1], { dtype: 'int32', requiresGrad: true })).toThrow(/floating point/);
    });
  });

  it('works inside scopes: gradients of outer leaves survive, the rest goes', async () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const loss = scope(() => {
      const y = x.exp().mul(x).sum();
      y.backward();
      return y.detach();
    });
    const expected = [1, 2].map((v) => Math.exp(v) * (1 + v));
    // Two roundings of products and one of exp: 4 ulp.
    expect(await x.grad?.data()).toBeClose(expected, { rtol: 4 * 2 ** -23 + (x.device === 'webgpu' ? 1e-6 : 0) });
    expect(loss.isDisposed).toBe(false);
  });

  it('keeps a graph that leaves its scope with the returned tensor', async () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const y = scope(() => x.exp().mul(2).sum());
    y.backward();
    expect(await x.grad?.data()).toBeClose([2 * Math.E, 2 * Math.E ** 2], { rtol: 2 ** -20 });
  });
});

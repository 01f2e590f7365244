// Long expressions on the CPU: one kernel however many steps, inputs, numbers and live values there are, with the bits of the steps
// computed one by one; and chains whose values nobody asks for, which neither grow for ever nor exhaust the stack.
import { init, manualSeed, memory, noGrad, randn, scope, type Tensor, tensor, where, zeros } from '@course/tensor';
import { beforeAll, describe, expect, it } from 'vitest';

beforeAll(() => init({ device: 'cpu' }));

/** The value of `build` and its kernels, where every step waits and where each is computed at once. */
async function bothWays(
  build: (step: (value: Tensor) => Tensor) => Tensor,
): Promise<{ kernels: number; steps: number }> {
  const stepwise = build((value) => {
    value.compute();
    return value;
  });
  let steps = 0;
  const before = memory().device.dispatches;
  const fused = build((value) => {
    steps++;
    return value;
  });
  fused.compute();
  const kernels = memory().device.dispatches - before;
  expect(new Uint32Array((await fused.data()).slice().buffer)).toEqual(
    new Uint32Array((await stepwise.data()).slice().buffer),
  );
  return { kernels, steps };
}

describe('a long expression', () => {
  // 37 rows of 53: neither a multiple of a vector nor of a block.
  const shape = [37, 53] as const;
  const leaves = (count: number, sizes: readonly number[] = shape): Tensor[] => {
    manualSeed(count);
    return Array.from({ length: count }, () => randn([...sizes]));
  };

  it.each([49, 200, 1000, 4096])('of %i steps over one input takes one kernel', async (length) => {
    const [x] = leaves(1) as [Tensor];
    const { kernels, steps } = await bothWays((step) => {
      let y = x;
      for (let k = 0; k < length; k++) y = step(k % 3 === 0 ? y.mul(0.75) : k % 3 === 1 ? y.add(x) : y.sin());
      return y;
    });
    expect([kernels, steps]).toEqual([1, length]);
  });

  it.each([33, 250, 1024])('over %i inputs takes one kernel', async (count) => {
    const all = leaves(count);
    const { kernels } = await bothWays((step) => all.reduce((y, x, i) => step(i % 2 ? y.mul(x) : y.sub(x))));
    expect(kernels).toBe(1);
  });

  it('over rows, columns, single elements and slices takes one kernel', async () => {
    const [rows, columns, one, wide] = [leaves(60, [53]), leaves(60, [37, 1]), leaves(60, []), leaves(60, [37, 60])];
    const views = [...rows, ...columns, ...one, ...wide.map((x, i) => x.narrow(1, i % 8, 53))];
    const { kernels } = await bothWays((step) => views.reduce((y, x) => step(y.add(x).mul(0.5)), zeros([37, 53])));
    expect(kernels).toBe(1);
  });

  it('over many columns read across takes few kernels', async () => {
    const turned = leaves(100, [53, 37]).map((x) => x.transpose(0, 1));
    const { kernels } = await bothWays((step) => turned.reduce((y, x) => step(y.add(x)), zeros([37, 53])));
    expect(kernels).toBeLessThanOrEqual(Math.ceil(100 / 31));
  });

  it('of as many numbers as steps takes one kernel', async () => {
    const [x] = leaves(1) as [Tensor];
    const { kernels } = await bothWays((step) => {
      let y = x;
      for (let k = 0; k < 1000; k++) y = step(k % 2 ? y.mul(1 + 1 / (k + 1)) : y.sub(k / 7));
      return y;
    });
    expect(kernels).toBe(1);
  });

  it('whose values all stay alive to its end takes one kernel', async () => {
    const [x] = leaves(1) as [Tensor];
    const { kernels } = await bothWays((step) => {
      const values = [x];
      for (let k = 0; k < 2040; k++) values.push(step((values.at(-1) ?? x).mul(0.999)));
      return values.reduceRight((sum, value) => step(sum.sub(value)));
    });
    expect(kernels).toBe(1);
  });

  it('of mixed dtypes, with conditions, takes one kernel', async () => {
    const all = leaves(90);
    const { kernels } = await bothWays((step) =>
      all.reduce(
        (y, x, i) => step(where(x.gt(0), y.add(x), y.sub(i).to('int32').to('float32').mul(0.25))),
        zeros([37, 53]),
      ),
    );
    expect(kernels).toBe(1);
  });

  it('is written in place, also where it reads what it writes', async () => {
    const [x, ...others] = leaves(100) as [Tensor, ...Tensor[]];
    const want = others.reduce((y, each) => {
      const sum = y.add(each).mul(0.5);
      sum.compute();
      return sum;
    }, x);
    const expected = await want.data();
    const value = others.reduce((y, each) => y.add(each).mul(0.5), x);
    noGrad(() => x.copy_(value));
    expect(await x.data()).toEqual(expected);
  });

  it('keeps the other values that somebody waits for in the same pass', async () => {
    const [x] = leaves(1) as [Tensor];
    const build = (step: (value: Tensor) => Tensor): Tensor[] => {
      const values: Tensor[] = [];
      let y = x;
      for (let k = 0; k < 300; k++) {
        y = step(y.mul(0.9).add(0.1));
        values.push(y);
      }
      return values;
    };
    const want = build((value) => {
      value.compute();
      return value;
    });
    const got = build((value) => value);
    const sums = got.map((value) => value.square());
    const before = memory().device.dispatches;
    got.at(-1)?.compute();
    expect(memory().device.dispatches - before).toBe(1);
    for (const [i, sum] of sums.entries()) expect(await sum.data()).toEqual(await want[i]?.square().data());
  });
});

describe('a chain that nobody asks for', () => {
  it('is computed on the way, holds a bounded number of values, and leaves no memory', async () => {
    const before = memory();
    const result = scope(() => {
      let y = tensor([1, 2]);
      for (let k = 0; k < 20_000; k++) y = y.add(1);
      expect(memory().device.dispatches - before.device.dispatches).toBe(Math.floor(19_999 / 4096));
      return y;
    });
    expect(await result.toArray()).toEqual([20_001, 20_002]);
    result.dispose();
    expect(memory().tensors).toBe(before.tensors);
  });

  it('that reads each value twice is not walked twice for each', async () => {
    let y = tensor([1, 1.5]);
    for (let k = 0; k < 300; k++) y = y.add(y).mul(0.5);
    const target = zeros([2]);
    noGrad(() => target.copy_(y));
    expect(await target.toArray()).toEqual([1, 1.5]);
  });

  it('gives the gradients of its steps', async () => {
    const [x, w] = [tensor([0.5, -0.25, 1]).requiresGrad_(), tensor([0.9, 1, 0.95]).requiresGrad_()];
    let y = x;
    for (let k = 0; k < 500; k++) y = y.mul(w).add(0.01);
    y.sum().backward();
    // y_n = w^n x + 0.01 (1 + w + … + w^(n-1)), so dy/dx = w^n, within 500 roundings.
    const powers = [0.9 ** 500, 1, 0.95 ** 500];
    const gradient = (await x.grad?.toArray()) as number[];
    for (const [i, want] of powers.entries())
      expect(Math.abs((gradient[i] ?? 0) - want)).toBeLessThanOrEqual(500 * 2 ** -24 * want + 1e-38);
    const slope = (x0: number, v: number): number => {
      let [value, derivative] = [x0, 0];
      for (let k = 0; k < 500; k++) [value, derivative] = [value * v + 0.01, derivative * v + value];
      return derivative;
    };
    const want = [slope(0.5, Math.fround(0.9)), slope(-0.25, 1), slope(1, Math.fround(0.95))];
    const got = (await w.grad?.toArray()) as number[];
    for (const [i, each] of want.entries())
      expect(Math.abs((got[i] ?? 0) - each)).toBeLessThanOrEqual(1000 * 2 ** -24 * Math.abs(each) * 2);
  });
});

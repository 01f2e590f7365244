// Products that wait: what becomes their epilogue and what must not, that nobody can tell but by counting kernels, and that the left
// operand of several is read once. References are computed in float64 from the operands.
import {
  capture,
  device,
  explain,
  grad,
  init,
  linear,
  manualSeed,
  memory,
  noGrad,
  rand,
  randn,
  scaledDotProductAttention,
  scope,
  type Tensor,
  tensor,
} from '@course/tensor';
import { beforeEach, describe, expect, it } from 'vitest';
import { devices, onEachDevice } from '../support/devices.js';

const erf = (x: number): number => {
  if (Math.abs(x) > 6) return Math.sign(x);
  // Abramowitz and Stegun's series 7.1.6, which converges everywhere.
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum) && n < 200; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return ((2 * Math.exp(-x * x)) / Math.sqrt(Math.PI)) * sum;
};
const gelu = (x: number): number => 0.5 * x * (1 + erf(x / Math.SQRT2));

type Rows = readonly (readonly number[])[];

/** x @ wᵀ + b in float64. */
async function reference(x: Tensor, w: Tensor, b?: Tensor): Promise<number[][]> {
  const [rows, weights] = [(await x.toArray()) as Rows, (await w.toArray()) as Rows];
  const bias = b ? ((await b.toArray()) as readonly number[]) : undefined;
  return rows.map((row) =>
    weights.map((line, j) => row.reduce((sum, value, i) => sum + value * (line[i] ?? 0), bias?.[j] ?? 0)),
  );
}

const map = (rows: Rows, f: (value: number, i: number, j: number) => number): number[][] =>
  rows.map((row, i) => row.map((value, j) => f(value, i, j)));

const dispatches = (fn: () => Tensor): { value: Tensor; count: number } => {
  const before = memory().device.dispatches;
  const value = fn();
  value.compute();
  return { value, count: memory().device.dispatches - before };
};

/** Kernels of a product alone: on the CPU the right operand may be copied into panels first. */
const alone = (x: Tensor, w: Tensor, b: Tensor): number => {
  dispatches(() => linear(x, w, b));
  dispatches(() => linear(x, w, b));
  return dispatches(() => linear(x, w, b)).count;
};

// Sums of 40 terms of size 1, and a GELU: some 60 roundings of single precision at most.
const CLOSE = { rtol: 64 * 2 ** -23, atol: 64 * 2 ** -23 };

onEachDevice('products that wait', (kind) => {
  let [x, w, b, r] = [] as unknown as [Tensor, Tensor, Tensor, Tensor];
  beforeEach(() => {
    manualSeed(1);
    [x, w, b, r] = [randn([9, 40]), randn([24, 40]), randn([24]), randn([9, 24])];
  });

  it('take activation and residual as their epilogue', async () => {
    const single = alone(x, w, b);
    const plain = await reference(x, w, b);
    const residual = (await r.toArray()) as Rows;
    const at = (i: number, j: number): number => residual[i]?.[j] ?? 0;
    const cases: [name: string, fn: () => Tensor, expected: number[][]][] = [
      ['gelu', () => linear(x, w, b).gelu(), map(plain, gelu)],
      ['relu', () => linear(x, w, b).relu(), map(plain, (v) => Math.max(0, v))],
      ['residual', () => linear(x, w, b).add(r), map(plain, (v, i, j) => v + at(i, j))],
      ['residual first', () => r.add(linear(x, w, b)), map(plain, (v, i, j) => v + at(i, j))],
      ['both', () => r.add(linear(x, w, b).gelu()), map(plain, (v, i, j) => gelu(v) + at(i, j))],
      ['argument of the op', () => linear(x, w, b, 'relu').add(r), map(plain, (v, i, j) => Math.max(0, v) + at(i, j))],
      [
        'all of it behind a product without bias',
        () => x.matmul(w.transpose(0, 1)).mul(0.5).add(b).gelu().add(r),
        map(await reference(x, w), (v, i, j) => {
          return gelu(0.5 * v + (plain[i]?.[j] ?? 0) - v) + at(i, j);
        }),
      ],
      [
        'through a view of the same order',
        () =>
          linear(x, w, b)
            .view([3, 3, 24])
            .gelu()
            .add(r.view([3, 3, 24]))
            .view([9, 24]),
        map(plain, (v, i, j) => gelu(v) + at(i, j)),
      ],
    ];
    for (const [name, fn, expected] of cases) {
      const { value, count } = dispatches(fn);
      expect(await value.toArray(), name).toBeClose(expected, CLOSE);
      expect(count, name).toBeLessThanOrEqual(single);
    }
  });

  it('give the values that kernels of their own give', async () => {
    const fused = r.add(linear(x, w, b).gelu());
    const product = linear(x, w, b);
    product.compute();
    const activated = product.gelu();
    activated.compute();
    expect(await fused.toArray()).toBeClose(await r.add(activated).toArray(), { rtol: 4 * 2 ** -23, atol: 2 ** -23 });
  });

  it('can still be read afterwards, in any order', async () => {
    const h = linear(x, w, b);
    const y = h.relu();
    const z = h.mul(2);
    y.compute();
    const plain = await reference(x, w, b);
    expect(await y.toArray()).toBeClose(
      map(plain, (v) => Math.max(0, v)),
      CLOSE,
    );
    expect(await h.toArray()).toBeClose(plain, CLOSE);
    expect(await z.toArray()).toBeClose(
      map(plain, (v) => 2 * v),
      CLOSE,
    );
    const late = linear(x, w, b);
    late.relu().compute();
    expect(await late.sub(1).toArray()).toBeClose(
      map(plain, (v) => v - 1),
      CLOSE,
    );
  });

  it('keep the values from before operands are written to, with a copy instead of the product where they were part of a kernel', async () => {
    const plain = await reference(x, w, b);
    const [waiting, taken] = [linear(x, w, b), linear(x, w, b)];
    const activated = taken.relu();
    activated.compute();
    noGrad(() => {
      w.mul_(0);
      b.add_(1);
      x.add_(3);
    });
    expect(await waiting.toArray()).toBeClose(plain, CLOSE);
    expect(await taken.toArray()).toBeClose(plain, CLOSE);
    expect(await linear(x, w, b).toArray()).toBeClose(await reference(x, w, b), CLOSE);
  });

  it('keep them across captured steps that train the weights', async () => {
    w.requiresGrad_(true);
    const before = await reference(x, w, b);
    const taken = noGrad(() => linear(x, w, b));
    taken.relu().compute();
    const step = capture((input: Tensor) => {
      const loss = linear(input, w, b).square().mean();
      loss.backward();
      noGrad(() => w.sub_((w.grad as Tensor).mul(0.1)));
      w.grad = null;
      return loss;
    });
    for (let i = 0; i < 8; i++) step(x).dispose();
    expect(step.statistics.replays).toBeGreaterThan(0);
    expect(await taken.toArray()).toBeClose(before, CLOSE);
    expect(await linear(x, w, b).toArray()).toBeClose(await reference(x, w, b), CLOSE);
  });

  it('do not outlive a scope, and hold nothing when they were released', async () => {
    const before = memory();
    const y = scope(() => linear(x, w, b).gelu().add(r));
    expect(memory().tensors - before.tensors).toBe(1);
    expect(memory().bytes - before.bytes).toBe(9 * 24 * 4);
    y.dispose();
    scope(() => void linear(x, w, b));
    const { bytes, tensors } = memory();
    expect({ bytes, tensors }).toEqual({ bytes: before.bytes, tensors: before.tensors });
  });

  it('stay products where a step is no epilogue', async () => {
    const plain = await reference(x, w, b);
    const column = randn([9, 1]);
    const factors = (await column.toArray()) as Rows;
    const cases: [name: string, fn: () => Tensor, expected: number[][]][] = [
      ['a column added', () => linear(x, w, b).add(column), map(plain, (v, i) => v + (factors[i]?.[0] ?? 0))],
      ['scaled behind the bias', () => linear(x, w, b).mul(3), map(plain, (v) => 3 * v)],
      [
        'used twice',
        () => scope(() => ((h) => h.relu().add(h))(linear(x, w, b))),
        map(plain, (v) => v + Math.max(0, v)),
      ],
      ['added to itself', () => scope(() => ((h) => h.add(h))(linear(x, w, b))), map(plain, (v) => 2 * v)],
      ['two activations', () => linear(x, w, b).gelu().relu(), map(plain, (v) => Math.max(0, gelu(v)))],
      ['behind a residual', () => linear(x, w, b).add(1).relu(), map(plain, (v) => Math.max(0, v + 1))],
      [
        'a transposed view',
        () => linear(x, w, b).transpose(0, 1).relu().transpose(0, 1),
        map(plain, (v) => Math.max(0, v)),
      ],
    ];
    for (const [name, fn, expected] of cases) expect(await fn().toArray(), name).toBeClose(expected, CLOSE);
  });

  it('are left alone where gradients flow through them', async () => {
    w.requiresGrad_(true);
    const h = linear(x, w, b);
    const y = h.gelu().add(r);
    const [dw] = grad(y.sum(), [w]);
    const slopes = map(await reference(x, w, b), (v) => (gelu(v + 1e-5) - gelu(v - 1e-5)) / 2e-5);
    const rows = (await x.toArray()) as Rows;
    const expected = Array.from({ length: 24 }, (_, j) =>
      Array.from({ length: 40 }, (_, i) =>
        rows.reduce((sum, row, at) => sum + (row[i] ?? 0) * (slopes[at]?.[j] ?? 0), 0),
      ),
    );
    expect(await dw.toArray()).toBeClose(expected, { rtol: 1e-5, atol: 1e-5 });
    expect(await h.toArray()).toBeClose(await reference(x, w, b), CLOSE);
  });

  it('sum up without a kernel for the sums, in backward passes too', async () => {
    const single = alone(x, w, b);
    const [u, v] = [randn([24, 40]), randn([24, 40])];
    const sum = (): Tensor => scope(() => linear(x, w, b).add(linear(x, u)).add(linear(x, v)).add(r));
    for (let i = 0; i < 2; i++) sum().dispose();
    const { value, count } = dispatches(sum);
    expect(count).toBeLessThanOrEqual(3 * single + 1);
    const terms = [await reference(x, w, b), await reference(x, u), await reference(x, v), (await r.toArray()) as Rows];
    const total = map(terms[0] as Rows, (_, i, j) => terms.reduce((all, term) => all + (term[i]?.[j] ?? 0), 0));
    expect(await value.toArray()).toBeClose(total, { rtol: CLOSE.rtol, atol: 3 * CLOSE.atol });

    // dx = Σ 1 wᵢ: ones times the weights' sums of columns.
    const input = x.clone().requiresGrad_(true);
    const [dx] = scope(() => grad(linear(input, w).add(linear(input, u)).add(linear(input, v)).sum(), [input]));
    const columns = [w, u, v].map(async (each) => (await each.sum(0).toArray()) as readonly number[]);
    const sums = await Promise.all(columns);
    const expected = Array.from({ length: 9 }, () =>
      Array.from({ length: 40 }, (_, j) => sums.reduce((all, each) => all + (each[j] ?? 0), 0)),
    );
    expect(await dx.toArray()).toBeClose(expected, { rtol: CLOSE.rtol, atol: 3 * CLOSE.atol });
  });

  it('of the same left operand are computed together', async () => {
    const weights = [w, randn([24, 40]), randn([24, 40])];
    const biases = [b, randn([24]), randn([24])];
    const all = weights.map((each, i) => linear(x, each, biases[i]));
    const before = memory().device.dispatches;
    all[1]?.compute();
    const count = memory().device.dispatches - before;
    for (const each of all) each.compute();
    expect(memory().device.dispatches - before, 'the others are there').toBe(count);
    // SwiftShader and every GPU bind the ten arrays at once; the least that a device may bind is eight.
    const { maxStorageBuffersPerShaderStage: most = 0 } = device.info().limits ?? {};
    if (kind === 'webgpu') expect(count).toBe(most < 10 ? 2 : 1);
    for (const [i, each] of all.entries())
      expect(await each.toArray()).toBeClose(await reference(x, weights[i] as Tensor, biases[i]), CLOSE);

    // Weights that change are noticed: in place and by another tensor's data.
    for (let round = 0; round < 3; round++) {
      weights[round % 3]?.mul_(-0.5);
      const again = weights.map((each, i) => linear(x, each, biases[i]));
      for (const [i, each] of again.entries())
        expect(await each.toArray()).toBeClose(await reference(x, weights[i] as Tensor, biases[i]), CLOSE);
    }
  });

  it('of other shapes, layouts, or without the bias do not mix', async () => {
    const [other, turned] = [randn([20, 40]), randn([40, 24])];
    const [first, second, third, fourth] = [
      linear(x, w, b),
      linear(x, other),
      x.matmul(turned),
      linear(x, w.narrow(0, 4, 20)),
    ];
    expect(await first.toArray()).toBeClose(await reference(x, w, b), CLOSE);
    expect(await second.toArray()).toBeClose(await reference(x, other), CLOSE);
    expect(await third.toArray()).toBeClose(await reference(x, turned.transpose(0, 1)), CLOSE);
    expect(await fourth.toArray()).toBeClose(await reference(x, w.narrow(0, 4, 20)), CLOSE);
  });

  it('do not mix with products that have it on their right, or as their bias', async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const swap = tensor([
      [0, 1],
      [1, 0],
    ]);
    const scale = tensor([
      [2, 0],
      [0, 3],
    ]);
    const [left, right] = [x.matmul(swap), scale.matmul(x)];
    expect(await left.toArray()).toEqual([
      [2, 1],
      [4, 3],
    ]);
    expect(await right.toArray()).toEqual([
      [2, 4],
      [9, 12],
    ]);
    const line = tensor([5, 7]);
    const [product, biased] = [linear(line.view([1, 2]), x, line), linear(tensor([[1, 1]]), x, line)];
    expect(await product.toArray()).toEqual([[24, 50]]);
    expect(await biased.toArray()).toEqual([[8, 14]]);
    // Both products of the backward pass read the incoming gradient, one on either side.
    const [a, b] = [x.T.requiresGrad_(), swap.mul(2).T.requiresGrad_()];
    const [ofA, ofB] = grad(a.matmul(b), [a, b], { gradients: [scale] });
    expect(await ofA.toArray()).toEqual([
      [0, 4],
      [6, 0],
    ]);
    expect(await ofB.toArray()).toEqual([
      [2, 6],
      [6, 12],
    ]);
  });

  it('in batches go together too', async () => {
    const [a, k, v] = [randn([3, 5, 8]), randn([3, 8, 6]), randn([3, 8, 6])];
    const [p, q] = [a.matmul(k), a.matmul(v)];
    for (let i = 0; i < 3; i++) {
      expect(await p.select(0, i).toArray()).toBeClose(
        await reference(a.select(0, i), k.select(0, i).transpose(0, 1)),
        CLOSE,
      );
      expect(await q.select(0, i).toArray()).toBeClose(
        await reference(a.select(0, i), v.select(0, i).transpose(0, 1)),
        CLOSE,
      );
    }
  });

  it('explain themselves', () => {
    const h = linear(x, w, b);
    expect(explain(h)).toBe(`1 kernel on ${kind}: matrix product [9, 40] @ [40, 24] + bias`);
    const text = explain(h.gelu().add(r));
    expect(text).toMatch(new RegExp(`^1 kernel on ${kind}: matrix product .* \\+ bias, whose sums go through\\n`));
    expect(text).toContain('= gelu(');
    expect(explain(h.add(randn([9, 1])))).toContain('after a matrix product [9, 40] @ [40, 24] + bias');
  });

  it('feed an attention as views', async () => {
    const [q, k, v] = [w, randn([24, 40]), randn([24, 40])].map((each) => linear(x, each, b));
    const heads = (each?: Tensor): Tensor => (each as Tensor).view([1, 9, 2, 12]).transpose(1, 2);
    const together = scaledDotProductAttention(heads(q), heads(k), heads(v));
    for (const each of [q, k, v]) each?.compute();
    expect(await together.toArray()).toEqual(await scaledDotProductAttention(heads(q), heads(k), heads(v)).toArray());
  });
});

describe.runIf(devices.includes('cpu'))('products in float64', () => {
  it('take epilogues in full precision', async () => {
    await init({ device: 'cpu' });
    const [x, w, b, r] = [rand([3, 4]), rand([5, 4]), rand([5]), rand([3, 5])].map((each) => each.to('float64'));
    if (!x || !w || !b || !r) throw new TypeError('four tensors were made');
    const plain = await reference(x, w, b);
    const residual = (await r.toArray()) as Rows;
    const { value, count } = dispatches(() => linear(x, w, b).gelu().add(r));
    expect(count).toBe(1);
    expect(await value.toArray()).toBeClose(
      map(plain, (v, i, j) => gelu(v) + (residual[i]?.[j] ?? 0)),
      { rtol: 1e-13 },
    );
    expect(device.kind).toBe('cpu');
    expect(value.dtype).toBe('float64');
  });
});

const onWebGpu = devices.includes('webgpu');
if (onWebGpu) await init({ device: 'webgpu' });
const hasHalves = onWebGpu && device.info().features.includes('shader-f16');

describe.runIf(hasHalves)('products in float16 (COURSE_ADAPTER=lavapipe)', () => {
  it('round between the steps of their epilogue, as kernels of their own do', async () => {
    await init({ device: 'webgpu' });
    manualSeed(5);
    const operands = [randn([33, 40]), randn([24, 40]), randn([24]), randn([33, 24])];
    const [x, w, b, r] = operands.map((each) => each.to('float16')) as [Tensor, Tensor, Tensor, Tensor];
    const stepwise = (...steps: readonly ((value: Tensor) => Tensor)[]): Tensor =>
      steps.reduce(
        (value, step) => {
          value.compute();
          return step(value);
        },
        linear(x, w, b),
      );
    for (const steps of [
      [(v: Tensor) => v.gelu()],
      [(v: Tensor) => v.relu()],
      [(v: Tensor) => v.add(r)],
      [(v: Tensor) => v.gelu(), (v: Tensor) => v.add(r)],
    ]) {
      const fused = steps.reduce((value, step) => step(value), linear(x, w, b));
      expect(await fused.toArray()).toEqual(await stepwise(...steps).toArray());
    }
    const product = (): Tensor => x.matmul(w.transpose(0, 1));
    const [scaled, added] = [product(), product()];
    scaled.compute();
    added.compute();
    expect(await product().mul(0.3).toArray()).toEqual(await scaled.mul(0.3).toArray());
    expect(await product().add(b).toArray()).toEqual(await added.add(b).toArray());
  });
});

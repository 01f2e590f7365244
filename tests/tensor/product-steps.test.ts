// Pointwise steps in a product's kernel, recorded for a backward pass or not: the same bits as by kernels of their own, the same masks, fewer
// kernels, and nobody can tell but by counting. The reference is the same program with every intermediate value computed at once.
import {
  capture,
  type DType,
  device,
  dropout,
  explain,
  init,
  linear,
  manualSeed,
  matmul,
  memory,
  noGrad,
  profile,
  randn,
  scope,
  type Tensor,
  tensor,
} from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { devices, onEachDevice } from '../support/devices.js';

/** Computes a value at once, in a program whose values are to have kernels of their own. */
type Look = (value: Tensor) => Tensor;
const apart: Look = (value) => {
  value.compute();
  value.registerHook?.((grad) => {
    grad.compute();
    return undefined;
  });
  return value;
};
const together: Look = (value) => value;

interface Operands {
  readonly x: Tensor;
  readonly w: Tensor;
  readonly b: Tensor;
  readonly r: Tensor;
}

const operands = (m: number, k: number, n: number, dtype: DType = 'float32'): Operands => {
  manualSeed(m + 1000 * k + n);
  const of = (shape: number[]): Tensor => randn(shape).to(dtype);
  return { x: of([m, k]), w: of([n, k]), b: of([n]), r: of([m, n]) };
};

/** The parts of a transformer block in training, and some that have no epilogue of their own. */
const programs: Readonly<Record<string, (o: Operands, look: Look) => Tensor>> = {
  gelu: ({ x, w, b }, look) => look(look(linear(x, w, b)).gelu()),
  relu: ({ x, w, b }, look) => look(look(linear(x, w, b)).relu()),
  'dropout and residual': ({ x, w, b, r }, look) => look(r.add(look(dropout(look(linear(x, w, b)), 0.3)))),
  'gelu, dropout and residual': ({ x, w, b, r }, look) =>
    look(look(dropout(look(look(linear(x, w, b)).gelu()), 0.5)).add(r)),
  'silu of a scaled product': ({ x, w }, look) => look(look(look(matmul(x, w.transpose(0, 1))).mul(0.5)).silu()),
  'a row multiplied': ({ x, w, b, r }, look) => look(look(look(linear(x, w)).mul(b)).add(r)),
  'used twice': ({ x, w, b }, look) => {
    const h = look(linear(x, w, b));
    return look(look(h.sigmoid()).mul(h));
  },
};

/** Rows of one group and of several, widths in vectors and not, few rows, few columns, a long k that is cut into slices. */
const sizes: readonly (readonly [m: number, k: number, n: number])[] = [
  [9, 40, 24],
  [70, 16, 64],
  [300, 24, 12],
  [40, 32, 200],
  [33, 20, 15],
  [2, 80, 36],
  [50, 12, 4],
  [20, 1100, 8],
  [1, 1, 1],
];

onEachDevice('steps in the kernel of a product', (kind) => {
  // Software adapters take their time to compile kernels for each size and program: not all of both there.
  it('give the bits that kernels of their own give, forward and backward', { timeout: 240_000 }, async () => {
    const names = Object.keys(programs);
    const isHalf = device.info().features.includes('shader-f16');
    for (const dtype of isHalf ? (['float32', 'float16'] as const) : (['float32'] as const))
      for (const [i, [m, k, n]] of sizes.entries())
        for (const name of kind === 'cpu' ? names : [names[i % names.length] as string]) {
          const program = programs[name] as (typeof programs)[string];
          const run = async (look: Look) => {
            const o = operands(m, k, n, dtype);
            const leaves = [o.x, o.w, o.b, o.r].map((each) => each.requiresGrad_());
            const y = program(o, look);
            const value = await y.data();
            y.backward({ gradient: randn([m, n]).to(dtype) });
            const gradients = await Promise.all(leaves.map(({ grad }) => grad?.data()));
            return { value, gradients, next: await dropout(randn([4, 8]), 0.5).data() };
          };
          const [fused, plain] = [await run(together), await run(apart)];
          expect(fused, `${name} of [${m}, ${k}] by [${k}, ${n}] in ${dtype}`).toEqual(plain);
        }
  });

  it('take no kernel beside the product', async () => {
    const o = operands(70, 16, 64);
    o.w.requiresGrad_();
    for (const [name, program] of Object.entries(programs)) {
      const { events } = await profile(() => scope(() => void program(o, together).compute()));
      expect(
        events.map((event) => event.name),
        name,
      ).toHaveLength(1);
      const { events: constant } = await profile(() => noGrad(() => scope(() => void program(o, together).compute())));
      expect(constant, `${name}, not recorded`).toHaveLength(1);
    }
  });

  it('leave the product to those who hold it, without computing it again', async () => {
    const o = operands(12, 16, 8);
    o.w.requiresGrad_();
    const h = linear(o.x, o.w, o.b);
    const y = h.gelu();
    y.compute();
    noGrad(() => void o.w.mul_(0));
    const before = memory().device.dispatches;
    h.compute();
    expect(memory().device.dispatches - before).toBe(0);
    const again = operands(12, 16, 8);
    expect(await h.data()).toEqual(await linear(again.x, again.w, again.b).data());
  });

  it('do not write a product that nobody holds', () => {
    const o = operands(64, 16, 64);
    o.w.requiresGrad_();
    const before = memory().bytes;
    // A ReLU needs its output alone for the backward pass.
    const y = scope(() => {
      const h = linear(o.x, o.w, o.b);
      const result = h.relu();
      h.dispose();
      result.compute();
      expect(memory().bytes - before).toBe(64 * 64 * 4);
      return result;
    });
    y.backward({ gradient: o.r });
    expect(o.w.grad?.shape).toEqual([64, 16]);
  });

  it('draw new masks in each replay of a captured step, those of the steps at once', async () => {
    const train = async (captured: boolean): Promise<Float32Array[]> => {
      const o = operands(16, 8, 12);
      o.w.requiresGrad_();
      const step = (x: Tensor): Tensor => {
        const loss = o.r
          .add(dropout(linear(x, o.w, o.b), 0.4))
          .square()
          .mean();
        loss.backward();
        noGrad(() => void o.w.sub_((o.w.grad as Tensor).mul(0.05)));
        o.w.grad = null;
        return loss;
      };
      const call = captured ? capture(step) : step;
      const losses: Float32Array[] = [];
      for (let i = 0; i < 8; i++) losses.push((await call(o.x).data()) as Float32Array);
      return [...losses, (await o.w.data()) as Float32Array];
    };
    const eager = await train(false);
    expect(await train(true)).toEqual(eager);
    expect(new Set(eager.slice(0, 8).map(String)).size).toBe(8);
  });

  it('are told by explain', () => {
    const o = operands(9, 40, 24);
    o.w.requiresGrad_();
    const h = linear(o.x, o.w, o.b);
    const text = explain(dropout(h, 0.1).add(o.r));
    expect(text).toMatch(
      new RegExp(`^1 kernel on ${kind}: matrix product .* \\+ bias, kept, whose values go through\\n`),
    );
    expect(text).toContain('= uniform(');
  });
});

describe.runIf(devices.includes('cpu'))('steps behind a product in float64', () => {
  it('go through the same program', async () => {
    await init({ device: 'cpu' });
    const [x, w, r] = [
      tensor([[1, 2]]),
      tensor([
        [3, 4],
        [5, 6],
      ]),
      tensor([[1, 1]]),
    ].map((each) => each.to('float64'));
    if (!x || !w || !r) throw new TypeError('three tensors were made');
    expect(await linear(x, w.requiresGrad_()).relu().mul(0.5).add(r).toArray()).toEqual([[6.5, 9.5]]);
  });
});

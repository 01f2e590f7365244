// scaledDotProductAttention as users meet it: against the formula in float64 for many shapes, masks and layouts, forward and
// backward; what it promises about memory, hidden keys, empty rows, dropout and determinism.
import {
  ArgumentError,
  AutogradError,
  attention,
  DTypeError,
  device,
  Generator,
  grad,
  gradcheck,
  gradgradcheck,
  manualSeed,
  memory,
  rand,
  randn,
  ShapeError,
  scaledDotProductAttention,
  scope,
  type Tensor,
  tensor,
  zeros,
} from '@course/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { currentBackend } from '../../packages/tensor/src/device.js';
import { onEachDevice } from '../support/devices.js';
import { dropoutOf, type Sizes, solve } from './support/attention.js';

/** Half a unit in the last place of 1 in float32. */
const U = 2 ** -24;

interface Case extends Sizes {
  readonly isCausal?: boolean;
  readonly mask?: Tensor | null;
  readonly dropoutP?: number;
  readonly scale?: number;
  /** Heads are split from [batch, time, heads, width] by views. */
  readonly split?: boolean;
}

const flat = async (x: Tensor): Promise<number[]> =>
  ((await x.toArray()) as unknown as number[][][]).flat(9) as unknown as number[];

/** Matrices as two dims of a batch, [2, matrices / 2] where that goes. */
const batchOf = (matrices: number): [number, number] => (matrices % 2 === 0 ? [2, matrices / 2] : [1, matrices]);

function made(rows: number, width: number, { matrices, split = false }: Case): Tensor {
  const [batch, heads] = batchOf(matrices);
  const x = split ? randn([batch, rows, heads, width]).transpose(1, 2) : randn([batch, heads, rows, width]);
  return x.detach().requiresGrad_();
}

/** Runs a case forward and backward and compares with the formula. */
async function check(each: Case): Promise<void> {
  const { queries, keys, width, valueWidth, matrices, isCausal = false, mask = null, dropoutP = 0 } = each;
  const scale = each.scale ?? 1 / Math.sqrt(width);
  const [batch, heads] = batchOf(matrices);
  const q = made(queries, width, each);
  const k = made(keys, width, each);
  const v = made(keys, valueWidth, each);
  const gradient = each.split
    ? randn([batch, queries, heads, valueWidth]).transpose(1, 2)
    : randn([batch, heads, queries, valueWidth]);
  manualSeed(7);
  const output = scaledDotProductAttention(q, k, v, {
    isCausal,
    mask,
    dropoutP,
    ...(each.scale !== undefined && { scale: each.scale }),
  });
  expect(output.shape).toEqual([batch, heads, queries, valueWidth]);
  output.backward({ gradient });
  const masked = mask?.expand([batch, heads, queries, keys]);
  const masks = masked ? await flat(masked) : null;
  const added = (m: number, i: number, j: number): number => {
    const value = masks?.[(m * queries + i) * keys + j] ?? 0;
    return mask?.dtype === 'bool' ? (Number(value) ? 0 : Number.NEGATIVE_INFINITY) : value;
  };
  const { seed, offset } = new Generator(7).philoxKey();
  const expected = solve({
    ...each,
    query: await flat(q),
    key: await flat(k),
    value: await flat(v),
    grad: await flat(gradient),
    scale,
    isCausal,
    ...(mask && { added }),
    ...(dropoutP > 0 && { kept: dropoutOf(each, dropoutP, [seed[0], seed[1], offset]) }),
  });
  // Scores and their gradients are sums of `width` products of normal numbers, outputs and gradients of `keys` or `queries` terms. exp turns an
  // absolute error of a score, at most 6 in size here, into a relative one; WGSL's products are as good.
  const growth = 1 / (1 - Math.min(dropoutP, 0.9));
  const size = Math.sqrt(Math.max(queries, keys, width, valueWidth));
  const tolerance = { rtol: 64 * U, atol: 64 * U * growth * growth * Math.max(1, scale * Math.sqrt(width)) * size };
  expect(await flat(output), 'output').toBeClose(Array.from(expected.output), tolerance);
  for (const [name, x, values] of [
    ['gradient of values', v, expected.gradValue],
    ['gradient of queries', q, expected.gradQuery],
    ['gradient of keys', k, expected.gradKey],
  ] as const)
    expect(await flat(x.grad as Tensor), name).toBeClose(Array.from(values), tolerance);
}

onEachDevice('scaledDotProductAttention', (kind) => {
  const same = (matrices: number, time: number, width: number): Sizes => ({
    matrices,
    queries: time,
    keys: time,
    width,
    valueWidth: width,
  });

  describe('agrees with the formula, forward and backward', () => {
    const cases: Record<string, () => Case> = {
      'one of everything': () => same(1, 1, 1),
      small: () => same(2, 5, 4),
      'odd widths': () => ({ matrices: 3, queries: 7, keys: 9, width: 5, valueWidth: 3 }),
      'values wider than keys': () => ({ matrices: 2, queries: 6, keys: 4, width: 8, valueWidth: 20 }),
      'a block and a bit': () => ({ matrices: 2, queries: 67, keys: 131, width: 16, valueWidth: 16 }),
      'many keys': () => ({ matrices: 1, queries: 9, keys: 300, width: 12, valueWidth: 8 }),
      'many queries': () => ({ matrices: 1, queries: 300, keys: 9, width: 12, valueWidth: 8 }),
      'many matrices': () => same(10, 33, 8),
      'wide heads': () => ({ matrices: 1, queries: 20, keys: 70, width: 256, valueWidth: 256 }),
      'odd wide heads': () => ({ matrices: 1, queries: 9, keys: 17, width: 131, valueWidth: 255 }),
      'one query': () => ({ matrices: 4, queries: 1, keys: 600, width: 64, valueWidth: 64 }),
      'three queries': () => ({ matrices: 2, queries: 3, keys: 50, width: 10, valueWidth: 6 }),
      causal: () => ({ ...same(2, 37, 8), isCausal: true }),
      'causal, blocks of blocks': () => ({ ...same(1, 200, 8), isCausal: true }),
      'causal, many matrices': () => ({ ...same(8, 150, 4), isCausal: true }),
      'causal, more keys': () => ({ matrices: 2, queries: 20, keys: 90, width: 8, valueWidth: 8, isCausal: true }),
      'causal, more queries': () => ({ matrices: 2, queries: 150, keys: 30, width: 8, valueWidth: 8, isCausal: true }),
      'causal, three queries': () => ({ matrices: 2, queries: 3, keys: 5, width: 8, valueWidth: 8, isCausal: true }),
      'split heads': () => ({ ...same(6, 19, 8), split: true }),
      'own scale': () => ({ ...same(2, 11, 8), scale: 0.7 }),
      'no scale': () => ({ ...same(1, 9, 4), scale: 0 }),
      'padding mask': () => ({ ...same(4, 40, 8), mask: rand([2, 1, 1, 40]).gt(0.4) }),
      'mask for every query': () => ({ ...same(4, 40, 8), mask: rand([40, 40]).gt(0.5) }),
      'mask for every weight': () => ({ ...same(4, 21, 8), mask: rand([2, 2, 21, 21]).gt(0.5) }),
      'mask of a transposed tensor': () => ({ ...same(2, 30, 8), mask: rand([30, 30]).gt(0.5).transpose(0, 1) }),
      'one mask value a query': () => ({ ...same(2, 30, 8), mask: rand([30, 1]).gt(0.3) }),
      'mask and causal': () => ({ ...same(2, 70, 8), mask: rand([2, 1, 1, 70]).gt(0.5), isCausal: true }),
      'mask, one query': () => ({
        matrices: 2,
        queries: 1,
        keys: 77,
        width: 8,
        valueWidth: 8,
        mask: rand([77]).gt(0.5),
      }),
      'added mask': () => ({ ...same(2, 35, 8), mask: randn([35, 35]) }),
      'added mask by columns': () => ({ ...same(2, 35, 8), mask: randn([2, 1, 1, 35]).mul(3) }),
      'added mask that takes keys away': () => ({
        ...same(2, 30, 8),
        mask: randn([30, 30]).maskedFill(rand([30, 30]).lt(0.5), Number.NEGATIVE_INFINITY),
      }),
      dropout: () => ({ ...same(4, 30, 8), dropoutP: 0.3 }),
      'dropout, odd lengths': () => ({ matrices: 3, queries: 70, keys: 131, width: 8, valueWidth: 8, dropoutP: 0.5 }),
      'dropout and causal': () => ({ ...same(2, 67, 8), dropoutP: 0.2, isCausal: true }),
      'dropout, one query': () => ({ matrices: 2, queries: 1, keys: 77, width: 8, valueWidth: 8, dropoutP: 0.2 }),
      'dropout of everything': () => ({ ...same(2, 6, 4), dropoutP: 1 }),
    };
    it.each(Object.entries(cases))('%s', async (_, make) => {
      manualSeed(3);
      await check(make());
    });

    it('whatever the shapes and masks', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.record({
            matrices: fc.integer({ min: 1, max: 5 }),
            queries: fc.integer({ min: 1, max: 80 }),
            keys: fc.integer({ min: 1, max: 150 }),
            width: fc.integer({ min: 1, max: 40 }),
            valueWidth: fc.integer({ min: 1, max: 40 }),
            isCausal: fc.boolean(),
            split: fc.boolean(),
            dropoutP: fc.constantFrom(0, 0, 0.25),
          }),
          fc.constantFrom('none', 'bool', 'float'),
          fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean()),
          async (sizes, maskKind, whole) => {
            manualSeed(11);
            const [batch, heads] = batchOf(sizes.matrices);
            const shape = [batch, heads, sizes.queries, sizes.keys].map((size, d) => (whole[d] ? size : 1));
            const mask = maskKind === 'none' ? null : maskKind === 'bool' ? rand(shape).gt(0.3) : randn(shape);
            await check({ ...sizes, mask });
          },
        ),
        { numRuns: kind === 'cpu' ? 60 : 6, seed: 5 },
      );
    });
  });

  it('broadcasts leading dims, and sums gradients over what was repeated', async () => {
    manualSeed(1);
    const q = randn([2, 4, 6, 8], { requiresGrad: true });
    const k = randn([2, 1, 5, 8], { requiresGrad: true });
    const v = randn([5, 3], { requiresGrad: true });
    const gradient = randn([2, 4, 6, 3]);
    scaledDotProductAttention(q, k, v).backward({ gradient });
    const expected = solve({
      ...{ matrices: 8, queries: 6, keys: 5, width: 8, valueWidth: 3, scale: 8 ** -0.5 },
      query: await flat(q),
      key: await flat(k.expand([2, 4, 5, 8])),
      value: await flat(v.expand([2, 4, 5, 3])),
      grad: await flat(gradient),
    });
    expect(await flat(q.grad as Tensor)).toBeClose(Array.from(expected.gradQuery), { atol: 64 * U });
    const gradKey = tensor(Array.from(expected.gradKey)).view([2, 4, 5, 8]).sum(1, { keepDim: true });
    const gradValue = tensor(Array.from(expected.gradValue)).view([8, 5, 3]).sum(0);
    // Eight gradients are summed.
    expect(await k.grad?.toArray()).toBeClose(await gradKey.toArray(), { atol: 512 * U });
    expect(await v.grad?.toArray()).toBeClose(await gradValue.toArray(), { atol: 512 * U });
  });

  it('takes operands without a batch, and those whose columns do not follow each other', async () => {
    manualSeed(2);
    const [q, k, v] = [randn([8, 5]), randn([8, 7]), randn([3, 7])];
    const output = scaledDotProductAttention(q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1));
    const expected = solve({
      ...{ matrices: 1, queries: 5, keys: 7, width: 8, valueWidth: 3, scale: 8 ** -0.5, grad: new Array(15).fill(0) },
      query: await flat(q.transpose(0, 1)),
      key: await flat(k.transpose(0, 1)),
      value: await flat(v.transpose(0, 1)),
    });
    expect(await flat(output)).toBeClose(Array.from(expected.output), { atol: 64 * U });
  });

  it('gives zeros to queries without a key, in results and gradients, whatever the mask is made of', async () => {
    manualSeed(4);
    const [q, k, v] = [0, 1, 2].map(() => randn([2, 3, 6, 8], { requiresGrad: true })) as [Tensor, Tensor, Tensor];
    const rows = tensor([1, 0, 1, 1, 0, 1]).gt(0).view([6, 1]);
    const added = zeros([6, 1]).maskedFill(rows.logicalNot(), Number.NEGATIVE_INFINITY);
    for (const mask of [rows, added]) {
      const output = scaledDotProductAttention(q, k, v, { mask });
      const [gradQuery, gradKey, gradValue] = grad(output, [q, k, v], { gradients: [randn([2, 3, 6, 8])] });
      for (const row of [1, 4]) {
        expect(await output.select(2, row).abs().max().item()).toBe(0);
        expect(await gradQuery.select(2, row).abs().max().item()).toBe(0);
      }
      expect(await output.select(2, 0).abs().max().item()).toBeGreaterThan(0);
      for (const each of [gradKey, gradValue]) expect(await each.isfinite().all().item()).toBe(1);
    }
    const none = scaledDotProductAttention(q, k, v, { mask: zeros([1, 6]).gt(0) });
    const [gradKey] = grad(none.sum(), [k]);
    expect(await none.abs().max().item()).toBe(0);
    expect(await gradKey.abs().max().item()).toBe(0);
    expect(scaledDotProductAttention(q, zeros([2, 3, 0, 8]), zeros([2, 3, 0, 4])).shape).toEqual([2, 3, 6, 4]);
  });

  it('lets nothing of later keys through: not a bit of an earlier row changes', async () => {
    manualSeed(5);
    const time = 150;
    const [q, k, v] = [0, 1, 2].map(() => randn([1, 2, time, 16])) as [Tensor, Tensor, Tensor];
    const before = await flat(scaledDotProductAttention(q, k, v, { isCausal: true }));
    for (const cut of [1, 17, 64, 100, 149]) {
      const later = tensor(Array.from({ length: time }, (_, t) => (t < cut ? 1 : 0)))
        .gt(0)
        .view([time, 1]);
      const [k2, v2] = [k, v].map((x) => x.where(later, randn([1, 2, time, 16]).mul(100))) as [Tensor, Tensor];
      const after = await flat(scaledDotProductAttention(q, k2, v2, { isCausal: true }));
      const seen = (values: number[]) => [0, 1].flatMap((h) => values.slice(h * time * 16, (h * time + cut) * 16));
      expect(seen(after)).toEqual(seen(before));
      expect(after).not.toEqual(before);
    }
  });

  it('gives the same bits at every run', async () => {
    manualSeed(6);
    const [q, k, v] = [0, 1, 2].map(() => randn([2, 3, 90, 16], { requiresGrad: true })) as [Tensor, Tensor, Tensor];
    const gradient = randn([2, 3, 90, 16]);
    const run = async (): Promise<number[][]> => {
      manualSeed(8);
      const output = scaledDotProductAttention(q, k, v, { isCausal: true, dropoutP: 0.1 });
      const grads = grad(output, [q, k, v], { gradients: [gradient] });
      return Promise.all([output, ...grads].map(flat));
    };
    expect(await run()).toEqual(await run());
  });

  it('drops what attention drops after the same seed, and differently at the next call', async () => {
    manualSeed(9);
    const [q, k, v] = [0, 1, 2].map(() => randn([2, 2, 10, 8])) as [Tensor, Tensor, Tensor];
    manualSeed(10);
    const fused = scaledDotProductAttention(q, k, v, { dropoutP: 0.5 });
    const next = scaledDotProductAttention(q, k, v, { dropoutP: 0.5 });
    manualSeed(10);
    const { output } = attention(q, k, v, { dropoutP: 0.5 });
    expect(await flat(fused)).toBeClose(await flat(output), { atol: 64 * U });
    expect(await flat(next)).not.toEqual(await flat(fused));
  });

  it('needs memory that grows with the length, not with its square', async () => {
    const peakOf = async (time: number): Promise<number> => {
      manualSeed(12);
      const [q, k, v] = [0, 1, 2].map(() => randn([1, 1, time, 16], { requiresGrad: true })) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const backend = currentBackend();
      const allocate = backend.allocate.bind(backend);
      const before = backend.statistics().bytes;
      let peak = 0;
      backend.allocate = (bytes) => {
        const buffer = allocate(bytes);
        peak = Math.max(peak, backend.statistics().bytes - before);
        return buffer;
      };
      try {
        scope(() => scaledDotProductAttention(q, k, v, { isCausal: true }).sum().backward());
      } finally {
        backend.allocate = allocate;
      }
      expect(await q.grad?.isfinite().all().item()).toBe(1);
      for (const x of [q, k, v]) x.grad?.dispose();
      return peak;
    };
    const [short, long] = [await peakOf(1024), await peakOf(4096)];
    expect(long).toBeLessThanOrEqual(4 * short + 4096);
    // The weights alone would take 64 MiB.
    expect(long).toBeLessThan(4096 * 16 * 4 * 12);
    expect(memory().bytes).toBeLessThan(64 * 2 ** 20);
  });

  it('costs one kernel forward and merges split heads without a copy', () => {
    manualSeed(13);
    const packed = randn([2, 12, 3, 4, 8]);
    const [q, k, v] = [0, 1, 2].map((i) => packed.select(2, i).transpose(1, 2)) as [Tensor, Tensor, Tensor];
    const { dispatches } = currentBackend().statistics();
    const merged = scaledDotProductAttention(q, k, v).transpose(1, 2).view([2, 12, 32]);
    merged.compute();
    expect(currentBackend().statistics().dispatches - dispatches).toBe(1);
    expect(merged.isContiguous()).toBe(true);
  });

  it('differentiates twice', async () => {
    manualSeed(14);
    const inputs = (): [Tensor, Tensor, Tensor] => [
      randn([2, 2, 2], { requiresGrad: true }),
      randn([2, 3, 2], { requiresGrad: true }),
      randn([2, 3, 1], { requiresGrad: true }),
    ];
    const mask = tensor([1, 0, 1]).gt(0);
    for (const options of [{}, { isCausal: true }, { mask }, { mask: randn([2, 3]) }]) {
      const fn = (q: Tensor, k: Tensor, v: Tensor) => scaledDotProductAttention(q, k, v, options);
      // float32 over a step of 1e-2: see the suite of autograd tools.
      await gradcheck(fn as never, inputs(), { atol: 5e-3, rtol: 1e-2 });
      await gradgradcheck(fn as never, inputs(), { atol: 1e-2, rtol: 2e-2 });
    }
    const [q, k, v] = inputs();
    expect(() => {
      const output = scaledDotProductAttention(q, k, v).sum();
      output.backward();
      output.backward();
    }).toThrow(AutogradError);
  });

  it('gives a float mask its gradient, by way of the composed form', async () => {
    manualSeed(15);
    const [q, k, v] = [0, 1, 2].map(() => randn([2, 5, 4])) as [Tensor, Tensor, Tensor];
    const mask = randn([5, 5], { requiresGrad: true });
    scaledDotProductAttention(q, k, v, { mask }).square().sum().backward();
    const step = 2 ** -7;
    const at = (by: number) => {
      const moved = mask.detach().add(tensor([by, ...new Array<number>(24).fill(0)]).view([5, 5]));
      return scaledDotProductAttention(q, k, v, { mask: moved }).square().sum().item();
    };
    const slope = ((await at(step)) - (await at(-step))) / (2 * step);
    // Rounding of sums of about 20 over the step, and the third derivative.
    expect(await mask.grad?.select(0, 0).select(0, 0).item()).toBeClose(slope, { atol: 2e-3 });
  });

  it('composes heads wider than its kernels take', async () => {
    manualSeed(16);
    const [q, k, v] = [randn([1, 3, 300]), randn([1, 4, 300]), randn([1, 4, 2])];
    const expected = solve({
      ...{
        matrices: 1,
        queries: 3,
        keys: 4,
        width: 300,
        valueWidth: 2,
        scale: 300 ** -0.5,
        grad: new Array(6).fill(0),
      },
      query: await flat(q),
      key: await flat(k),
      value: await flat(v),
    });
    expect(await flat(scaledDotProductAttention(q, k, v))).toBeClose(Array.from(expected.output), { atol: 256 * U });
  });

  it('says what does not fit', () => {
    const x = zeros([2, 3, 4]);
    const call = (q: Tensor, k: Tensor, v: Tensor, options = {}) => scaledDotProductAttention(q, k, v, options);
    expect(() => call(x, zeros([2, 3, 5]), x)).toThrow(ShapeError);
    expect(() => call(x, x, zeros([2, 4, 4]))).toThrow('key and value their length');
    expect(() => call(x, zeros([3, 3, 4]), zeros([3, 3, 4]))).toThrow(ShapeError);
    expect(() => call(x, x, x, { mask: zeros([2, 2]) })).toThrow(
      'mask of shape [2, 2] cannot be broadcast to [2, 3, 3]',
    );
    expect(() => call(x, x, x, { mask: zeros([3, 3], { dtype: 'int32' }) })).toThrow(DTypeError);
    expect(() => call(x, x, x, { dropoutP: 1.5 })).toThrow(ArgumentError);
    expect(device.kind).toBe(kind);
  });
});

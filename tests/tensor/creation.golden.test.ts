// Tensors made from rules and from the random stream against PyTorch (tests/goldens/creation.json); grids, likes, and descriptions.
import {
  arange,
  bernoulli,
  device,
  empty,
  emptyLike,
  eye,
  FormatError,
  fullLike,
  Generator,
  linspace,
  logspace,
  manualSeed,
  meshgrid,
  multinomial,
  normal,
  oneHot,
  onesLike,
  rand,
  randLike,
  randnLike,
  type Tensor,
  tensor,
  zeros,
  zerosLike,
} from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import type { GoldenOptions } from '../support/golden-files.js';
import { given, numberOption, numbersOption, toDevice } from '../support/golden-op.js';
import { golden } from '../support/goldens.js';

type Maker = (inputs: readonly Tensor[], args: GoldenOptions) => Tensor;

const range = ({ start, end, steps }: GoldenOptions): [number, number, number] => [
  numberOption(start),
  numberOption(end),
  numberOption(steps),
];

const makers: Readonly<Record<string, Maker>> = {
  linspace: (_, args) => linspace(...range(args)),
  logspace: (_, args) => logspace(...range(args)),
  eye: (_, { n, m }) => (m === undefined ? eye(numberOption(n)) : eye(numberOption(n), numberOption(m))),
  oneHot: (_, { labels, classes }) => {
    if (!Array.isArray(labels)) throw new FormatError('a golden case has no labels');
    return oneHot(tensor(labels.map(numbersOption), { dtype: 'int32' }), numberOption(classes));
  },
  multinomial: ([weights], { count, replacement }) =>
    multinomial(given(weights), numberOption(count), { replacement: replacement === true }),
  bernoulli: ([probabilities]) => bernoulli(given(probabilities)),
  exponential_: (_, { size, rate }) => empty([numberOption(size)]).exponential_(numberOption(rate)),
  bernoulli_: (_, { size, p }) => empty([numberOption(size)]).bernoulli_(numberOption(p)),
  normal: ([first, second], { mean, std, shape }) => {
    if (!first) return normal(numberOption(mean), numberOption(std), { shape: numbersOption(shape) });
    if (second) return normal(first, second);
    return mean === undefined ? normal(first, numberOption(std)) : normal(numberOption(mean), first);
  },
  randnLike: ([like]) => randnLike(given(like)),
  randLike: ([like]) => randLike(given(like)),
};

/** Normal numbers come from polynomials good to an ulp in PyTorch (1e-6 of the deviation, at most 2 here), all others are exact but for a rounding. */
const tolerances: Readonly<Record<string, number>> = {
  normal: 4e-6,
  randnLike: 2e-6,
  logspace: 1e-5,
  exponential_: 1e-6,
};

onEachDevice('PyTorch: creation', () => {
  for (const each of golden('creation').cases) {
    it(each.name, async () => {
      if (each.seed !== undefined) manualSeed(each.seed);
      const make = makers[each.op];
      if (!make) throw new FormatError(`the table of this file does not say how to call '${each.op}'`);
      const made = make(
        (each.inputs ?? []).map((input) => toDevice(input)),
        each.args,
      );
      expect({ shape: made.shape, dtype: made.dtype }).toEqual({ shape: each.output.shape, dtype: each.output.dtype });
      // An interval of 1.01e5 cannot be cut finer than half an ulp of its ends.
      const atol = each.op === 'linspace' ? 2 ** -23 * Math.max(0, ...Array.from(each.output.data, Math.abs)) : 0;
      expect(await made.data()).toBeClose(each.output.data, { atol: tolerances[each.op] ?? atol });
      if (each.next) expect(await rand([2]).data()).toEqual(each.next.data);
    });
  }
});

onEachDevice('creation', () => {
  it('takes shape, dtype and device from another tensor', async () => {
    const like = tensor([[1, 2, 3]], { dtype: 'int32' });
    expect(await zerosLike(like).toArray()).toEqual([[0, 0, 0]]);
    expect(await onesLike(like, { dtype: 'float32' }).toArray()).toEqual([[1, 1, 1]]);
    expect(await fullLike(like, 7).toArray()).toEqual([[7, 7, 7]]);
    expect(emptyLike(like)).toMatchObject({ shape: [1, 3], dtype: 'int32', device: device.kind });
    expect(randLike(like, { dtype: 'float32' }).dtype).toBe('float32');
    expect(() => randnLike(like)).toThrow('randnLike: "randnLike" not implemented for \'int32\'');
  });

  it('draws from the generator it is given and leaves the default one alone', async () => {
    const weights = tensor([1, 2, 3, 4]);
    const draw = (): Tensor[] => {
      const generator = new Generator(3);
      return [
        multinomial(weights, 2, { generator }),
        bernoulli(weights.div(4), { generator }),
        normal(weights, 1, { generator }),
        randLike(weights, { generator }),
        empty([4]).bernoulli_(0.5, { generator }),
      ];
    };
    manualSeed(1);
    const first = await Promise.all(draw().map((each) => each.toArray()));
    const after = await rand([2]).toArray();
    manualSeed(1);
    expect(await rand([2]).toArray()).toEqual(after);
    expect(await Promise.all(draw().map((each) => each.toArray()))).toEqual(first);
  });

  it('draws classes as often as their weights say', async () => {
    manualSeed(11);
    const drawn = await multinomial(tensor([1, 0, 3]), 4000, { replacement: true }).data();
    const share = Array.from(drawn).filter((each) => each === 2).length / drawn.length;
    expect([...drawn].includes(1)).toBe(false);
    // Four standard deviations of a share of 4000 draws.
    expect(Math.abs(share - 0.75)).toBeLessThan(4 * Math.sqrt((0.75 * 0.25) / 4000));
  });

  it('arange takes options behind any of its numbers', async () => {
    for (const made of [
      arange(3, { dtype: 'float32' }),
      arange(0, 3, { dtype: 'float32' }),
      arange(0, 3, 1, { dtype: 'float32' }),
    ]) {
      expect(made.dtype).toBe('float32');
      expect(await made.toArray()).toEqual([0, 1, 2]);
    }
    expect(await arange(6, undefined, 2).toArray()).toEqual([0, 2, 4]);
  });

  it('makes grids as views', async () => {
    const [rows, columns] = meshgrid([arange(2), arange(3)]);
    expect(await rows?.toArray()).toEqual([
      [0, 0, 0],
      [1, 1, 1],
    ]);
    expect(await columns?.toArray()).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ]);
    const [x, y] = meshgrid([arange(2), arange(3)], { indexing: 'xy' });
    expect(await x?.toArray()).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
    expect(await y?.toArray()).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ]);
  });

  it('explains what it cannot make', () => {
    expect(() => linspace(0, 1, -1)).toThrow('linspace: number of steps must be non-negative, got -1');
    expect(() => oneHot(tensor([0.5]), 2)).toThrow('oneHot: labels must be int32 or uint8, got float32');
    expect(() => multinomial(tensor([1, 2]), 3)).toThrow('cannot sample n_sample > prob_dist.size(-1) samples');
    expect(() => normal(0, 1)).toThrow('normal: two numbers need a shape');
    expect(() => meshgrid([zeros([2, 2])])).toThrow('meshgrid: Expected scalar or 1D tensor');
  });

  describe('describe', () => {
    it('tells extremes, mean and deviation of the finite elements, and how many are not', async () => {
      const x = tensor([
        [1, 2, Number.NaN],
        [3, 6, Number.POSITIVE_INFINITY],
      ]).T;
      const about = await x.describe();
      expect(about).toMatchObject({ shape: [3, 2], dtype: 'float32', device: device.kind, min: 1, max: 6, mean: 3 });
      expect(about).toMatchObject({ nan: 1, infinite: 1 });
      // The variance of 1, 2, 3, 6 is 14 / 3.
      expect(about.std).toBeCloseTo(Math.sqrt(14 / 3), 5);
      expect(String(about)).toBe(
        `float32 [3, 2] on ${device.kind}: min 1, max 6, mean 3, std 2.1602, 1 NaN, 1 infinite`,
      );
    });

    it('knows integers, truth values, nothing, and nothing finite', async () => {
      expect(await tensor([3, 5], { dtype: 'int32' }).describe()).toMatchObject({ min: 3, max: 5, mean: 4 });
      expect(await tensor([true, false]).describe()).toMatchObject({ min: 0, max: 1, mean: 0.5 });
      expect(await zeros([0]).describe()).toMatchObject({ min: Number.NaN, nan: 0 });
      expect(await tensor([Number.NaN]).describe()).toMatchObject({ min: Number.NaN, mean: Number.NaN, nan: 1 });
      expect(await tensor([5]).describe()).toMatchObject({ min: 5, std: Number.NaN });
    });
  });
});

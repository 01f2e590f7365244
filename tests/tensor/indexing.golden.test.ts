// Ops that rearrange, pick and place elements against PyTorch (tests/goldens/indexing.json), on each device.
import {
  ArgumentError,
  diagEmbed,
  hstack,
  type Index,
  type PadOptions,
  tensor,
  unique,
  vstack,
  zeros,
} from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import type { GoldenOption, GoldenOptions } from '../support/golden-files.js';
import { given, numberOption, numbersOption } from '../support/golden-op.js';
import { ofOne, ofThree, ofTwo, walkGoldens } from '../support/golden-walk.js';

const optional = (value: GoldenOption | undefined): number | undefined =>
  value === undefined ? undefined : numberOption(value);
const dimOf = ({ dim }: GoldenOptions): number => numberOption(dim);
const offsetOf = ({ offset }: GoldenOptions): number | undefined => optional(offset);

function padOptions({ mode, value }: GoldenOptions): PadOptions {
  if (mode === 'reflect' || mode === 'replicate' || mode === 'circular') return { mode };
  return value === undefined ? {} : { value: numberOption(value) };
}

/** Sums over repeated indices; all others move values only. */
const adding = new Set(['scatterAdd', 'indexAdd']);

walkGoldens(
  'indexing',
  {
    gather: ofTwo((x, index, args) => x.gather(dimOf(args), index)),
    takeAlongDim: ofTwo((x, index, { dim }) => x.takeAlongDim(index, optional(dim) ?? null)),
    indexSelect: ofTwo((x, index, args) => x.indexSelect(dimOf(args), index)),
    maskedSelect: ofTwo((x, mask) => x.maskedSelect(mask)),
    nonzero: ofOne((x) => x.nonzero()),
    index: ([x, ...tensors], { spec }) => {
      if (!x || !Array.isArray(spec)) return [];
      const rest = tensors.values();
      const items = spec.map((item: GoldenOption): Index => {
        if (item === 't') return given(rest.next().value);
        if (item === null || item === ':') return item;
        return Array.isArray(item) ? [numberOption(item[0]), numberOption(item[1])] : numberOption(item);
      });
      return x.slice(...items);
    },
    scatter: ([x, index, values], args) => {
      if (!x || !index) return [];
      return x.scatter(dimOf(args), index, values ?? numberOption(args.value));
    },
    scatterAdd: ofThree((x, index, values, args) => x.scatterAdd(dimOf(args), index, values)),
    indexAdd: ofThree((x, index, values, { dim, alpha = 1 }) =>
      x.indexAdd(numberOption(dim), index, values, { alpha: numberOption(alpha) }),
    ),
    indexCopy: ofThree((x, index, values, args) => x.indexCopy(dimOf(args), index, values)),

    repeat: ofOne((x, { times }) => x.repeat(numbersOption(times))),
    tile: ofOne((x, { times }) => x.tile(numbersOption(times))),
    repeatInterleave: ofOne((x, { repeats, dim }) =>
      x.repeatInterleave(Array.isArray(repeats) ? numbersOption(repeats) : numberOption(repeats), optional(dim)),
    ),
    flip: ofOne((x, { dims }) => x.flip(numbersOption(dims))),
    roll: ofOne((x, { shifts, dims }) =>
      x.roll(numbersOption(shifts), dims === undefined ? null : numbersOption(dims)),
    ),
    movedim: ofOne((x, { source, destination }) => x.movedim(numbersOption(source), numbersOption(destination))),
    swapaxes: ofOne((x, { dims }) => {
      const [a = 0, b = 0] = numbersOption(dims);
      return x.swapaxes(a, b);
    }),
    unflatten: ofOne((x, { dim, sizes }) => x.unflatten(numberOption(dim), numbersOption(sizes))),
    broadcastTo: ofOne((x, { shape }) => x.broadcastTo(numbersOption(shape))),
    hstack: (inputs) => hstack(inputs),
    vstack: (inputs) => vstack(inputs),
    pad: ofOne((x, args) => x.pad(numbersOption(args.amounts), padOptions(args))),
    unfold: ofOne((x, { dim, size, step }) => x.unfold(numberOption(dim), numberOption(size), numberOption(step))),
    diagonal: ofOne((x, { offset, dim0, dim1 }) =>
      x.diagonal({ offset: optional(offset) ?? 0, dim0: optional(dim0) ?? 0, dim1: optional(dim1) ?? 1 }),
    ),
    diag: ofOne((x, args) => x.diag(offsetOf(args))),
    diagEmbed: ofOne((x, args) => diagEmbed(x, offsetOf(args))),
    tril: ofOne((x, args) => x.tril(offsetOf(args))),
    triu: ofOne((x, args) => x.triu(offsetOf(args))),
  },
  ({ op }) => ({ exact: !adding.has(op) }),
  new Set(['maskedSelect same shape', 'maskedSelect broadcast']),
);

const int = (data: number[], shape?: number[]) => tensor(data, { dtype: 'int32', ...(shape && { shape }) });

onEachDevice('indexing', (device) => {
  it('gives the same bits at every run where indices repeat', async () => {
    const index = int(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 13));
    const values = tensor(Array.from({ length: 5000 }, (_, i) => Math.sin(i) * 10 ** (i % 7)));
    const runs = await Promise.all([1, 2, 3].map(() => zeros([13]).scatterAdd(0, index, values).data()));
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]).toEqual(runs[0]);
  });

  it('lets the last of several values for one place stay', async () => {
    expect(
      await zeros([3])
        .scatter(0, int([1, 1, 2, 1]), tensor([5, 6, 7, 8]))
        .toArray(),
    ).toEqual([0, 8, 7]);
  });

  it.runIf(device === 'cpu')('names an index outside of the dim', () => {
    expect(() => zeros([2, 3]).gather(1, int([0, 1, 2, 3], [2, 2]))).toThrow(ArgumentError);
    expect(() => zeros([2, 3]).gather(1, int([0, 1, 2, 3], [2, 2]))).toThrow(
      'gather: index 3 is out of bounds for dimension 1 with size 3',
    );
    expect(() => zeros([2, 3]).indexSelect(0, int([-1]))).toThrow(
      'indexSelect: index -1 is out of bounds for dimension 0 with size 2',
    );
    expect(() => zeros([2, 3]).slice(':', int([0, 3]))).toThrow('slice: index 3 is out of bounds for dimension 1');
    // Together they would name an element, but not apart.
    expect(() => zeros([2, 3]).slice(int([0]), int([4]))).toThrow('slice: index -1 is out of bounds');
  });

  it.runIf(device === 'webgpu')('names an index outside of the dim at the next read', async () => {
    const picked = zeros([2, 3]).gather(1, int([0, 1, 2, 3], [2, 2]));
    await expect(picked.data()).rejects.toThrow(ArgumentError);
    void zeros([2, 3]).indexSelect(0, int([-1])).shape;
    await expect(zeros([1]).data()).rejects.toThrow(
      'indexSelect: index -1 is out of bounds for dimension 0 with size 2',
    );
    const x = tensor([1, 2]);
    const sum = x.scatterAdd(0, int([1, 2, -1]), tensor([5, 5, 5]));
    await expect(sum.data()).rejects.toThrow('scatterAdd: index 2 is out of bounds for dimension 0 with size 2');
    expect(await sum.toArray(), 'nothing else was written').toEqual([1, 7]);
  });

  it('explains shapes that do not fit', () => {
    const x = zeros([2, 3]);
    expect(() => x.gather(0, int([0]))).toThrow(
      'gather: Index tensor must have the same number of dimensions as input tensor',
    );
    expect(() => x.gather(0, int([0, 0, 0, 0], [1, 4]))).toThrow(
      'gather: Size does not match at dimension 1 expected index [1, 4] to be smaller than input [2, 3] apart from dimension 0',
    );
    expect(() => x.scatter(0, int([0], [1, 1]), int([1], [1, 1]))).toThrow(
      'scatter: Expected self.dtype to be equal to src.dtype, got float32 and int32',
    );
    expect(() => x.gather(0, tensor([[0.5]]))).toThrow('gather: index must be int32 or uint8, got float32');
    expect(() => x.repeat([2])).toThrow('Number of dimensions of repeat dims can not be smaller');
    expect(() => x.pad([1])).toThrow('pad: Padding length must be divisible by 2');
    expect(() => x.pad([3, 0], { mode: 'reflect' })).toThrow('Padding size should be less than');
    expect(() => x.unfold(1, 4, 1)).toThrow('unfold: maximum size for tensor at dimension 1 is 3 but size is 4');
    expect(() => x.flip(2)).toThrow('flip: Dimension out of range');
    expect(() => zeros([3]).tril()).toThrow('tril: input tensor must have at least 2 dimensions');
  });

  describe('unique', () => {
    it('gives values in order, places and counts', async () => {
      const { values, inverse, counts } = await unique(
        tensor([
          [3, 1],
          [3, Number.NaN],
        ]),
      );
      expect(await values.toArray()).toEqual([1, 3, Number.NaN]);
      expect(await inverse.toArray()).toEqual([
        [1, 0],
        [1, 2],
      ]);
      expect(await counts.toArray()).toEqual([1, 2, 1]);
    });

    it('compares slices of a dim', async () => {
      const x = int([2, 1, 2, 5, 0, 5], [2, 3]);
      const { values, inverse, counts } = await unique(x, { dim: 1 });
      expect(await values.toArray()).toEqual([
        [1, 2],
        [0, 5],
      ]);
      expect(await inverse.toArray()).toEqual([1, 0, 1]);
      expect(await counts.toArray()).toEqual([1, 2]);
      expect((await unique(zeros([0]))).values.shape).toEqual([0]);
    });
  });

  it('reaches more elements than one dimension of a dispatch has workgroups', async () => {
    // Software adapters run 64 invocations a workgroup: past 65,535 of them from 4,194,241 elements on.
    const count = 4_200_003;
    const x = tensor(Float32Array.from({ length: count }, (_, i) => i % 1021));
    const back = await x.flip(0).gather(0, x.newArange(count).flip(0)).sub(x).abs().sum().item();
    expect(back).toBe(0);
    const rows = zeros([1, count]).scatter(0, x.newArange(count).mul(0).view([1, count]), x.view([1, count]));
    expect(await rows.sub(x).abs().sum().item()).toBe(0);
  });
});

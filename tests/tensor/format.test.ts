// formatTensor against what PyTorch 1.13 prints (tests/goldens/format.py), character by character.
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type DType, hostArray } from '../../packages/tensor/src/dtype.js';
import { ArgumentError, ShapeError } from '../../packages/tensor/src/errors.js';
import { formatTensor, type PrintOptions, setPrintOptions } from '../../packages/tensor/src/format.js';

interface Case {
  data: (number | boolean | string)[] | { start: number; step: number; count: number };
  shape: number[];
  dtype: DType;
  grad: 'leaf' | 'mul' | null;
  options: PrintOptions;
  text: string;
}

const goldens: { cases: Case[] } = JSON.parse(readFileSync(new URL('../goldens/format.json', import.meta.url), 'utf8'));

function values({ data, dtype }: Case): ArrayLike<number> {
  const list = Array.isArray(data)
    ? data.map((value) => Number(typeof value === 'string' ? value.replace('inf', 'Infinity') : value))
    : Array.from({ length: data.count }, (_, i) => data.start + data.step * i);
  const array = hostArray(dtype, list.length);
  array.set(list);
  return array;
}

afterEach(() => setPrintOptions({ profile: 'default' }));

describe('formatTensor prints as PyTorch', () => {
  for (const [index, golden] of goldens.cases.entries()) {
    const { shape, dtype, grad, options, text } = golden;
    const title = `${index}: ${dtype} [${shape.join(', ')}] ${JSON.stringify(options)} ${text.slice(0, 40).split('\n')[0]}`;
    it(title, () => {
      const tensor = {
        data: values(golden),
        shape,
        dtype,
        requiresGrad: grad !== null,
        ...(grad === 'mul' ? { gradFn: 'MulBackward0' } : {}),
      };
      expect(formatTensor(tensor, options)).toBe(text);
      setPrintOptions(options);
      expect(formatTensor(tensor)).toBe(text);
    });
  }

  it('names a device where PyTorch does', () => {
    const tensor = { data: [1, 2], shape: [2], dtype: 'int32', device: 'webgpu' } as const;
    expect(formatTensor(tensor)).toBe("tensor([1, 2], device='webgpu', dtype=int32)");
  });
});

describe('setPrintOptions', () => {
  const tensor = { data: [1.23456, 2], shape: [2], dtype: 'float32' } as const;

  it('keeps what is not named, and lets the values decide on scientific notation again', () => {
    setPrintOptions({ precision: 2, sciMode: true });
    expect(formatTensor(tensor)).toBe('tensor([1.23e+00, 2.00e+00])');
    setPrintOptions({ lineWidth: 15 });
    expect(formatTensor(tensor)).toBe('tensor([1.23,\n        2.00])');
    setPrintOptions({ profile: 'short' });
    expect(formatTensor(tensor)).toBe('tensor([1.23, 2.00])');
    setPrintOptions({ profile: 'full', precision: 1 });
    const long = { data: new Float32Array(1500).fill(0.5), shape: [1500], dtype: 'float32' } as const;
    expect(formatTensor(long).match(/0\.5/g)).toHaveLength(1500);
  });

  it('refuses impossible options by name and changes nothing', () => {
    const refused: [PrintOptions, string][] = [
      [{ precision: -1 }, 'precision must be a whole number from 0 to 50, got -1'],
      [{ precision: 1.5 }, 'precision'],
      [{ edgeItems: 0 }, 'edgeItems must be a whole number from 1'],
      [{ lineWidth: 0 }, 'lineWidth'],
      [{ threshold: Number.NaN }, 'threshold'],
    ];
    for (const [options, message] of refused) {
      expect(() => setPrintOptions(options)).toThrow(ArgumentError);
      expect(() => setPrintOptions(options)).toThrow(message);
      expect(() => formatTensor(tensor, options)).toThrow(message);
    }
    const profile = 'long' as 'full';
    expect(() => setPrintOptions({ profile })).toThrow("profile may be default, short, full, got 'long'");
    expect(formatTensor(tensor)).toBe('tensor([1.2346, 2.0000])');
  });
});

describe('formatTensor', () => {
  it('refuses a shape that does not fit the data', () => {
    const wrong = { data: [1, 2, 3], shape: [2, 2], dtype: 'float32' } as const;
    expect(() => formatTensor(wrong)).toThrow(ShapeError);
    expect(() => formatTensor(wrong)).toThrow('shape [2, 2] holds 4 elements, got 3');
  });

  const tensors = fc
    .record({
      dtype: fc.constantFrom<DType>('float32', 'float16', 'float64', 'int32', 'uint8', 'bool'),
      shape: fc.array(fc.nat({ max: 5 }), { maxLength: 4 }),
      pool: fc.array(fc.double(), { minLength: 1, maxLength: 20 }),
    })
    .map(({ dtype, shape, pool }) => {
      const data = hostArray(
        dtype,
        shape.reduce((a, b) => a * b, 1),
      );
      for (let i = 0; i < data.length; i++) data[i] = pool[i % pool.length] ?? 0;
      return { data, shape, dtype };
    });
  const options = fc.record(
    {
      precision: fc.nat({ max: 20 }),
      threshold: fc.nat({ max: 30 }),
      edgeItems: fc.integer({ min: 1, max: 4 }),
      lineWidth: fc.integer({ min: 1, max: 100 }),
      sciMode: fc.boolean(),
    },
    { requiredKeys: [] },
  );

  it('writes balanced brackets around the right number of elements, whatever the values and options', async () => {
    await fc.assert(
      fc.property(tensors, options, (tensor, chosen) => {
        const text = formatTensor(tensor, chosen);
        expect(text).toMatch(/^tensor\([\s\S]+\)$/);
        const { threshold = 1000, edgeItems = 3 } = chosen;
        const count = tensor.data.length;
        if (count === 0) return;
        const shown = tensor.shape.map((size) => (count > threshold ? Math.min(size, 2 * edgeItems) : size));
        const inside = text.slice('tensor('.length).replace(/, dtype=\w+\)$|,\n {7}dtype=\w+\)$|\)$/, '');
        const items = inside.match(/[^\s,[\]]+/g)?.filter((item) => item !== '...') ?? [];
        expect(items).toHaveLength(shown.reduce((a, b) => a * b, 1));
        expect(inside.split('[').length).toBe(inside.split(']').length);
        const innermost = inside.match(/\[[^[\]]*\]/g) ?? [];
        expect(innermost).toHaveLength(shown.length === 0 ? 0 : shown.slice(0, -1).reduce((a, b) => a * b, 1));
      }),
      { numRuns: 500, seed: 11 },
    );
  });

  it('writes numbers that read back within the printed precision', async () => {
    await fc.assert(
      fc.property(fc.double({ noNaN: true, min: -1e307, max: 1e307 }), fc.nat({ max: 17 }), (value, precision) => {
        const print = (sciMode: boolean) =>
          formatTensor({ data: [value], shape: [], dtype: 'float64' }, { precision, sciMode })
            .slice(7)
            .split(',')[0] ?? '';
        // Half a unit of the last printed digit, and the rounding of reading it back.
        const slack = 2 ** -52 * Math.abs(value);
        const scale = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value))) + 1;
        expect(Math.abs(Number(print(true)) - value)).toBeLessThanOrEqual(0.5 * 10 ** (scale - precision) + slack);
        if (Number.isInteger(value)) expect(Number(print(false))).toBe(value);
        else expect(Math.abs(Number(print(false)) - value)).toBeLessThanOrEqual(0.5 * 10 ** -precision + slack);
      }),
      { numRuns: 500, seed: 12 },
    );
  });
});

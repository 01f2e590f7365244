// The host generator against streams that PyTorch 1.13 drew (tests/goldens/rng.py): same draws, same order, same position
// of the stream afterwards. Integers and uniform numbers are compared to the bit.
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../packages/tensor/src/errors.js';
import {
  defaultGenerator,
  fillBernoulli,
  fillNormal,
  fillRandint,
  fillRandperm,
  fillUniform,
  Generator,
  initialSeed,
  Mt19937,
  manualSeed,
  seed,
} from '../../packages/tensor/src/random/index.js';

interface Step {
  op: 'rand' | 'randn' | 'uniform_' | 'normal_' | 'randint' | 'randperm' | 'bernoulli_' | 'bernoulli';
  size: number;
  dtype?: 'float32' | 'float64' | 'int32' | 'uint8';
  from?: number;
  to?: number;
  mean?: number;
  std?: number;
  low?: number;
  high?: number;
  p?: number | number[];
  stride?: number;
  values: number[];
}

interface Goldens {
  streams: { seed: string; initialSeed: string; steps: Step[] }[];
  notebook: Record<'q' | 'k' | 'v' | 'weights', number[]>;
  state: { seed: string; bytes: string; randn: number[]; rand: number[] };
  freshState: { bytes: string; rand: number[] };
}

const goldens: Goldens = JSON.parse(readFileSync(new URL('../goldens/rng.json', import.meta.url), 'utf8'));

/** float32 goldens are written with the digits that float32 needs: rounding gives PyTorch's value back. */
const float32 = (values: number[]) => Array.from(values, Math.fround);

function floats(step: Step): Float32Array | Float64Array {
  return step.dtype === 'float64' ? new Float64Array(step.size) : new Float32Array(step.size);
}

function run(step: Step, generator: Generator): ArrayLike<number> {
  const { op, size, from = 0, to = 1, mean = 0, std = 1, low = 0, high = 0, p = 0 } = step;
  if (op === 'rand' || op === 'uniform_') {
    const out = floats(step);
    fillUniform(out, from, to, generator);
    return out;
  }
  if (op === 'randn' || op === 'normal_') {
    const out = floats(step);
    fillNormal(out, mean, std, generator);
    return out;
  }
  if (op === 'randint') {
    const out = step.dtype === 'int32' ? new Int32Array(size) : floats(step);
    fillRandint(out, low, high, generator);
    return out;
  }
  if (op === 'randperm') {
    const out = new Int32Array(size);
    fillRandperm(out, generator);
    return out;
  }
  const out = step.dtype === 'uint8' ? new Uint8Array(size) : new Float32Array(size);
  fillBernoulli(out, typeof p === 'number' ? p : Float32Array.from(p), generator);
  return out;
}

/** How far a step's values may be from PyTorch's, and why. */
function tolerance({ op, size, dtype, std = 1 }: Step): { rtol: number; atol: number } {
  const normal = op === 'randn' || op === 'normal_';
  // Sine, cosine and logarithm of two libraries, each within an ulp of double; a handful of roundings.
  if (dtype === 'float64')
    return op === 'rand' || op === 'randint' ? { rtol: 0, atol: 0 } : { rtol: 1e-14, atol: 1e-14 };
  if (!normal) return { rtol: 0, atol: 0 };
  // Computed in double on both sides and rounded once: at most the last bit.
  if (size < 16) return { rtol: 2 ** -23, atol: 0 };
  // fillNormal's documented bound, and the last bit of the sum with the mean.
  return { rtol: 2 ** -23, atol: 1e-6 * std };
}

describe('streams of PyTorch', () => {
  for (const [index, stream] of goldens.streams.entries()) {
    it(`seed ${stream.seed}, ${stream.steps.length} steps (stream ${index})`, () => {
      const generator = new Generator().manualSeed(BigInt(stream.seed));
      expect(generator.initialSeed()).toBe(BigInt(stream.initialSeed));
      for (const step of stream.steps) {
        const { stride = 1, dtype = 'float32', values } = step;
        const actual = Array.from(run(step, generator)).filter((_, i) => i % stride === 0);
        expect(actual).toBeClose(dtype === 'float32' ? float32(values) : values, tolerance(step));
      }
    });
  }

  it('a number and a bigint are the same seed, and only the low 32 bits decide the stream', () => {
    expect(new Generator(2 ** 32 + 5).initialSeed()).toBe(2n ** 32n + 5n);
    expect(new Generator(2 ** 32 + 5).random()).toBe(new Generator(5n).random());
  });

  it('draws queries, keys and values of the attention notebook, whose weights come out as printed there', () => {
    const generator = new Generator(42);
    const draw = () => {
      const out = new Float32Array(12);
      fillNormal(out, 0, 1, generator);
      return out;
    };
    const [q, k, v] = [draw(), draw(), draw()];
    expect(q).toBeClose(float32(goldens.notebook.q), { rtol: 2 ** -23 });
    expect(k).toBeClose(float32(goldens.notebook.k), { rtol: 2 ** -23 });
    expect(v).toBeClose(float32(goldens.notebook.v), { rtol: 2 ** -23 });
    const row = (m: Float32Array, i: number) => m.subarray(4 * i, 4 * i + 4);
    const weights = [0, 1, 2].map((i) => {
      const exps = [0, 1, 2].map((j) =>
        Math.exp(row(q, i).reduce((sum, x, d) => sum + x * (row(k, j)[d] ?? 0), 0) / 2),
      );
      const total = exps.reduce((a, b) => a + b, 0);
      return exps.map((x) => x / total);
    });
    // The notebook's eight digits; PyTorch's own float32 softmax is good to about 1e-7.
    expect(weights).toBeClose(
      [
        [0.3017341, 0.30983964, 0.3884262],
        [0.2450955, 0.3801395, 0.37476498],
        [0.29378855, 0.2293217, 0.4768897],
      ],
      { atol: 2e-7 },
    );
    expect(weights.flat()).toBeClose(float32(goldens.notebook.weights), { atol: 2e-7 });
  });
});

describe('Mt19937', () => {
  it('gives the published numbers of seed 5489', () => {
    const engine = new Mt19937(5489);
    expect(engine.next()).toBe(3499211612);
    for (let i = 2; i < 10000; i++) engine.next();
    // The C++ standard, [rand.predef]: the 10000th output of a default mt19937.
    expect(engine.next()).toBe(4123659995);
  });

  it('goes on from a saved state at any position', async () => {
    await fc.assert(
      fc.property(fc.nat({ max: 2 ** 32 - 1 }), fc.nat({ max: 1300 }), (start, drawn) => {
        const engine = new Mt19937(start);
        for (let i = 0; i < drawn; i++) engine.next();
        const state = engine.state();
        const expected = Array.from({ length: 5 }, () => engine.next());
        const other = new Mt19937(0);
        other.restore(state);
        expect(Array.from({ length: 5 }, () => other.next())).toEqual(expected);
      }),
      { numRuns: 50, seed: 1 },
    );
  });

  it('refuses a state of another size', () => {
    const engine = new Mt19937(0);
    expect(() => engine.restore({ words: new Uint32Array(3), position: 0 })).toThrow(ArgumentError);
    expect(() => engine.restore({ words: new Uint32Array(624), position: 625 })).toThrow(/position in \[0, 624\]/);
  });
});

describe('Generator', () => {
  it('saves the bytes that PyTorch saves, the waiting normal number included, and goes on from them', () => {
    const { state } = goldens;
    const generator = new Generator(BigInt(state.seed));
    const normals = (n: number) => fillNormal(new Float32Array(n), 0, 1, generator);
    normals(3);
    fillUniform(new Float32Array(700), 0, 1, generator);
    for (let i = 0; i < 3; i++) normals(1);
    expect(Buffer.from(generator.getState()).toString('base64')).toBe(state.bytes);

    const restored = new Generator(1);
    restored.setState(Buffer.from(state.bytes, 'base64'));
    const randn = new Float32Array(3);
    const rand = new Float32Array(3);
    fillNormal(randn, 0, 1, restored);
    fillUniform(rand, 0, 1, restored);
    expect(randn).toBeClose(float32(state.randn), { rtol: 2 ** -23 });
    expect(rand).toBeClose(float32(state.rand));
    expect(restored.initialSeed()).toBe(BigInt(state.seed));
  });

  it('reads the state of a PyTorch generator that has drawn nothing yet', () => {
    const generator = new Generator(1);
    generator.setState(Buffer.from(goldens.freshState.bytes, 'base64'));
    const rand = new Float32Array(3);
    fillUniform(rand, 0, 1, generator);
    expect(rand).toBeClose(float32(goldens.freshState.rand));
  });

  it('goes on from its own state after any draws', async () => {
    await fc.assert(
      fc.property(
        fc.bigInt(-(2n ** 63n), 2n ** 64n - 1n),
        fc.array(fc.integer({ min: 0, max: 40 })),
        (start, sizes) => {
          const generator = new Generator(start);
          for (const size of sizes) {
            fillNormal(new Float32Array(size), 0, 1, generator);
            generator.philoxKey();
          }
          const copy = new Generator(0);
          copy.setState(generator.getState());
          const draw = (from: Generator) => {
            const out = new Float32Array(3);
            fillNormal(out, 0, 1, from);
            return { normals: [...out], key: from.philoxKey(), word: from.random(), seed: from.initialSeed() };
          };
          expect(draw(copy)).toEqual(draw(generator));
        },
      ),
      { numRuns: 100, seed: 2 },
    );
  });

  it('refuses bytes that are no state', () => {
    const generator = new Generator(3);
    const before = generator.getState();
    expect(() => generator.setState(new Uint8Array(10))).toThrow(/expected a generator state of 5056 bytes, got 10/);
    expect(() => generator.setState(new Uint8Array(5056))).toThrow(ArgumentError);
    const skewed = generator.getState();
    skewed[8] = 5; // `left` no longer agrees with `next`
    expect(() => generator.setState(skewed)).toThrow(ArgumentError);
    expect(generator.getState()).toEqual(before);
  });

  it('makes Philox keys that follow the seed and leave the host stream alone', () => {
    const generator = new Generator(2n ** 63n + 5n);
    expect([generator.philoxKey(), generator.philoxKey()]).toEqual([
      { seed: [5, 0x80000000], offset: 0 },
      { seed: [5, 0x80000000], offset: 1 },
    ]);
    expect(generator.random()).toBe(new Generator(5).random());
    generator.manualSeed(-1);
    expect(generator.philoxKey()).toEqual({ seed: [0xffffffff, 0xffffffff], offset: 0 });
  });

  it('forgets the waiting normal number when it is seeded', () => {
    const generator = new Generator(1);
    fillNormal(new Float32Array(1), 0, 1, generator);
    expect(generator.cachedNormal).toBeTypeOf('number');
    expect(generator.manualSeed(1).cachedNormal).toBeUndefined();
  });

  it('refuses seeds outside [-2^63, 2^64) and fractions', () => {
    for (const bad of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -(2n ** 63n) - 1n, 2n ** 64n]) {
      expect(() => new Generator(bad), String(bad)).toThrow(ArgumentError);
    }
  });

  it('random64 is two draws, the first one high', () => {
    const [a, b] = [new Generator(8), new Generator(8)];
    const [hi, lo] = [b.random(), b.random()];
    expect(a.random64()).toBe((BigInt(hi) << 32n) | BigInt(lo));
  });
});

describe('the default generator', () => {
  it('is one object, seeded by manualSeed and by entropy', () => {
    const generator = manualSeed(42);
    expect(generator).toBe(defaultGenerator());
    expect(initialSeed()).toBe(42n);
    expect(generator.random()).toBe(1608637542);
    const taken = seed();
    expect(taken).toBeLessThan(2n ** 53n);
    expect(initialSeed()).toBe(taken);
    expect(seed()).not.toBe(taken);
  });
});

describe('distributions', () => {
  it('refuse parameters outside their domain in the words of PyTorch', () => {
    const generator = new Generator(1);
    const before = generator.getState();
    const out = new Float32Array(4);
    const refused: [() => void, string][] = [
      [() => fillUniform(out, 2, 1, generator), 'found from=2 > to=1'],
      [() => fillUniform(out, Number.NaN, 1, generator), 'from=NaN'],
      [() => fillUniform(out, -3e38, 3e38, generator), 'to - from to be finite'],
      [() => fillNormal(out, 0, -1, generator), 'normal expects std >= 0.0, but found std -1'],
      [() => fillNormal(out, 0, Number.NaN, generator), 'found std NaN'],
      [() => fillRandint(out, 5, 5, generator), "expects 'from' to be less than 'to', but got from=5 >= to=5"],
      [() => fillRandint(out, 0.5, 5, generator), 'whole'],
      [() => fillRandint(new Int32Array(1), 0, 2 ** 31 + 1, generator), 'out of bounds for int32'],
      [() => fillRandint(new Int32Array(1), -(2 ** 31) - 1, 0, generator), 'out of bounds for int32'],
      [() => fillBernoulli(out, 1.5, generator), 'bernoulli_ expects p to be in [0, 1], but got p=1.5'],
      [() => fillBernoulli(out, Float32Array.of(0.5), generator), '4 elements need as many probabilities, got 1'],
      [() => fillBernoulli(out, Float32Array.of(0, 1, -0.25, 1), generator), 'got p=-0.25 for element 2'],
    ];
    for (const [call, message] of refused) {
      expect(call).toThrow(ArgumentError);
      expect(call).toThrow(message);
    }
    expect(generator.getState()).toEqual(before);
  });

  it('uniform and integer numbers stay in their range', async () => {
    const seeds = fc.nat();
    await fc.assert(
      fc.property(seeds, fc.integer(), fc.integer({ min: 1, max: 2 ** 31 }), (start, low, width) => {
        const high = Math.min(low + width, 2 ** 31);
        fc.pre(high > low);
        const out = new Int32Array(20);
        fillRandint(out, low, high, new Generator(start));
        expect(out.every((value) => value >= low && value < high)).toBe(true);
      }),
      { numRuns: 200, seed: 3 },
    );
    await fc.assert(
      fc.property(
        seeds,
        fc.float({ noNaN: true, min: Math.fround(-1e30), max: Math.fround(1e30) }),
        fc.float({ noNaN: true, min: 0, max: Math.fround(1e30) }),
        (start, from, width) => {
          const to = Math.fround(from + width);
          const out = new Float32Array(20);
          fillUniform(out, from, to, new Generator(start));
          expect(out.every((value) => value >= from && value <= to)).toBe(true);
        },
      ),
      { numRuns: 200, seed: 4 },
    );
  });

  it('randperm returns each number once', async () => {
    await fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 300 }), (start, n) => {
        const out = new Int32Array(n);
        fillRandperm(out, new Generator(start));
        expect([...out].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
      { numRuns: 100, seed: 5 },
    );
  });
});

// Cases of kernels along a dim: reductions, recurrences, orders.
import { noise } from '../machine.js';
import type { Case } from './case.js';

export const dims: Record<string, Case> = {
  ...Object.fromEntries(
    (
      [
        ['sum of rows', 'sum', 30, 700, 1],
        ['sum of everything', 'sum', 1, 200_001, 1],
        ['sum of columns', 'sumOfSquares', 1, 900, 70],
        ['max of columns', 'max', 3, 100, 300],
        ['argmax of rows', 'argmax', 20, 77, 1],
        ['argmin of columns', 'argmin', 2, 77, 301],
        ['sum of short rows', 'sum', 5001, 3, 1],
        ['argmax of short rows', 'argmax', 5001, 7, 1],
        ['argmax of one row', 'argmax', 1, 70_001, 1],
        ['product of rows', 'prod', 40, 700, 1],
        ['product of columns', 'prod', 2, 90, 301],
      ] as const
    ).map(([name, op, outer, length, inner]): [string, Case] => [
      name,
      async (machine) => {
        const out = machine.room(outer * inner, op.startsWith('arg') ? 'int32' : 'float32');
        machine.run({
          kind: 'reduce',
          op,
          outer,
          length,
          inner,
          scale: 0.7,
          input: machine.put(noise(outer * length * inner, 1)),
          out,
        });
        return [await machine.get(out, outer * inner)];
      },
    ]),
  ),
  scan: async (machine) => {
    const [outer, length, inner] = [5, 33, 600];
    const [sums, products] = [machine.room(outer * length * inner), machine.room(outer * length * inner)];
    const input = machine.put(noise(outer * length * inner, 1));
    machine.run({ kind: 'scan', reverse: false, outer, length, inner, terms: input, out: sums });
    machine.run({ kind: 'scan', reverse: true, outer, length, inner, factors: input, terms: sums, out: products });
    return [await machine.get(sums, outer * length * inner), await machine.get(products, outer * length * inner)];
  },
  'scan of a long row': async (machine) => {
    const length = 100_003;
    const input = machine.put(noise(length, 42));
    const outs = [machine.room(length), machine.room(length), machine.room(length)] as const;
    const sizes = { kind: 'scan', outer: 1, length, inner: 1 } as const;
    machine.run({ ...sizes, reverse: false, terms: input, out: outs[0] });
    machine.run({ ...sizes, reverse: true, terms: input, out: outs[1] });
    machine.run({ ...sizes, reverse: true, factors: input, out: outs[2] });
    return Promise.all(outs.map((out) => machine.get(out, length)));
  },
  'scan of rows': async (machine) => {
    const [outer, length, inner] = [70, 501, 1];
    const [sums, products] = [machine.room(outer * length), machine.room(outer * length)];
    const input = machine.put(noise(outer * length, 1));
    machine.run({ kind: 'scan', reverse: false, outer, length, inner, terms: input, out: sums });
    machine.run({ kind: 'scan', reverse: true, outer, length, inner, factors: input, terms: sums, out: products });
    return [await machine.get(sums, outer * length), await machine.get(products, outer * length)];
  },
  sort: async (machine) => {
    const out = machine.room(60 * 101, 'int32');
    machine.run({
      kind: 'sort',
      descending: true,
      rows: 60,
      length: 101,
      input: machine.put(noise(60 * 101, 1).map((x) => Math.round(x * 20))),
      out,
    });
    return [await machine.get(out, 60 * 101)];
  },
  'the order of one long row': async (machine) => {
    const out = machine.room(50_001, 'int32');
    const input = machine.put(noise(50_001, 1).map((x) => Math.round(x * 5000)));
    machine.run({ kind: 'sort', descending: false, rows: 1, length: 50_001, input, out });
    return [await machine.get(out, 50_001)];
  },
  'the first of an order': async (machine) => {
    const out = machine.room(30 * 1001, 'int32');
    const input = machine.put(noise(30 * 1001, 1).map((x) => Math.round(x * 20)));
    machine.run({ kind: 'sort', descending: true, rows: 30, length: 1001, most: 40, input, out });
    return (await machine.get(out, 30 * 1001)).flatMap((place, i) => (i % 1001 < 40 ? [[place]] : []));
  },
  'integers and truth over one long row': async (machine) => {
    const length = 100_001;
    const ints = machine.put(
      noise(length, 1).map((x) => Math.round(x * 1e9) | 1),
      'int32',
    );
    const truths = machine.put(new Array<number>(length).fill(1), 'bool');
    const shape = { outer: 1, length, inner: 1, scale: 1 };
    const results: number[][] = [];
    for (const [op, input] of [
      ['sum', ints],
      ['prod', ints],
      ['max', ints],
      ['min', ints],
      ['any', truths],
      ['all', truths],
    ] as const) {
      const out = machine.room(1, op === 'any' || op === 'all' ? 'bool' : 'int32');
      machine.run({ kind: 'reduce', op, ...shape, input, out });
      results.push(await machine.get(out, 1));
    }
    return results;
  },
};

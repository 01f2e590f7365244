// A case for every kind of kernel: its requests on a machine, and everything that they write. For tests that run the same work in
// different ways and compare bits.
import { Program } from '../../../packages/tensor/src/fuse/program.js';
import { type Computer, type Machine, noise, strided } from './machine.js';

/** Runs a case on a machine and reads what it wrote. */
export type Case = (machine: Machine<Computer>) => Promise<number[][]>;

/** Attention and its backward, of `matrices` matrices; queries are strided as split heads are. */
const attentionCase =
  (matrices: number, queries: number, keys: number, isCausal: boolean): Case =>
  async (machine) => {
    const [width, valueWidth] = [20, 12];
    const sizes = { batch: [matrices], queries, keys, width, valueWidth, scale: 0.3, isCausal };
    const rows = matrices * queries;
    const split = (count: number, size: number, seed: number) =>
      strided(machine.put(noise(matrices * count * size, seed)), size, matrices * size, 1);
    const dense = (count: number, size: number) =>
      strided(machine.room(matrices * count * size), count * size, size, 1);
    const operands = { query: split(queries, width, 1), key: split(keys, width, 2), value: split(keys, valueWidth, 3) };
    const mask = strided(
      machine.put(
        noise(matrices * keys, 4).map((x) => Number(x > -0.5)),
        'bool',
      ),
      keys,
      0,
      1,
    );
    const given = { ...sizes, ...operands, mask, dropout: { p: 0.2, key: [1, 2, 3] as const } };
    const [out, logSumExp] = [dense(queries, valueWidth), machine.room(rows)];
    machine.run({ kind: 'attention', ...given, out, logSumExp });
    const [gradQuery, gradKey, gradValue] = [dense(queries, width), dense(keys, width), dense(keys, valueWidth)];
    const grad = split(queries, valueWidth, 5);
    machine.run({ kind: 'attentionBackward', ...given, grad, output: out, logSumExp, gradQuery, gradKey, gradValue });
    return [
      await machine.get(out, rows * valueWidth),
      await machine.get(gradQuery, rows * width),
      await machine.get(gradKey, matrices * keys * width),
      await machine.get(gradValue, matrices * keys * valueWidth),
    ];
  };

export const cases: Record<string, Case> = {
  pointwise: async (machine) => {
    const program = new Program({
      inputs: ['float32', 'float32'],
      scalars: ['int32'],
      steps: [
        { op: 'add', type: 'float32', dtype: 'float32', args: [0, 1] },
        { op: 'gelu', type: 'float32', dtype: 'float32', args: [3] },
        { op: 'uniform', type: 'int32', dtype: 'float32', args: [2, 2, 2] },
        { op: 'mul', type: 'float32', dtype: 'float32', args: [4, 5] },
      ],
      outputs: [6, 3],
    });
    const shape = [70, 129];
    const outputs = [machine.room(9030), machine.room(9030)];
    machine.run({
      kind: 'pointwise',
      program,
      shape,
      inputs: [strided(machine.put(noise(9030, 1)), 129, 1), strided(machine.put(noise(129, 2)), 0, 1)],
      scalars: [5],
      outputs: outputs.map((output) => strided(output, 129, 1)),
    });
    return Promise.all(outputs.map((output) => machine.get(output, 9030)));
  },
  transpose: async (machine) => {
    const out = machine.room(3 * 65 * 97);
    const program = new Program({ inputs: ['float32'], scalars: [], steps: [], outputs: [0] });
    const input = strided(machine.put(noise(3 * 65 * 97, 1)), 65 * 97, 1, 97);
    machine.run({
      kind: 'pointwise',
      program,
      shape: [3, 97, 65],
      inputs: [input],
      scalars: [],
      outputs: [strided(out, 97 * 65, 65, 1)],
    });
    return [await machine.get(out, 3 * 65 * 97)];
  },
  ...Object.fromEntries(
    (
      [
        ['matmul in blocks', [2], 300, 270, 70, false, false],
        ['matmul over long sums', [], 70, 140, 1100, false, true],
        ['matmul of few rows', [3], 2, 700, 33, false, false],
        ['matmul of few columns', [], 700, 3, 33, false, true],
        ['matmul of columns', [], 150, 90, 800, true, false],
        ['matmul of columns, turned for many', [], 130, 300, 810, true, false],
      ] as const
    ).map(([name, batch, m, n, k, turnedA, turned]): [string, Case] => [
      name,
      async (machine) => {
        const matrices = batch[0] ?? 1;
        const out = machine.room(matrices * m * n);
        machine.run({
          kind: 'matmul',
          batch,
          m,
          n,
          k,
          a: {
            ...machine.put(noise(matrices * m * k, 1)),
            rowStride: turnedA ? 1 : k,
            columnStride: turnedA ? m : 1,
            batchStrides: batch.map(() => m * k),
          },
          b: {
            ...machine.put(noise(matrices * k * n, 2)),
            rowStride: turned ? 1 : n,
            columnStride: turned ? k : 1,
            batchStrides: batch.map(() => k * n),
          },
          alpha: 0.3,
          bias: machine.put(noise(n, 3)),
          activation: 'geluTanh',
          residual: machine.put(noise(matrices * m * n, 4)),
          out,
        });
        return [await machine.get(out, matrices * m * n)];
      },
    ]),
  ),
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
  softmax: async (machine) => {
    const [out, back] = [machine.room(20 * 67), machine.room(20 * 67)];
    const mask = strided(
      machine.put(
        noise(67, 2).map((x) => Number(x > 0)),
        'bool',
      ),
      0,
      0,
      1,
    );
    machine.run({
      kind: 'softmax',
      log: false,
      shape: [4, 5, 67],
      scale: 2,
      input: machine.put(noise(20 * 67, 1)),
      mask,
      out,
    });
    machine.run({
      kind: 'softmaxBackward',
      log: false,
      rows: 20,
      width: 67,
      scale: 2,
      grad: machine.put(noise(20 * 67, 3)),
      output: out,
      out: back,
    });
    return [await machine.get(out, 20 * 67), await machine.get(back, 20 * 67)];
  },
  'attention, many matrices': attentionCase(9, 150, 140, false),
  'attention, few matrices': attentionCase(2, 150, 200, true),
  'attention, keys that do not stay packed': attentionCase(2, 300, 3100, false),
  'attention, few queries': attentionCase(5, 2, 700, false),
  'layer norm': async (machine) => {
    const [rows, width] = [333, 45];
    const x = machine.put(noise(rows * width, 1));
    const weight = machine.put(noise(width, 2));
    const [out, mean, rstd, gradInput, gradWeight, gradBias] = [
      rows * width,
      rows,
      rows,
      rows * width,
      width,
      width,
    ].map((n) => machine.room(n));
    if (!out || !mean || !rstd || !gradInput || !gradWeight || !gradBias) throw new Error('six operands');
    machine.run({ kind: 'layerNorm', rows, width, eps: 1e-5, input: x, weight, bias: weight, out, mean, rstd });
    machine.run({
      kind: 'layerNormBackward',
      rows,
      width,
      grad: machine.put(noise(rows * width, 3)),
      input: x,
      weight,
      mean,
      rstd,
      gradInput,
      gradWeight,
      gradBias,
    });
    return Promise.all([
      machine.get(out, rows * width),
      machine.get(gradInput, rows * width),
      machine.get(gradWeight, width),
      machine.get(gradBias, width),
    ]);
  },
  'rows by index': async (machine) => {
    const indices = machine.put(
      Array.from({ length: 200 }, (_, i) => (i * i) % 50),
      'int32',
    );
    const [out, table] = [machine.room(200 * 37), machine.room(50 * 37)];
    machine.run({
      kind: 'gatherRows',
      rows: 200,
      width: 37,
      tableRows: 50,
      table: machine.put(noise(50 * 37, 1)),
      indices,
      out,
    });
    machine.run({
      kind: 'scatterAddRows',
      rows: 200,
      width: 37,
      tableRows: 50,
      paddingIndex: 4,
      grad: out,
      indices,
      out: table,
    });
    return [await machine.get(out, 200 * 37), await machine.get(table, 50 * 37)];
  },
  'cross-entropy': async (machine) => {
    const logits = machine.put(noise(40 * 19, 1));
    const targets = machine.put(
      Array.from({ length: 40 }, (_, i) => i % 19),
      'int32',
    );
    const [losses, logSumExp, out] = [machine.room(40), machine.room(40), machine.room(40 * 19)];
    machine.run({ kind: 'crossEntropy', rows: 40, classes: 19, ignoreIndex: 3, logits, targets, losses, logSumExp });
    machine.run({
      kind: 'crossEntropyBackward',
      rows: 40,
      classes: 19,
      ignoreIndex: 3,
      logits,
      targets,
      logSumExp,
      gradRows: losses,
      out,
    });
    return [await machine.get(losses, 40), await machine.get(out, 40 * 19)];
  },
  'elements by index': async (machine) => {
    const [outer, size, inner, count] = [7, 31, 90, 40];
    const index = strided(
      machine.put(
        Array.from({ length: outer * count }, (_, i) => (i * i) % size),
        'int32',
      ),
      count,
      1,
      0,
    );
    const [values, table] = [machine.room(outer * count * inner), machine.put(noise(outer * size * inner, 1))];
    const request = { name: 'indexed', dim: 1, outer, size, inner, count, table, index } as const;
    machine.run({ kind: 'gather', ...request, out: values });
    machine.run({ kind: 'scatter', ...request, values, add: true });
    return [await machine.get(values, outer * count * inner), await machine.get(table, outer * size * inner)];
  },
  scan: async (machine) => {
    const [outer, length, inner] = [5, 33, 600];
    const [sums, products] = [machine.room(outer * length * inner), machine.room(outer * length * inner)];
    const input = machine.put(noise(outer * length * inner, 1));
    machine.run({ kind: 'scan', reverse: false, outer, length, inner, terms: input, out: sums });
    machine.run({ kind: 'scan', reverse: true, outer, length, inner, factors: input, terms: sums, out: products });
    return [await machine.get(sums, outer * length * inner), await machine.get(products, outer * length * inner)];
  },
  'elements by index along the last dim': async (machine) => {
    const [outer, size, inner, count] = [60, 300, 1, 200];
    const places = Array.from({ length: outer * count }, (_, i) => (i * i) % size);
    const index = strided(machine.put(places, 'int32'), count, 1, 1);
    const [values, table] = [machine.room(outer * count), machine.put(noise(outer * size, 1))];
    const request = { name: 'indexed', dim: 1, outer, size, inner, count, table, index } as const;
    machine.run({ kind: 'gather', ...request, out: values });
    machine.run({ kind: 'scatter', ...request, values, add: true });
    return [await machine.get(values, outer * count), await machine.get(table, outer * size)];
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
  adam: async (machine) => {
    const [param, expAvg, expAvgSq] = [
      machine.put(noise(20_001, 1)),
      machine.room(20_001),
      machine.put(new Array(20_001).fill(0.5)),
    ];
    const numbers = {
      lr: 0.01,
      beta1: 0.9,
      beta2: 0.99,
      eps: 1e-8,
      weightDecay: 0.1,
      biasCorrection1: 0.5,
      biasCorrection2: 0.5,
    };
    machine.run({
      kind: 'adam',
      count: 20_001,
      decoupled: true,
      ...numbers,
      param,
      grad: machine.put(noise(20_001, 2)),
      expAvg,
      expAvgSq,
    });
    return [await machine.get(param, 20_001), await machine.get(expAvgSq, 20_001)];
  },
  descend: async (machine) => {
    const results: number[][] = [];
    const numbers = { lr: 0.01, weightDecay: 0.1, momentum: 0.9, dampening: 0.1, alpha: 0.99, eps: 1e-8 };
    for (const rule of ['sgd', 'rmsprop', 'adagrad'] as const) {
      const [param, buffer, square] = [
        machine.put(noise(20_001, 1)),
        machine.put(noise(20_001, 2)),
        machine.put(new Array(20_001).fill(0.5)),
      ];
      machine.run({
        kind: 'descend',
        rule,
        ...numbers,
        ...{ count: 20_001, param, grad: machine.put(noise(20_001, 3)) },
        ...(rule !== 'adagrad' && { buffer }),
        ...(rule !== 'sgd' && { square }),
      });
      results.push(...(await Promise.all([param, buffer, square].map((each) => machine.get(each, 20_001)))));
    }
    return results;
  },
  norm: async (machine) => {
    const out = machine.room(1);
    const inputs = [20_001, 3, 4096].map((count, i) => ({ count, data: machine.put(noise(count, i)) }));
    machine.run({ kind: 'norm', inputs, out });
    return [await machine.get(out, 1)];
  },
  clip: async (machine) => {
    const targets = [20_001, 3, 4096].map((count, i) => ({ count, data: machine.put(noise(count, i)) }));
    machine.run({ kind: 'clip', norm: machine.put([7]), maxNorm: 2, targets });
    return await Promise.all(targets.map(({ count, data }) => machine.get(data, count)));
  },
};

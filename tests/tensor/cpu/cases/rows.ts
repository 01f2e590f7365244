// Cases of kernels whose items are rows, and of rows and elements by index.
import { noise, strided } from '../machine.js';
import type { Case } from './case.js';

export const rows: Record<string, Case> = {
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
};

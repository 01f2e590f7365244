// Cases of kernels that go element by element: fused expressions, copies, and the steps of optimizers.
import { Program } from '../../../../packages/tensor/src/fuse/program.js';
import { noise, strided } from '../machine.js';
import type { Case } from './case.js';

export const elements: Record<string, Case> = {
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

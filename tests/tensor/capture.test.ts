// capture: a replay does what the function would have done, bit for bit, or the function is refused with the reason. The training steps are
// those of @course/nn, since optimizers and dropout are what changes from call to call.
import { DataLoader, Dataset } from '@course/data';
import { TextClassifier } from '@course/models';
import {
  clipGradNorm_,
  Dropout,
  LayerNorm,
  Linear,
  type Module,
  ReLU,
  Sequential,
  TransformerEncoderBlock,
} from '@course/nn';
import { AdamW, ExponentialMovingAverage, LinearWarmup, SGD, StepLR } from '@course/nn/optim';
import {
  ArgumentError,
  AutogradError,
  capture,
  crossEntropy,
  device,
  eachTime,
  Generator,
  keep,
  manualSeed,
  memory,
  noGrad,
  ones,
  rand,
  randn,
  resetCaptures,
  scope,
  type Tensor,
  tensor,
  zeros,
} from '@course/tensor';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

const CLASSES = 3;

function makeModel(): Module & { forward(x: Tensor): Tensor } {
  return new Sequential(
    new Linear(6, 8),
    new LayerNorm(8),
    new ReLU(),
    new Dropout(0.3),
    new TransformerEncoderBlock(8, 2, 4, { dropout: 0.2 }),
    new Linear(8, CLASSES),
  ) as unknown as Module & { forward(x: Tensor): Tensor };
}

/** Batches of their own numbers, two shapes in turn. */
function makeBatches(count: number): { x: Float32Array; labels: Int32Array; size: number }[] {
  const generator = new Generator(5);
  return Array.from({ length: count }, (_, i) => {
    const size = i % 3 === 2 ? 2 : 4;
    return {
      size,
      x: Float32Array.from({ length: size * 5 * 6 }, () => generator.randomDouble() - 0.5),
      labels: Int32Array.from({ length: size * 5 }, () => generator.random() % CLASSES),
    };
  });
}

type Make = (model: Module) => { step: (x: Tensor, labels: Tensor) => Tensor; after?: () => void };

/** Losses, clipped norms and all parameters at the end of a training, as bits. */
async function train(make: Make, wrap: boolean, steps: number): Promise<{ trace: number[]; replays: number }> {
  manualSeed(11);
  const model = makeModel();
  let training!: ReturnType<Make>;
  // Optimizers take the parameters as they are.
  training = make(model);
  const run = wrap ? capture(training.step) : undefined;
  const losses: Promise<number>[] = [];
  for (const { x, labels, size } of makeBatches(steps)) {
    const inputs = tensor(x, { shape: [size, 5, 6] });
    const targets = tensor(labels, { shape: [size * 5] });
    const loss = run ? run(inputs, targets) : scope(() => training.step(inputs, targets).detach());
    losses.push(loss.item());
    training.after?.();
    inputs.dispose();
    targets.dispose();
  }
  const trace = await Promise.all(losses);
  for (const parameter of model.parameters()) trace.push(...(await parameter.data()));
  const replays = run?.statistics.replays ?? 0;
  run?.reset();
  return { trace, replays };
}

const lossOf = (model: Module, x: Tensor, labels: Tensor): Tensor =>
  crossEntropy((model as ReturnType<typeof makeModel>).forward(x).view([-1, CLASSES]), labels);

const trainings: Record<string, Make> = {
  'AdamW with a schedule inside, clipping and dropout': (model) => {
    const optimizer = new AdamW(model.parameters(), { lr: 1e-2 });
    const scheduler = new LinearWarmup(optimizer, { warmupSteps: 5, totalSteps: 60 });
    return {
      step(x, labels) {
        const loss = lossOf(model, x, labels);
        loss.backward();
        clipGradNorm_(model.parameters(), 0.5);
        optimizer.step();
        scheduler.step();
        optimizer.zeroGrad();
        return loss;
      },
    };
  },
  'SGD with momentum, a schedule outside, gradients dropped at the start': (model) => {
    const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const scheduler = new StepLR(optimizer, { stepSize: 7, gamma: 0.5 });
    return {
      step(x, labels) {
        optimizer.zeroGrad();
        const loss = lossOf(model, x, labels);
        loss.backward();
        optimizer.step();
        return loss;
      },
      after: () => scheduler.step(),
    };
  },
  'forward and backward alone, the optimizer outside': (model) => {
    const optimizer = new AdamW(model.parameters(), { lr: 1e-2 });
    return {
      step(x, labels) {
        const loss = lossOf(model, x, labels);
        loss.backward();
        return loss;
      },
      after() {
        optimizer.step();
        optimizer.zeroGrad();
      },
    };
  },
  'the optimizer before the backward pass, with the gradients of the call before': (model) => {
    const optimizer = new AdamW(model.parameters(), { lr: 1e-2 });
    return {
      step(x, labels) {
        optimizer.step();
        optimizer.zeroGrad();
        const loss = lossOf(model, x, labels);
        loss.backward();
        return loss;
      },
    };
  },
  'gradients of four calls added up': (model) => {
    const optimizer = new AdamW(model.parameters(), { lr: 1e-2 });
    let calls = 0;
    return {
      step(x, labels) {
        const loss = lossOf(model, x, labels);
        loss.div(4).backward();
        return loss;
      },
      after() {
        if (++calls % 4 !== 0) return;
        optimizer.step();
        optimizer.zeroGrad();
      },
    };
  },
  'a running average of the parameters': (model) => {
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const average = new ExponentialMovingAverage(model.parameters(), { decay: 0.9, warmup: true });
    return {
      step(x, labels) {
        const loss = lossOf(model, x, labels);
        loss.backward();
        optimizer.step();
        average.update();
        optimizer.zeroGrad();
        return loss;
      },
    };
  },
};

// First, while no garbage of training steps can be collected that its counts of memory would notice.
onEachDevice('capture', () => {
  it('replays from the third call on, with new inputs, in memory that stays flat', async () => {
    const weight = randn([4, 4]);
    const f = capture((x: Tensor) => x.matmul(weight).relu().add(1));
    let held = 0;
    for (let i = 0; i < 12; i++) {
      const x = rand([3, 4]);
      const expected = scope(() => x.matmul(weight).relu().add(1));
      const y = f(x);
      expect(await y.data()).toEqual(await expected.data());
      for (const each of [x, expected, y]) each.dispose();
      if (i === 4) held = memory().device.bytes;
      else if (i > 4) expect(memory().device.bytes).toBe(held);
    }
    expect(f.statistics).toEqual({ calls: 12, replays: 10, recordings: 1 });
    f.reset();
    expect(f.statistics.recordings).toBe(0);
  });

  it('takes fewer launches into JavaScript but the same kernels', () => {
    const f = capture((x: Tensor) => x.matmul(x.T).softmax(-1).sum());
    const x = rand([4, 4]);
    const count = (): number => {
      const { dispatches } = memory().device;
      f(x).dispose();
      return memory().device.dispatches - dispatches;
    };
    count();
    const eager = count();
    expect(count()).toBe(eager);
  });

  it('keeps results that are still held', async () => {
    const f = capture((x: Tensor) => ({ twice: x.mul(2), all: [x.add(1)] as const, count: 7 }));
    const results = Array.from({ length: 6 }, (_, i) => f(tensor([i, i + 1])));
    expect(f.statistics.replays).toBe(4);
    for (const [i, { twice, all, count }] of results.entries()) {
      expect(await twice.toArray()).toEqual([2 * i, 2 * i + 2]);
      expect(await all[0].toArray()).toEqual([i + 1, i + 2]);
      expect(count).toBe(7);
    }
  });

  it('runs a step in two captured functions', async () => {
    const run = async (wrap: <A extends readonly unknown[], R>(fn: (...args: A) => R) => (...args: A) => R) => {
      manualSeed(2);
      const model = makeModel();
      const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.5 });
      const backward = wrap((x: Tensor, labels: Tensor) => {
        const loss = lossOf(model, x, labels);
        loss.backward();
        return loss;
      });
      const update = wrap(() => {
        clipGradNorm_(model.parameters(), 0.1);
        optimizer.step();
        optimizer.zeroGrad();
      });
      const losses: number[] = [];
      for (let i = 0; i < 12; i++) {
        const [{ x, labels, size } = { x: new Float32Array(), labels: new Int32Array(), size: 0 }] = makeBatches(1);
        losses.push(
          await backward(tensor(x, { shape: [size, 5, 6] }), tensor(labels, { shape: [size * 5] }))
            .detach()
            .item(),
        );
        update();
      }
      return losses;
    };
    const captures: { readonly statistics: { readonly replays: number } }[] = [];
    const captured = await run((fn) => {
      const f = capture(fn);
      captures.push(f);
      return f;
    });
    expect(captured).toEqual(await run((fn) => fn));
    for (const { statistics } of captures) expect(statistics.replays).toBeGreaterThan(6);
  });

  it('keeps what was computed from results, and views of them', async () => {
    const f = capture((x: Tensor) => x.mul(2).view([2, 2]));
    const later: Tensor[] = [];
    for (let i = 0; i < 6; i++)
      later.push(
        f(tensor([i, 1, 2, 3]))
          .transpose(0, 1)
          .add(1),
      );
    for (const [i, each] of later.entries())
      expect(await each.toArray()).toEqual([
        [2 * i + 1, 5],
        [3, 7],
      ]);
  });

  it('gives arguments and tensors from outside back as copies', async () => {
    const outside = tensor([1, 2]);
    const f = capture((x: Tensor) => [x, outside] as const);
    for (let i = 0; i < 4; i++) {
      const [x, y] = f(tensor([i, i]));
      y.add_(1);
      expect(await x.toArray()).toEqual([i, i]);
      expect(await y.toArray()).toEqual([2, 3]);
    }
  });

  it('leaves gradients that the caller keeps as they are', async () => {
    const weight = ones([2], { requiresGrad: true });
    const f = capture((x: Tensor) => {
      weight.grad = null;
      x.mul(weight).sum().backward();
    });
    const kept: Tensor[] = [];
    for (let i = 0; i < 5; i++) {
      f(tensor([i, 2 * i]));
      kept.push((weight.grad as Tensor).detach());
    }
    for (const [i, each] of kept.entries()) expect(await each.toArray()).toEqual([i, 2 * i]);
  });

  it('tells calls apart by shapes, dtypes, structure and plain values, and drops the oldest recording', async () => {
    const f = capture((x: Tensor, { scale }: { scale: number }) => x.mul(scale), { maxRecordings: 2 });
    for (let i = 0; i < 3; i++)
      for (const [size, scale] of [
        [1, 2],
        [2, 2],
        [2, 3],
      ] as const)
        expect(await f(ones([size]), { scale }).toArray()).toEqual(new Array(size).fill(scale));
    expect(f.statistics.recordings).toBe(2);
    const { replays } = f.statistics;
    for (let i = 0; i < 3; i++)
      await f(ones([2]), { scale: 3 })
        .item()
        .catch(() => undefined);
    expect(f.statistics.replays).toBe(replays + 3);
  });

  it('records anew when a tensor from outside is gone, a parameter is frozen or a module goes to eval', async () => {
    const model = makeModel();
    const f = capture((x: Tensor) => {
      const y = model.forward(x).sum();
      y.backward();
      return y;
    });
    const x = randn([2, 5, 6]);
    // Parameters are computed when they are used first.
    model.forward(x).compute();
    const call = (): number => {
      for (const parameter of model.parameters()) parameter.grad = null;
      const { replays } = f.statistics;
      f(x).dispose();
      return f.statistics.replays - replays;
    };
    expect([call(), call(), call()]).toEqual([0, 0, 1]);
    model.eval();
    expect([call(), call(), call()]).toEqual([0, 0, 1]);
    const [first] = model.parameters();
    first?.requiresGrad_(false);
    expect([call(), call(), call()]).toEqual([0, 0, 1]);
    expect(first?.grad).toBeNull();
    resetCaptures();
    expect([call(), call(), call()]).toEqual([0, 0, 1]);
  });

  it('draws masks as the function would, also after another seed', async () => {
    const x = ones([64]);
    const f = capture((y: Tensor) => y.dropout(0.5));
    const drawn = async (run: (y: Tensor) => Tensor) => {
      manualSeed(3);
      const first = await Promise.all(Array.from({ length: 4 }, () => run(x).data()));
      manualSeed(4);
      return [...first, ...(await Promise.all(Array.from({ length: 4 }, () => run(x).data())))];
    };
    const expected = await drawn((y) => y.dropout(0.5));
    expect(await drawn(f)).toEqual(expected);
    expect(await drawn(f)).toEqual(expected);
  });

  it('draws fresh masks where replays follow each other and nothing is read in between', async () => {
    const run = async (wrap: (fn: (x: Tensor) => void) => (x: Tensor) => void): Promise<unknown> => {
      manualSeed(6);
      const sum = zeros([64]);
      const add = wrap((x) => void noGrad(() => sum.add_(x.dropout(0.5))));
      for (let i = 0; i < 12; i++) add(ones([64]).mul(2 ** i));
      return await sum.toArray();
    };
    expect(await run(capture)).toEqual(await run((fn) => (x) => scope(() => fn(x))));
  });

  it('tells of an index out of range in a replay, and goes on', async () => {
    const table = ones([4, 2]);
    table.compute();
    const f = capture((indices: Tensor) => table.indexSelect(0, indices));
    const read = async (index: number) => await f(tensor([index], { dtype: 'int32' })).toArray();
    for (let i = 0; i < 4; i++) expect(await read(i)).toEqual([[1, 1]]);
    expect(f.statistics.replays).toBe(2);
    await expect(read(4)).rejects.toThrow(/index.*4/i);
    await expect(read(7)).rejects.toThrow(/index.*7/i);
    expect(await read(0)).toEqual([[1, 1]]);
  });

  it('sees writes from outside, and is seen by values that wait', async () => {
    const state = tensor([1]);
    const f = capture((x: Tensor) => {
      noGrad(() => state.add_(x));
      return state.mul(10);
    });
    for (let i = 0; i < 4; i++) {
      const before = (await state.item()) as number;
      // Waits to be computed from the state as it is now.
      const waiting = state.mul(100);
      expect(await f(tensor([1])).item()).toBe(10 * (before + 1));
      expect(await waiting.item()).toBe(100 * before);
      state.add_(5);
    }
    expect(await state.item()).toBe(1 + 4 * 6);
  });

  it('runs eachTime code at every call, in its place', async () => {
    const state = tensor([0]);
    let calls = 0;
    const f = capture((x: Tensor) => {
      const before = state.add(x);
      eachTime(() => {
        calls++;
        state.add_(calls);
      });
      return [before, state.add(x)] as const;
    });
    let sum = 0;
    for (let i = 1; i <= 6; i++) {
      const [before, after] = f(tensor([100 * i]));
      expect(await before.item()).toBe(sum + 100 * i);
      sum += i;
      expect(await after.item()).toBe(sum + 100 * i);
    }
    expect(calls).toBe(6);
    expect(f.statistics.replays).toBe(4);
  });

  it('goes on after the function throws', async () => {
    let fails = false;
    const f = capture((x: Tensor) => {
      const y = x.add(1);
      if (fails) throw new RangeError('mine');
      return y;
    });
    const x = ones([2]);
    x.compute();
    f(x);
    fails = true;
    const { bytes } = memory().device;
    expect(() => f(x)).toThrow(RangeError);
    expect(memory().device.bytes).toBe(bytes);
    fails = false;
    for (let i = 0; i < 3; i++) expect(await f(x).toArray()).toEqual([2, 2]);
    expect(f.statistics.replays).toBeGreaterThan(0);
  });

  it('is a part of the recording around it', async () => {
    const inner = capture((x: Tensor) => x.mul(2));
    const outer = capture((x: Tensor) => inner(x).add(1));
    for (let i = 0; i < 4; i++) expect(await outer(tensor([i])).item()).toBe(2 * i + 1);
    expect(outer.statistics.replays).toBe(2);
    expect(inner.statistics.calls).toBe(0);
  });
});

onEachDevice('the program of the API page', () => {
  it('captures a loop over a loader', async () => {
    const rows = Array.from({ length: 12 }, (_, i) => ({ inputIds: [i % 5, (2 * i) % 5, 3], label: i % 2 }));
    const loader = new DataLoader(Dataset.fromRows(rows), {
      batchSize: 3,
      collate: (batch) => ({
        inputIds: tensor(batch.map((row) => row.inputIds)).to('int32'),
        labels: tensor(batch.map((row) => row.label)).to('int32'),
      }),
    });
    manualSeed(0);
    const model = new TextClassifier({
      vocabSize: 5,
      dim: 8,
      layers: 1,
      heads: 2,
      mlpDim: 8,
      maxLength: 4,
      labels: ['a', 'b'],
    });
    const optimizer = new AdamW(model.parameters(), { lr: 1e-2 });
    const step = capture((inputIds: Tensor, labels: Tensor) => {
      optimizer.zeroGrad();
      const { loss } = model.forward(inputIds, { labels });
      loss?.backward();
      optimizer.step();
      return loss as Tensor;
    });
    const losses: number[] = [];
    for (let epoch = 0; epoch < 3; epoch++)
      for await (const b of loader) losses.push(await step(b.inputIds, b.labels).item());
    expect(losses).toHaveLength(12);
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(step.statistics.replays).toBeGreaterThan(8);
  });
});

onEachDevice('capture refuses', () => {
  const x = () => ones([2]);
  /** What a function ends in when it is called often. */
  const outcome = (f: () => unknown): string => {
    try {
      for (let i = 0; i < 40; i++) f();
    } catch (error) {
      expect(error).toBeInstanceOf(ArgumentError);
      return (error as Error).message;
    }
    return 'no error';
  };

  it('asynchronous functions and readbacks', async () => {
    expect(() => capture(async (y: Tensor) => y.add(1))(x())).toThrow('must not be asynchronous');
    expect(() =>
      capture((y: Tensor) => {
        y.add(1)
          .data()
          .catch(() => undefined);
        return y;
      })(x()),
    ).toThrow('reads a value back');
    await device.synchronize();
  });

  it('arguments that want a gradient, that are of no known kind, and that are written to', () => {
    expect(() => capture((y: Tensor) => y)(ones([2], { requiresGrad: true }))).toThrow('gradient cannot be asked for');
    expect(() => capture((y: Map<string, Tensor>) => y.get(''))(new Map())).toThrow('an object of Map');
    expect(() => capture((y: Tensor) => y.add_(1))(x())).toThrow('writes to an argument in place');
    expect(() => capture((y: Tensor) => y, { maxRecordings: 0 })).toThrow('maxRecordings');
  });

  it('numbers drawn on the host and data that changes', () => {
    const noise = capture((y: Tensor) => y.add(randn([2])));
    expect(outcome(() => noise(x()))).toMatch(/draws random numbers on the host/);
    let calls = 0;
    const data = capture((y: Tensor) => y.add(tensor([calls++, 1])));
    expect(outcome(() => data(x()))).toMatch(/uploaded other numbers from the host/);
  });

  it('numbers and tensors from outside that change', () => {
    let scale = 1;
    const number = capture((y: Tensor) => y.mul(scale++));
    expect(outcome(() => number(x()))).toMatch(/scalars\.0 was \d+ at one call and is \d+ at the next/);
    let other = zeros([2]);
    other.compute();
    const outside = capture((y: Tensor) => y.add(other));
    expect(
      outcome(() => {
        outside(x());
        other = zeros([2]);
        other.compute();
      }),
    ).toMatch(/lies in other memory/);
  });

  it('a number from outside that changes later, when the function is looked at again', () => {
    let calls = 0;
    const f = capture((y: Tensor) => y.mul(calls < 10 ? 2 : 3));
    expect(
      outcome(() => {
        f(x());
        calls++;
      }),
    ).toMatch(/does something else than when it was recorded/);
    calls = 0;
    const checked = capture((y: Tensor) => y.mul(calls < 10 ? 2 : 3), { check: true });
    for (; calls < 10; calls++) checked(x());
    expect(() => checked(x())).toThrow('does something else');
  });

  it('tensors that outlive the call', () => {
    const kept: Tensor[] = [];
    const f = capture((y: Tensor) => {
      kept.push(keep(y.mul(2)));
      return y.add(1);
    });
    expect(outcome(() => f(x()))).toMatch(/lives on, but was not returned/);
  });

  it('tensors that outlive the call while they wait to be computed, which are right', async () => {
    const kept: Tensor[] = [];
    const f = capture((y: Tensor) => {
      kept.push(keep(y.softmax(0).add(1).relu()));
      return y.add(1);
    });
    expect(outcome(() => f(x()))).toMatch(/lives on, but was not returned/);
    for (const each of kept) expect(await each.toArray()).toEqual(await x().softmax(0).add(1).toArray());
  });

  it('eachTime code that uses what the function made', () => {
    const state = zeros([2]);
    const f = capture((y: Tensor) => {
      const made = y.matmul(ones([2, 2]));
      eachTime(() => void state.add_(made));
    });
    expect(outcome(() => f(x()))).toMatch(/eachTime: the code uses a tensor/);
  });

  it('a backward pass from its results', () => {
    const weight = ones([2], { requiresGrad: true });
    const f = capture((y: Tensor) => y.mul(weight).sum());
    expect(() => f(x()).backward()).toThrow(AutogradError);
  });
});

onEachDevice('a captured training step equals the eager one', () => {
  it.each(Object.keys(trainings))('%s', async (name) => {
    const make = trainings[name] as Make;
    const eager = await train(make, false, 50);
    const captured = await train(make, true, 50);
    expect(captured.trace).toEqual(eager.trace);
    expect(captured.replays).toBeGreaterThan(name.startsWith('gradients of four') ? 0 : 35);
  });
});

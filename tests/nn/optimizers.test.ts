// Optimizers beside their numbers: groups, saved state, averages, and what they refuse.
import { clipGradNorm_, Linear, Parameter } from '@course/nn';
import * as optim from '@course/nn/optim';
import {
  ArgumentError,
  device,
  manualSeed,
  memory,
  noGrad,
  randn,
  ShapeError,
  type Tensor,
  tensor,
  zeros,
} from '@course/tensor';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

type Options = Record<string, unknown>;
const kinds = {
  SGD: (params: Tensor[], options: Options = {}) => new optim.SGD(params, { momentum: 0.9, ...options }),
  AdamW: (params: Tensor[], options: Options = {}) => new optim.AdamW(params, { amsgrad: true, ...options }),
  RMSprop: (params: Tensor[], options: Options = {}) =>
    new optim.RMSprop(params, { momentum: 0.9, centered: true, ...options }),
  Adagrad: (params: Tensor[], options: Options = {}) => new optim.Adagrad(params, options),
};

function stepWith(optimizer: optim.Optimizer<optim.BaseSettings>, parameter: Tensor, gradient: Tensor): void {
  parameter.grad = gradient.clone();
  optimizer.step();
  optimizer.zeroGrad();
}

onEachDevice('optimizers', (kind) => {
  it.each(Object.entries(kinds))('%s goes on to the same bits from its saved state', async (_name, make) => {
    manualSeed(2);
    const start = randn([3, 2]);
    const gradients = Array.from({ length: 4 }, () => randn([3, 2]));
    const whole = new Parameter(start.clone());
    const first = new Parameter(start.clone());
    const [a, b] = [make([whole]), make([first])];
    for (const [i, gradient] of gradients.entries()) {
      stepWith(a, whole, gradient);
      if (i < 2) stepWith(b, first, gradient);
    }
    const second = new Parameter(first.clone());
    const c = make([second], { lr: 9 });
    // A step of its own first: what it leaves is to be replaced.
    stepWith(c, second, zeros([3, 2]));
    noGrad(() => second.copy_(first));
    c.loadStateDict(b.stateDict() as never);
    for (const gradient of gradients.slice(2)) stepWith(c, second, gradient);
    expect([...(await second.data())]).toEqual([...(await whole.data())]);
  });

  it('steps all parameters at once with the bits of a step for each', async () => {
    // Around the blocks that a launch is cut into, one of them without a gradient, and more than one table of parameters holds.
    const sizes = [1, 3, 4095, 4096, 4097, 9001, 5, ...new Array<number>(1030).fill(2)];
    const make = (): Parameter[] => {
      manualSeed(2);
      return sizes.map((size, i) => {
        const parameter = new Parameter(randn([size]));
        if (i !== 6) parameter.grad = randn([size]);
        return parameter;
      });
    };
    const [together, apart] = [make(), make()];
    const options = { lr: 0.1, weightDecay: 0.1 };
    const all = new optim.AdamW(together, options);
    const each = apart.map((parameter) => new optim.AdamW([parameter], options));
    for (let step = 0; step < 2; step++) {
      all.step();
      for (const own of each) own.step();
    }
    for (const [i, parameter] of together.entries())
      expect([...(await parameter.data())], `parameter ${i}`).toEqual([...((await apart[i]?.data()) ?? [])]);
    // Parameters that joined later have taken fewer steps: their moments are corrected by their own.
    const [early, late] = [new Parameter(tensor([1])), new Parameter(tensor([1]))];
    const mixed = new optim.AdamW([early, late], { lr: 0.5, weightDecay: 0 });
    early.grad = tensor([1]);
    mixed.step();
    [early.grad, late.grad] = [tensor([1]), tensor([1])];
    mixed.step();
    // A constant gradient moves a parameter by the rate, at every step.
    expect([await early.item(), await late.item()]).toEqual([expect.closeTo(0, 6), expect.closeTo(0.5, 6)]);
  });

  it.each(Object.entries(kinds))(
    '%s steps many parameters in few launches, with the bits of a step for each',
    async (name, make) => {
      const dtypes = device.info().features.includes('shader-f16')
        ? (['float32', 'float16'] as const)
        : (['float32'] as const);
      for (const dtype of dtypes) {
        const makeParameters = (): Parameter[] => {
          manualSeed(4);
          return [...new Array<number>(40).fill(64), 3, 5, 130, 1].map(
            (size) => new Parameter(randn([size]).to(dtype)),
          );
        };
        const [together, apart] = [makeParameters(), makeParameters()];
        const all = make(together);
        const each = apart.map((parameter) => make([parameter]));
        let launches = 0;
        for (let step = 0; step < 3; step++) {
          for (const [i, parameter] of together.entries()) {
            const gradient = randn(parameter.shape).to(dtype);
            gradient.compute();
            parameter.grad = gradient;
            (apart[i] as Parameter).grad = gradient.clone();
          }
          const before = memory().device.dispatches;
          all.step();
          launches = memory().device.dispatches - before;
          for (const own of each) own.step();
        }
        for (const [i, parameter] of together.entries())
          expect([...(await parameter.data())], `${dtype} parameter ${i}`).toEqual([
            ...((await apart[i]?.data()) ?? []),
          ]);
        // States share a buffer each; parameters and gradients have their own. One more for those that do not fill vectors of four.
        const states = { SGD: 1, AdamW: 3, RMSprop: 3, Adagrad: 1 }[name] ?? 0;
        const bound = device.info().limits.maxStorageBuffersPerShaderStage ?? Number.POSITIVE_INFINITY;
        expect(launches).toBeLessThanOrEqual(Math.ceil(together.length / Math.floor((bound - states) / 2)) + 1);
      }
    },
  );

  /** A step of each optimizer written out in tensor ops, on states that it keeps by name. */
  type Written = (p: Tensor, g: Tensor, own: Record<string, Tensor>, step: number) => Tensor;
  const sgd =
    (momentum: number, dampening: number, nesterov: boolean): Written =>
    (p, g, own) => {
      const d = g.add(p, { alpha: 0.1 });
      const b = own.b ? own.b.mul(momentum).add(d, { alpha: 1 - dampening }) : d;
      own.b = b;
      return p.sub((nesterov ? d.add(b, { alpha: momentum }) : b).mul(0.05));
    };
  const rmsprop =
    (momentum: number, centered: boolean): Written =>
    (p, g, own) => {
      own.s = (own.s ?? p.mul(0)).mul(0.9).add(g.square(), { alpha: 1 - 0.9 });
      own.m = (own.m ?? p.mul(0)).mul(0.9).add(g, { alpha: 1 - 0.9 });
      const d = g.div((centered ? own.s.sub(own.m.square()) : own.s).sqrt().add(1e-8));
      own.b = (own.b ?? p.mul(0)).mul(momentum).add(d);
      return p.sub((momentum > 0 ? own.b : d).mul(0.05));
    };
  const base = { lr: 0.05 };
  it.each<readonly [string, (params: Tensor[]) => optim.Optimizer<optim.BaseSettings>, Written]>([
    ['SGD', (params) => new optim.SGD(params, base), (p, g) => p.sub(g.mul(0.05))],
    [
      'SGD with momentum',
      (params) => new optim.SGD(params, { ...base, momentum: 0.9, dampening: 0.2, weightDecay: 0.1 }),
      sgd(0.9, 0.2, false),
    ],
    [
      'SGD after Nesterov',
      (params) => new optim.SGD(params, { ...base, momentum: 0.9, nesterov: true, weightDecay: 0.1 }),
      sgd(0.9, 0, true),
    ],
    ['RMSprop', (params) => new optim.RMSprop(params, { ...base, alpha: 0.9 }), rmsprop(0, false)],
    [
      'RMSprop, centered, with momentum',
      (params) => new optim.RMSprop(params, { ...base, alpha: 0.9, momentum: 0.8, centered: true }),
      rmsprop(0.8, true),
    ],
    [
      'Adagrad',
      (params) => new optim.Adagrad(params, { ...base, lrDecay: 0.3, weightDecay: 0.1, initialAccumulatorValue: 0.5 }),
      (p, g, own, step) => {
        const d = g.add(p, { alpha: 0.1 });
        own.s = (own.s ?? p.mul(0).add(0.5)).add(d.square());
        return p.sub(d.div(own.s.sqrt().add(1e-10)).mul(0.05 / (1 + step * 0.3)));
      },
    ],
  ])('%s steps all parameters at once as its formula in tensor ops', async (_name, make, written) => {
    manualSeed(5);
    // Around the blocks that a launch is cut into; the last one lies by columns.
    const starts = [1, 3, 4096, 4097, 9001].map((size) => randn([size]));
    const parameters = [...starts.map((start) => start.clone()), randn([5, 7]).transpose(0, 1)].map((x) =>
      x.requiresGrad_(),
    );
    const values = parameters.map((parameter) => parameter.detach().clone());
    const states = parameters.map((): Record<string, Tensor> => ({}));
    const optimizer = make(parameters);
    for (let step = 0; step < 3; step++) {
      for (const [i, parameter] of parameters.entries()) {
        const gradient = randn([...parameter.shape]);
        parameter.grad = gradient;
        values[i] = written(values[i] as Tensor, gradient, states[i] ?? {}, step);
        await values[i]?.data();
      }
      optimizer.step();
    }
    for (const [i, parameter] of parameters.entries()) {
      const [got, expected] = await Promise.all([parameter.data(), (values[i] as Tensor).data()]);
      if (kind === 'cpu') expect([...got], `parameter ${i}`).toEqual([...expected]);
      // GPUs may contract a product and a sum, and divide and take roots with 2.5 units of error: some units a step.
      else expect(got, `parameter ${i}`).toBeClose(expected, { rtol: 2 ** -18, atol: 2 ** -18 });
    }
  });

  it('takes parameters later, with settings of their own', async () => {
    const [a, b] = [new Parameter(tensor([1])), new Parameter(tensor([1]))];
    const optimizer = new optim.SGD([a], { lr: 0.5 });
    optimizer.addParamGroup({ params: [b], lr: 0.25 });
    for (const each of [a, b]) each.grad = tensor([1]);
    optimizer.step();
    expect([await a.item(), await b.item()]).toEqual([0.5, 0.75]);
    expect(() => optimizer.addParamGroup({ params: [a] })).toThrow('appear in more than one parameter group');
    expect(() => optimizer.addParamGroup({ params: [b.mul(2)] })).toThrow("can't optimize a non-leaf");
  });

  it('goes on from a state, its own too, forgets what is not in it, and is as it was where one does not fit', async () => {
    const setUp = () => {
      const parameters = [new Parameter(tensor([1, 2])), new Parameter(tensor([3]))];
      const optimizer = new optim.AdamW(parameters, { lr: 0.1 });
      const step = () => {
        for (const each of parameters) each.grad = each.detach().mul(2);
        optimizer.step();
      };
      return { parameters, optimizer, step, values: () => Promise.all(parameters.map((each) => each.toArray())) };
    };
    const [one, other] = [setUp(), setUp()];
    for (const each of [one, other]) for (let i = 0; i < 2; i++) each.step();
    one.optimizer.loadStateDict(one.optimizer.stateDict());
    const { groups, state } = one.optimizer.stateDict();
    const hot = groups.map((group) => ({ ...group, lr: 77 }));
    const wrong = new Map([...state].map(([i, own]) => [i, i === 1 ? { ...own, expAvg: tensor([1, 2, 3]) } : own]));
    expect(() => one.optimizer.loadStateDict({ groups: hot, state: wrong })).toThrow(ShapeError);
    expect(() => one.optimizer.loadStateDict({ groups: hot, state: new Map([[2, {}]]) })).toThrow('for parameter 2');
    const few = hot.map((group) => ({ ...group, params: [0] }));
    expect(() => one.optimizer.loadStateDict({ groups: few, state })).toThrow('the size of group 0');
    for (const each of [one, other]) each.step();
    expect(await one.values()).toEqual(await other.values());

    // Moments and counts of a run that has not begun are none.
    one.optimizer.loadStateDict(setUp().optimizer.stateDict());
    const fresh = new optim.AdamW(other.parameters, { lr: 0.1 });
    one.step();
    for (const each of other.parameters) each.grad = each.detach().mul(2);
    fresh.step();
    expect(await one.values()).toEqual(await other.values());
  });

  it.each(kind === 'cpu' ? (['float32', 'float64'] as const) : (['float32'] as const))(
    'clips many gradients of %s together, without reading the norm',
    async (dtype) => {
      manualSeed(8);
      // Around vectors, the blocks of the CPU and the strips of a GPU; none, and more than one dispatch binds.
      const sizes = [1, 2, 3, 4, 5, 63, 64, 4095, 4096, 4097, 20_000, 0, ...new Array<number>(30).fill(12)];
      const parameters = sizes.map((size) => new Parameter(zeros([size], { dtype })));
      // A transposed gradient does not lie row by row, and one that two parameters hold is scaled for each.
      parameters.push(
        new Parameter(zeros([3, 5], { dtype })),
        new Parameter(zeros([7], { dtype })),
        new Parameter(zeros([7], { dtype })),
      );
      const shared = randn([7], { dtype });
      const values: number[][] = [];
      for (const [i, parameter] of parameters.entries()) {
        const gradient =
          i === sizes.length
            ? randn([5, 3], { dtype }).T
            : i > sizes.length
              ? shared
              : randn(parameter.shape, { dtype });
        parameter.grad = gradient;
        values.push([...(await gradient.data())] as number[]);
      }
      const norm = Math.sqrt(values.flat().reduce((sum, x) => sum + x * x, 0));
      const before = memory().device.dispatches;
      const total = clipGradNorm_(parameters, 2);
      const launches = memory().device.dispatches - before;
      // Squares are added up in strips of at most 1024, and strips by pairs: some tens of roundings, each of at most half a unit.
      const rtol = dtype === 'float64' ? 1e-14 : 32 * 2 ** -24;
      expect([await total.item()]).toBeClose([norm], { rtol, atol: 0 });
      for (const [i, parameter] of parameters.entries()) {
        const factor = (2 / (norm + 1e-6)) ** (i > sizes.length ? 2 : 1);
        const expected = (values[i] as number[]).map((x) => x * factor);
        expect([...((await parameter.grad?.data()) ?? [])], `gradient ${i}`).toBeClose(expected, {
          rtol: 4 * rtol,
          atol: 0,
        });
      }
      // Squares and scaling with a binding of their own beside the gradients; copies of the transposed one, sums in passes, a root; a dispatch
      // more for those that do not fill vectors of four, and for the one that comes again.
      const bound = device.info().limits.maxStorageBuffersPerShaderStage ?? Number.POSITIVE_INFINITY;
      expect(launches).toBeLessThanOrEqual(2 * (Math.ceil(parameters.length / (bound - 1)) + 1) + 7);

      // A norm below the limit changes nothing; NaN makes NaN of all.
      const kept = [...((await parameters[8]?.grad?.data()) ?? [])];
      await clipGradNorm_(parameters, 1e6).item();
      expect([...((await parameters[8]?.grad?.data()) ?? [])]).toEqual(kept);
      (parameters[0] as Parameter).grad = tensor([Number.NaN], { dtype });
      expect(await clipGradNorm_(parameters, 1).item()).toBeNaN();
      expect([...((await parameters[8]?.grad?.data()) ?? [])].every(Number.isNaN)).toBe(true);
    },
  );

  it('clips no gradient whose norm is not finite, if asked', async () => {
    const [a, b] = [new Parameter(zeros([2])), new Parameter(zeros([1]))];
    [a.grad, b.grad] = [tensor([3, Number.POSITIVE_INFINITY]), tensor([4])];
    const clip = (): Promise<Tensor> => clipGradNorm_([a, b], 1, { errorIfNonfinite: true });
    await expect(clip()).rejects.toThrow(ArgumentError);
    await expect(clip()).rejects.toThrow('The total norm of order 2 for gradients from `parameters` is non-finite');
    expect(await b.grad.item()).toBe(4);
    a.grad = tensor([3, 0]);
    expect(await (await clip()).item()).toBe(5);
    // One over 5 + 1e-6, in float32.
    expect(await b.grad.item()).toBeCloseTo(4 / (5 + 1e-6), 6);
  });

  it('refuses what has no meaning', () => {
    const params = [new Parameter(zeros([2]))];
    expect(() => new optim.SGD([])).toThrow('empty parameter list');
    expect(() => new optim.SGD(params, { lr: -1 })).toThrow('Invalid learning rate: -1');
    expect(() => new optim.SGD(params, { nesterov: true })).toThrow(ArgumentError);
    expect(() => new optim.RMSprop(params, { alpha: -1 })).toThrow('RMSprop: Invalid alpha value: -1');
    expect(() => new optim.Adagrad(params, { eps: -1 })).toThrow('Adagrad: Invalid eps value: -1');
    expect(() => new optim.Adam(params, { betas: [0.9, 1] })).toThrow('Invalid beta parameter at index 1: 1');
    const other = new optim.Adagrad([new Parameter(zeros([3]))]);
    const state = { squareAvg: zeros([2]) };
    expect(() => other.loadStateDict({ groups: other.stateDict().groups, state: new Map([[0, state]]) })).toThrow(
      ShapeError,
    );
    const optimizer = new optim.SGD(params);
    expect(() => new optim.StepLR(optimizer, { stepSize: 0 })).toThrow(ArgumentError);
    expect(() => new optim.LambdaLR(optimizer, [])).toThrow('Expected 1 lr_lambdas');
    expect(() => new optim.ReduceLROnPlateau(optimizer, { factor: 1 })).toThrow(ArgumentError);
    expect(() => optim.getScheduler('line' as never, optimizer, { warmupSteps: 0, totalSteps: 1 })).toThrow(
      ArgumentError,
    );
  });

  it('has schedules by Hugging Face names', () => {
    const optimizer = new optim.SGD([new Parameter(zeros([1]))], { lr: 1 });
    const rates = (name: optim.SchedulerName): number[] => {
      const scheduler = optim.getScheduler(name, optimizer, { warmupSteps: 2, totalSteps: 6 });
      return Array.from({ length: 7 }, () => {
        const [lr = Number.NaN] = scheduler.getLastLr();
        scheduler.step();
        return lr;
      });
    };
    expect(rates('constant')).toEqual([1, 1, 1, 1, 1, 1, 1]);
    expect(rates('constant_with_warmup')).toEqual([0, 0.5, 1, 1, 1, 1, 1]);
    expect(rates('linear')).toEqual([0, 0.5, 1, 0.75, 0.5, 0.25, 0]);
    expect(rates('cosine')[4]).toBeCloseTo(0.5, 15);
  });

  it('averages parameters, and gives them back', async () => {
    const layer = new Linear(1, 1, { bias: false });
    noGrad(() => layer.weight.fill_(0));
    const ema = new optim.ExponentialMovingAverage(layer.parameters(), { decay: 0.75 });
    for (const value of [4, 8]) {
      noGrad(() => layer.weight.fill_(value));
      ema.update();
    }
    // 0.75 * (0.25 * 4) + 0.25 * 8
    ema.swap();
    expect(await layer.weight.item()).toBe(2.75);
    ema.swap();
    expect(await layer.weight.item()).toBe(8);
    const again = new optim.ExponentialMovingAverage(layer.parameters(), { decay: 0.75 });
    again.loadStateDict(ema.stateDict());
    again.swap();
    expect(await layer.weight.item()).toBe(2.75);
    expect(() => again.loadStateDict({ updates: 1, averages: [tensor([7])] })).toThrow('of shape [1] for parameter 0');
    expect(() => new optim.ExponentialMovingAverage([], { decay: 1 })).toThrow(ArgumentError);
  });
});

onEachDevice('Adam', () => {
  it('steps parameters that do not lie row by row', async () => {
    const values = Float32Array.from({ length: 6 }, (_, i) => i / 3 - 1);
    const plain = tensor(values, { shape: [3, 2] }).requiresGrad_();
    const turned = plain.detach().T.contiguous().T.requiresGrad_();
    expect(turned.isContiguous()).toBe(false);
    const optimizers = [plain, turned].map((parameter) => new optim.AdamW([parameter], { lr: 0.1 }));
    for (let step = 0; step < 3; step++)
      for (const [i, parameter] of [plain, turned].entries()) {
        parameter.square().sum().backward();
        optimizers[i]?.step();
        optimizers[i]?.zeroGrad();
      }
    expect(await turned.data()).toEqual(await plain.data());
    expect(await plain.data()).not.toEqual(values);
  });
});

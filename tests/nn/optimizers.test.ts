// Optimizers beside their numbers: groups, saved state, averages, and what they refuse.
import { Linear, Parameter } from '@course/nn';
import * as optim from '@course/nn/optim';
import { ArgumentError, manualSeed, noGrad, randn, ShapeError, type Tensor, tensor, zeros } from '@course/tensor';
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

onEachDevice('optimizers', () => {
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
    expect(() => new optim.ExponentialMovingAverage([], { decay: 1 })).toThrow(ArgumentError);
  });
});

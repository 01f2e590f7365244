// What every module can do beside its forward: iterate, freeze, call hooks, keep nothing for the backward pass, tell its costs,
// and name the place in the model where something did not fit.
import * as nn from '@course/nn';
import { AdamW } from '@course/nn/optim';
import {
  ArgumentError,
  type CourseError,
  device,
  manualSeed,
  memory,
  randn,
  ShapeError,
  scope,
  Tensor,
  tensor,
  zeros,
} from '@course/tensor';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

class Twice extends nn.Module {
  readonly inner: nn.Linear;
  readonly again: nn.Linear;
  readonly scale = new nn.Buffer(tensor([2]));
  readonly table = new nn.Buffer(zeros([3]), { persistent: false });
  constructor() {
    super();
    this.inner = new nn.Linear(3, 3);
    this.again = this.inner;
  }
  forward(x: Tensor): Tensor {
    return this.again.forward(this.inner.forward(x)).mul(this.scale);
  }
}

class Loud extends nn.Linear {
  override forward(x: Tensor): Tensor {
    return super.forward(x).neg();
  }
}

const blocks = (): nn.Sequential =>
  new nn.Sequential(
    new nn.TransformerEncoderBlock(8, 2, 4),
    new nn.TransformerEncoderBlock(8, 2, 4, { norm: 'post', dropout: 0.3 }),
  );

onEachDevice('modules', () => {
  it('count shared modules, parameters and buffers once, and keep every key', () => {
    const model = new Twice();
    expect([...model.namedModules()].map(([path]) => path)).toEqual(['', 'inner']);
    expect([...model.namedParameters()].map(([path]) => path)).toEqual(['inner.weight', 'inner.bias']);
    expect([...model.namedBuffers()].map(([path]) => path)).toEqual(['scale', 'table']);
    expect([...model.buffers()]).toHaveLength(2);
    expect([...model.stateDict().keys()]).toEqual([
      'scale',
      'inner.weight',
      'inner.bias',
      'again.weight',
      'again.bias',
    ]);
    expect(model.getSubmodule('inner')).toBe(model.inner);
    expect(() => model.getSubmodule('outer')).toThrow(ArgumentError);
  });

  it('apply a function to children first, and freeze', async () => {
    const model = new nn.Sequential(new nn.Linear(2, 2), new nn.ReLU());
    const order: string[] = [];
    model.apply((module) => void order.push(module.constructor.name));
    expect(order).toEqual(['Linear', 'ReLU', 'Sequential']);
    model.at(0).freeze();
    expect(model.numParameters({ onlyTrainable: true })).toBe(0);
    model.unfreeze();
    expect(model.numParameters({ onlyTrainable: true })).toBe(6);
    const before = [...(await (model.at(0) as nn.Linear).weight.data())];
    const last = new nn.Linear(2, 1);
    model.freeze();
    const optimizer = new AdamW([...model.parameters(), ...last.parameters()], { lr: 0.1 });
    last
      .forward(model.forward(randn([3, 2])))
      .sum()
      .backward();
    optimizer.step();
    expect([...(await (model.at(0) as nn.Linear).weight.data())]).toEqual(before);
  });

  it('register fields by name, once', () => {
    const model = new nn.Sequential();
    model.registerParameter('weightHh', new nn.Parameter(zeros([2])));
    model.registerBuffer('mean', new nn.Buffer(zeros([2])));
    model.registerModule('lastLayer', new nn.Linear(2, 2, { bias: false }));
    expect([...model.stateDict().keys()]).toEqual(['weight_hh', 'mean']);
    expect(() => model.registerBuffer('mean', null)).toThrow("there is a field 'mean' already");
  });

  it('hold lists and dicts of modules and parameters, also inside of each other', () => {
    class Branches extends nn.Module {
      readonly heads = new nn.ModuleDict({ sentimentScore: new nn.Linear(2, 1), topic: new nn.Linear(2, 3) });
      readonly stages = new nn.ModuleList([new nn.ModuleList([new nn.Linear(2, 2, { bias: false })])]);
      readonly scales = new nn.ParameterList([zeros([1, 2])]);
      readonly gains = new nn.ParameterDict({ leftSide: zeros([2]) });
      forward(x: Tensor, task: string): Tensor {
        return this.heads.get(task).forward(x.mul(this.scales.at(-1)).mul(this.gains.get('leftSide')));
      }
    }
    const model = new Branches();
    expect([...model.stateDict().keys()]).toEqual([
      'heads.sentimentScore.weight',
      'heads.sentimentScore.bias',
      'heads.topic.weight',
      'heads.topic.bias',
      'stages.0.0.weight',
      'scales.0',
      'gains.leftSide',
    ]);
    expect(model.forward(zeros([4, 2]), 'topic').shape).toEqual([4, 3]);
    expect(() => model.forward(zeros([4, 3]), 'topic')).toThrow('[in Branches]');
    expect(() => model.heads.get('toxicity')).toThrow("no module 'toxicity', only sentimentScore, topic");
    expect(() => model.gains.get('right')).toThrow("no parameter 'right', only leftSide");
    expect(() => model.scales.at(1)).toThrow(ArgumentError);
    model.heads.set('extra', new nn.Linear(2, 1));
    model.gains.set('rightSide', zeros([2]));
    model.scales.append(zeros([1]));
    expect([model.heads.length, model.gains.length, model.scales.length]).toEqual([3, 2, 2]);
    expect([model.heads.has('extra'), model.gains.has('extra')]).toEqual([true, false]);
    expect([...model.heads.keys()]).toEqual([...model.heads].map(([name]) => name));
    expect([...model.gains].map(([name]) => name)).toEqual(['leftSide', 'rightSide']);
    expect([...model.scales]).toEqual([model.scales.at(0), model.scales.at(1)]);
    // As PyTorch 1.13 prints them.
    expect(String(new nn.ParameterList([zeros([2, 3])]))).toBe(
      'ParameterList(  (0): Parameter containing: [torch.float32 of size 2x3])',
    );
    expect(String(new nn.ParameterDict({ a: zeros([2, 3]), b: zeros([1]) }))).toBe(
      `ParameterDict(
    (a): Parameter containing: [torch.FloatTensor of size 2x3]
    (b): Parameter containing: [torch.FloatTensor of size 1]
)`,
    );
    expect(String(model.stages)).toBe(`ModuleList(
  (0): ModuleList(
    (0): Linear(in_features=2, out_features=2, bias=False)
  )
)`);
  });

  it('call hooks around forward, also when a container calls it, until they are removed', async () => {
    const model = new nn.Sequential(new nn.Identity(), new nn.Identity());
    const calls: string[] = [];
    const removals = [
      model.at(1).registerForwardPreHook((_module, [x]) => {
        calls.push('pre');
        return [(x as Tensor).mul(3)];
      }),
      model.at(1).registerForwardHook((_module, [x], output) => {
        calls.push(x === output ? 'post' : 'post of other');
        return (output as Tensor).add(1);
      }),
      model.registerForwardHook((_module, _args, output) => {
        calls.push(output instanceof Tensor ? 'outer' : 'nothing');
        return undefined;
      }),
    ];
    expect(await model.forward(tensor([1, 2])).toArray()).toEqual([4, 7]);
    expect(calls).toEqual(['pre', 'post', 'outer']);
    for (const remove of removals) remove();
    expect(await model.forward(tensor([1, 2])).toArray()).toEqual([1, 2]);
    expect(calls).toHaveLength(3);
  });

  it('show and change the gradients that pass through', async () => {
    class Product extends nn.Module {
      forward(a: Tensor, factor: number, b: Tensor): { readonly product: Tensor } {
        return { product: a.mul(b).mul(factor) };
      }
    }
    const layer = new Product();
    const seen: (number | null)[][] = [];
    const note = async (...gradients: readonly (Tensor | null)[]): Promise<void> => {
      seen.push(await Promise.all(gradients.map(async (each) => (each ? await each.item() : null))));
    };
    const pending: Promise<void>[] = [];
    const remove = layer.registerFullBackwardHook((module, gradInput, gradOutput) => {
      expect(module).toBe(layer);
      pending.push(note(...gradInput, ...gradOutput));
      return gradInput.map((gradient) => gradient?.mul(10) ?? null);
    });
    const [a, b] = [tensor([2], { requiresGrad: true }), tensor([3], { requiresGrad: true })];
    layer.forward(a, 2, b).product.mul(5).backward();
    await Promise.all(pending.splice(0));
    // d(2ab)/da = 2b, d/db = 2a, times 5 from behind.
    expect(seen).toEqual([[30, 20, 5]]);
    expect([await a.grad?.item(), await b.grad?.item()]).toEqual([300, 200]);
    // The first input has no gradient, then neither.
    layer.forward(tensor([2]), 1, b).product.backward();
    const weight = new nn.Linear(1, 1, { bias: false });
    let calls = 0;
    weight.registerFullBackwardHook((_module, gradInput, gradOutput) => {
      calls++;
      expect([gradInput.length, gradInput[0], gradOutput[0]?.shape]).toEqual([1, null, [1, 1]]);
      return undefined;
    });
    weight.forward(tensor([[4]])).backward();
    await Promise.all(pending.splice(0));
    expect(seen[1]).toEqual([null, 2, 1]);
    expect(await weight.weight.grad?.item()).toBe(4);
    expect(calls).toBe(1);
    remove();
    layer.forward(a, 2, b).product.backward();
    expect(seen).toHaveLength(2);
    layer.registerFullBackwardHook(() => [null]);
    expect(() => layer.forward(a, 2, b).product.backward()).toThrow(
      /invalid number of grad_input, got 1, but expected 2/,
    );
  });

  it('call hooks once where forward calls super.forward', () => {
    const layer = new Loud(2, 2);
    let calls = 0;
    layer.registerForwardHook(() => void calls++);
    layer.forward(zeros([1, 2]));
    expect(calls).toBe(1);
  });

  it('name the place in the model where an error came from', () => {
    const model = new nn.Sequential(new nn.Linear(4, 8), new nn.Sequential(new nn.ReLU(), new Loud(7, 2)));
    let error: unknown;
    try {
      model.forward(zeros([1, 4]));
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(ShapeError);
    expect((error as CourseError).message).toMatch(/^linear: mat1 and mat2 .* \[in 1\.1 \(Loud\)\]$/);
    expect((error as CourseError).stack).toContain('[in 1.1 (Loud)]');
    expect(() => blocks().forward(zeros([2, 5, 9]))).toThrow('[in 0.norm1 (LayerNorm)]');
    // The next error starts anew.
    expect(() => model.at(0).forward(zeros([1, 3]))).toThrow('[in Linear]');
  });

  it('give the same gradients when blocks are computed again, and keep less in between', async () => {
    manualSeed(3);
    const plain = blocks();
    const again = blocks();
    again.loadStateDict(plain.stateDict());
    expect(again.gradientCheckpointingEnable().at(0).gradientCheckpointing).toBe(true);
    const x = randn([2, 4, 8]);
    const between: number[] = [];
    for (const model of [plain, again]) {
      manualSeed(11);
      scope(() => {
        const before = memory().bytes;
        const loss = model.forward(x).square().sum();
        between.push(memory().bytes - before);
        loss.backward();
      });
    }
    expect(between[1]).toBeLessThan((between[0] ?? 0) / 2);
    const gradients = new Map(plain.namedParameters());
    // The recomputed values are the same kernels on the same inputs; WGSL compilers may contract a product and a sum differently a kernel.
    const atol = device.kind === 'cpu' ? 1e-6 : 1e-4;
    for (const [name, parameter] of again.namedParameters()) {
      const expected = await gradients.get(name)?.grad?.data();
      expect(await parameter.grad?.data(), name).toBeClose([...(expected ?? [])], { atol, rtol: atol });
    }
    expect(() => new nn.Linear(2, 2).gradientCheckpointingEnable()).toThrow(ArgumentError);
    const attention = new nn.MultiHeadAttention(8, 2, 4);
    attention.gradientCheckpointing = true;
    expect(() => attention.forward(x)).toThrow(
      /gradient checkpointing needs a module whose forward returns one tensor/,
    );
  });

  it('leave a module as it was when a state dict does not fit', async () => {
    const model = new nn.Linear(2, 2);
    const before = [...(await model.weight.data())];
    const state = { weight: zeros([2, 2]), bias: zeros([3]), extra: zeros([1]) };
    expect(() => model.loadStateDict(state)).toThrow(
      /Unexpected key\(s\) in state dict: extra[\s\S]*size mismatch for bias/,
    );
    expect(() => model.loadStateDict(state, { strict: false })).toThrow(ShapeError);
    expect([...(await model.weight.data())]).toEqual(before);
    expect(model.loadStateDict({ weight: zeros([2, 2]), extra: zeros([1]) }, { strict: false })).toEqual({
      missingKeys: ['bias'],
      unexpectedKeys: ['extra'],
    });
    expect(await model.weight.sum().item()).toBe(0);
  });
});

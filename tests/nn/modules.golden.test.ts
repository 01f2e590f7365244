// Modules beyond the basic layers against PyTorch: outputs, gradients of inputs and of every parameter from the same state dict,
// and default initialisation from the same seed. What makes and calls a module is in the golden file.
import * as nn from '@course/nn';
import { ArgumentError, manualSeed, rand, Tensor, zeros } from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import type { GoldenArgument, GoldenTensor } from '../support/golden-files.js';
import { toDevice } from '../support/golden-op.js';
import { expectLike, golden, tolerance } from '../support/goldens.js';

type Callable = nn.Module & { forward(...args: readonly unknown[]): unknown };
type Inputs = Readonly<Record<string, Tensor>>;

const goldens = golden('modules');

function build(layer: string, args: readonly GoldenArgument[]): Callable {
  const made = (nn as unknown as Record<string, new (...args: readonly unknown[]) => Callable>)[layer];
  if (!made) throw new ArgumentError(`no layer '${layer}'`);
  return new made(...args.map(repeated));
}

/** `{ layer, args }` stands for a module that another is made of. */
function repeated(arg: GoldenArgument): unknown {
  if (typeof arg !== 'object' || arg === null || !('layer' in arg)) return arg;
  return build(String(arg.layer), arg.args as readonly GoldenArgument[]);
}

/** An argument with the inputs that it names. */
function resolve(arg: GoldenArgument, inputs: Inputs): unknown {
  if (typeof arg === 'string') return inputs[arg] ?? arg;
  if (Array.isArray(arg)) return arg.map((each: GoldenArgument) => resolve(each, inputs));
  if (typeof arg !== 'object' || arg === null) return arg;
  if ('packed' in arg) {
    const { packed, lengths, ...options } = arg as { packed: string; lengths: number[] };
    return nn.packPaddedSequence(inputs[packed] as Tensor, lengths, options);
  }
  return Object.fromEntries(Object.entries(arg).map(([key, value]) => [key, resolve(value, inputs)]));
}

/** The float tensors of a result, in order. */
function flat(result: unknown): Tensor[] {
  if (result instanceof nn.PackedSequence) return [nn.padPackedSequence(result)[0]];
  if (result instanceof Tensor) return [result];
  return Array.isArray(result) ? result.flatMap(flat) : [];
}

it('every module that is exported is compared with PyTorch', () => {
  const compared = new Set([...goldens.cases, ...golden('layers').cases].map(({ layer }) => layer));
  // What has no forward of its own: bases, and containers, whose tests are in module.test.ts.
  const containers = ['ModuleList', 'ModuleDict', 'ParameterList', 'ParameterDict', 'Sequential'];
  const others = new Set(['Module', 'LightningModule', ...containers]);
  const modules = Object.entries(nn).filter(
    ([, value]) => typeof value === 'function' && (value === nn.Module || value.prototype instanceof nn.Module),
  );
  expect(modules.length).toBeGreaterThan(60);
  expect(modules.map(([name]) => name).filter((name) => !compared.has(name) && !others.has(name))).toEqual([]);
});

onEachDevice('modules as in PyTorch', () => {
  it.each(goldens.cases)(
    '$name',
    async ({ layer, args, call, printed, state, inputs, outputs, upstream, gradients }) => {
      const module = build(layer, args).eval();
      if (printed !== null) expect(String(module)).toBe(printed);
      const loaded = Object.fromEntries(Object.entries(state).map(([key, value]) => [key, toDevice(value)]));
      expect(module.loadStateDict(loaded)).toEqual({ missingKeys: [], unexpectedKeys: [] });
      const leaves = Object.fromEntries(
        Object.entries(inputs).map(([name, value]) => [name, toDevice(value, name in gradients.inputs)]),
      );
      const results = flat(module.forward(...call.map((arg) => resolve(arg, leaves))));
      expect(results).toHaveLength(outputs.length);
      for (const [i, expected] of outputs.entries())
        await expectLike(results[i], expected, tolerance([expected]), `output ${i}`);
      // All upstream gradients in one pass: the sum of the products has them as its gradients.
      const [first, ...rest] = results.map((result, i) => result.mul(toDevice(upstream[i] as GoldenTensor)).sum());
      rest.reduce((sum, each) => sum.add(each), first as Tensor).backward();
      const all = [...Object.values(gradients.inputs), ...Object.values(gradients.parameters)];
      for (const [name, expected] of Object.entries(gradients.inputs))
        await expectLike(leaves[name]?.grad, expected, tolerance(all), `gradient of ${name}`);
      const parameters = new Map(module.namedParameters());
      expect([...parameters.keys()]).toEqual(Object.keys(gradients.parameters));
      for (const [name, expected] of Object.entries(gradients.parameters))
        await expectLike(parameters.get(name)?.grad, expected, tolerance(all), `gradient of ${name}`);
    },
  );

  describe.each(goldens.initialisation)('initialisation: $name', ({ layer, seed, args, state, next }) => {
    it('draws the same numbers in the same order', async () => {
      manualSeed(seed);
      const own = build(layer, args).stateDict();
      expect([...own.keys()]).toEqual(Object.keys(state));
      // Uniform numbers to the bit; normal ones, the learned key and value, within 2e-6.
      for (const [key, expected] of Object.entries(state))
        expect(await own.get(key)?.data(), key).toBeClose(expected.data, { atol: /^bias_[kv]$/.test(key) ? 2e-6 : 0 });
      expect([...(await rand([3]).data())]).toEqual([...next.data]);
    });
  });

  it.each(goldens.initialisers)('init.$name $args', async ({ name, args, value, next }) => {
    const fill = (nn.init as unknown as Record<string, (tensor: Tensor, ...args: readonly unknown[]) => Tensor>)[name];
    const filled = zeros(value.shape);
    manualSeed(9);
    expect(fill?.(filled, ...args)).toBe(filled);
    // Uniform numbers to the bit; normal ones within 2e-6 each, as the generator documents, and what is made of them a little more.
    const atol = /orthogonal|trunc/.test(name) ? 1e-5 : /normal|sparse/i.test(name) ? 2e-6 : 0;
    expect(await filled.data()).toBeClose(value.data, { atol });
    expect([...(await rand([3]).data())]).toEqual([...next.data]);
  });
});

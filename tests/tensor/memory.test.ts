// Lifetimes as a specification: who holds memory, when it goes, and that loops stay flat.
import { Linear, TransformerEncoderBlock } from '@course/nn';
import { AdamW } from '@course/nn/optim';
import {
  ArgumentError,
  crossEntropy,
  DisposedError,
  device,
  dropout,
  embedding,
  keep,
  manualSeed,
  memory,
  noGrad,
  randint,
  randn,
  scope,
  type Tensor,
  tensor,
  zeros,
} from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { collectGarbage } from '../../packages/tensor/src/platform/node.js';
import { onEachDevice } from '../support/devices.js';

/** Live tensors and bytes that `fn` leaves behind. */
async function left(fn: () => unknown): Promise<{ tensors: number; bytes: number }> {
  // What earlier tests dropped must not be collected in between.
  await collectGarbage();
  const before = memory();
  await fn();
  const after = memory();
  return { tensors: after.tensors - before.tensors, bytes: after.bytes - before.bytes };
}

onEachDevice('memory', () => {
  it('releases everything made in a scope but what it returns', async () => {
    let kept: Tensor | undefined;
    const change = await left(() => {
      kept = scope(() => {
        const x = zeros([1000]).add(1);
        return x.mul(2).exp().log();
      });
    });
    expect(change.tensors).toBe(1);
    expect(await kept?.data()).toHaveLength(1000);
    kept?.dispose();
  });

  it('releases what backward saved when the scope ends, and keeps gradients of outer leaves', async () => {
    const w = tensor(new Float32Array(256), { requiresGrad: true });
    const change = await left(() => {
      scope(() => {
        const h = w.exp().tanh();
        h.mul(h).sum().backward();
      });
    });
    // The gradient, of 256 words, is all that is new.
    expect(change).toEqual({ tensors: 1, bytes: 256 * 4 });
  });

  it('releases gradients with the leaves that were made in the scope', async () => {
    const w = randn([6], { requiresGrad: true });
    const change = await left(() => {
      for (let i = 0; i < 3; i++)
        scope(() => {
          // Its rule unpacks what it saved: handles of both leaves, in a scope of the rule.
          const x = randn([4, 6], { requiresGrad: true });
          x.mul(w).square().sum().backward();
        });
    });
    expect(change).toEqual({ tensors: 1, bytes: 6 * 4 });
  });

  it('releases the graphs of such gradients too', async () => {
    const change = await left(() =>
      scope(() => {
        const x = randn([4, 6]).requiresGrad_();
        x.softmax(0).mean().backward({ createGraph: true });
      }),
    );
    expect(change).toEqual({ tensors: 0, bytes: 0 });
  });

  it('goes back through leaves whose scope is over, and leaves no gradient of theirs behind', async () => {
    const w = tensor([1, 2], { requiresGrad: true });
    const change = await left(() =>
      scope(() => {
        const y = scope(() => {
          const x = tensor([3, 4]).requiresGrad_();
          const product = x.mul(w).sum();
          product.backward({ retainGraph: true });
          return product;
        });
        y.backward({ retainGraph: true });
        y.backward();
      }),
    );
    expect(await w.grad?.toArray()).toEqual([9, 12]);
    expect(change).toEqual({ tensors: 1, bytes: 2 * 4 });
  });

  it('keeps the gradient of a leaf, or of what retains its, that outlives the scope', async () => {
    const made = scope(() => {
      const x = tensor([1, 2], { requiresGrad: true });
      const y = x.mul(3);
      y.retainGrad();
      y.square().sum().backward();
      return { x, y, kept: keep(tensor([5], { requiresGrad: true })) };
    });
    expect(await made.x.grad?.toArray()).toEqual([18, 36]);
    expect(await made.y.grad?.toArray()).toEqual([6, 12]);
    scope(() => made.kept.square().sum().backward());
    expect(await made.kept.grad?.toArray()).toEqual([10]);
  });

  it('leaves gradients of leaves that nobody holds to the garbage collector', async () => {
    const change = await left(async () => {
      for (let i = 0; i < 20; i++) {
        const w = randn([1000], { requiresGrad: true });
        w.mul(w).sum().backward();
      }
      await collectGarbage();
    });
    // Those of the last turn may still lie on the stack.
    expect(change.tensors).toBeLessThan(10);
  });

  it('releases a graph that was never walked', async () => {
    const w = tensor(new Float32Array(256), { requiresGrad: true });
    const change = await left(() => scope(() => void w.exp().tanh().softmax(-1)));
    expect(change).toEqual({ tensors: 0, bytes: 0 });
  });

  it('returns tensors out of arrays, objects and maps, and nested scopes', async () => {
    const result = scope(() => scope(() => ({ a: [zeros([2])], b: new Map([['k', zeros([3])]]) })));
    expect(result.a[0]?.isDisposed).toBe(false);
    expect(await result.b.get('k')?.toArray()).toEqual([0, 0, 0]);
  });

  it('keeps what is asked to be kept, with its graph', async () => {
    const w = tensor([1, 2], { requiresGrad: true });
    let held: Tensor | undefined;
    scope(() => {
      scope(() => {
        held = keep(w.exp().sum());
      });
    });
    held?.backward();
    expect(await w.grad?.data()).toBeClose([Math.E, Math.E ** 2], { rtol: 2 ** -20 });
  });

  it('names what to do when a released tensor is used', () => {
    let escaped: Tensor | undefined;
    scope(() => {
      escaped = zeros([2, 3]);
    });
    expect(() => escaped?.add(1)).toThrow(DisposedError);
    expect(() => escaped?.backward()).toThrow(/\[2, 3\] was released/);
  });

  it('refuses asynchronous scopes', () => {
    expect(() => scope(async () => zeros([1]))).toThrow(ArgumentError);
  });

  it('frees by `using` and survives a double dispose', async () => {
    const change = await left(() => {
      using x = zeros([10]);
      x.dispose();
    });
    expect(change).toEqual({ tensors: 0, bytes: 0 });
  });

  it('cleans up when a scope throws', async () => {
    const change = await left(() => {
      expect(() =>
        scope(() => {
          zeros([100]).add(1);
          throw new ArgumentError('stop');
        }),
      ).toThrow('stop');
    });
    expect(change).toEqual({ tensors: 0, bytes: 0 });
  });

  it('stays flat over training steps in scopes', async () => {
    const w = tensor(
      Float32Array.from({ length: 64 * 64 }, (_, i) => Math.sin(i)),
      { shape: [64, 64], requiresGrad: true },
    );
    const step = (): void =>
      scope(() => {
        const x = zeros([8, 64]).add(0.5);
        const loss = x.matmul(w).gelu().layerNorm([64]).softmax(-1).square().sum();
        loss.backward();
        noGrad(() => {
          if (w.grad) w.sub_(w.grad.mul(0.1));
        });
        w.grad = null;
      });
    step();
    await device.synchronize();
    const change = await left(async () => {
      for (let i = 0; i < 50; i++) step();
      await device.synchronize();
    });
    expect(change).toEqual({ tensors: 0, bytes: 0 });
    const reserved = memory().device.reservedBytes;
    for (let i = 0; i < 50; i++) step();
    await device.synchronize();
    expect(memory().device.reservedBytes).toBeLessThanOrEqual(reserved);
  });

  it('bounds a loop that releases nothing, by asking for a collection past a threshold of bytes', async () => {
    const w = tensor(new Float32Array(2 ** 20), { requiresGrad: true });
    const before = memory().bytes;
    let most = 0;
    for (let i = 0; i < 60; i++) {
      const loss = w.add(1).exp().sum();
      loss.backward();
      await loss.item();
      w.grad = null;
      most = Math.max(most, memory().bytes - before);
    }
    // Each step leaves about 12 MB to the collector; 60 of them would be 720 MB.
    expect(most).toBeLessThan(450 * 2 ** 20);
  });

  it('holds live bytes flat over 1,000 steps of a plain loop without any scope', { timeout: 240_000 }, async () => {
    manualSeed(1);
    const model = new Linear(16, 32);
    const optimizer = new AdamW(model.parameters(), { lr: 1e-3 });
    const x = randn([1024, 16]);
    const step = (): Tensor => {
      const loss = model.forward(x).tanh().square().mean();
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return loss;
    };
    const peak = async (steps: number): Promise<number> => {
      let most = 0;
      for (let i = 0; i < steps; i++) {
        const loss = step();
        // A loop looks at its loss now and then.
        if (i % 10 === 0) await loss.item();
        most = Math.max(most, memory().bytes);
      }
      await device.synchronize();
      return most;
    };
    await step().item();
    await collectGarbage();
    const before = memory();
    const early = await peak(500);
    const late = await peak(500);
    // A collection may be followed by finalizers only some turns later, and may meet the last step still on the stack.
    for (let tries = 0; tries < 10 && (tries === 0 || memory().tensors > before.tensors); tries++)
      await collectGarbage();
    const after = memory();
    // Nothing is left to leak: what the loop dropped is found, whenever the collector comes.
    expect({ tensors: after.tensors, bytes: after.bytes }).toEqual({ tensors: before.tensors, bytes: before.bytes });
    // A step drops about half a megabyte, a thousand of them twice the threshold at which a collection is asked for.
    expect(Math.max(early, late)).toBeLessThan(350 * 2 ** 20);
  });
});

onEachDevice('determinism', () => {
  it('gives the same bits for the same seed, run to run', async () => {
    const train = async (): Promise<number[]> => {
      manualSeed(7);
      const table = randn([20, 16], { requiresGrad: true });
      const block = new TransformerEncoderBlock(16, 2, 8);
      const head = new Linear(16, 3);
      const optimizer = new AdamW([table, ...block.parameters(), ...head.parameters()], { lr: 1e-2 });
      const ids = randint(0, 20, [4, 9]);
      const labels = randint(0, 3, [4]);
      const losses: number[] = [];
      for (let i = 0; i < 20; i++) {
        const hidden = dropout(block.forward(embedding(ids, table)), 0.2);
        const loss = crossEntropy(head.forward(hidden.mean(1)), labels);
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        losses.push(await loss.item());
      }
      return [...losses, ...(await table.data()), ...(await head.weight.data())];
    };
    const first = await train();
    expect(first.slice(0, 5).every(Number.isFinite)).toBe(true);
    expect(await train()).toEqual(first);
  });
});

describe('fusion', () => {
  onEachDevice('kernels launched', () => {
    const dispatches = async (fn: () => unknown): Promise<number> => {
      const before = memory().device.dispatches;
      await fn();
      return memory().device.dispatches - before;
    };

    it('runs a chain of twenty pointwise ops as one kernel', async () => {
      const x = tensor([0.1, 0.2, 0.3]);
      let y = x;
      for (let i = 0; i < 10; i++) y = y.mul(1.5).add(0.25);
      expect(await dispatches(() => y.data())).toBe(1);
      let expected = [0.1, 0.2, 0.3];
      for (let i = 0; i < 10; i++) expected = expected.map((v) => v * 1.5 + 0.25);
      // Twenty roundings.
      expect(await y.data()).toBeClose(expected, { rtol: 20 * 2 ** -24 });
    });

    it('joins broadcast, comparisons and selection into one kernel', async () => {
      const x = tensor([
        [1, -2],
        [-3, 4],
      ]);
      const y = x
        .mul(tensor([10, 100]))
        .maskedFill(x.lt(0), 0)
        .add(1)
        .sqrt();
      expect(await dispatches(() => y.data())).toBe(1);
      expect(await y.data()).toBeClose([Math.sqrt(11), 1, 1, Math.sqrt(401)], { rtol: 4 * 2 ** -23 });
    });

    it('reduces dims with nothing but ones between them in one kernel, and sums others run by run', async () => {
      const x = zeros([3, 1, 4, 1, 5]);
      x.compute();
      const kernels = (dims: number[]) => dispatches(() => x.sum(dims).compute());
      expect(await kernels([0, 1, 2])).toBe(1);
      expect(await kernels([0, 2])).toBe(1);
      expect(await kernels([0, 1, 2, 3, 4])).toBe(1);
      expect(await dispatches(() => x.amax([0, 1, 2]).compute())).toBe(1);
      expect(await kernels([0, 4])).toBe(2);
    });

    it('steps AdamW over one parameter in one kernel', async () => {
      const w = randn([33, 7], { requiresGrad: true });
      const optimizer = new AdamW([w], { lr: 1e-3, weightDecay: 0.01 });
      const step = async (): Promise<number> => {
        w.grad = randn([33, 7]);
        const count = await dispatches(() => optimizer.step());
        await w.data();
        return count;
      };
      // The first step also makes the moments.
      await step();
      expect(await step()).toBe(1);
      expect(await step()).toBe(1);
    });

    it('computes a shared value once', async () => {
      const x = tensor([1, 2, 3]);
      const shared = x.exp();
      const [a, b] = [shared.add(1), shared.mul(2)];
      expect(await dispatches(() => Promise.all([a.data(), b.data()]))).toBe(2);
      expect(await dispatches(() => shared.data())).toBe(0);
    });

    it('splits expressions that read more than a kernel may', async () => {
      const list = Array.from({ length: 40 }, (_, i) => tensor([i, 2 * i]));
      const sum = list.reduce((a, b) => a.add(b));
      expect(await sum.toArray()).toEqual([780, 1560]);
    });

    it('does not grow without bound when a value doubles on itself', async () => {
      let x = tensor([2 ** -10]);
      for (let i = 0; i < 200; i++) x = x.add(x).mul(0.5);
      expect(await x.toArray()).toEqual([2 ** -10]);
    });
  });
});

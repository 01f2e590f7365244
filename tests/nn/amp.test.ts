// Scaled losses: scales are powers of two, so in float32 a scaled step has the same bits as a plain one; what overflows is left out.
import * as nn from '@course/nn';
import * as optim from '@course/nn/optim';
import { ArgumentError, capture, type Tensor, tensor } from '@course/tensor';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

/** A parameter, its optimizer, and the loss whose gradient is `gradient`. */
function setUp(): { weight: nn.Parameter; optimizer: optim.SGD; lossOf: (gradient: number) => Tensor } {
  const weight = new nn.Parameter(tensor([1, 2]));
  const optimizer = new optim.SGD([weight], { lr: 0.5 });
  return { weight, optimizer, lossOf: (gradient) => weight.mul(gradient).sum() };
}

onEachDevice('GradScaler', () => {
  it('makes the steps of plain losses, and grows', async () => {
    const { weight, optimizer, lossOf } = setUp();
    const scaler = new nn.GradScaler({ initScale: 1024, growthInterval: 2 });
    const scales: number[] = [];
    for (const gradient of [0.1, -0.3, 0.7]) {
      scaler.scale(lossOf(gradient)).backward();
      const scaled = Math.fround(gradient) * scaler.getScale();
      expect(await weight.grad?.toArray()).toEqual([scaled, scaled]);
      expect(await scaler.step(optimizer)).toBe(true);
      await scaler.update();
      optimizer.zeroGrad();
      scales.push(scaler.getScale());
    }
    const plain = setUp();
    for (const gradient of [0.1, -0.3, 0.7]) {
      plain.lossOf(gradient).backward();
      plain.optimizer.step();
      plain.optimizer.zeroGrad();
    }
    expect(await weight.toArray()).toEqual(await plain.weight.toArray());
    expect(scales).toEqual([1024, 2048, 2048]);
  });

  it('leaves out steps of gradients that are not finite, and shrinks', async () => {
    const { weight, optimizer } = setUp();
    const scaler = new nn.GradScaler({ initScale: 8, growthInterval: 3 });
    const seen: [made: boolean, scale: number][] = [];
    for (const gradient of [Number.POSITIVE_INFINITY, Number.NaN, 1, 1, 3e38, 1]) {
      weight.grad = tensor([0, gradient * scaler.getScale()]);
      scaler.unscale_(optimizer);
      nn.clipGradNorm_([weight], 10);
      const made = await scaler.step(optimizer);
      await scaler.update();
      seen.push([made, scaler.getScale()]);
    }
    // 3e38 * 2 overflows on the way; after every overflow three good steps are needed again.
    expect(seen).toEqual([
      [false, 4],
      [false, 2],
      [true, 2],
      [true, 2],
      [false, 1],
      [true, 1],
    ]);
    expect(await weight.toArray()).toEqual([1, 0.5]);
  });

  it('goes on after a captured function that cannot be recorded for what it does', async () => {
    const { weight, optimizer, lossOf } = setUp();
    const scaler = new nn.GradScaler({ initScale: 4 });
    const step = capture(() => {
      scaler.scale(lossOf(1)).backward();
      scaler.unscale_(optimizer);
    });
    expect(() => step()).toThrow('capture: the function reads a value back');
    await expect(scaler.step(optimizer)).rejects.toThrow('reads a value back');
    await expect(scaler.update()).rejects.toThrow('reads a value back');
    optimizer.zeroGrad();
    scaler.scale(lossOf(1)).backward();
    expect(await scaler.step(optimizer)).toBe(true);
    await scaler.update();
    expect(await weight.toArray()).toEqual([0.5, 1.5]);
  });

  it('goes on from its state, and says what is out of order', async () => {
    const { optimizer, lossOf } = setUp();
    const scaler = new nn.GradScaler({ initScale: 4, growthInterval: 2 });
    await expect(scaler.update()).rejects.toThrow('No inf checks were recorded prior to update');
    scaler.scale(lossOf(1)).backward();
    scaler.unscale_(optimizer);
    expect(() => scaler.unscale_(optimizer)).toThrow('unscale_() has already been called');
    await scaler.step(optimizer);
    await expect(scaler.step(optimizer)).rejects.toThrow('step() has already been called since the last update()');
    expect(() => scaler.unscale_(optimizer)).toThrow('unscale_() is being called after step()');
    await scaler.update();
    const again = new nn.GradScaler({ growthInterval: 2 });
    again.loadStateDict(JSON.parse(JSON.stringify(scaler.stateDict())));
    await again.step(optimizer);
    await again.update();
    expect(again.getScale()).toBe(8);
    await again.update(32);
    expect(again.getScale()).toBe(32);
    for (const state of [{ scale: 0 }, { scale: Number.NaN }, { growthTracker: 0.5 }, { growthTracker: -1 }])
      expect(() => again.loadStateDict({ ...again.stateDict(), ...state })).toThrow('a positive scale');
    expect(again.getScale()).toBe(32);
    const off = new nn.GradScaler({ enabled: false });
    expect([off.getScale(), await off.step(optimizer)]).toEqual([1, true]);
    await off.update();
    for (const options of [{ initScale: 0 }, { growthFactor: 1 }, { backoffFactor: 1 }, { growthInterval: 0 }])
      expect(() => new nn.GradScaler(options)).toThrow(ArgumentError);
  });
});

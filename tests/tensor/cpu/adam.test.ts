// Adam and AdamW against torch.optim's order of operations in float64.
import { expect, it } from 'vitest';
import { eachBuild, noise, ROUNDING } from './machine.js';

eachBuild('Adam', (machine) => {
  /** torch.optim's single-tensor Adam in float64. */
  function step(state: { p: number[]; m: number[]; v: number[] }, grad: number[], t: number, decoupled: boolean) {
    const [lr, b1, b2, eps, decay] = [0.01, 0.9, 0.999, 1e-8, 0.1];
    for (const [i, raw] of grad.entries()) {
      const p = state.p[i] ?? 0;
      const g = decoupled ? raw : raw + decay * p;
      const m = b1 * (state.m[i] ?? 0) + (1 - b1) * g;
      const v = b2 * (state.v[i] ?? 0) + (1 - b2) * g * g;
      state.m[i] = m;
      state.v[i] = v;
      const kept = decoupled ? p * (1 - lr * decay) : p;
      state.p[i] = kept - ((lr / (1 - b1 ** t)) * m) / (Math.sqrt(v) / Math.sqrt(1 - b2 ** t) + eps);
    }
  }

  it('follows torch.optim over several steps, for Adam and AdamW', async () => {
    for (const count of [1, 3, 64, 129, 5000]) {
      for (const decoupled of [true, false]) {
        const state = { p: noise(count, 1), m: new Array<number>(count).fill(0), v: new Array<number>(count).fill(0) };
        const param = machine().put([...state.p, 99]);
        const [expAvg, expAvgSq] = [machine().put(state.m), machine().put(state.v)];
        for (let t = 1; t <= 5; t++) {
          const grad = noise(count, 10 + t);
          machine().run({
            kind: 'adam',
            count,
            decoupled,
            lr: 0.01,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weightDecay: 0.1,
            biasCorrection1: 1 - 0.9 ** t,
            biasCorrection2: 1 - 0.999 ** t,
            param,
            grad: machine().put(grad),
            expAvg,
            expAvgSq,
          });
          step(state, grad, t, decoupled);
        }
        // Each step rounds the parameter (below 2) twice, and moves it by 0.01 with a relative error of a few roundings.
        expect(await machine().get(param, count + 1)).toBeClose([...state.p, 99], { atol: 5 * 2 * 2 * ROUNDING });
        expect(await machine().get(expAvg, count)).toBeClose(state.m, { atol: 5 * 3 * ROUNDING });
        expect(await machine().get(expAvgSq, count)).toBeClose(state.v, { rtol: 5 * 4 * ROUNDING });
      }
    }
  });
});

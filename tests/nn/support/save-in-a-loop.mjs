// Saves checkpoints one after the other until it is killed: `node save-in-a-loop.mjs FOLDER`. It begins with the newest whole one, says
// `resumed N` once all of it has proved to be of step N, and then `saving N` and `saved N` around each save.
import { writeSync } from 'node:fs';
import { Linear, lastCheckpoint, loadCheckpoint, Module, saveCheckpoint } from '@course/nn';
import { AdamW } from '@course/nn/optim';
import { init, manualSeed, noGrad, onesLike } from '@course/tensor';

const [folder = ''] = process.argv.slice(2);
await init({ device: 'cpu' });

class Model extends Module {
  first = new Linear(64, 128);
  second = new Linear(128, 64);
}

const model = new Model();
const optimizer = new AdamW(model.parameters(), { lr: 0 });
/** A step without learning, so that the optimizer has a state. */
const stepOptimizer = () => {
  for (const parameter of model.parameters()) parameter.grad = onesLike(parameter);
  optimizer.step();
};
/** Every number that a checkpoint of this step holds. */
const fill = (step) => {
  manualSeed(step);
  noGrad(() => {
    for (const parameter of model.parameters()) parameter.fill_(step);
    for (const own of optimizer.stateDict().state.values())
      for (const value of Object.values(own)) if (typeof value !== 'number') value.fill_(step);
  });
};
// Straight into the pipe: what was said is there when the process is not.
const say = (line) => writeSync(1, `${line}\n`);

const parts = { model, optimizer };
stepOptimizer();
let step = 0;
if ((await lastCheckpoint(folder)) !== null) {
  const found = await loadCheckpoint(folder, parts);
  step = found.step;
  const tensors = [...model.stateDict().values()];
  for (const own of optimizer.stateDict().state.values())
    tensors.push(...Object.values(own).filter((value) => typeof value !== 'number'));
  for (const tensor of tensors)
    for (const value of await tensor.data()) if (value !== step) throw new Error(`step ${step} holds ${value}`);
  if (found.extra.note !== `step ${step}`) throw new Error(`step ${step} notes ${found.extra.note}`);
}
say(`resumed ${step}`);
for (;;) {
  step++;
  fill(step);
  say(`saving ${step}`);
  await saveCheckpoint(folder, parts, { step, extra: { note: `step ${step}` } }, { keep: 2 });
  say(`saved ${step}`);
}

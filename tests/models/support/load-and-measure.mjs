// A process of its own for tests/models/large.test.ts: `make folder megabytes` writes a checkpoint of about that size; `load folder device
// dtype [current]` reads it onto a device (the one in use, unless `current` names another) and prints how much the process has grown at its
// worst since a device was opened: its peak of resident memory, kernels, drivers and a second device included. Runs on the built packages.
import { BertModel, bertConfig } from '@course/models';
import { init, manualSeed } from '@course/tensor';

const [what, folder, device, dtype, current = device] = process.argv.slice(2);
if (what === 'make') {
  await init({ device: 'cpu' });
  manualSeed(1);
  // A base model is 438 MB; fewer layers are 28 MB less each.
  const layers = Math.round(12 - (438 - Number(device)) / 28.35);
  await new BertModel(bertConfig({ numHiddenLayers: layers })).savePretrained(folder);
} else {
  await init({ device: current });
  const before = process.memoryUsage.rss();
  const model = await BertModel.fromPretrained(folder, { device, dtype });
  // A device works behind the program's back: the last weight has arrived.
  await [...model.parameters()].at(-1)?.sum().item();
  // Kilobytes, on every system that Node runs on.
  const grown = process.resourceUsage().maxRSS * 1024 - before;
  console.log(JSON.stringify({ bytes: 4 * model.numParameters(), grown }));
}
// The threads of the backend would keep the process.
process.exit(0);

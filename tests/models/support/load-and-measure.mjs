// A process of its own for tests/models/large.test.ts: `make folder` writes a checkpoint of about 200 MB, `load folder` reads it and prints how
// much the process has grown at its worst. Runs on the built packages.
import { BertModel, bertConfig } from '@course/models';
import { init, manualSeed } from '@course/tensor';

const [what, folder] = process.argv.slice(2);
await init({ device: 'cpu' });
if (what === 'make') {
  manualSeed(1);
  const config = bertConfig({
    vocabSize: 50_000,
    hiddenSize: 512,
    numHiddenLayers: 8,
    numAttentionHeads: 8,
    intermediateSize: 2048,
  });
  await new BertModel(config).savePretrained(folder);
} else {
  // What any model costs: code, the smallest memory of the backend.
  const tiny = bertConfig({
    vocabSize: 9,
    hiddenSize: 8,
    numHiddenLayers: 1,
    numAttentionHeads: 2,
    intermediateSize: 8,
  });
  new BertModel(tiny).dispose();
  const before = process.memoryUsage.rss();
  const model = await BertModel.fromPretrained(folder);
  const bytes = 4 * model.numParameters();
  // Kilobytes, on every system that Node runs on.
  const grown = process.resourceUsage().maxRSS * 1024 - before;
  console.log(JSON.stringify({ bytes, grown }));
}
// The threads of the backend would keep the process.
process.exit(0);

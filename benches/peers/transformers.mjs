// Hugging Face's transformers for JavaScript over ONNX Runtime: the pipeline of the model that ours wrote, whose graph is made of its weights.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { env, pipeline } from '@huggingface/transformers';
import { serve } from './harness.mjs';
import { encodeBertClassifier } from './onnx.mjs';

const folder = process.env.COURSE_BENCH_FOLDER ?? '';
const model = join(folder, 'classifier');
env.allowRemoteModels = false;
env.localModelPath = dirname(model);

/** The tensors of a safetensors file, all float32. */
function weightsOf(path) {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const { __metadata__, ...header } = JSON.parse(bytes.subarray(8, 8 + length).toString());
  return new Map(
    Object.entries(header).map(([name, { data_offsets: offsets }]) => {
      const [begin, end] = offsets.map((at) => 8 + length + at);
      return [name, new Float32Array(Uint8Array.from(bytes.subarray(begin, end)).buffer)];
    }),
  );
}

function classifying(kind) {
  return async () => {
    const file = join(model, 'onnx/model.onnx');
    if (!existsSync(file)) {
      mkdirSync(dirname(file), { recursive: true });
      const config = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8'));
      writeFileSync(file, encodeBertClassifier(config, weightsOf(join(model, 'model.safetensors'))));
    }
    const classify = await pipeline('text-classification', basename(model), { dtype: 'fp32', device: 'cpu' });
    const { texts, batchSize } = JSON.parse(readFileSync(join(folder, `${kind}.json`), 'utf8'));
    // Its pipelines take a list as one batch.
    const run = async () => {
      const found = [];
      for (let at = 0; at < texts.length; at += batchSize)
        found.push(...(await classify(texts.slice(at, at + batchSize))));
      return found;
    };
    const expected = JSON.parse(readFileSync(join(folder, `${kind}.expected.json`), 'utf8'));
    for (const [i, { label, score }] of (await run()).entries())
      if (label !== expected[i].label || Math.abs(score - expected[i].score) > 1e-3)
        throw new Error(`text ${i}: ${label} ${score}, ours ${expected[i].label} ${expected[i].score}`);
    run.release = () => classify.dispose();
    return run;
  };
}

await serve({
  'pipeline, 1,000 sentences': classifying('as they come'),
  'pipeline, 1,000 sentences by length': classifying('by length'),
});

// ONNX Runtime: `node onnxruntime.mjs node|wasm`, native code or its WebAssembly build with a thread for every core.
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { numbers, serve } from './harness.mjs';
import { encode, models } from './onnx.mjs';

const kind = process.argv[2];
const ort = createRequire(import.meta.url)(kind === 'node' ? 'onnxruntime-node' : 'onnxruntime-web');
const threads = availableParallelism();
if (kind === 'wasm') ort.env.wasm.numThreads = threads;
const REPEATS = 1000;

function workload(name, model) {
  return async () => {
    const session = await ort.InferenceSession.create(encode(model), {
      executionProviders: [kind === 'node' ? 'cpu' : 'wasm'],
      intraOpNumThreads: threads,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    });
    const feeds = {};
    for (const [input, shape] of Object.entries(model[0])) {
      feeds[input] = new ort.Tensor('float32', numbers(shape.reduce((a, b) => a * b)), shape);
    }
    const [output] = session.outputNames;
    const run = async () => {
      if (name !== 'small op') return session.run(feeds);
      let { x } = feeds;
      for (let i = 0; i < REPEATS; i++) x = (await session.run({ ...feeds, x }))[output];
      return x;
    };
    run.release = () => session.release();
    return run;
  };
}

await serve(Object.fromEntries(Object.entries(models).map(([name, model]) => [name, workload(name, model)])));

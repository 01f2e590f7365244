// ONNX Runtime: `node onnxruntime.mjs node|wasm|node-webgpu|web-webgpu`, native code or its WebAssembly build with a thread for every core, each
// also with its WebGPU kernels: those of the native build run on a Dawn of its own.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { numbers, serve } from './harness.mjs';
import { encode, models } from './onnx.mjs';

const kind = process.argv[2];
const threads = availableParallelism();
const ort = await load();

async function load() {
  const require = createRequire(import.meta.url);
  if (kind.startsWith('node')) return require('onnxruntime-node');
  if (kind === 'wasm') {
    const wasm = require('onnxruntime-web');
    wasm.env.wasm.numThreads = threads;
    return wasm;
  }
  (await import('./dawn.mjs')).provideWebGpu();
  const folder = new URL('./node_modules/onnxruntime-web/dist/', import.meta.url);
  const loaded = await import(new URL('ort.webgpu.mjs', folder).href);
  const web = loaded.default?.InferenceSession ? loaded.default : loaded;
  web.env.wasm.numThreads = 1;
  web.env.wasm.wasmBinary = readFileSync(new URL('ort-wasm-simd-threaded.asyncify.wasm', folder));
  web.env.logLevel = 'error';
  return web;
}

const provider = kind.endsWith('webgpu') ? 'webgpu' : kind === 'node' ? 'cpu' : 'wasm';
const REPEATS = 1000;

function workload(name, model) {
  return async () => {
    const session = await ort.InferenceSession.create(encode(model), {
      executionProviders: [provider],
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

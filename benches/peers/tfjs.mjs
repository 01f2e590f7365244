// TensorFlow.js on its WASM or WebGPU backend: `node tfjs.mjs wasm|webgpu`.
import { createRequire } from 'node:module';
import { numbers, serve } from './harness.mjs';

const require = createRequire(import.meta.url);
const kind = process.argv[2];
if (kind === 'webgpu') (await import('./dawn.mjs')).provideWebGpu();
const tf = require('@tensorflow/tfjs');
if (kind === 'wasm')
  require('@tensorflow/tfjs-backend-wasm').setWasmPaths(
    `${process.cwd()}/node_modules/@tensorflow/tfjs-backend-wasm/dist/`,
  );
else require('@tensorflow/tfjs-backend-webgpu');
if (!(await tf.setBackend(kind))) process.exit(1);
await tf.ready();

const tensor = (shape, scale) =>
  tf.tensor(
    numbers(
      shape.reduce((a, b) => a * b, 1),
      scale,
    ),
    shape,
  );
const forward = (fn) => async () => {
  const y = tf.tidy(fn);
  if (kind === 'webgpu') {
    // It holds commands back until somebody reads.
    tf.backend().endComputePassEncoder();
    tf.backend().submitQueue();
    await tf.backend().queue.onSubmittedWorkDone();
  }
  tf.dispose(y);
};
const layerNorm = (x, weight, bias) => {
  const { mean, variance } = tf.moments(x, -1, true);
  return x.sub(mean).mul(variance.add(1e-5).rsqrt()).mul(weight).add(bias);
};
const gelu = (x) => x.mul(0.5).mul(tf.erf(x.mul(Math.SQRT1_2)).add(1));
const attend = (q, k, v) => tf.matMul(tf.softmax(tf.matMul(q, k, false, true).mul(1 / Math.sqrt(q.shape.at(-1)))), v);

const workloads = {
  'softmax [4096, 512]': () => {
    const x = tensor([4096, 512]);
    return forward(() => tf.softmax(x));
  },
  'layer norm [4096, 768]': () => {
    const [x, weight, bias] = [tensor([4096, 768]), tensor([768]), tensor([768])];
    return forward(() => layerNorm(x, weight, bias));
  },
  'GELU [4096, 3072]': () => {
    const x = tensor([4096, 3072]);
    return forward(() => gelu(x));
  },
  'attention B8 H12 T128 d64': () => {
    const [q, k, v] = [0, 0, 0].map(() => tensor([8, 12, 128, 64]));
    return forward(() => attend(q, k, v));
  },
  'small op': () => {
    const [start, one] = [tensor([64]), tf.ones([64])];
    return forward(() => {
      let x = start;
      for (let i = 0; i < 1000; i++) x = tf.add(x, one);
      return x;
    });
  },
};
for (const n of [256, 512, 1024]) {
  workloads[`matmul ${n}`] = () => {
    const [a, b] = [tensor([n, n]), tensor([n, n])];
    return forward(() => tf.matMul(a, b));
  };
}
for (const batch of [1, 8]) {
  workloads[`BERT-base shape, batch ${batch}`] = () => {
    const square = () => tensor([768, 768], 0.03);
    const layers = Array.from({ length: 12 }, () => ({
      q: square(),
      k: square(),
      v: square(),
      o: square(),
      up: tensor([768, 3072], 0.03),
      down: tensor([3072, 768], 0.03),
      upBias: tensor([3072]),
      vectors: Array.from({ length: 9 }, () => tensor([768])),
    }));
    const input = tensor([batch * 128, 768]);
    const heads = (t) => t.reshape([batch, 128, 12, 64]).transpose([0, 2, 1, 3]);
    const run = forward(() => {
      let x = input;
      for (const { q, k, v, o, up, down, upBias, vectors } of layers) {
        const project = (w, i) => heads(tf.matMul(x, w).add(vectors[i]));
        const attended = attend(project(q, 0), project(k, 1), project(v, 2))
          .transpose([0, 2, 1, 3])
          .reshape([batch * 128, 768]);
        x = layerNorm(x.add(tf.matMul(attended, o).add(vectors[3])), vectors[4], vectors[5]);
        x = layerNorm(
          x.add(tf.matMul(gelu(tf.matMul(x, up).add(upBias)), down).add(vectors[6])),
          vectors[7],
          vectors[8],
        );
      }
      return x;
    });
    run.release = () => tf.dispose([layers, input]);
    return run;
  };
}
await serve(workloads);

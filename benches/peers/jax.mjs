// jax-js on its WASM backend with a worker for every core, or on WebGPU: `node jax.mjs wasm|webgpu`, Node 22 or newer.
import { Worker as Thread } from 'node:worker_threads';
import { numbers, serve } from './harness.mjs';

const kind = process.argv[2] ?? 'wasm';
if (kind === 'webgpu') (await import('./dawn.mjs')).provideWebGpu();

// jax-js starts its workers as a browser does, from blobs: what it needs of `Worker`, on top of Node's threads.
const sources = new Map();
const NativeBlob = globalThis.Blob;
globalThis.Blob = class extends NativeBlob {
  constructor(parts, options) {
    super(parts, options);
    this.source = parts.map(String).join('');
  }
};
const createObjectURL = URL.createObjectURL;
URL.createObjectURL = (blob) => {
  const url = createObjectURL.call(URL, blob);
  sources.set(url, blob.source);
  return url;
};
const PRELUDE = `const { parentPort } = require('node:worker_threads');
globalThis.self = globalThis;
globalThis.postMessage = (message) => parentPort.postMessage(message);
parentPort.on('message', (data) => self.onmessage({ data }));
`;
globalThis.Worker = class {
  #thread;
  constructor(url) {
    this.#thread = new Thread(PRELUDE + sources.get(String(url)), { eval: true });
    this.#thread.unref();
    this.#thread.on('message', (data) => this.onmessage?.({ data }));
    this.#thread.on('error', (error) => this.onerror?.(error));
  }
  postMessage(message, transfer) {
    this.#thread.postMessage(message, transfer);
  }
  terminate() {
    this.#thread.terminate();
  }
};

const jax = await import('@jax-js/jax');
const { numpy: np, nn, jit, tree } = jax;
await jax.init(kind);
jax.defaultDevice(kind);

const array = (shape, scale) =>
  np
    .array(
      numbers(
        shape.reduce((a, b) => a * b, 1),
        scale,
      ),
    )
    .reshape(shape);
const compiled = (fn, ...args) => {
  const run = jit(fn);
  return async () => {
    const y = run(...args.map((arg) => tree.map((x) => x.ref, arg)));
    await jax.blockUntilReady(y);
    y.dispose();
  };
};
const layerNorm = (x, weight, bias) => nn.standardize(x, -1).mul(weight).add(bias);
const gelu = (x) => nn.gelu(x, { approximate: false });
const attend = (q, k, v) => np.matmul(nn.softmax(np.matmul(q, np.transpose(k, [0, 1, 3, 2])).mul(0.125), -1), v);

function bertLayer(x, layer, batch) {
  const heads = (t) => np.transpose(t.reshape([batch, 128, 12, 64]), [0, 2, 1, 3]);
  const linear = (value, [weight, bias]) => np.matmul(value, weight).add(bias);
  const context = attend(heads(linear(x.ref, layer.q)), heads(linear(x.ref, layer.k)), heads(linear(x.ref, layer.v)));
  const joined = np.transpose(context, [0, 2, 1, 3]).reshape([batch * 128, 768]);
  const attended = layerNorm(x.add(linear(joined, layer.o)), ...layer.norm1);
  return layerNorm(attended.ref.add(linear(gelu(linear(attended, layer.up)), layer.down)), ...layer.norm2);
}

const workloads = {
  'softmax [4096, 512]': () => compiled((x) => nn.softmax(x, -1), array([4096, 512])),
  'layer norm [4096, 768]': () => compiled(layerNorm, array([4096, 768]), array([768]), array([768])),
  'GELU [4096, 3072]': () => compiled(gelu, array([4096, 3072])),
  'attention B8 H12 T128 d64': () => compiled(attend, ...[0, 0, 0].map(() => array([8, 12, 128, 64]))),
  'small op': () => {
    const [start, one] = [array([64]), np.ones([64])];
    return async () => {
      let x = start.ref;
      for (let i = 0; i < 1000; i++) x = np.add(x, one.ref);
      await jax.blockUntilReady(x);
      x.dispose();
    };
  },
};
for (const n of [256, 512, 1024]) {
  workloads[`matmul ${n}`] = () => compiled(np.matmul, array([n, n]), array([n, n]));
}
for (const batch of [1, 8]) {
  workloads[`BERT-base shape, batch ${batch}`] = () => {
    const linear = (inputs, outputs) => [array([inputs, outputs], 0.03), array([outputs])];
    const layers = Array.from({ length: 12 }, () => ({
      q: linear(768, 768),
      k: linear(768, 768),
      v: linear(768, 768),
      o: linear(768, 768),
      up: linear(768, 3072),
      down: linear(3072, 768),
      norm1: [array([768]), array([768])],
      norm2: [array([768]), array([768])],
    }));
    return compiled(
      (x, all) => all.reduce((value, layer) => bertLayer(value, layer, batch), x),
      array([batch * 128, 768]),
      layers,
    );
  };
}
await serve(workloads);

// Kernels that are divided, in a page, run until its threads have had the time to arrive: a part of their results, and how many threads there are.
import { device, init, manualSeed, randn, scaledDotProductAttention, scope } from '@course/tensor';

/** The part of a page's API that is watched here. */
const page = globalThis as unknown as {
  crossOriginIsolated: boolean;
  navigator: { hardwareConcurrency: number };
  Worker: new (...args: unknown[]) => { addEventListener(type: 'error', listener: () => void): void };
};
const workers = { started: 0, failed: 0 };
page.Worker = class extends page.Worker {
  constructor(...args: unknown[]) {
    super(...args);
    workers.started++;
    this.addEventListener('error', () => {
      workers.failed++;
    });
  }
};

async function run() {
  await init({ device: 'cpu' });
  manualSeed(0);
  const [a, b, q] = [randn([300, 200]), randn([200, 400]), randn([2, 4, 150, 32])];
  const product = () => a.matmul(b);
  const all = [
    product,
    () => product().softmax(-1).square(),
    () => scaledDotProductAttention(q, q, q, { isCausal: true }),
  ];
  for (const start = performance.now(); performance.now() - start < 500; ) {
    for (const each of all) scope(() => void each().compute());
    await new Promise((resolve) => setTimeout(resolve));
  }
  const values: number[] = [];
  for (const each of all) values.push(...(await each().data()).slice(0, 500), await each().sum().item());
  const { crossOriginIsolated: isolated, navigator } = page;
  return { isolated, cores: navigator.hardwareConcurrency, threads: device.info().threads, ...workers, values };
}

const answers = await run().catch((error) => ({ error: error instanceof Error ? error.stack : String(error) }));
await fetch('/answers', { method: 'POST', body: JSON.stringify(answers) });

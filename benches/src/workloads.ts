// What is measured: one entry a workload, the same sizes as in the peers' files. A run ends at a point where the result is there, so
// that a device that works behind the program's back is waited for.
import { BertModel, bertConfig, TextClassifier } from '@course/models';
import { clipGradNorm_, type Module } from '@course/nn';
import { AdamW } from '@course/nn/optim';
import {
  device,
  keep,
  layerNorm,
  manualSeed,
  noGrad,
  ones,
  rand,
  randint,
  randn,
  scaledDotProductAttention,
  scope,
  type Tensor,
  tensor,
} from '@course/tensor';
import { classifying } from './classifying.js';
import { pipelines } from './pipelines.js';
import { tokenizing } from './tokenizing.js';
import type { Workload } from './workload.js';

/** Waits until a value is computed; releases it. */
async function done(value: Tensor): Promise<void> {
  value.compute();
  await device.synchronize();
  value.dispose();
}

function forward(fn: () => Tensor): () => Promise<void> {
  return () => done(noGrad(() => scope(fn)));
}

function matmul(n: number): Workload {
  return {
    name: `matmul ${n}`,
    flop: 2 * n ** 3,
    prepare() {
      const [a, b] = [rand([n, n]), rand([n, n])];
      return forward(() => a.matmul(b));
    },
  };
}

function attention(
  name: string,
  shape: readonly [number, number, number, number],
  { queries = shape[2], isCausal = false } = {},
): Workload {
  return {
    name,
    prepare() {
      const [batch, heads, , width] = shape;
      const [q, k, v] = [randn([batch, heads, queries, width]), randn(shape), randn(shape)];
      return forward(() => scaledDotProductAttention(q, k, v, { isCausal }));
    },
  };
}

function gradients(name: string, fn: (q: Tensor, k: Tensor, v: Tensor) => Tensor): Workload {
  return {
    name,
    prepare() {
      const shape = [2, 12, 128, 64];
      const operands = [0, 1, 2].map(() => randn(shape, { requiresGrad: true })) as [Tensor, Tensor, Tensor];
      const grad = randn(shape);
      return async () => {
        scope(() => fn(...operands).backward({ gradient: grad }));
        for (const operand of operands) {
          operand.grad?.compute();
          operand.grad = null;
        }
        await device.synchronize();
      };
    },
  };
}

/** BERT-base itself over 128 tokens: the peers compute its twelve blocks alone, without embeddings and pooler. */
function bert(batch: number): Workload {
  return {
    name: `BERT-base shape, batch ${batch}`,
    prepare() {
      const model = new BertModel(bertConfig()).eval();
      const ids = randint(0, model.config.vocabSize, [batch, 128]);
      return forward(() => model.forward(ids).poolerOutput as Tensor);
    },
  };
}

const SMALL = 1000;

export const workloads: readonly Workload[] = [
  ...tokenizing,
  ...pipelines,
  matmul(256),
  matmul(512),
  matmul(1024),
  {
    name: 'softmax [4096, 512]',
    prepare() {
      const x = randn([4096, 512]);
      return forward(() => x.softmax(-1));
    },
  },
  {
    name: 'layer norm [4096, 768]',
    prepare() {
      const x = randn([4096, 768]);
      const [weight, bias] = [rand([768]), rand([768])];
      return forward(() => layerNorm(x, [768], { weight, bias }));
    },
  },
  {
    name: 'GELU [4096, 3072]',
    prepare() {
      const x = randn([4096, 3072]);
      return forward(() => x.gelu());
    },
  },
  {
    name: 'attention B8 H12 T128 d64',
    prepare() {
      const [q, k, v] = [randn([8, 12, 128, 64]), randn([8, 12, 128, 64]), randn([8, 12, 128, 64])];
      return forward(() => scaledDotProductAttention(q, k, v));
    },
  },
  attention('attention B1 H12 T1024 d64', [1, 12, 1024, 64]),
  attention('attention B1 H12 T1024 d64, causal', [1, 12, 1024, 64], { isCausal: true }),
  // A word of a text that is generated, after 4095 others.
  attention('attention B1 H12 T1 over 4096 d64', [1, 12, 4096, 64], { queries: 1 }),
  gradients('attention and gradients B2 H12 T128 d64', (q, k, v) => scaledDotProductAttention(q, k, v)),
  // What the fused kernels are there for: the same of products and a softmax.
  gradients('attention and gradients, composed', (q, k, v) =>
    q.mul(0.125).matmul(k.transpose(-2, -1)).softmax(-1).matmul(v),
  ),
  {
    // Each value is computed by a kernel of its own, as in libraries that do not fuse.
    name: 'small op',
    repeats: SMALL,
    prepare() {
      const [start, one] = [rand([64]), ones([64])];
      return forward(() => {
        let x = start;
        for (let i = 0; i < SMALL; i++) {
          x = x.add(one);
          x.compute();
        }
        return x;
      });
    },
  },
  bert(1),
  bert(8),
  {
    name: 'training step',
    prepare() {
      manualSeed(0);
      const [vocabSize, length, batch] = [30522, 128, 32];
      const model = new TextClassifier({
        vocabSize,
        dim: 128,
        layers: 2,
        heads: 4,
        mlpDim: 512,
        maxLength: length,
        dropout: 0,
        labels: ['a', 'b'],
      });
      const optimizer = new AdamW(model.parameters(), { lr: 1e-3 });
      const inputIds = keep(randint(0, vocabSize, [batch, length]));
      const attentionMask = keep(tensor(new Int32Array(batch * length).fill(1), { shape: [batch, length] }));
      const labels = keep(randint(0, 2, [batch]));
      return async () => {
        const loss = scope(() => {
          const output = model.forward(inputIds, { attentionMask, labels });
          output.loss?.backward();
          clipGradNorm_((model as Module).parameters(), 1);
          optimizer.step();
          optimizer.zeroGrad();
          return output.loss;
        });
        await loss?.item();
        loss?.dispose();
      };
    },
  },
  classifying,
];

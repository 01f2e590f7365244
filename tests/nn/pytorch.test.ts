// What outgrows one machine goes on in PyTorch: the weights of a checkpoint load there by name, strictly, and give the same outputs. Runs
// where the system has PyTorch.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as nn from '@course/nn';
import * as optim from '@course/nn/optim';
import { init, manualSeed, randint, type Tensor } from '@course/tensor';
import * as safetensors from '@course/tensor/safetensors';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('support/load_in_torch.py', import.meta.url));
const environment = { ...process.env, OMP_NUM_THREADS: '1', OMP_WAIT_POLICY: 'PASSIVE' };
const python = ['/usr/bin/python3', 'python3'].find(
  (command) => spawnSync(command, ['-c', 'import torch'], { env: environment }).status === 0,
);
if (python === undefined) console.warn('pytorch.test.ts: skipped, this system has no Python with torch');

class Reader extends nn.Module {
  readonly tokenEmbedding = new nn.Embedding(11, 8, { paddingIdx: 0 });
  readonly encoder = new nn.TransformerEncoder(
    new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16, batchFirst: true }),
    2,
  );
  readonly recurrent = new nn.LSTM(8, 6, { bidirectional: true, batchFirst: true, projSize: 3 });
  readonly head = new nn.Sequential(new nn.LayerNorm(6), new nn.Linear(6, 4), new nn.GELU(), new nn.Linear(4, 2));

  forward(ids: Tensor): Tensor {
    const [steps] = this.recurrent.forward(this.encoder.forward(this.tokenEmbedding.forward(ids)));
    return this.head.forward(steps.mean(1));
  }
}

it.skipIf(python === undefined)(
  'a checkpoint of a training run loads in PyTorch and gives the same outputs',
  async () => {
    await init({ device: 'cpu' });
    const folder = await mkdtemp(join(tmpdir(), 'pytorch-test-'));
    try {
      manualSeed(6);
      const model = new Reader();
      const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-2 });
      const ids = randint(0, 11, [3, 7]);
      for (let step = 0; step < 3; step++) {
        model.forward(ids).square().mean().backward();
        optimizer.step();
        optimizer.zeroGrad();
      }
      const checkpoint = await nn.saveCheckpoint(folder, { model, optimizer }, { step: 3, extra: null });
      await safetensors.save(join(folder, 'inputs.safetensors'), { ids });
      const printed = execFileSync(
        python as string,
        ['-B', script, `${checkpoint}/model.safetensors`, join(folder, 'inputs.safetensors')],
        { encoding: 'utf8', env: environment },
      );
      const theirs = (JSON.parse(printed) as number[][]).flat();
      // Two float32 programs of about ten layers that sum in different orders: some ten roundings of values near 1.
      expect(await model.eval().forward(ids).data()).toBeClose(theirs, { atol: 1e-6, rtol: 1e-5 });
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

// BERT, DistilBERT and GPT-2 against PyTorch: each case is written as a model folder, read by `fromPretrained`, and compared in
// outputs, loss and the gradients of every parameter; then saved, and the file's names and numbers must be those it was read from.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as models from '@course/models';
import { ArgumentError, stack, Tensor } from '@course/tensor';
import { expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import type { GoldenTensor } from '../support/golden-files.js';
import { toDevice } from '../support/golden-op.js';
import { expectLike, golden, tolerance } from '../support/goldens.js';

type Published = models.PreTrainedModel & {
  forward(ids: Tensor, inputs: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
};
interface PublishedClass {
  fromPretrained(folder: string, options: { onReport: (report: string) => void }): Promise<Published>;
}

function classOf(name: string): PublishedClass {
  const found = (models as unknown as Record<string, PublishedClass>)[name];
  if (!found) throw new ArgumentError(`no model '${name}'`);
  return found;
}

async function compare(actual: unknown, expected: GoldenTensor, atol: number, what: string): Promise<void> {
  const tensor = Array.isArray(actual) ? stack(actual as Tensor[]) : actual;
  if (!(tensor instanceof Tensor)) throw new ArgumentError(`${what}: there is none`);
  await expectLike(tensor, expected, atol, what);
}

onEachDevice('published models as in PyTorch', () => {
  it.each(golden('published').cases)('$name', async ({ model: name, config, state, inputs, outputs, gradients }) => {
    const folder = await mkdtemp(join(tmpdir(), 'published-test-'));
    try {
      await writeFile(join(folder, 'config.json'), JSON.stringify(config));
      await models.safetensors.save(join(folder, 'model.safetensors'), state);
      const reports: string[] = [];
      const model = await classOf(name).fromPretrained(folder, { onReport: (report) => reports.push(report) });
      expect(reports).toEqual([]);
      const { inputIds, ...others } = Object.fromEntries(
        Object.entries(inputs).map(([key, value]) => [key, toDevice(value)]),
      );
      const isBase = 'lastHiddenState' in outputs;
      const output = model.forward(inputIds as Tensor, {
        ...others,
        ...(isBase && { outputHiddenStates: true, outputAttentions: true }),
      });
      for (const [key, expected] of Object.entries(outputs))
        await compare(output[key], expected, tolerance([expected]), key);
      if (isBase) {
        // The gradient that the script gives: squares of the states of real tokens, and the pooled state.
        const states = (output.lastHiddenState as Tensor).mul(
          (others.attentionMask as Tensor).to('float32').unsqueeze(-1),
        );
        const pooled = output.poolerOutput as Tensor | null | undefined;
        const total = states.pow(2).sum();
        (pooled ? total.add(pooled.sum()) : total).backward();
      } else (output.loss as Tensor).backward();
      const all = Object.values(gradients);
      const parameters = new Map(model.namedParameters());
      for (const [key, expected] of Object.entries(gradients))
        await compare(parameters.get(key)?.grad, expected, tolerance(all), `gradient of ${key}`);

      await model.savePretrained(join(folder, 'again'));
      const file = await models.safetensors.open(join(folder, 'again', 'model.safetensors'));
      expect(file.keys().sort()).toEqual(Object.keys(state).sort());
      for (const [key, expected] of Object.entries(state)) expect((await file.array(key)).data).toEqual(expected.data);
      await file.close();
      const saved = JSON.parse(await readFile(join(folder, 'again', 'config.json'), 'utf8')) as object;
      expect(saved).toMatchObject({ ...config, architectures: [name] });
      model.dispose();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

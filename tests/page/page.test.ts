// The packages in a browser: the same program in a page of a headless Chromium and in Node, on both devices, with the threads of a page that is
// cross-origin isolated and without. The page gets the built packages through their `exports`, bundled as a user would.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { trainWordPiece } from '@course/data';
import { BertForSequenceClassification, bertConfig } from '@course/models';
import { init, manualSeed } from '@course/tensor';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumRuns } from '../../scripts/chromium.mjs';
import { at } from '../../scripts/paths.mjs';
import { devices } from '../support/devices.js';
import { openPage, serve } from './open-page.js';
import { type Answers, program } from './program.js';

interface PageAnswers {
  readonly isolated: boolean;
  readonly cpu?: Answers;
  readonly webgpu?: Answers;
  readonly error?: string;
}

const folder = mkdtempSync(join(tmpdir(), 'course-page-files-'));
let script = '';

/** A model and a tokenizer as they are published, and a data set. */
async function writeFiles(): Promise<void> {
  await init({ device: 'cpu' });
  manualSeed(5);
  const tokenizer = trainWordPiece(['a bright generous film the plot is dull and the jokes are duller'], {
    vocabSize: 60,
  });
  await tokenizer.save(folder);
  const config = bertConfig({
    vocabSize: tokenizer.vocabSize,
    hiddenSize: 16,
    numHiddenLayers: 2,
    numAttentionHeads: 2,
    intermediateSize: 32,
    maxPositionEmbeddings: 64,
  });
  await new BertForSequenceClassification(config).savePretrained(folder);
  writeFileSync(join(folder, 'rows.jsonl'), '{"text": "one"}\n{"text": "two"}\n');
}

/** The program in Node, from the same server. */
async function inNode(device: 'cpu' | 'webgpu'): Promise<Answers> {
  const { url, server } = await serve('', folder, { isolated: false, onAnswers: () => undefined });
  try {
    return await program(device, `${url}files`);
  } finally {
    server.close();
  }
}

/**
 * The numbers of a page are Node's. The kernels are the same, but their fused multiply-adds are where the engine has them, so a float32 may
 * round otherwise, and eight steps of learning carry that on: 1e-4 is what the two devices may differ by over twenty steps.
 */
function expectSame(page: Answers | undefined, node: Answers): void {
  expect(page).toBeDefined();
  if (page === undefined) return;
  expect(page.losses).toBeClose(node.losses, { rtol: 1e-4 });
  expect(page.layers).toBeClose(node.layers, { rtol: 1e-4 });
  expect(page.product).toBe(300 ** 3);
  expect(page.kernels).toBeGreaterThan(0);
  expect(page.tokens).toEqual(node.tokens);
  const labels = (answers: Answers) => answers.models.judged.map(({ label }) => label);
  const scores = (answers: Answers) => answers.models.judged.map(({ score }) => score);
  expect(labels(page)).toEqual(labels(node));
  expect(scores(page)).toBeClose(scores(node), { rtol: 1e-4 });
  expect({ ...page.models, judged: [] }).toEqual({ ...node.models, judged: [] });
}

describe.skipIf(!chromiumRuns || devices.length < 2)('a page in Chromium', () => {
  beforeAll(async () => {
    await writeFiles();
    const { outputFiles } = await build({
      entryPoints: [at('tests/page/page.ts')],
      bundle: true,
      format: 'esm',
      platform: 'browser',
      write: false,
    });
    script = outputFiles[0]?.text ?? '';
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([true, false])(
    'computes what Node computes; cross-origin isolated: %s',
    async (isolated) => {
      const page = await openPage<PageAnswers>(script, folder, isolated);
      expect(page.error).toBeUndefined();
      expect(page.isolated).toBe(isolated);
      for (const device of ['cpu', 'webgpu'] as const) expectSame(page[device], await inNode(device));
      if (!isolated) expect(page.cpu?.threads).toBe(1);
      else if (availableParallelism() > 1) expect(page.cpu?.threads).toBeGreaterThan(1);
    },
    180_000,
  );
});

// A run that stops and goes on ends with the same bits as one that never stopped; what is on the disk is whole or not there.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TextClassifier } from '@course/models';
import { clipGradNorm_, lastCheckpoint, loadCheckpoint, readProgress, saveCheckpoint } from '@course/nn';
import { AdamW, LinearWarmup } from '@course/nn/optim';
import { ArgumentError, FormatError, manualSeed, randint, scope } from '@course/tensor';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

interface Run {
  readonly model: TextClassifier;
  readonly optimizer: AdamW;
  readonly scheduler: LinearWarmup;
}

function start(seed: number): Run {
  manualSeed(seed);
  const model = new TextClassifier({
    vocabSize: 20,
    dim: 16,
    layers: 1,
    heads: 2,
    maxLength: 8,
    dropout: 0.2,
    labels: ['a', 'b'],
  });
  const optimizer = new AdamW(model.parameters(), { lr: 1e-2 });
  return { model, optimizer, scheduler: new LinearWarmup(optimizer, { warmupSteps: 2, totalSteps: 12 }) };
}

function steps({ model, optimizer, scheduler }: Run, count: number): void {
  for (let i = 0; i < count; i++) {
    scope(() => {
      const { loss } = model.forward(randint(0, 20, [4, 8]), { labels: randint(0, 2, [4]) });
      loss?.backward();
      clipGradNorm_(model.parameters(), 1);
      optimizer.step();
      scheduler.step();
      optimizer.zeroGrad();
    });
  }
}

async function bits({ model }: Run): Promise<number[][]> {
  const all: number[][] = [];
  for (const value of model.stateDict().values()) {
    const data = await value.data();
    all.push([...new Uint32Array(data.buffer, data.byteOffset, data.length)]);
  }
  return all;
}

onEachDevice('checkpoints', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'checkpoint-test-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('resume to the same bits, dropout, schedule and moments included', async () => {
    const whole = start(5);
    steps(whole, 12);
    const first = start(5);
    steps(first, 7);
    const path = await saveCheckpoint(folder, first, { step: 7, extra: { note: 'seven' } });
    const second = start(99);
    expect(await loadCheckpoint(path, second)).toEqual({ step: 7, extra: { note: 'seven' } });
    steps(second, 5);
    expect(await bits(second)).toEqual(await bits(whole));
  });

  it('keep the newest, and leave no unfinished folder behind', async () => {
    const run = start(1);
    for (const step of [1, 2, 10]) await saveCheckpoint(folder, run, { step, extra: null }, { keep: 2 });
    expect((await readdir(folder)).sort()).toEqual(['checkpoint-10', 'checkpoint-2']);
    expect(await lastCheckpoint(folder)).toBe(`${folder}/checkpoint-10`);
    expect((await loadCheckpoint(folder, run)).step).toBe(10);
  });

  it('tell where they stand before there is a run', async () => {
    await expect(readProgress(folder)).rejects.toThrow(ArgumentError);
    const path = await saveCheckpoint(folder, start(1), { step: 2, extra: { options: { dim: 8 } } });
    expect(await readProgress(path)).toEqual({ step: 2, extra: { options: { dim: 8 } } });
    await saveCheckpoint(folder, start(1), { step: 3, extra: null });
    expect(await readProgress(folder)).toEqual({ step: 3, extra: null });
  });

  it('that cannot be written leave nothing behind, and those before them in place', async () => {
    const run = start(1);
    await saveCheckpoint(folder, run, { step: 1, extra: null });
    // JSON has no cycles: the tensors are written by then, the state is not.
    const extra: { self?: unknown } = {};
    extra.self = extra;
    await expect(saveCheckpoint(folder, run, { step: 2, extra })).rejects.toThrow(TypeError);
    expect(await readdir(folder)).toEqual(['checkpoint-1']);
  });

  it('pass over what a kill left unfinished', async () => {
    const run = start(1);
    await saveCheckpoint(folder, run, { step: 3, extra: null });
    await mkdir(join(folder, 'checkpoint-4.unfinished'));
    await writeFile(join(folder, 'checkpoint-4.unfinished', 'model.safetensors'), 'half');
    expect((await loadCheckpoint(folder, run)).step).toBe(3);
    await saveCheckpoint(folder, run, { step: 4, extra: null });
    expect((await loadCheckpoint(folder, run)).step).toBe(4);
  });

  it('say what is wrong with a folder', async () => {
    const run = start(1);
    await expect(loadCheckpoint(folder, run)).rejects.toThrow(ArgumentError);
    const path = await saveCheckpoint(folder, run, { step: 1, extra: null });
    await writeFile(join(path, 'state.json'), '{"version": 1');
    await expect(loadCheckpoint(path, run)).rejects.toThrow(FormatError);
    await expect(loadCheckpoint(path, run)).rejects.toThrow(/state\.json: not valid JSON/);
    await writeFile(join(path, 'model.safetensors'), 'not weights');
    await writeFile(join(path, 'state.json'), '{"version":1,"step":1,"generator":""}');
    await expect(loadCheckpoint(path, run)).rejects.toThrow(/model\.safetensors/);
  });
});

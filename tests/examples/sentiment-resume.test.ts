// Runs that were cut off: whatever ends one, the last whole checkpoint stays, and a run that goes on from it saves the very bytes
// that an uninterrupted run saves. (On the CPU. A GPU adds in another order from run to run.)
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Interruption } from '../../examples/src/sentiment/interruption.js';
import { generateReviews } from '../../examples/src/sentiment/reviews.js';
import { captured, jsonl, runCaptured, tiny } from './support/run.js';

let folder: string;
const inFolder = (name: string): string => join(folder, name);
/** 60 texts in batches of 4: 15 steps an epoch, 60 in all, with progress after 10 steps of each and at its end. */
const settings = (): string[] => [
  ...tiny,
  ...['--train', inFolder('train.jsonl'), '--test', inFolder('test.jsonl')],
  ...['--epochs', '4', '--batch-size', '4', '--text', 'a fine film'],
];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sentiment-resume-'));
  const { train, test } = generateReviews({ seed: 1, train: 60, test: 20 });
  await writeFile(inFolder('train.jsonl'), jsonl(train));
  await writeFile(inFolder('test.jsonl'), jsonl(test));
  expect((await runCaptured(...settings(), '--out', inFolder('whole'))).code).toBe(0);
});

afterAll(() => rm(folder, { recursive: true }));

/** Runs the job until what it prints on either stream has a part; resolves to its last line on standard error. */
async function interruptedAt(part: string, ...args: readonly string[]): Promise<string> {
  const controller = new AbortController();
  const io = captured();
  const watch = (text: string): void => {
    if (text.includes(part)) controller.abort(new Interruption('SIGINT', 130));
  };
  io.onStdout(watch);
  io.onStderr(watch);
  expect(await io.runWith(controller.signal, ...args)).toBe(130);
  return io.stderr.trimEnd().split('\n').at(-1) ?? '';
}

async function expectSameAsWhole(out: string): Promise<void> {
  for (const name of ['model.safetensors', 'training.json', 'config.json', 'vocab.txt']) {
    expect((await readFile(join(out, name))).equals(await readFile(join(inFolder('whole'), name))), name).toBe(true);
  }
  expect(existsSync(join(out, 'checkpoints'))).toBe(false);
}

describe('an interrupted run ends with the same bytes when it goes on', () => {
  it.each([
    ['inside an epoch', 'step 10 of 60', 10],
    ['at the end of an epoch, before it is measured', 'step 30 of 60', 30],
    ['between two epochs', 'Epoch 3 of 4', 45],
    ['before the last measurement', 'step 60 of 60', 60],
  ])('%s', async (name, part, step) => {
    const out = inFolder(`cut ${name}`);
    expect(await interruptedAt(part, ...settings(), '--out', out)).toBe(
      `Interrupted after step ${step} of 60. To go on from there: npm start -- --resume '${out}'`,
    );
    expect(await readdir(join(out, 'checkpoints'))).toContain(`checkpoint-${step}`);
    const { code, stdout } = await runCaptured('--resume', out, '--text', 'a fine film');
    expect(code).toBe(0);
    expect(stdout).toContain(`Saved in ${out}`);
    await expectSameAsWhole(out);
  });

  it('also when that happens again and again', async () => {
    const out = inFolder('often');
    await interruptedAt('step 10 of 60', ...settings(), '--out', out);
    await interruptedAt('step 25 of 60', '--resume', out);
    await interruptedAt('Epoch 2 of 4', '--resume', out);
    await interruptedAt('step 40 of 60', '--resume', out);
    expect((await runCaptured('--resume', out)).code).toBe(0);
    await expectSameAsWhole(out);
  });

  it('from the last whole checkpoint, if there is the beginning of another', async () => {
    const out = inFolder('half');
    await interruptedAt('step 25 of 60', ...settings(), '--out', out);
    const checkpoints = join(out, 'checkpoints');
    await cp(join(checkpoints, 'checkpoint-25'), join(checkpoints, 'checkpoint-30.unfinished'), { recursive: true });
    await truncate(join(checkpoints, 'checkpoint-30.unfinished/model.safetensors'), 100);
    expect((await runCaptured('--resume', out)).code).toBe(0);
    await expectSameAsWhole(out);
  });

  it('and with --json says what the whole run was', async () => {
    const out = inFolder('json');
    await interruptedAt('step 25 of 60', ...settings(), '--out', out);
    const { stdout } = await runCaptured('--resume', out, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ epochs: 4, steps: 60, trainSize: 60, testSize: 20, out });
  });
});

describe('checkpoints', () => {
  it('are made every so many steps, and the last two are kept', async () => {
    const out = inFolder('kept');
    // After steps 6 and 12, the epoch of 15, step 18, and the step of the interruption.
    await interruptedAt('step 24 of 60', ...settings(), '--out', out, '--save-steps', '6');
    expect((await readdir(join(out, 'checkpoints'))).sort()).toEqual(['checkpoint-18', 'checkpoint-24']);
  });

  it('of an earlier run go when another one begins in their place, which says so', async () => {
    const out = inFolder('anew');
    await interruptedAt('step 30 of 60', ...settings(), '--out', out);
    const io = captured();
    const controller = new AbortController();
    io.onStderr((text) => {
      if (text.includes('step 10 of 60')) controller.abort(new Interruption('SIGINT', 130));
    });
    await io.runWith(controller.signal, ...settings(), '--out', out, '--seed', '3');
    expect(io.stdout).toContain(
      `Note: ${out} holds an unfinished run, which this one replaces; --resume ${out} would go on with it.`,
    );
    expect(await readdir(join(out, 'checkpoints'))).toEqual(['checkpoint-10']);
  });

  it('leave other files of their folder alone', async () => {
    const out = inFolder('notes');
    await interruptedAt('step 10 of 60', ...settings(), '--out', out);
    await mkdir(join(out, 'checkpoints/mine'));
    expect((await runCaptured('--resume', out)).code).toBe(0);
    expect(await readdir(join(out, 'checkpoints'))).toEqual(['mine']);
  });
});

describe('--resume refuses in one sentence', () => {
  let out: string;
  beforeAll(async () => {
    out = inFolder('cut');
    await interruptedAt('step 25 of 60', ...settings(), '--out', out);
  });

  const complaint = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await runCaptured(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    return stderr;
  };

  it('a folder without a run', async () => {
    expect(await complaint('--resume', inFolder('none'))).toBe(
      `error: --resume ${inFolder('none')}: there is no such folder\n`,
    );
    expect(await complaint('--resume', folder)).toBe(
      `error: --resume ${folder}: there is no checkpoint of an unfinished run\n`,
    );
    expect(await complaint('--resume', inFolder('whole'))).toBe(
      `error: --resume ${inFolder('whole')}: there is no checkpoint of an unfinished run; the model there is finished, and --load judges with it\n`,
    );
  });

  it('other options than those of the run; the same ones are welcome', async () => {
    expect(await complaint('--resume', out, '--batch-size', '8')).toBe(
      `error: --resume ${out}: the run began with --batch-size 4 and cannot go on with --batch-size 8\n`,
    );
    expect(await complaint('--resume', out, '--out', inFolder('elsewhere'))).toBe(
      `error: --resume ${out}: the run saves its model there; leave --out ${inFolder('elsewhere')} away\n`,
    );
    expect(await complaint('--resume', out, '--load', out)).toContain('cannot be used with option');
    const copy = inFolder('same options');
    await cp(out, copy, { recursive: true });
    expect((await runCaptured(...settings(), '--resume', copy)).code).toBe(0);
    await expectSameAsWhole(copy);
  });

  it('other texts', async () => {
    const changed = inFolder('changed.jsonl');
    const text = await readFile(inFolder('train.jsonl'), 'utf8');
    await writeFile(changed, text.replace('"negative"', '"positive"'));
    expect(await complaint('--resume', out, '--train', changed)).toContain(
      `error: --resume ${out}: these are not the texts that the run began with (texts of ${changed}`,
    );
  });

  it('checkpoints that are damaged or of another program', async () => {
    const damaged = async (name: string, file: string, content: string): Promise<string> => {
      await cp(out, inFolder(name), { recursive: true });
      await writeFile(join(inFolder(name), 'checkpoints/checkpoint-25', file), content);
      return inFolder(name);
    };
    const cut = await damaged('cut json', 'state.json', '{"version": 1, ');
    expect(await complaint('--resume', cut)).toContain(
      `error: ${join(cut, 'checkpoints/checkpoint-25/state.json')}: not valid JSON`,
    );
    const foreign = await damaged('foreign', 'state.json', '{"version":1,"step":25,"generator":"","extra":{}}');
    expect(await complaint('--resume', foreign)).toBe(
      `error: ${join(foreign, 'checkpoints')}: the checkpoints there are not of this program\n`,
    );
    const weights = await damaged('weights', 'model.safetensors', 'none');
    const { code, stderr } = await runCaptured('--resume', weights);
    expect(code).toBe(1);
    expect(stderr).toContain(join(weights, 'checkpoints/checkpoint-25/model.safetensors'));
  });

  it('and --load says what such a folder is', async () => {
    expect(await complaint('--load', out)).toBe(
      `error: --load ${out}: the training of this model is not finished; --resume goes on with it\n`,
    );
  });
});

const main = fileURLToPath(new URL('../../examples/dist/sentiment/main.js', import.meta.url));

// `npm test` builds first; a test runner started by hand may meet a working copy that was never built.
describe.skipIf(!existsSync(main) || process.platform === 'win32')('a run that is killed', () => {
  it('goes on from its last checkpoint to the same bytes', async () => {
    const out = inFolder('killed');
    const child = spawn(process.execPath, [main, ...settings(), '--out', out, '--save-steps', '2'], { stdio: 'pipe' });
    child.stdout.resume();
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (/step [234]\d of 60/.test(text)) child.kill('SIGKILL');
    });
    await new Promise((resolve) => child.once('close', resolve));
    expect(child.signalCode).toBe('SIGKILL');
    const { code, stdout, stderr } = await runCaptured('--resume', out, '--text', 'a fine film');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toContain(`Saved in ${out}`);
    await expectSameAsWhole(out);
  });
});

// The main job as a process, as `npm start` leaves it after building: arguments, exit codes, signals, a closed pipe. What the
// job itself does is tested on the sources beside this file.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { tiny } from './support/run.js';

const main = fileURLToPath(new URL('../../examples/dist/sentiment/main.js', import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sentiment-process-'));
});
afterAll(() => rm(folder, { recursive: true }));

const children = new Set<ChildProcess>();
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
});

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program; `during` is called with it when it first reports progress. */
function runProcess(args: readonly string[], during: (child: ChildProcess) => void = () => {}): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(child);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      const started = stderr.includes('epoch');
      stderr += text;
      if (!started && stderr.includes('epoch')) during(child);
    });
    child.once('close', (code, signal) => {
      children.delete(child);
      resolve({ code, signal, stdout, stderr });
    });
  });
}

// `npm test` builds first; a test runner started by hand may meet a working copy that was never built.
describe.skipIf(!existsSync(main))('the process', () => {
  const training = (): string[] => [...tiny, '--epochs', '1000', '--out', join(folder, 'model')];

  it('ends with the exit code of the run', async () => {
    expect(await runProcess(['--help'])).toMatchObject({ code: 0, stderr: '' });
    expect(await runProcess(['--epoch', '3'])).toEqual({
      code: 1,
      signal: null,
      stdout: '',
      stderr: "error: unknown option '--epoch' (Did you mean --epochs?)\n",
    });
  });

  it.skipIf(process.platform === 'win32').each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends with a word on %s and says how to go on', async (signal, exitCode) => {
    const { code, stderr } = await runProcess(training(), (child) => child.kill(signal));
    expect(code).toBe(exitCode);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(
      /^Interrupted after step [\d,]+ of [\d,]+\. To go on from there: npm start -- --resume /,
    );
    await rm(join(folder, 'model'), { recursive: true });
  });

  it('ends in silence when nobody reads its output any more', async () => {
    const { code, stderr } = await runProcess(training(), (child) => child.stdout?.destroy());
    expect(code).toBe(0);
    expect(stderr).not.toContain('EPIPE');
    expect(await readdir(join(folder, 'model'))).toEqual(['checkpoints']);
  });
});

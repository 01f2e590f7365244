// A run that is killed without warning in the middle of its saves, again and again, always finds a whole checkpoint and ends with
// the same bits as one that was left alone. The run is a process of its own, on the built packages.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const script = (name: string): string => fileURLToPath(new URL(`support/${name}`, import.meta.url));
const built = fileURLToPath(new URL('../../packages/nn/dist/training/trainer.js', import.meta.url));

interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Kill {
  /** What the program says of a step. */
  readonly word?: string;
  readonly steps: number;
  /** Milliseconds. */
  readonly delay: number;
}

/** Runs a program; when it has announced `steps` steps, waits for the delay and kills it. */
function run(folder: string, kill?: Kill, program = 'train-and-save.mjs'): Promise<Ended> {
  const word = kill?.word ?? 'step ';
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script(program), folder], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const announced = (): number => stdout.split(word).length - 1;
      const before = announced();
      stdout += text;
      if (kill && before < kill.steps && announced() >= kill.steps) setTimeout(() => child.kill('SIGKILL'), kill.delay);
    });
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

// `npm test` builds first; a test runner started by hand may meet a working copy that was never built.
describe.skipIf(!existsSync(built))('a run that is killed', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kill-test-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('goes on from a whole checkpoint every time, to the same bits and losses', { timeout: 300_000 }, async () => {
    const [alone, killed] = [join(folder, 'alone'), join(folder, 'killed')];
    const whole = await run(alone);
    expect(whole).toMatchObject({ code: 0, stderr: '' });
    let kills = 0;
    let ended: Ended | null = null;
    // A save takes a few milliseconds: the delays fall before, into and behind it.
    for (let round = 0; round < 60 && !ended; round++) {
      const attempt = await run(killed, { steps: 3 + (round % 3), delay: (round * 1.7) % 9 });
      if (attempt.signal === 'SIGKILL') {
        kills++;
        const names = await readdir(killed);
        expect(names.filter((name) => /^checkpoint-\d+$/.test(name)).length, names.join(', ')).toBeGreaterThan(0);
      } else ended = attempt;
    }
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    // A round lets three to five steps of fifty pass, and on a busy machine some more before the kill arrives.
    expect(kills).toBeGreaterThan(4);
    const last = (text = ''): string | undefined => text.trimEnd().split('\n').at(-1);
    expect(last(ended?.stdout)).toBe(last(whole.stdout));
    // Nothing half-written stays behind a run that ends.
    expect((await readdir(killed)).sort()).toEqual(['checkpoint-49', 'checkpoint-50']);
  });

  it('in the middle of 50 saves finds every number of the last whole one, 50 times', { timeout: 300_000 }, async () => {
    const saves = join(folder, 'saves');
    // The first kill may come before the first folder.
    await mkdir(saves);
    let [inTheMiddle, leftovers, saved] = [0, 0, 0];
    for (let round = 0; inTheMiddle < 50 && round < 200; round++) {
      const kill = { word: 'saving ', steps: 1 + (round % 2), delay: (round * 0.37) % 6 };
      const { signal, stdout, stderr } = await run(saves, kill, 'save-in-a-loop.mjs');
      expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' });
      // It went on from the last save that it had said to be done, or from one that was whole when it was killed.
      const resumed = Number(/^resumed (\d+)$/m.exec(stdout)?.[1]);
      expect([saved, saved + 1]).toContain(resumed);
      const [, last = '', step = ''] = /(saving|saved) (\d+)\n$/.exec(stdout) ?? [];
      saved = last === 'saved' ? Number(step) : Number(step) - 1;
      if (last === 'saving') inTheMiddle++;
      if ((await readdir(saves)).some((name) => /unfinished|discarded/.test(name))) leftovers++;
    }
    // The program does nothing but saving: nearly every kill meets one, and most leave something half-written.
    expect(inTheMiddle).toBe(50);
    expect(leftovers).toBeGreaterThan(10);
  });
});

// The threads of a page: workers over one shared memory where it is cross-origin isolated, none where it is not, and the same bits in both.
import { tmpdir } from 'node:os';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { chromiumRuns } from '../../scripts/chromium.mjs';
import { at } from '../../scripts/paths.mjs';
import { openPage } from './open-page.js';

interface Answers {
  readonly error?: string;
  readonly isolated: boolean;
  readonly cores: number;
  readonly threads: number;
  readonly started: number;
  readonly failed: number;
  readonly values: readonly number[];
}

describe.skipIf(!chromiumRuns)('threads in a page', () => {
  it('start where it is isolated, change no bit, and are not missed where it is not', async () => {
    const { outputFiles } = await build({
      entryPoints: [at('tests/page/threads-page.ts')],
      bundle: true,
      format: 'esm',
      platform: 'browser',
      write: false,
    });
    const script = outputFiles[0]?.text ?? '';
    const { values, ...isolated } = await openPage<Answers>(script, tmpdir(), true);
    const { values: alone, ...plain } = await openPage<Answers>(script, tmpdir(), false);
    const { cores } = isolated;
    const threads = Math.min(cores, 16);
    expect(isolated).toEqual({ isolated: true, cores, threads, started: threads - 1, failed: 0 });
    expect(plain).toEqual({ isolated: false, cores, threads: 1, started: 0, failed: 0 });
    expect(alone).toEqual(values);
    expect(alone.every(Number.isFinite)).toBe(true);
  }, 180_000);
});

// Reading a large checkpoint takes hardly more memory than its weights: it goes to the device in pieces, and is never whole on the host
// beside it.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('support/load-and-measure.mjs', import.meta.url));
const built = fileURLToPath(new URL('../../packages/models/dist/index.js', import.meta.url));
const run = (what: string, folder: string): string =>
  execFileSync(process.execPath, [script, what, folder], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

// `npm test` builds first; a test runner started by hand may meet a working copy that was never built.
it.skipIf(!existsSync(built))(
  'a checkpoint of 200 MB is read with less than 1.3 times its size',
  { timeout: 300_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'large-'));
    try {
      run('make', folder);
      const { bytes, grown } = JSON.parse(run('load', folder)) as { bytes: number; grown: number };
      expect(bytes).toBeGreaterThan(190e6);
      expect(grown / bytes).toBeLessThan(1.3);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

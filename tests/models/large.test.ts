// Reading a large checkpoint takes hardly more memory than its weights: it goes to the device in pieces, and is never whole on the host
// beside it.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { devices } from '../support/devices.js';

const script = fileURLToPath(new URL('support/load-and-measure.mjs', import.meta.url));
const built = fileURLToPath(new URL('../../packages/models/dist/index.js', import.meta.url));
const run = (...args: readonly string[]): string =>
  execFileSync(process.execPath, [script, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

// `npm test` builds first; a test runner started by hand may meet a working copy that was never built. Fresh memory that is filled with NaN
// (COURSE_POISON) is in use before the weights come.
const isMeasurable = existsSync(built) && process.env.COURSE_POISON === undefined;
describe.skipIf(!isMeasurable)('a checkpoint of 440 MB', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'large-'));
    run('make', folder, '440');
  }, 300_000);
  afterAll(() => rm(folder, { recursive: true }));

  // Onto the device in use, and onto another while this one is: what is not there yet is opened, and counts.
  const cases = devices.flatMap((kind) => devices.map((current) => [kind, current] as const));
  it.each(cases)(
    'is read onto %s, with %s in use, with less than 1.3 times its size',
    { timeout: 300_000 },
    (kind, current) => {
      const { bytes, grown } = JSON.parse(run('load', folder, kind, 'float32', current)) as {
        bytes: number;
        grown: number;
      };
      expect(bytes).toBeGreaterThan(430e6);
      expect(grown / bytes).toBeLessThan(1.3);
    },
  );
});

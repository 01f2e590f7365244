// The set-up scripts from outside, as child processes: what a shell, a terminal or a CI machine sees of them.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'course-scripts-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Starts a process that hands itself over to the given program, as `npm start` and `npm test` do. */
function startBecoming(program: string): ChildProcess {
  const { href } = pathToFileURL(join(scripts, 'run.mjs'));
  const source = `import { become, node } from '${href}'; become(node('-e', ${JSON.stringify(program)}));`;
  return spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
}

describe('a process that becomes its job', () => {
  it('ends with the exit code of the job', async () => {
    const [code, signal] = await once(startBecoming('process.exit(7)'), 'close');
    expect({ code, signal }).toEqual({ code: 7, signal: null });
  });

  it.skipIf(process.platform === 'win32').each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'passes %s on and ends by it as the job does',
    async (name) => {
      const outer = startBecoming('console.log("ready"); setInterval(() => {}, 1000)');
      await once(outer.stdout ?? outer, 'data');
      outer.kill(name);
      const [code, signal] = await once(outer, 'close');
      expect({ code, signal }).toEqual({ code: null, signal: name });
    },
  );

  it.skipIf(process.platform === 'win32')(
    'lets a job finish that handles the signal, and takes its exit code',
    async () => {
      const outer = startBecoming(
        'process.on("SIGTERM", () => process.exit(3)); console.log("ready"); setInterval(() => {}, 1000)',
      );
      await once(outer.stdout ?? outer, 'data');
      outer.kill('SIGTERM');
      const [code] = await once(outer, 'close');
      expect(code).toBe(3);
    },
  );
});

describe('node-version', () => {
  it('says what is needed and what was found, and ends with 1', () => {
    const { href } = pathToFileURL(join(scripts, 'node-version.mjs'));
    const ask = (minimum: string) =>
      spawnSync(process.execPath, [
        '--input-type=module',
        '-e',
        `import { requireNode } from '${href}'; requireNode('${minimum}', 'This test');`,
      ]);
    expect(ask('20.0').status).toBe(0);
    const refused = ask('999.5');
    expect(refused.status).toBe(1);
    expect(refused.stderr.toString()).toContain(
      `This test needs Node 999.5 or newer; this is Node ${process.versions.node}`,
    );
  });
});

describe('test-summary', () => {
  const report = {
    success: true,
    numPassedTests: 5,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults: [{ status: 'passed', assertionResults: [{}] }],
  };

  function summarise(content: string): { line: string; status: number | null } {
    const path = join(folder, 'report.json');
    writeFileSync(path, content);
    const { stdout, status } = spawnSync(process.execPath, [join(scripts, 'test-summary.mjs'), path]);
    return { line: stdout.toString().trimEnd(), status };
  }

  it.each([
    ['all passed', report, '5 passed, 0 failed', 0],
    ['some skipped', { ...report, numPendingTests: 1, numTodoTests: 1 }, '5 passed, 0 failed, 2 skipped', 0],
    ['some failed', { ...report, success: false, numFailedTests: 2 }, '5 passed, 2 failed', 1],
    ['an error outside of every test', { ...report, success: false }, '5 passed, 1 failed', 1],
    [
      'a file that could not be loaded',
      { ...report, success: false, testResults: [{ status: 'failed', assertionResults: [] }] },
      '5 passed, 1 failed',
      1,
    ],
    ['nothing ran', { ...report, numPassedTests: 0 }, '0 passed, 0 failed', 1],
  ])('%s', (_, content, line, status) => {
    expect(summarise(JSON.stringify(content))).toEqual({ line, status });
  });

  it('counts a run that ended without a report as a failure', () => {
    expect(summarise('')).toEqual({ line: '0 passed, 1 failed', status: 1 });
  });
});

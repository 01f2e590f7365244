// What a run prints: plain lines where its output is a file or a pipe, a bar in a terminal. The run is a process of its own, on the
// built packages.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('support/train-and-print.mjs', import.meta.url));
const built = fileURLToPath(new URL('../../packages/nn/dist/training/trainer.js', import.meta.url));
/** util-linux's, which runs a command in a terminal of its own. */
const hasScript = /util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '');

const number = String.raw`\d+(\.\d+)?(e-\d+)?`;
const speed = String.raw`${number} steps/s, \d+:\d\d left`;
const lines = [
  ...[1, 2, 3].flatMap((epoch) => [
    String.raw`step ${4 * epoch}/12, epoch ${epoch}\.00, loss ${number}, gradNorm ${number}, learningRate ${number}, ${speed}`,
    String.raw`step ${4 * epoch}/12, epoch ${epoch}\.00, evalLoss ${number}, evalRuntime ${number}, evalSamplesPerSecond ${number}, evalStepsPerSecond ${number}, ${speed}`,
    `after epoch ${epoch}`,
  ]),
];

// `npm test` builds first; a test runner started by hand may meet a working copy that was never built.
describe.skipIf(!existsSync(built))('the progress of a run', () => {
  it('is plain lines outside a terminal, one for each entry of the log', { timeout: 60_000 }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const printed = stdout.split('\n');
    expect(printed.pop()).toBe('');
    expect(printed).toHaveLength(lines.length);
    for (const [i, line] of printed.entries()) expect(line).toMatch(new RegExp(`^${lines[i]}$`));
  });

  it.skipIf(!hasScript)('is a bar with loss, speed and time left in a terminal', { timeout: 60_000 }, () => {
    const command = `stty columns 200; '${process.execPath}' '${program}'`;
    const { status, stdout } = spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8' });
    expect(status).toBe(0);
    // A redraw goes back to the start of its line.
    expect(stdout).toContain('\u001b[');
    expect(stdout).toMatch(new RegExp(`12/12 loss ${number}, ${speed}`));
    // Above it stand the lines, those of the last moment too.
    for (const line of lines) expect(stdout).toMatch(new RegExp(line));
  });
});

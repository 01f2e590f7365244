// `npm run bench` from outside, as far as it goes without measuring: what it can do, and what it says of what it cannot.
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { benchOptions } from '../../scripts/bench-options.mjs';
import { at } from '../../scripts/paths.mjs';

it('tells what can be measured', () => {
  const { stdout, status } = spawnSync(process.execPath, [at('scripts/bench.mjs'), '--help']);
  expect(status).toBe(0);
  for (const option of ['--adapter', '--only', '--no-peers', '--json', '--out'])
    expect(stdout.toString()).toContain(`  ${option}`);
});

it('ends with one sentence and the usage where an option is wrong', () => {
  const { stderr, status } = spawnSync(process.execPath, [at('scripts/bench.mjs'), 'webgpu', '--adapter', 'nvidia']);
  expect(status).toBe(1);
  expect(stderr.toString()).toMatch(
    /^error: there is no adapter 'nvidia': it may be swiftshader, lavapipe or system\n\nnpm run bench -- /,
  );
});

it.each([
  [['gpu'], "there is no bench 'gpu': it may be cpu, webgpu or tune"],
  [['cpu', 'webgpu'], 'one bench at a time, got cpu and webgpu'],
  [['--fast'], "unknown option '--fast'"],
  // In Node's words, which differ from one version to the next.
  [['webgpu', '--adapter', '--no-peers'], expect.stringMatching(/^option '--adapter.*' argument is ambiguous$/)],
  [['webgpu', '--only'], expect.stringMatching(/^option '--only <value>' argument missing$/)],
  [['--adapter', 'lavapipe'], '--adapter is for webgpu and tune'],
  [['cpu', '--only', 'softmax,'], '--only wants texts between its commas; leave it out for all workloads'],
  [['tune', '--only', 'softmax'], 'tune measures all that the table holds: --only and --json are for cpu and webgpu'],
  [['webgpu', '--out', 'row.ts'], '--out is for tune; webgpu has --json'],
  [['--json', 'no-such-folder/x.json'], 'cannot write no-such-folder/x.json: there is no folder no-such-folder'],
])('%j is refused', (args, error) => {
  expect(benchOptions(args)).toEqual({ error });
});

it('hands on what it was asked for', () => {
  expect(benchOptions([])).toEqual({ kind: 'cpu', adapter: undefined, peers: true, rest: ['cpu'] });
  expect(benchOptions(['webgpu', '--adapter', 'lavapipe', '--no-peers', '--only', 'matmul,GELU'])).toEqual({
    kind: 'webgpu',
    adapter: 'lavapipe',
    peers: false,
    rest: ['webgpu', '--only', 'matmul,GELU', '--no-peers'],
  });
  expect(benchOptions(['tune', '--out', 'row.ts'])).toMatchObject({ peers: false, rest: ['tune', '--out', 'row.ts'] });
});

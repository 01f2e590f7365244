// `npm run example` from outside: the list names what there is, and an unknown name is one sentence.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { at } from '../../scripts/paths.mjs';

function example(...args: string[]): { stdout: string; stderr: string; status: number | null } {
  const { stdout, stderr, status } = spawnSync(process.execPath, [at('scripts/example.mjs'), ...args]);
  return { stdout: stdout.toString(), stderr: stderr.toString(), status };
}

it('lists every example with what it shows', () => {
  const { stdout, status } = example();
  expect(status).toBe(0);
  const listed = stdout
    .split('\n\n')[0]
    ?.split('\n')
    .map((line) => /^(\S+) {2,}\S+/.exec(line)?.[1]);
  const isExample = (name: string): boolean =>
    ['main.ts', 'example.ts'].some((file) => existsSync(at('examples/src', name, file)));
  expect(listed?.sort()).toEqual(readdirSync(at('examples/src')).filter(isExample).sort());
});

it('says how to see the examples when there is none of a name', () => {
  const { stderr, status } = example('no-such');
  expect(status).toBe(1);
  expect(stderr).toBe("error: there is no example 'no-such'; `npm run example` lists them\n");
});

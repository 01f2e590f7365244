// Runs other programs: set-up steps, whose output goes to standard error, and the job itself, which takes this process's
// place as nearly as a child can: same streams, same exit code, same signals.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { at, root } from './paths.mjs';

/**
 * Runs a set-up step to its end. Its standard output is shown on standard error.
 *
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<boolean>} Whether it ended with exit code 0.
 */
export function runStep(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...shellFor(command) });
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}

/**
 * Runs a step and keeps what it prints, both streams in order.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string }} [options]
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export function capture(command, args, { cwd = root } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], ...shellFor(command) });
    /** @type {Buffer[]} */
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.once('error', (error) => resolve({ ok: false, output: `${command}: ${error.message}` }));
    child.once('close', (code) => resolve({ ok: code === 0, output: Buffer.concat(chunks).toString() }));
  });
}

/**
 * Arguments for `npx` that run the pnpm which made the lock file: the one named in package.json.
 *
 * @param {string[]} args
 */
export function pnpm(...args) {
  const { packageManager } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  return ['--yes', packageManager, ...args];
}

/**
 * Runs a Node program as the job of this process: never returns, and ends as the program ends.
 *
 * @param {string[]} args Script and its arguments.
 * @param {NodeJS.ProcessEnv} [env]
 */
export function become(args, env = process.env) {
  const child = spawn(process.execPath, args, { stdio: 'inherit', env });
  // A terminal sends Ctrl-C to the whole process group, the child included, and a second one means "at once" to many
  // programs: pass it on only when it came from elsewhere. In every case this process outlives its child.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => {
    process.stderr.write(`${args[0]}: ${error.message}\n`);
    process.exit(1);
  });
  child.once('close', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/**
 * On Windows npx is a batch file, which only a shell can start.
 *
 * @param {string} command
 */
function shellFor(command) {
  return { shell: process.platform === 'win32' && command === 'npx' };
}

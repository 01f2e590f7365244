// Runs other programs: steps, whose output is shown on standard error or kept, and the job itself, which takes this
// process's place as nearly as a child can: same streams, same exit code, same signals. A command is an array, program first.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { at, root } from './paths.mjs';

/** @typedef {[program: string, ...args: string[]]} Command */

/**
 * A Node program: its file and arguments.
 *
 * @param {string[]} args
 * @returns {Command}
 */
export function node(...args) {
  return [process.execPath, ...args];
}

/**
 * pnpm in the version that made the lock file, the one that package.json names; npx fetches it where it is missing.
 *
 * @param {string[]} args
 * @returns {Command}
 */
export function pnpm(...args) {
  const { packageManager } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  return ['npx', '--yes', packageManager, ...args];
}

/**
 * Runs a command to its end, with its standard output shown on standard error.
 *
 * @param {Command} command
 * @returns {Promise<boolean>} Whether it ended with exit code 0.
 */
export function runStep([program, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 2, 2], shell: needsShell(program) });
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}

/**
 * Runs a command to its end and keeps what it prints.
 *
 * @param {Command} command
 * @param {string} [cwd]
 * @param {Record<string, string>} [variables] Variables of the environment beside those of this process.
 * @returns {Promise<{ ok: boolean, stdout: string, output: string }>} `output` is both streams, as they came.
 */
export function capture([program, ...args], cwd = root, variables = {}) {
  return new Promise((resolve) => {
    const env = { ...process.env, ...variables };
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], shell: needsShell(program) });
    let stdout = '';
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.once('error', (error) => resolve({ ok: false, stdout, output: `${program}: ${error.message}` }));
    child.once('close', (code) => resolve({ ok: code === 0, stdout, output }));
  });
}

/**
 * Runs a command as the job of this process, which ends as the command ends.
 *
 * @param {Command} command
 * @param {Record<string, string>} [env] Variables beside those of this process.
 */
export function become([program, ...args], env = {}) {
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  // A terminal sends Ctrl-C to the whole process group, the child included, and a second one means "at once" to many
  // programs: pass it on only when it came from elsewhere. In every case this process outlives its child.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => {
    process.stderr.write(`${program}: ${error.message}\n`);
    process.exit(1);
  });
  child.once('close', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/**
 * On Windows npm and npx are batch files, which only a shell can start.
 *
 * @param {string} program
 */
function needsShell(program) {
  return process.platform === 'win32' && (program === 'npm' || program === 'npx');
}

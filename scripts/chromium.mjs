// The npm package @sparticuz/chromium carries a headless Chromium for Linux on x64, with the libraries it needs and SwiftShader, as
// compressed archives. What a test wants of them is unpacked into the cache folder on first use; nothing is installed on the system.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { at, cacheDir } from './paths.mjs';

const source = at('node_modules/@sparticuz/chromium');

/** Whether its programs and drivers run here. */
export const chromiumRuns = process.platform === 'linux' && process.arch === 'x64';

/**
 * A folder in the cache, named by what it holds and the package's version; `fill` writes it when it is not there yet.
 *
 * @param {string} name
 * @param {(folder: string) => Promise<void>} fill
 */
export async function unpacked(name, fill) {
  const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
  const folder = join(cacheDir, `${name}-${version}`);
  if (isFilled(folder)) return folder;
  mkdirSync(cacheDir, { recursive: true });
  const fresh = mkdtempSync(join(cacheDir, `${name}-`));
  try {
    await fill(fresh);
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true });
    if (!isFilled(folder)) throw error; // Otherwise another process was first, with the same files.
  }
  return folder;
}

/** @param {string} folder */
function isFilled(folder) {
  try {
    return readdirSync(folder).length > 0;
  } catch {
    return false;
  }
}

/** @param {string} name */
const archive = (name) => brotliDecompressSync(readFileSync(join(source, 'bin', `${name}.br`)));

/**
 * Unpacks the files of an archive whose names `wanted` accepts.
 *
 * @param {string} name
 * @param {string} folder
 * @param {(file: string) => boolean} [wanted]
 */
export async function extract(name, folder, wanted = () => true) {
  const tar = await import('tar'); // Imported late: this module is loaded before the dependencies are installed.
  tar.x({ sync: true, cwd: folder, filter: wanted }).end(archive(`${name}.tar`));
}

/**
 * A headless Chromium: the program, and the environment to start it with.
 *
 * @returns {Promise<{ program: string, environment: Record<string, string> }>}
 */
export async function chromium() {
  const folder = await unpacked('chromium', async (fresh) => {
    for (const name of ['al2023', 'swiftshader', 'fonts']) await extract(name, fresh);
    writeFileSync(join(fresh, 'chromium'), archive('chromium'));
    chmodSync(join(fresh, 'chromium'), 0o755);
  });
  return {
    program: join(folder, 'chromium'),
    environment: { LD_LIBRARY_PATH: `${join(folder, 'lib')}:${folder}`, FONTCONFIG_PATH: folder },
  };
}

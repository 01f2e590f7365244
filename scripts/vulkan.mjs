// WebGPU needs a Vulkan driver on Linux, and a machine without a GPU (most CI machines) has none. SwiftShader, a Vulkan
// driver that computes on the CPU, ships with a Vulkan loader inside the npm package @sparticuz/chromium: unpacked into the
// cache folder and named in the environment, it serves any process started with that environment. Nothing is installed on
// the system. The library itself never does this: software adapters are for testing shaders, not for work.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { at, cacheDir } from './paths.mjs';
import { capture, node } from './run.mjs';
import { say } from './say.mjs';

/**
 * Environment variables that give a process started with them a WebGPU adapter. Empty where the machine's own adapter
 * is to be used: it has a GPU, the user chose a driver (`VK_ICD_FILENAMES`, `VK_DRIVER_FILES`), or it does not run
 * Linux on x64.
 *
 * @returns {Promise<Record<string, string>>}
 */
export async function vulkanEnvironment() {
  const { env } = process;
  if (process.platform !== 'linux' || process.arch !== 'x64') return {};
  if (env.VK_ICD_FILENAMES || env.VK_DRIVER_FILES) return {};
  if (await hasGpu()) return {};

  say('No GPU here: WebGPU runs on SwiftShader, a Vulkan driver in software.');
  const folder = await unpackedDriver();
  const driver = join(folder, 'vk_swiftshader_icd.json');
  return {
    VK_ICD_FILENAMES: driver,
    VK_DRIVER_FILES: driver,
    LD_LIBRARY_PATH: [folder, env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter),
    XDG_RUNTIME_DIR: env.XDG_RUNTIME_DIR ?? folder,
  };
}

/** Whether WebGPU finds a hardware adapter here, asked of a separate process: a broken driver may take it down. */
async function hasGpu() {
  const devices = [...namesIn('/dev'), ...namesIn('/dev/dri')];
  // Without a device file there is no need to start a process.
  if (!devices.some((name) => /^(renderD\d+|nvidia\d+|dxg)$/.test(name))) return false;
  const { ok, output } = await capture(node(at('scripts/adapter.mjs')));
  return ok && /^hardware: /m.test(output);
}

/** @param {string} folder */
function namesIn(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Folder with SwiftShader and the Vulkan loader, unpacked on first use. */
async function unpackedDriver() {
  const source = at('node_modules/@sparticuz/chromium');
  const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
  const folder = join(cacheDir, `swiftshader-${version}`);
  if (namesIn(folder).length > 0) return folder;

  const tar = await import('tar'); // Imported late: this module is loaded before the dependencies are installed.
  mkdirSync(cacheDir, { recursive: true });
  const fresh = mkdtempSync(join(cacheDir, 'swiftshader-'));
  const archive = brotliDecompressSync(readFileSync(join(source, 'bin/swiftshader.tar.br')));
  // The archive's OpenGL libraries stay out: in LD_LIBRARY_PATH they would take the place of the system's.
  tar.x({ sync: true, cwd: fresh, filter: (name) => /vulkan|swiftshader/.test(name) }).end(archive);
  try {
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true });
    if (namesIn(folder).length === 0) throw error; // Otherwise another process was first, with the same files.
  }
  return folder;
}

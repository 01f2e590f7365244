// WebGPU needs a Vulkan driver on Linux, and a machine without a GPU (most CI machines) has none. SwiftShader, a Vulkan
// driver that computes on the CPU, ships with a Vulkan loader inside the npm package @sparticuz/chromium: unpacked into the
// cache folder and named in the environment, it serves any process started with that environment. Nothing is installed on
// the system. The library itself never does this: software adapters are for testing shaders, not for work. COURSE_ADAPTER
// names another: `lavapipe`, Mesa's driver (Debian and Ubuntu: mesa-vulkan-drivers, 24.1 or newer), which knows 16-bit
// floats; `swiftshader`, also where there is a GPU; `system`, whatever the system's loader finds.
import { readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromiumRuns, extract, unpacked } from './chromium.mjs';
import { at } from './paths.mjs';
import { capture, node } from './run.mjs';
import { fail, say } from './say.mjs';

/**
 * Environment variables that give a process started with them a WebGPU adapter. Empty where the machine's own adapter
 * is to be used: it has a GPU, the user chose a driver (`VK_ICD_FILENAMES`, `VK_DRIVER_FILES`), or it does not run
 * Linux on x64.
 *
 * @param {string} [adapter] Which driver, in place of COURSE_ADAPTER.
 * @returns {Promise<Record<string, string>>}
 */
export async function vulkanEnvironment(adapter) {
  const { env } = process;
  const wanted = adapter ?? env.COURSE_ADAPTER ?? '';
  if (!['', 'swiftshader', 'lavapipe', 'system'].includes(wanted)) {
    fail(`COURSE_ADAPTER: unknown adapter '${wanted}': it may be swiftshader, lavapipe or system.`);
  }
  if (wanted === 'system' || (wanted === '' && (env.VK_ICD_FILENAMES || env.VK_DRIVER_FILES))) return {};
  if (!chromiumRuns) {
    if (wanted !== '') fail(`COURSE_ADAPTER=${wanted} needs Linux on x64.`);
    return {};
  }
  if (wanted === '' && (await hasGpu())) return {};

  const folder = await unpackedDriver();
  if (wanted === 'lavapipe') {
    const driver = lavapipe();
    if (driver === undefined)
      fail('COURSE_ADAPTER=lavapipe: there is no lvp_icd.json. Debian and Ubuntu have it in mesa-vulkan-drivers.');
    return driverEnvironment(driver, folder);
  }
  if (wanted === '') say('No GPU here: WebGPU runs on SwiftShader, a Vulkan driver in software.');
  return driverEnvironment(join(folder, 'vk_swiftshader_icd.json'), folder);
}

/**
 * Must be in the environment when the process starts: the loader reads them once.
 *
 * @param {string} driver
 * @param {string} folder
 */
function driverEnvironment(driver, folder) {
  const { env } = process;
  return {
    VK_ICD_FILENAMES: driver,
    VK_DRIVER_FILES: driver,
    LD_LIBRARY_PATH: [folder, env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter),
    XDG_RUNTIME_DIR: env.XDG_RUNTIME_DIR ?? folder,
  };
}

/**
 * The manifest of Mesa's software driver, where distributions put it.
 *
 * @returns {string | undefined} Undefined where it is not installed.
 */
export function lavapipe() {
  for (const folder of ['/usr/share/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/etc/vulkan/icd.d']) {
    const name = namesIn(folder).find((each) => /^lvp_icd.*\.json$/.test(each));
    if (name !== undefined) return join(folder, name);
  }
  return undefined;
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
function unpackedDriver() {
  // The archive's OpenGL libraries stay out: in LD_LIBRARY_PATH they would take the place of the system's.
  return unpacked('swiftshader', (folder) => extract('swiftshader', folder, (file) => /vulkan|swiftshader/.test(file)));
}

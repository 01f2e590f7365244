/**
 * Finding a GPU. An adapter is hardware or software: software adapters emulate a GPU on the processor, slower than the CPU
 * backend, and serve only to test shaders, so nobody gets one without asking for it.
 */
import { openGpu } from '#platform';
import { DeviceError } from '../../errors.js';

/** Adapters differ in which tiles and kernels suit them; the table in `tuning.ts` has one row a kind. */
export type AdapterKind = 'discrete' | 'integrated' | 'apple' | 'swiftshader' | 'lavapipe';

export interface AdapterOptions {
  /** Whether an adapter that emulates a GPU in software will do. Default false. */
  readonly allowSoftware?: boolean;
}

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|microsoft basic render|\bwarp\b/i;

function textOf({ vendor, architecture, device, description }: GPUAdapterInfo): string {
  return [vendor, architecture, device, description].join(' ');
}

/** Whether an adapter emulates a GPU: it says so, or bears the name of a known software driver. */
export function isSoftwareAdapter(info: GPUAdapterInfo): boolean {
  return info.isFallbackAdapter || SOFTWARE.test(textOf(info));
}

/** The adapter's own name, as far as it tells one. */
export function adapterName(info: GPUAdapterInfo): string {
  const name = info.description || info.device;
  return [info.vendor, info.architecture, name].filter((part) => part !== '').join(' ') || 'unnamed adapter';
}

/** The row of the tuning table. WebGPU does not say whether a card has memory of its own; its vendor does, mostly. */
export function adapterKind(info: GPUAdapterInfo): AdapterKind {
  if (isSoftwareAdapter(info)) return /llvmpipe|lavapipe/i.test(textOf(info)) ? 'lavapipe' : 'swiftshader';
  if (/apple/i.test(info.vendor)) return 'apple';
  return /nvidia|amd/i.test(info.vendor) ? 'discrete' : 'integrated';
}

/** What was found, and if nothing was, what was tried. */
export type AdapterSearch = { readonly adapter: GPUAdapter } | { readonly adapter: null; readonly tried: string };

/** Looks for an adapter without throwing: `init({ device: 'auto' })` asks this to see whether there is a GPU. */
export async function requestAdapter({ allowSoftware = false }: AdapterOptions = {}): Promise<AdapterSearch> {
  let gpu: GPU;
  try {
    gpu = await openGpu();
  } catch (error) {
    return { adapter: null, tried: error instanceof Error ? error.message : String(error) };
  }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) return { adapter, tried: 'WebGPU is there, but it found no adapter' };
  if (allowSoftware || !isSoftwareAdapter(adapter.info)) return { adapter };
  return {
    adapter: null,
    tried: `WebGPU found only the software adapter '${adapterName(adapter.info)}', which is for testing`,
  };
}

/** The adapter, or a `DeviceError` that says what was tried and what would help. */
export async function requireAdapter(options: AdapterOptions = {}): Promise<GPUAdapter> {
  const search = await requestAdapter(options);
  if (search.adapter !== null) return search.adapter;
  throw new DeviceError(
    `webgpu: no adapter: ${search.tried}. A GPU needs its driver: on Linux a Vulkan driver (Debian and Ubuntu: mesa-vulkan-drivers, ` +
      "or NVIDIA's own), on Windows and macOS the system's. Without a GPU use the device 'cpu'",
  );
}

/**
 * Which device new tensors live on. `init()` chooses and opens it; everything after is synchronous. Each kind of device is
 * opened once and shared; a lost one can be opened again.
 */

import { environment } from '#platform';
import type { Backend, DeviceInfo, DeviceKind } from './backend/backend.js';
import { CpuBackend } from './backend/cpu/cpu-backend.js';
import { requestAdapter } from './backend/webgpu/adapter.js';
import { WebGpuBackend } from './backend/webgpu/backend.js';
import { ArgumentError, DeviceError } from './errors.js';

/** What {@link init} may be asked for: a hardware GPU if there is one, or a kind by name. */
export type DeviceChoice = 'auto' | DeviceKind;

/** Options of {@link init}. */
export interface InitOptions {
  /** Default `auto`; the environment variable `COURSE_DEVICE` overrides it where there is one. */
  readonly device?: DeviceChoice;
}

const CHOICES: readonly DeviceChoice[] = ['auto', 'cpu', 'webgpu'];

const opened = new Map<DeviceKind, Backend>();
let current: Backend | null = null;

/**
 * Opens a device and makes it the one new tensors live on. `auto` takes a hardware GPU if there is one, else the CPU, never a
 * software adapter; calling it again with another device switches, and opens a lost device anew.
 *
 * @throws DeviceError if the device asked for is not there; the message says what was tried and what to install.
 * @example
 * await init({ device: 'cpu' });
 */
export async function init({ device }: InitOptions = {}): Promise<DeviceInfo> {
  const choice = environment('COURSE_DEVICE') || device || 'auto';
  if (!isChoice(choice)) throw new ArgumentError(`init: unknown device '${choice}': it may be ${CHOICES.join(', ')}`);
  current = choice === 'auto' ? await openBest() : await open(choice);
  return current.info();
}

function isChoice(value: string): value is DeviceChoice {
  return (CHOICES as readonly string[]).includes(value);
}

async function openBest(): Promise<Backend> {
  const { adapter } = await requestAdapter({ allowSoftware: false });
  return open(adapter ? 'webgpu' : 'cpu');
}

async function open(kind: DeviceKind): Promise<Backend> {
  const existing = opened.get(kind);
  if (existing && !existing.isLost) return existing;
  const backend = kind === 'cpu' ? await CpuBackend.create() : await WebGpuBackend.create({ allowSoftware: true });
  opened.set(kind, backend);
  return backend;
}

/** The backend that new tensors are made on. */
export function currentBackend(): Backend {
  if (!current) throw new DeviceError('no device is open yet: call `await init()` once before making tensors');
  return current;
}

/** The device in use: its kind, and what it is and can do. */
export const device = {
  /** `cpu` or `webgpu`. */
  get kind(): DeviceKind {
    return currentBackend().kind;
  },
  /** Adapter, backend, limits and features of the device in use. */
  info(): DeviceInfo {
    return currentBackend().info();
  },
  /** Resolves when everything requested so far has been computed. */
  async synchronize(): Promise<void> {
    await currentBackend().synchronize();
  },
} as const;

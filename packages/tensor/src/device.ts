/**
 * Which device new tensors live on. `init()` chooses and opens it; everything after is synchronous. Each kind of device is
 * opened once and shared; a lost one can be opened again.
 */

import { environment } from '#platform';
import type { Backend, DeviceInfo, DeviceKind } from './backend/backend.js';
import { CpuBackend } from './backend/cpu/cpu-backend.js';
import { chooseThreads } from './backend/cpu/threads.js';
import { TappedBackend } from './backend/tap.js';
import { requestAdapter } from './backend/webgpu/adapter.js';
import { WebGpuBackend } from './backend/webgpu/backend.js';
import { ArgumentError, DeviceError } from './errors.js';

/** What {@link init} may be asked for: a hardware GPU if there is one, or a kind by name. */
export type DeviceChoice = 'auto' | DeviceKind;

/** Options of {@link init}. */
export interface InitOptions {
  /** Default `auto`; the environment variable `COURSE_DEVICE` overrides it where there is one. */
  readonly device?: DeviceChoice;
  /**
   * Threads that the CPU computes on, from 1 to 64; by default as many as the process may use, at most 16. The environment variable
   * `COURSE_THREADS` overrides it. Results are the same with any number.
   */
  readonly threads?: number;
}

const CHOICES: readonly DeviceChoice[] = ['auto', 'cpu', 'webgpu'];

const opened = new Map<DeviceKind, TappedBackend>();
let current: Backend | null = null;

/**
 * Opens a device and makes it the one new tensors live on. `auto` takes a hardware GPU if there is one, else the CPU, never a
 * software adapter; calling it again with another device switches, and opens a lost device anew.
 *
 * @throws DeviceError if the device asked for is not there; the message says what was tried and what to install.
 * @throws ArgumentError for a device or a number of threads that cannot be meant.
 * @example
 * await init({ device: 'cpu' });
 */
export async function init({ device, threads }: InitOptions = {}): Promise<DeviceInfo> {
  const choice = environment('COURSE_DEVICE') || device || 'auto';
  if (!isChoice(choice)) throw new ArgumentError(`init: unknown device '${choice}': it may be ${CHOICES.join(', ')}`);
  chooseThreads(threads);
  current = choice === 'auto' ? await openBest(threads) : await open(choice, threads);
  return current.info();
}

/** Whether a string names a kind of device. */
export function isDeviceKind(value: string): value is DeviceKind {
  return value === 'cpu' || value === 'webgpu';
}

function isChoice(value: string): value is DeviceChoice {
  return (CHOICES as readonly string[]).includes(value);
}

async function openBest(threads?: number): Promise<Backend> {
  const { adapter } = await requestAdapter({ allowSoftware: false });
  return open(adapter ? 'webgpu' : 'cpu', threads);
}

async function open(kind: DeviceKind, threads?: number): Promise<Backend> {
  const existing = opened.get(kind);
  if (existing && !existing.isLost) {
    if (existing.device instanceof CpuBackend && threads !== undefined) existing.device.useThreads(threads);
    return existing;
  }
  // One that failed, of too little memory for instance, still holds what it has.
  existing?.destroy();
  const backend =
    kind === 'cpu'
      ? await CpuBackend.create(threads === undefined ? {} : { threads })
      : await WebGpuBackend.create({ allowSoftware: true });
  const tapped = new TappedBackend(backend);
  opened.set(kind, tapped);
  return tapped;
}

/** A kind of device, opened if it is not yet; which one new tensors are made on stays as it is. */
export function openDevice(kind: DeviceKind): Promise<Backend> {
  return open(kind);
}

/**
 * Runs `make` with another device in use, as `with torch.device(kind):`, and puts back the one that was: for the tensors of a model that
 * shall not be where the program computes. `make` must be synchronous, and the device open.
 *
 * @throws DeviceError if the device is not open.
 * @example
 * const model = withDevice('cpu', () => zeros([1024, 1024]));
 */
export function withDevice<T>(kind: DeviceKind, make: () => T): T {
  const before = current;
  current = backendFor('withDevice', kind);
  try {
    return make();
  } finally {
    current = before;
  }
}

/** The backend for a new tensor: the one in use, or that of a kind, which must be open. */
export function backendFor(op: string, kind: DeviceKind | undefined): Backend {
  if (kind === undefined) return currentBackend();
  const backend = opened.get(kind);
  if (backend) return backend;
  throw new DeviceError(
    `${op}: device '${kind}' is not open${opened.size > 0 ? `, only ${[...opened.keys()].join(' and ')}` : ''}: call \`await init({ device: '${kind}' })\` once, or move a tensor there with \`await x.to('${kind}')\``,
  );
}

/** Backward passes that go on below a crossing between devices, or have failed there. */
export const crossings = new Set<Promise<void>>();

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
  /**
   * Holds an asynchronous loop up while the device is far behind what it requested: at most eight submissions stay in flight, however long nothing
   * is read. `DataLoader` and `Trainer` wait here between batches; other loops that go on for long without reading may. Resolves at once where
   * no device is behind, and where none is open.
   *
   * @example
   * for (let i = 0; i < 10; i++) {
   *   x.matmul(x.T).compute();
   *   await device.caughtUp();
   * }
   */
  async caughtUp(): Promise<void> {
    for (const backend of opened.values()) await backend.caughtUp();
  },
  /** Resolves when everything requested so far has been computed, and gradients that cross from one device to another have arrived. */
  async synchronize(): Promise<void> {
    for (const crossing of crossings) {
      crossings.delete(crossing);
      await crossing;
    }
    await currentBackend().synchronize();
  },
} as const;

/**
 * What only Node can do: files, and WebGPU through Dawn. The package reaches it as `#platform`, for which bundlers put `browser.ts` in a page, so
 * no other file imports `node:` modules.
 */
import { randomBytes } from 'node:crypto';
import { close, constants, fstat, open, read, readFileSync } from 'node:fs';
import { type FileHandle, mkdir, open as openHandle, readdir, rename, rm, unlink } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { ArgumentError, CourseError, FormatError } from '../errors.js';
import type { RandomAccess } from './random-access.js';

const REASONS: Record<string, string> = {
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the name is too long',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would be larger than the system allows',
};

/** One sentence about a failed system call; a path that cannot work is an `ArgumentError`. */
function fileError(action: string, path: string, error: unknown): CourseError {
  if (error instanceof CourseError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const reason = REASONS[code];
  if (reason !== undefined) return new ArgumentError(`cannot ${action} '${path}': ${reason}`, { cause: error });
  return new CourseError(`cannot ${action} '${path}': ${message}`, { cause: error });
}

function pathOf(path: string | URL): string {
  return typeof path === 'string' ? path : fileURLToPath(path);
}

// A reader that is dropped without `close` must not hold its descriptor for good (and Node would warn about a FileHandle).
const abandoned = new FinalizationRegistry<number>((descriptor) => close(descriptor, () => undefined));

class FileReader implements RandomAccess {
  constructor(
    readonly name: string,
    readonly size: number,
    readonly descriptor: number,
  ) {
    abandoned.register(this, descriptor, this);
  }

  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    await this.readInto(bytes, offset);
    return bytes;
  }

  async readInto(bytes: Uint8Array<ArrayBuffer>, offset: number): Promise<void> {
    const { length } = bytes;
    let filled = 0;
    while (filled < length) {
      // One call of the system reads less than 2 GiB.
      const wanted = Math.min(length - filled, 2 ** 30);
      const { bytesRead } = await promisify(read)(this.descriptor, bytes, filled, wanted, offset + filled).catch(
        (error) => {
          throw fileError('read', this.name, error);
        },
      );
      if (bytesRead === 0) {
        throw new FormatError(
          `${this.name}: the file ends at byte ${offset + filled}, where ${length - filled} more were expected`,
        );
      }
      filled += bytesRead;
    }
  }

  async close(): Promise<void> {
    abandoned.unregister(this);
    await promisify(close)(this.descriptor);
  }
}

/**
 * Opens a file for reading at any offset.
 *
 * @throws ArgumentError when there is no such file or it may not be read.
 */
export async function openFile(path: string | URL): Promise<RandomAccess> {
  const name = pathOf(path);
  let descriptor: number | undefined;
  try {
    descriptor = await promisify(open)(name, constants.O_RDONLY);
    const stat = await promisify(fstat)(descriptor);
    if (!stat.isFile()) throw new ArgumentError(`cannot open '${name}': it is not a regular file`);
    return new FileReader(name, stat.size, descriptor);
  } catch (error) {
    if (descriptor !== undefined) await promisify(close)(descriptor);
    throw fileError('open', name, error);
  }
}

/**
 * Writes a file whole or not at all: into a temporary file beside it, flushed to the disk and renamed at the end, so that
 * neither a reader nor a crash ever meets half of it.
 *
 * @throws ArgumentError when the path cannot be written.
 */
export async function writeFileAtomically(
  path: string | URL,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const target = pathOf(path);
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
  let handle: FileHandle | undefined;
  try {
    handle = await openHandle(temporary, 'wx');
    for await (const chunk of chunks) await writeFully(handle, chunk);
    await handle.sync();
    await handle.close();
    await rename(temporary, target);
    handle = undefined;
  } catch (error) {
    if (handle !== undefined) {
      // The first failure is the one to report: these may fail because of it.
      await handle.close().catch(() => undefined);
      await unlink(temporary).catch(() => undefined);
    }
    throw fileError('write', target, error);
  }
  await syncFolder(dirname(target));
}

/** Makes a folder and those above it; one that exists is fine. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error) => {
    throw fileError('make the folder', path, error);
  });
}

/** The names in a folder; none if there is no such folder. */
export async function listFolder(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw fileError('list the folder', path, error);
  }
}

/** Gives a file or folder another name in the same file system; a folder in its place is not replaced. */
export async function renamePath(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error) => {
    throw fileError('rename', from, error);
  });
  await syncFolder(dirname(to));
}

/** Removes a folder with all that is in it; one that does not exist is fine. */
export async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch((error) => {
    throw fileError('remove the folder', path, error);
  });
}

async function writeFully(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    const { bytesWritten } = await handle.write(chunk, written, Math.min(chunk.length - written, 2 ** 30));
    written += bytesWritten;
  }
}

/** Makes a rename last; where folders cannot be opened (Windows) the file system sees to it. */
async function syncFolder(path: string): Promise<void> {
  try {
    const handle = await openHandle(path, constants.O_RDONLY);
    await handle.sync().finally(() => handle.close());
  } catch {
    // The file itself is complete and in place.
  }
}

let dawn: GPU | undefined;

/**
 * WebGPU through Dawn, the npm package `webgpu`. The object is kept for the life of the process: collected while a device
 * made from it is alive, it would take the device, or the process, with it.
 *
 * @throws CourseError when the native binary does not load on this system.
 */
export async function openGpu(): Promise<GPU> {
  if (dawn !== undefined) return dawn;
  try {
    const { create } = await import('webgpu');
    // Timestamps are rounded to a tenth of a millisecond unless Dawn is told that no stranger reads them.
    dawn = create(['disable-dawn-features=timestamp_quantization']);
    return dawn;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CourseError(
      `the package 'webgpu' (Dawn) does not load on ${process.platform}-${process.arch}: ${reason}`,
      {
        cause: error,
      },
    );
  }
}

/** An environment variable; undefined if it is not set or empty. */
export function environment(name: string): string | undefined {
  return process.env[name] || undefined;
}

let collect: (() => void) | undefined;

/** Runs a full garbage collection and lets the finalizers of what it found run. */
export async function collectGarbage(): Promise<void> {
  if (!collect) {
    // The function exists only in contexts made while the flag is on, so no other code sees it.
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
    setFlagsFromString('--no-expose-gc');
  }
  collect();
  await new Promise((resolve) => setImmediate(resolve));
}

/** Node 20 has relaxed SIMD behind a flag, which later versions do not know: to be called only where a probe failed. */
export function enableRelaxedSimd(): void {
  setFlagsFromString('--experimental-wasm-relaxed-simd');
}

/** The processor's own name. */
export function processorName(): string {
  return cpus()[0]?.model.trim() || 'unknown processor';
}

/** Whether threads can share memory. */
export function canShareMemory(): boolean {
  return true;
}

/** Threads that the process may keep busy: its processors, or the share of them that its control group grants. */
export function availableThreads(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(grantedProcessors())));
}

/** Processors that Linux grants a container, infinity where there is no such limit. */
function grantedProcessors(): number {
  if (process.platform !== 'linux') return Number.POSITIVE_INFINITY;
  const group = '/sys/fs/cgroup';
  try {
    const [quota, period] = readFileSync(`${group}/cpu.max`, 'utf8').split(' ');
    return quota === 'max' ? Number.POSITIVE_INFINITY : Number(quota) / Number(period) || Number.POSITIVE_INFINITY;
  } catch {
    // No unified hierarchy: the older one below.
  }
  try {
    const [quota = -1, period = 0] = ['quota', 'period'].map((name) =>
      Number(readFileSync(`${group}/cpu/cpu.cfs_${name}_us`, 'utf8')),
    );
    return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * Starts a thread that calls a function, given as text, on data, and never keeps the process alive.
 *
 * @throws where the process may not start threads, whatever Node says then.
 */
export function startThread(script: string, data: object, onFailure: () => void): void {
  const worker = new Worker(`(${script})(require('node:worker_threads').workerData)`, {
    eval: true,
    workerData: data,
    // None of the flags of this process: a loader that it preloads has no business there.
    execArgv: [],
    name: 'course',
  });
  worker.on('error', onFailure);
  worker.unref();
}

/** What stands for `node.ts` in a page, which has no files: every call says what to use in place of a path. */
import { ArgumentError, CourseError } from '../errors.js';
import type { RandomAccess } from './random-access.js';

/** @throws ArgumentError always. */
export function openFile(path: string | URL): Promise<RandomAccess> {
  return Promise.reject(
    new ArgumentError(
      `cannot open '${path}': a page has no file paths; pass a URL object (new URL('model.safetensors', document.baseURI)), ` +
        'a File or Blob, or the bytes',
    ),
  );
}

/** @throws ArgumentError always. */
export function writeFileAtomically(
  path: string | URL,
  _chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  return Promise.reject(
    new ArgumentError(
      `cannot write '${path}': a page has no file paths; offer new Blob(serialize(tensors)) as a download`,
    ),
  );
}

/** @throws ArgumentError always. */
export function makeFolder(path: string): Promise<void> {
  return Promise.reject(new ArgumentError(`cannot make the folder '${path}': a page has no file system`));
}

/** @throws ArgumentError always. */
export function listFolder(path: string): Promise<string[]> {
  return Promise.reject(new ArgumentError(`cannot list the folder '${path}': a page has no file system`));
}

/** @throws ArgumentError always. */
export function renamePath(from: string, _to: string): Promise<void> {
  return Promise.reject(new ArgumentError(`cannot rename '${from}': a page has no file system`));
}

/** @throws ArgumentError always. */
export function removeFolder(path: string): Promise<void> {
  return Promise.reject(new ArgumentError(`cannot remove the folder '${path}': a page has no file system`));
}

/**
 * WebGPU as the browser offers it.
 *
 * @throws CourseError where it does not.
 */
export function openGpu(): Promise<GPU> {
  const gpu = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (gpu !== undefined) return Promise.resolve(gpu);
  return Promise.reject(
    new CourseError(
      "this page has no WebGPU: 'navigator.gpu' is missing (a secure context and a recent browser are needed)",
    ),
  );
}

/** A page has no environment variables. */
export function environment(_name: string): string | undefined {
  return undefined;
}

/** A page cannot ask for a collection; it can make room for one between two tasks. */
export async function collectGarbage(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
}

/** A page cannot switch engine features on. */
export function enableRelaxedSimd(): void {}

/** Browsers do not tell the processor's name. */
export function processorName(): string {
  return 'WebAssembly';
}

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

/** The part of the API of a page, or of a worker in it, that threads need. */
interface ThreadScope {
  readonly crossOriginIsolated?: boolean;
  readonly navigator?: { readonly hardwareConcurrency?: number };
  readonly Worker?: new (
    url: string,
    options: { name: string },
  ) => { postMessage(message: object): void; addEventListener(type: 'error', listener: () => void): void };
}

const scope = globalThis as ThreadScope;

/** Whether threads can share memory: in a page that is cross-origin isolated. */
export function canShareMemory(): boolean {
  return scope.crossOriginIsolated === true && scope.Worker !== undefined;
}

/** Threads that the page may keep busy. */
export function availableThreads(): number {
  return canShareMemory() ? (scope.navigator?.hardwareConcurrency ?? 1) : 1;
}

/** The script as something that can be loaded, by its text. */
const urls = new Map<string, string>();

/**
 * Starts a thread that calls a function, given as text, on data.
 *
 * @throws ArgumentError where there are no workers; else what the browser says.
 */
export function startThread(script: string, data: object, onFailure: () => void): void {
  if (scope.Worker === undefined) throw new ArgumentError('this page has no workers');
  let url = urls.get(script);
  if (url === undefined) {
    const text = `onmessage = ({ data }) => { (${script})(data); close(); };`;
    url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
    urls.set(script, url);
  }
  const worker = new scope.Worker(url, { name: 'course' });
  worker.addEventListener('error', onFailure);
  worker.postMessage(data);
}

/**
 * The contract between the tensor core and a device. It is small on purpose: memory, transfers, kernels.
 *
 * Ordering. Calls take effect in the order they are made: a kernel sees every write and kernel requested before it and none
 * after it, a read delivers what stood in memory when it was called, and a write never reaches kernels requested earlier,
 * whether the backend works at once (CPU), on threads, or records and submits later (WebGPU).
 *
 * Ownership. `allocate` hands a buffer to the caller, who alone decides when to `free` it; after `free` the caller never names
 * it again, and the backend may reuse the memory only for calls made after the `free`. Fresh memory holds anything.
 * Requests, arrays and strides passed in are read before the call returns and not kept; arrays handed out belong to the caller.
 *
 * Failure. Asking for too much memory, or for anything on a lost or destroyed device, throws a `DeviceError` at the call or,
 * where a device reports late, rejects every pending and later `read`. A backend that failed can be destroyed and made anew. An index out
 * of range is an `ArgumentError` at the call or, once, of the reads that are pending or made next; the backend goes on.
 *
 * Determinism. The same requests in the same order give the same bits on the same device, whatever the number of threads.
 */
import type { DType } from '../dtype.js';
import type { Mt19937State } from '../random/mt19937.js';
import type { Draw, Line } from './draw.js';
import type { DeviceBuffer, KernelRequest, PointwiseRequest } from './requests.js';

/** The kinds of device. */
export type DeviceKind = 'cpu' | 'webgpu';

/** What a device is and can do, as {@link device} reports it. */
export interface DeviceInfo {
  readonly backend: DeviceKind;
  /** The adapter's or processor's own name. */
  readonly adapter: string;
  /** A software adapter emulates a GPU; `auto` never takes one. */
  readonly software: boolean;
  /** Threads that compute (1 on a GPU). */
  readonly threads: number;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

/** Counters of a backend since it was made; bytes and buffers are those alive now. */
export interface BackendStatistics {
  readonly buffers: number;
  /** Bytes in buffers handed out. */
  readonly bytes: number;
  /** Bytes in copies that a device makes for speed and gives up when memory runs short: packed weights. Not in `bytes`. */
  readonly cachedBytes?: number;
  /** Bytes held from the system, pools included. */
  readonly reservedBytes: number;
  /** Kernels launched. */
  readonly dispatches: number;
  /** Kernels compiled, where a device compiles them as they are needed. */
  readonly compiledKernels?: number;
}

/** When a dispatch ran, by the device's own clock. */
export interface DispatchTime {
  /** The kernel's. */
  readonly name: string;
  /** The number of the request that it belongs to. */
  readonly request: number;
  /** Milliseconds since the first dispatch. */
  readonly start: number;
  readonly milliseconds: number;
}

/** Requests that can be computed again at will, over the same memory: none of their buffers may be freed while this lives. */
export interface RecordedRequests {
  /** Computes all of them, in order; those of the given places as they stand there, which may differ in numbers only. */
  run(changed?: ReadonlyMap<number, KernelRequest>): void;
  /** Gives back what it holds; it must not run again. */
  release(): void;
}

/** What a device does for the tensor core; the guarantees are those at the top of this file. */
export interface Backend {
  readonly kind: DeviceKind;
  /** The most distinct inputs a fused pointwise kernel may read. */
  readonly maxPointwiseInputs: number;
  /** The most steps of a fused pointwise kernel. */
  readonly maxPointwiseSteps: number;
  /** The most bytes of a buffer, whatever else is held, and why: a sentence that names them. */
  readonly largest: { readonly byteLength: number; readonly because: string };
  /** Whether products read the windows of convolutions where they lie (`MatmulRequest.windows`); elsewhere ops make a matrix of them first. */
  readonly readsWindows: boolean;
  /** Whether the device was lost or destroyed: nothing works on it any more. */
  readonly isLost: boolean;

  /** What the device is and can do. */
  info(): DeviceInfo;
  /** Whether tensors of a dtype can live on it. */
  supports(dtype: DType): boolean;
  /** Counters since it was made. */
  statistics(): BackendStatistics;

  /** Memory for `byteLength` bytes (a multiple of 4, may be 0), not cleared. */
  allocate(byteLength: number): DeviceBuffer;
  /** Takes memory back; kernels requested before still see it. */
  free(buffer: DeviceBuffer): void;

  /** Copies words into a buffer; offset in bytes, a multiple of 4. */
  write(buffer: DeviceBuffer, byteOffset: number, words: Uint32Array): void;
  /** Copies words out of a buffer into memory of their own. */
  read(buffer: DeviceBuffer, byteOffset: number, byteLength: number): Promise<ArrayBuffer>;
  /** {@link Backend.read} at once, where the device's memory is the host's; absent elsewhere. */
  readNow?(buffer: DeviceBuffer, byteOffset: number, byteLength: number): ArrayBuffer;

  /**
   * Fills a buffer with `count` numbers drawn from a generator's state and returns the state behind them, to the bit as the host would
   * (random/distributions.ts); absent where the host has to, and while requests are held back or written down.
   */
  draw?(buffer: DeviceBuffer, count: number, draw: Draw, state: Mt19937State): Mt19937State;

  /** Fills a buffer with float32 numbers at equal distances; absent where {@link Backend.draw} is. */
  drawLine?(buffer: DeviceBuffer, count: number, line: Line): void;

  /** Computes a kernel request. */
  run(request: KernelRequest): void;

  /** Gets requests ready to be computed many times; absent, or undefined, where {@link Backend.run} for each does as well. */
  record?(requests: readonly KernelRequest[]): RecordedRequests | undefined;

  /** The program text that the device makes of a fused kernel, for people; absent where there is none. */
  kernelText?(request: PointwiseRequest): string;

  /** Compiles what a request needs, beside others and without computing it; absent where nothing is compiled. */
  prepare?(request: KernelRequest): Promise<void>;
  /** Starts threads and resolves when they are there; absent where there are none. */
  startThreads?(): Promise<void>;
  /**
   * Measures every dispatch from now until the function returned is called; `request` tells the number of the one at hand. Undefined where the
   * device has no clock; absent where {@link Backend.wait} lets the caller measure.
   */
  measureDispatches?(request: () => number): (() => Promise<readonly DispatchTime[]>) | undefined;

  /** Returns when everything requested so far has been computed; absent where that cannot be awaited at once. */
  wait?(): void;
  /** Undefined while the device keeps up with what is requested, else resolves when it is closer; absent where it cannot fall behind. */
  caughtUp?(): Promise<void> | undefined;
  /** Resolves when everything requested so far has been computed. */
  synchronize(): Promise<void>;
  /** Frees all; later calls throw a `DeviceError`. */
  destroy(): void;
}

/**
 * The `Backend` on WebGPU: Dawn in Node, `navigator.gpu` in a browser. It holds the parts together (device, pool, recorder,
 * caches, kernels) and keeps the contract's order: dispatches are recorded and submitted later, while `queue.writeBuffer` takes
 * effect before anything recorded, so a write to memory that the open batch uses submits that batch first.
 */
import { environment } from '#platform';
import type { DType } from '../../dtype.js';
import { DeviceError } from '../../errors.js';
import type { Backend, BackendStatistics, DeviceInfo, DispatchTime, RecordedRequests } from '../backend.js';
import { describeRequest } from '../describe-request.js';
import { isPoisoned } from '../poison.js';
import type { DeviceBuffer, KernelKind, KernelRequest, PointwiseRequest, RequestOf } from '../requests.js';
import type { AdapterKind } from './adapter.js';
import { CompileAhead } from './ahead.js';
import { BindingCache } from './bindings.js';
import { fold, type KernelContext } from './context.js';
import { type DeviceOptions, WebGpuDevice } from './device.js';
import { FAULT_BYTES, FaultLog } from './faults.js';
import { pointwiseText } from './kernels/pointwise/pointwise.js';
import { kernelTable } from './kernels/table.js';
import type { KernelSource } from './kernels/wgsl/source.js';
import { largestBuffer } from './limits.js';
import { type BoundBuffers, Operands } from './operands.js';
import { otherSizes } from './other-sizes.js';
import { fillParameters, ParameterSlots, type ParameterValues } from './params.js';
import { type Kernel, PipelineCache } from './pipelines.js';
import { poisonWith } from './poison.js';
import { BufferPool, type PhysicalBuffer, WebGpuBuffer } from './pool.js';
import { Readback, type Watched } from './readback.js';
import { RecordedDispatches } from './recorded.js';
import { Recorder } from './recorder.js';
import { Timestamps } from './timestamps.js';
import { type Tuning, tuningFor, tuningTable } from './tuning.js';

export interface WebGpuOptions extends DeviceOptions {
  /**
   * Submits every request on its own under an error scope, so that an error names the request that caused it, and fills
   * fresh memory with NaN (`poison.ts`). Slow.
   * The environment variable COURSE_DEBUG=1 turns it on too.
   */
  readonly debug?: boolean;
  /** Tiles and workgroup sizes in place of those of the adapter's kind: for tests of kernels meant for other adapters, and for tuning. */
  readonly tuning?: Tuning;
}

/** Beyond this a shader no longer gains by growing, and compilers slow down. */
const MAX_POINTWISE_STEPS = 48;

const SUPPORTED: readonly DType[] = ['float32', 'int32', 'uint8', 'bool'];

export class WebGpuBackend implements Backend, KernelContext {
  readonly kind = 'webgpu';
  readonly maxPointwiseInputs: number;
  readonly maxPointwiseSteps = MAX_POINTWISE_STEPS;
  readonly largest: Backend['largest'];
  readonly readsWindows = true;
  readonly tuning: Tuning;
  readonly faults: FaultLog;
  readonly #device: WebGpuDevice;
  readonly #debug: boolean;
  readonly #poison: ((buffer: PhysicalBuffer) => void) | undefined;
  readonly #pool: BufferPool;
  readonly #parameters: ParameterSlots;
  readonly #bindings: BindingCache;
  readonly #pipelines: PipelineCache;
  readonly #recorder: Recorder;
  readonly #readback: Readback;
  readonly #ahead = new CompileAhead((requests) => void this.#prepareAll(requests));
  #buffers = 0;
  #bytes = 0;
  readonly #temporaries: DeviceBuffer[] = [];
  readonly #operands: Operands;
  readonly #hasHalves: boolean;

  private constructor(device: WebGpuDevice, options: WebGpuOptions) {
    this.#device = device;
    this.#hasHalves = device.gpu.features.has('shader-f16');
    this.#debug = options.debug ?? environment('COURSE_DEBUG') === '1';
    this.tuning = tuningFor(options.tuning ?? tuningTable[device.kind], device.subgroupSize, device.limits);
    // One binding is the output's; a kernel of several outputs has correspondingly fewer inputs.
    this.maxPointwiseInputs = device.limits.maxStorageBuffersPerShaderStage - 1;
    const { byteLength, limit } = largestBuffer(device.limits);
    this.largest = {
      byteLength,
      because: `a kernel of '${device.name}' binds at most ${byteLength} bytes (${limit})`,
    };
    this.#parameters = new ParameterSlots(device);
    this.#bindings = new BindingCache(device, this.#parameters.buffer);
    this.#poison = this.#debug || isPoisoned() ? poisonWith(device, () => this.#recorder) : undefined;
    this.#pool = new BufferPool(device, {
      onDestroy: (buffer) => this.#bindings.forget(buffer),
      ...(this.#poison && { poison: this.#poison }),
      purpose: () => (this.#debug ? `, for ${this.#recorder.what}` : ''),
    });
    this.#operands = new Operands(this.#pool, this.#hasHalves);
    this.#pipelines = new PipelineCache(device, this.#bindings);
    this.#recorder = new Recorder(device, this.#parameters, () => this.#pool.afterSubmit());
    this.#readback = new Readback(device, this.#recorder);
    // The log's buffer is the backend's own: it is not among those handed out.
    this.faults = new FaultLog(
      () => new WebGpuBuffer(this.#pool, FAULT_BYTES),
      (buffer, words) => this.write(buffer, 0, words),
    );
  }

  /**
   * A backend on the best adapter there is.
   *
   * @throws DeviceError when there is none of the kind allowed: the message says what was tried.
   */
  static async create(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
    return new WebGpuBackend(await WebGpuDevice.open(options), options);
  }

  get isLost(): boolean {
    return this.#device.failure !== undefined;
  }

  /** The row of the tuning table, and the size of subgroups (0 if it is not fixed): for whoever measures a row. */
  get adapterKind(): AdapterKind {
    return this.#device.kind;
  }

  get subgroupSize(): number {
    return this.#device.subgroupSize;
  }

  info(): DeviceInfo {
    const { name, isSoftware, features, limits } = this.#device;
    return { backend: 'webgpu', adapter: name, software: isSoftware, threads: 1, features, limits };
  }

  supports(dtype: DType): boolean {
    return SUPPORTED.includes(dtype) || (dtype === 'float16' && this.#hasHalves);
  }

  statistics(): BackendStatistics {
    return {
      buffers: this.#buffers,
      bytes: this.#bytes,
      reservedBytes: this.#pool.reservedBytes,
      dispatches: this.#recorder.dispatches,
      compiledKernels: this.#pipelines.size,
    };
  }

  /** How many kernels have been compiled so far: flat once a program has warmed up, whatever its sizes. */
  get compiledKernels(): number {
    return this.#pipelines.size;
  }

  get limits() {
    return this.#device.limits;
  }

  /** The device itself, for tests and profilers. */
  get gpuDevice(): GPUDevice {
    return this.#device.gpu;
  }

  allocate(byteLength: number, what = 'a tensor'): DeviceBuffer {
    this.#device.check();
    if (byteLength > this.largest.byteLength)
      throw new DeviceError(`webgpu: ${what} of ${byteLength} bytes does not fit; ${this.largest.because}`);
    this.#buffers++;
    this.#bytes += byteLength;
    return new WebGpuBuffer(this.#pool, byteLength);
  }

  free(buffer: DeviceBuffer): void {
    const own = this.#operands.own(buffer);
    own.isFreed = true;
    this.#buffers--;
    this.#bytes -= own.byteLength;
    this.#pool.release(own);
  }

  write(buffer: DeviceBuffer, byteOffset: number, words: Uint32Array): void {
    this.#device.check();
    const own = this.#operands.own(buffer);
    checkRange('write', own, byteOffset, words.byteLength);
    if (words.length === 0) return;
    const { batch } = this.#recorder;
    const physical = this.#pool.back(own, batch);
    if (physical.lastBatch === batch) this.#recorder.submit();
    this.#device.gpu.queue.writeBuffer(physical.gpu, byteOffset, unshared(words));
  }

  kernelText(request: PointwiseRequest): string {
    return pointwiseText(this, request);
  }

  async read(buffer: DeviceBuffer, byteOffset: number, byteLength: number): Promise<ArrayBuffer> {
    this.#device.check();
    const own = this.#operands.own(buffer);
    checkRange('read', own, byteOffset, byteLength);
    if (byteLength === 0) {
      await this.synchronize();
      return new ArrayBuffer(0);
    }
    // Copies go by words; a 16-bit element may begin or end in the middle of one.
    const start = byteOffset - (byteOffset % 4);
    const end = Math.ceil((byteOffset + byteLength) / 4) * 4;
    const piece = { gpu: this.#pool.back(own).gpu, byteOffset: start, byteLength: end - start };
    const reading = this.#readback.read(piece, this.#faultRecord());
    this.#ahead.pause();
    const words = await reading;
    return words.byteLength === byteLength ? words : words.slice(byteOffset - start, byteOffset - start + byteLength);
  }

  /** What a read fetches besides, to see whether an index was out of range. */
  #faultRecord(): Watched | undefined {
    const look = this.faults.look();
    if (look === undefined) return undefined;
    const { gpu } = this.#pool.back(this.#operands.own(look.buffer));
    return { piece: { gpu, byteOffset: 0, byteLength: FAULT_BYTES }, check: look.check };
  }

  run(request: KernelRequest): void {
    this.#device.check();
    if (this.#debug) {
      this.#runWatched(request);
      return;
    }
    this.#ahead.begin(request);
    this.#run(request);
  }

  measureDispatches(request: () => number): (() => Promise<readonly DispatchTime[]>) | undefined {
    if (!this.#device.gpu.features.has('timestamp-query')) return undefined;
    const timestamps = new Timestamps(this.#device, request);
    this.#recorder.submit();
    this.#recorder.timestamps = timestamps;
    return () => {
      this.#recorder.submit();
      this.#recorder.timestamps = null;
      return timestamps.read();
    };
  }

  prepare(request: KernelRequest): Promise<void> {
    this.#device.check();
    return this.#prepareAll([request, ...otherSizes(request)]);
  }

  /** Compiles what requests need, beside each other and beside what is computed meanwhile. */
  #prepareAll(requests: readonly KernelRequest[]): Promise<void> {
    const compiled: Promise<void>[] = [];
    const context: KernelContext = {
      tuning: this.tuning,
      limits: this.limits,
      faults: this.faults,
      kernel: (key, source) => ({ key, source }),
      temporary: (byteLength) => ({ byteLength }),
      dispatch: (kernel, buffers, _, workgroups) => {
        if (workgroups > 0) compiled.push(this.#pipelines.prepare(kernel, this.#operands.halvesAmong(buffers)));
      },
    };
    for (const request of requests) this.#run(request, context);
    return Promise.all(compiled).then(() => undefined);
  }

  record(requests: readonly KernelRequest[]): RecordedRequests | undefined {
    // An error shall name its request.
    if (this.#debug) return undefined;
    this.#device.check();
    return new RecordedDispatches(
      {
        device: this.#device,
        context: this,
        operands: this.#operands,
        pipelines: this.#pipelines,
        bindings: this.#bindings,
        recorder: this.#recorder,
        run: (request, context) => this.#run(request, context),
        allocate: (byteLength) => this.allocate(byteLength, 'temporary memory'),
        free: (buffer) => this.free(buffer),
        retire: (buffer) => this.#pool.retire(buffer),
        poison: this.#poison,
      },
      requests,
    );
  }

  caughtUp(): Promise<void> | undefined {
    return this.#recorder.caughtUp();
  }

  async synchronize(): Promise<void> {
    this.#device.check();
    this.#recorder.submit();
    this.#ahead.pause();
    await Promise.race([this.#device.gpu.queue.onSubmittedWorkDone(), this.#device.failed]);
    await Promise.race([this.#device.reported(), this.#device.failed]);
    this.#device.check();
    const faults = this.#faultRecord();
    if (faults !== undefined) faults.check(new Uint32Array(await this.#readback.read(faults.piece)));
  }

  destroy(): void {
    this.#device.destroy();
  }

  kernel(key: string, source: () => KernelSource): Kernel {
    return { key, source };
  }

  temporary(byteLength: number): DeviceBuffer {
    const buffer = this.allocate(byteLength, 'temporary memory');
    this.#temporaries.push(buffer);
    return buffer;
  }

  dispatch(kernel: Kernel, buffers: BoundBuffers, params: ParameterValues, workgroups: number): void {
    if (workgroups === 0) return;
    const pipeline = this.#pipelines.get(kernel, this.#operands.halvesAmong(buffers));
    const { layout } = pipeline;
    this.#ahead.dispatched(pipeline);
    this.#recorder.prepare(layout.parameterBytes);
    const physical = this.#operands.bind(pipeline, buffers, this.#recorder.batch);
    const offset = this.#parameters.take(layout.parameterBytes);
    fillParameters(pipeline, params, this.#parameters.words, offset / 4);
    const { x, y } = fold(workgroups, this.limits);
    let bytes = 0;
    for (const { size } of physical) bytes += size;
    this.#recorder.dispatch({
      pipeline,
      group: this.#bindings.group(layout, physical),
      offsets: [offset],
      x,
      y,
      bytes,
    });
  }

  #run(request: KernelRequest, context: KernelContext = this): void {
    // The table has a function for every kind; TypeScript cannot see that request and function belong to one another.
    const run = kernelTable[request.kind] as (context: KernelContext, request: RequestOf<KernelKind>) => void;
    try {
      this.#operands.begin(request);
      run(context, request);
    } finally {
      this.#operands.end();
      for (let buffer = this.#temporaries.pop(); buffer; buffer = this.#temporaries.pop()) this.free(buffer);
    }
  }

  /** One request in a batch and under an error scope of its own. */
  #runWatched(request: KernelRequest): void {
    this.#recorder.submit();
    const what = describeRequest(request);
    const { what: usual } = this.#recorder;
    this.#recorder.what = what;
    const close = this.#device.watch('validation', what);
    try {
      this.#run(request);
      this.#recorder.submit();
    } finally {
      close();
      this.#recorder.what = usual;
    }
  }
}

function checkRange(what: string, buffer: WebGpuBuffer, byteOffset: number, byteLength: number): void {
  if (byteOffset >= 0 && byteOffset + byteLength <= buffer.byteLength) return;
  throw new DeviceError(
    `webgpu: ${what} of ${byteLength} bytes at ${byteOffset} does not fit in a buffer of ${buffer.byteLength} bytes`,
  );
}

/** Dawn and some browsers refuse memory shared between threads. */
function unshared(words: Uint32Array): Uint32Array<ArrayBuffer> {
  return words.buffer instanceof ArrayBuffer ? (words as Uint32Array<ArrayBuffer>) : new Uint32Array(words);
}

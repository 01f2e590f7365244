/**
 * The `Backend` on WebGPU: Dawn in Node, `navigator.gpu` in a browser. It holds the parts together (device, pool, recorder,
 * caches, kernels) and keeps the contract's order: dispatches are recorded and submitted later, while `queue.writeBuffer` takes
 * effect before anything recorded, so a write to memory that the open batch uses submits that batch first.
 */
import { environment } from '#platform';
import type { DType } from '../../dtype.js';
import { CourseError, DeviceError, DisposedError } from '../../errors.js';
import type { Backend, BackendStatistics, DeviceInfo, DispatchTime } from '../backend.js';
import type { Dense, DeviceBuffer, KernelKind, KernelRequest, PointwiseRequest, RequestOf } from '../requests.js';
import { BindingCache } from './bindings.js';
import type { KernelContext } from './context.js';
import { type DeviceOptions, WebGpuDevice } from './device.js';
import { FAULT_BYTES, FaultLog } from './faults.js';
import { pointwiseText } from './kernels/pointwise.js';
import type { KernelSource } from './kernels/source.js';
import { kernelTable } from './kernels/table.js';
import { ParameterSlots } from './params.js';
import { type Kernel, type Pipeline, PipelineCache } from './pipelines.js';
import { BufferPool, type PhysicalBuffer, WebGpuBuffer } from './pool.js';
import { Readback, type Watched } from './readback.js';
import { Recorder } from './recorder.js';
import { Timestamps } from './timestamps.js';
import { type Tuning, tuningFor, tuningTable } from './tuning.js';

export interface WebGpuOptions extends DeviceOptions {
  /**
   * Submits every request on its own under an error scope, so that an error names the request that caused it, and fills
   * fresh memory with NaN. Slow.
   * The environment variable COURSE_DEBUG=1 turns it on too.
   */
  readonly debug?: boolean;
  /** Tiles and workgroup sizes in place of those of the adapter's kind: for tests of kernels meant for other adapters, and for tuning. */
  readonly tuning?: Tuning;
}

const SUPPORTED: readonly DType[] = ['float32', 'int32', 'uint8', 'bool'];

export class WebGpuBackend implements Backend, KernelContext {
  readonly kind = 'webgpu';
  readonly maxPointwiseInputs: number;
  readonly tuning: Tuning;
  readonly faults: FaultLog;
  readonly #device: WebGpuDevice;
  readonly #debug: boolean;
  readonly #pool: BufferPool;
  readonly #parameters: ParameterSlots;
  readonly #bindings: BindingCache;
  readonly #pipelines: PipelineCache;
  readonly #recorder: Recorder;
  readonly #readback: Readback;
  #buffers = 0;
  #bytes = 0;
  readonly #temporaries: DeviceBuffer[] = [];
  /** Buffers of the request at hand that hold 16-bit floats. */
  readonly #halves = new Set<DeviceBuffer | undefined>();
  /** Whether the adapter has them. */
  readonly #hasHalves: boolean;

  private constructor(device: WebGpuDevice, options: WebGpuOptions) {
    this.#device = device;
    this.#hasHalves = device.gpu.features.has('shader-f16');
    this.#debug = options.debug ?? environment('COURSE_DEBUG') === '1';
    this.tuning = tuningFor(options.tuning ?? tuningTable[device.kind], device.subgroupSize);
    // One binding is the output's; a kernel of several outputs has correspondingly fewer inputs.
    this.maxPointwiseInputs = device.limits.maxStorageBuffersPerShaderStage - 1;
    this.#parameters = new ParameterSlots(device);
    this.#bindings = new BindingCache(device, this.#parameters.buffer);
    this.#pool = new BufferPool(device, {
      onDestroy: (buffer) => this.#bindings.forget(buffer),
      poisons: this.#debug,
      purpose: () => (this.#debug ? `, for ${this.#recorder.what}` : ''),
    });
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
    const limit = Math.min(this.limits.maxStorageBufferBindingSize, this.limits.maxBufferSize);
    if (byteLength > limit) {
      throw new DeviceError(
        `webgpu: ${what} of ${byteLength} bytes is larger than '${this.#device.name}' can bind to a kernel: at most ${limit} bytes (maxStorageBufferBindingSize)`,
      );
    }
    this.#buffers++;
    this.#bytes += byteLength;
    return new WebGpuBuffer(this.#pool, byteLength);
  }

  free(buffer: DeviceBuffer): void {
    const own = this.#own(buffer);
    own.isFreed = true;
    this.#buffers--;
    this.#bytes -= own.byteLength;
    this.#pool.release(own);
  }

  write(buffer: DeviceBuffer, byteOffset: number, words: Uint32Array): void {
    this.#device.check();
    const own = this.#own(buffer);
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
    const own = this.#own(buffer);
    checkRange('read', own, byteOffset, byteLength);
    if (byteLength === 0) {
      await this.synchronize();
      return new ArrayBuffer(0);
    }
    // Copies go by words; a 16-bit element may begin or end in the middle of one.
    const start = byteOffset - (byteOffset % 4);
    const end = Math.ceil((byteOffset + byteLength) / 4) * 4;
    const piece = { gpu: this.#pool.back(own).gpu, byteOffset: start, byteLength: end - start };
    const words = await this.#readback.read(piece, this.#faultRecord());
    return words.byteLength === byteLength ? words : words.slice(byteOffset - start, byteOffset - start + byteLength);
  }

  /** What a read fetches besides, to see whether an index was out of range. */
  #faultRecord(): Watched | undefined {
    const look = this.faults.look();
    if (look === undefined) return undefined;
    const { gpu } = this.#pool.back(this.#own(look.buffer));
    return { piece: { gpu, byteOffset: 0, byteLength: FAULT_BYTES }, check: look.check };
  }

  run(request: KernelRequest): void {
    this.#device.check();
    if (this.#debug) this.#runWatched(request);
    else this.#run(request);
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
    const compiled: Promise<void>[] = [];
    const context: KernelContext = {
      tuning: this.tuning,
      limits: this.limits,
      faults: this.faults,
      kernel: (key, source) => ({ key, source }),
      temporary: (byteLength) => this.temporary(byteLength),
      dispatch: (kernel, buffers, _, workgroups) => {
        if (workgroups > 0)
          compiled.push(
            this.#pipelines.prepare(kernel, this.#halves.size === 0 ? undefined : this.#halvesAmong(buffers)),
          );
      },
    };
    this.#run(request, context);
    return Promise.all(compiled).then(() => undefined);
  }

  async synchronize(): Promise<void> {
    this.#device.check();
    this.#recorder.submit();
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

  dispatch(
    kernel: Kernel,
    buffers: Readonly<Record<string, DeviceBuffer | undefined>>,
    params: Readonly<Record<string, number>>,
    workgroups: number,
  ): void {
    if (workgroups === 0) return;
    const pipeline = this.#pipelines.get(kernel, this.#halves.size === 0 ? undefined : this.#halvesAmong(buffers));
    const { layout } = pipeline;
    this.#recorder.prepare(layout.parameterBytes);
    const physical = this.#bind(pipeline, buffers);
    const offset = this.#parameters.take(layout.parameterBytes);
    this.#fill(pipeline, params, offset / 4);
    const limit = this.limits.maxComputeWorkgroupsPerDimension;
    const y = Math.ceil(workgroups / limit);
    const x = Math.ceil(workgroups / y);
    let bytes = 0;
    for (const { size } of physical) bytes += size;
    this.#recorder.dispatch(pipeline, this.#bindings.group(layout, physical), offset, x, y, bytes);
  }

  #findHalves(request: KernelRequest): void {
    for (const value of Object.values(request)) {
      if (isOperand(value)) this.#noteHalf(value);
      else if (Array.isArray(value)) for (const each of value) if (isOperand(each)) this.#noteHalf(each);
    }
  }

  #noteHalf({ buffer, dtype }: Dense): void {
    if (dtype === 'float16') this.#halves.add(buffer);
  }

  /** The names of the buffers that hold 16-bit floats. */
  #halvesAmong(buffers: Readonly<Record<string, DeviceBuffer | undefined>>): ReadonlySet<string> {
    return new Set(Object.keys(buffers).filter((name) => this.#halves.has(buffers[name])));
  }

  /** The memory of a kernel's buffers, in the order of its bindings, marked as used by the open batch. */
  #bind(kernel: Pipeline, buffers: Readonly<Record<string, DeviceBuffer | undefined>>): PhysicalBuffer[] {
    const { batch } = this.#recorder;
    const physical = kernel.bindings.map((name) => {
      const buffer = buffers[name];
      if (buffer === undefined) throw new CourseError(`webgpu: the kernel '${kernel.label}' got no buffer '${name}'`);
      const memory = this.#pool.back(this.#own(buffer));
      memory.lastBatch = batch;
      return memory;
    });
    kernel.layout.accesses.forEach((access, i) => {
      const again = physical.findIndex((memory, j) => memory === physical[i] && j !== i);
      if (access === 'read' || again < 0) return;
      throw new CourseError(
        `webgpu: '${kernel.label}' writes its operand '${kernel.bindings[i]}' in the same memory as its operand '${kernel.bindings[again]}'`,
      );
    });
    return physical;
  }

  #fill(kernel: Pipeline, params: Readonly<Record<string, number>>, firstWord: number): void {
    const { u32, i32, f32 } = this.#parameters;
    let word = firstWord;
    for (const [name, type] of kernel.params) {
      const value = params[name];
      if (value === undefined) throw new CourseError(`webgpu: the kernel '${kernel.label}' got no parameter '${name}'`);
      if (type === 'u32') u32[word] = value;
      else if (type === 'i32') i32[word] = value;
      else f32[word] = value;
      word++;
    }
  }

  #run(request: KernelRequest, context: KernelContext = this): void {
    // The table has a function for every kind; TypeScript cannot see that request and function belong to one another.
    const run = kernelTable[request.kind] as (context: KernelContext, request: RequestOf<KernelKind>) => void;
    try {
      if (this.#hasHalves) this.#findHalves(request);
      run(context, request);
    } finally {
      this.#halves.clear();
      for (const buffer of this.#temporaries) this.free(buffer);
      this.#temporaries.length = 0;
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

  #own(buffer: DeviceBuffer): WebGpuBuffer {
    if (!(buffer instanceof WebGpuBuffer) || buffer.owner !== this.#pool) {
      throw new DeviceError("webgpu: this buffer belongs to another device: move the tensor with to('webgpu')");
    }
    if (buffer.isFreed) throw new DisposedError('webgpu: this buffer has been freed');
    return buffer;
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

function isOperand(value: unknown): value is Dense {
  return typeof value === 'object' && value !== null && 'buffer' in value && 'dtype' in value;
}

/** `the request 'matmul' (m 2, n 3, …, batch [4])`. */
function describeRequest({ kind, ...request }: KernelRequest): string {
  const parts = Object.entries(request).flatMap(([name, value]) => {
    if (Array.isArray(value))
      return value.every((item) => typeof item === 'number') ? [`${name} [${value.join(', ')}]`] : [];
    return typeof value === 'object' ? [] : [`${name} ${value}`];
  });
  return `the request '${kind}' (${parts.join(', ')})`;
}

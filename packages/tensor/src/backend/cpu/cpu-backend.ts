/**
 * The CPU backend: WebAssembly SIMD kernels over one linear memory (float64 requests run in TypeScript). A call may return while threads
 * compute; the next kernel, and whoever looks at memory, waits for them, which keeps all the promises of the `Backend` interface about
 * order. Operands lie in linear memory; only `write` and `read` copy.
 */
import { canShareMemory, processorName } from '#platform';
import type { DType } from '../../dtype.js';
import { ArgumentError, DeviceError } from '../../errors.js';
import type { Mt19937State } from '../../random/mt19937.js';
import type { Backend, BackendStatistics, DeviceInfo } from '../backend.js';
import type { Draw, Line } from '../draw.js';
import { isPoisoned, POISON } from '../poison.js';
import type { DeviceBuffer, KernelRequest, KernelTable } from '../requests.js';
import { writtenBy } from '../written.js';
import { ALIGNMENT } from './allocator.js';
import { float64Kernels, isFloat64 } from './float64/table.js';
import { drawLine } from './kernels/line.js';
import { draw as drawNumbers } from './kernels/random.js';
import { cpuKernels } from './kernels/table.js';
import { CpuBuffer, Launcher } from './launch.js';
import { formatBytes, LinearMemory } from './memory.js';
import { chooseBuild, loadKernels, type SimdBuild } from './module.js';
import { chooseThreads } from './threads.js';

export interface CpuOptions {
  /** Which build of the kernels; the best that this engine runs when left out (`COURSE_SIMD=plain` asks for plain SIMD). */
  readonly build?: SimdBuild;
  /** The most memory to hold, in bytes; 4 GiB when left out, which is also the limit. */
  readonly maximumBytes?: number;
  /** Threads to compute on, this one included; as many as there are processors when left out (`COURSE_THREADS` overrides it). */
  readonly threads?: number;
  /** Whether to share memory with threads where that is possible, the default; without, one thread computes. */
  readonly share?: boolean;
}

const DTYPES: ReadonlySet<DType> = new Set<DType>(['float32', 'float64', 'int32', 'uint8', 'bool']);
/** Operands of a fused expression whose records have room (launch.ts), and steps whose values always fit scratch memory. */
const MAX_POINTWISE_INPUTS = 1024;
const MAX_POINTWISE_STEPS = 4096;

/** What a backend holds until it is destroyed. */
interface State {
  readonly memory: LinearMemory;
  readonly launcher: Launcher;
  readonly kernels: KernelTable<Launcher>;
}

/**
 * Computes on the processor.
 *
 * @example
 * const backend = await CpuBackend.create();
 * const buffer = backend.allocate(16);
 * backend.write(buffer, 0, new Uint32Array(new Float32Array([1, 2, 3, 4]).buffer));
 * new Float32Array(await backend.read(buffer, 0, 16)); // [1, 2, 3, 4]
 */
export class CpuBackend implements Backend {
  readonly kind = 'cpu';
  readonly maxPointwiseInputs = MAX_POINTWISE_INPUTS;
  readonly maxPointwiseSteps = MAX_POINTWISE_STEPS;
  readonly largest: Backend['largest'];
  readonly readsWindows = false;
  readonly #build: SimdBuild;
  readonly #poisons = isPoisoned();
  #state: State | undefined;
  #buffers = 0;
  #bytes = 0;
  #float64Dispatches = 0;

  private constructor(build: SimdBuild, state: State) {
    this.#build = build;
    this.#state = state;
    const byteLength = state.memory.maximumBytes;
    this.largest = { byteLength, because: `the memory of WebAssembly has at most ${byteLength} bytes` };
  }

  /** Compiles the kernels and reserves a first piece of memory; a `DeviceError` where WebAssembly SIMD is missing. */
  static async create(options: CpuOptions = {}): Promise<CpuBackend> {
    const build = options.build ?? chooseBuild();
    const threads = chooseThreads(options.threads);
    const memory = new LinearMemory(options.maximumBytes, (options.share ?? true) && canShareMemory());
    const launcher = new Launcher(memory, await loadKernels(build, memory.wasm), threads);
    return new CpuBackend(build, { memory, launcher, kernels: cpuKernels() });
  }

  get isLost(): boolean {
    return this.#state === undefined;
  }

  info(): DeviceInfo {
    const { memory, launcher } = this.#alive();
    return {
      backend: 'cpu',
      adapter: processorName(),
      software: false,
      threads: launcher.pool.threads,
      features: this.#build === 'relaxed-simd' ? ['simd', 'relaxed-simd'] : ['simd'],
      limits: { maxMemoryBytes: memory.maximumBytes, maxPointwiseInputs: MAX_POINTWISE_INPUTS },
    };
  }

  /** Computes on another number of threads from now on, as far as this engine has threads. */
  useThreads(threads: number): void {
    this.#alive().launcher.pool.resize(chooseThreads(threads));
  }

  supports(dtype: DType): boolean {
    return DTYPES.has(dtype);
  }

  statistics(): BackendStatistics {
    const { memory, launcher } = this.#alive();
    return {
      buffers: this.#buffers,
      bytes: this.#bytes,
      cachedBytes: launcher.packings.bytes,
      reservedBytes: memory.reservedBytes,
      dispatches: launcher.dispatches + this.#float64Dispatches,
    };
  }

  allocate(byteLength: number): DeviceBuffer {
    const { launcher, memory } = this.#alive();
    if (!Number.isInteger(byteLength) || byteLength < 0 || byteLength % 4 !== 0) {
      throw new ArgumentError(`cpu: a buffer's size must be a multiple of 4 bytes, got ${byteLength}`);
    }
    const block = byteLength > 0 ? memory.take(byteLength) : undefined;
    if (block === undefined && byteLength > 0) {
      throw new DeviceError(
        `cpu: out of memory: cannot allocate ${formatBytes(byteLength)}; ${this.#buffers} buffers hold ${formatBytes(this.#bytes)}; ${memory.describe()}`,
      );
    }
    this.#buffers++;
    this.#bytes += byteLength;
    if (this.#poisons && block) {
      const first = (block.start * ALIGNMENT) / 4;
      launcher.i32.fill(POISON, first, first + (block.size * ALIGNMENT) / 4);
    }
    return new CpuBuffer(launcher, byteLength, block === undefined ? ALIGNMENT : block.start * ALIGNMENT, block);
  }

  free(buffer: DeviceBuffer): void {
    const { memory, launcher } = this.#alive();
    const own = this.#own(buffer);
    launcher.packings.forget(buffer);
    own.freed = true;
    this.#buffers--;
    this.#bytes -= own.byteLength;
    if (own.block) memory.give(own.block);
    own.block = undefined;
  }

  write(buffer: DeviceBuffer, byteOffset: number, words: Uint32Array): void {
    const { launcher } = this.#alive();
    const at = this.#word(buffer, byteOffset, words.byteLength, 'write');
    launcher.packings.forget(buffer);
    launcher.i32.set(words, at);
  }

  async read(buffer: DeviceBuffer, byteOffset: number, byteLength: number): Promise<ArrayBuffer> {
    return this.readNow(buffer, byteOffset, byteLength);
  }

  readNow(buffer: DeviceBuffer, byteOffset: number, byteLength: number): ArrayBuffer {
    const { launcher } = this.#alive();
    const at = this.#word(buffer, byteOffset, byteLength, 'read');
    return launcher.i32.slice(at, at + byteLength / 4).buffer;
  }

  draw(buffer: DeviceBuffer, count: number, draw: Draw, state: Mt19937State): Mt19937State {
    const { launcher } = this.#alive();
    const at = this.#word(buffer, 0, count * 4, 'draw');
    launcher.packings.forget(buffer);
    return drawNumbers(launcher, at * 4, count, draw, state);
  }

  drawLine(buffer: DeviceBuffer, count: number, line: Line): void {
    const { launcher } = this.#alive();
    const at = this.#word(buffer, 0, count * 4, 'fill');
    launcher.packings.forget(buffer);
    drawLine(launcher, at * 4, count, line);
  }

  run(request: KernelRequest): void {
    const { launcher, kernels } = this.#alive();
    const wide = isFloat64(request);
    if (wide) this.#float64Dispatches++;
    const table: Partial<KernelTable<Launcher>> = wide ? float64Kernels : kernels;
    const kernel = table[request.kind] as (launcher: Launcher, request: KernelRequest) => void;
    for (const operand of writtenBy(request)) if (operand) launcher.packings.forget(operand.buffer);
    kernel(launcher, request);
  }

  async startThreads(): Promise<void> {
    await this.#alive().launcher.pool.ready();
  }

  wait(): void {
    this.#alive().launcher.pool.join();
  }

  async synchronize(): Promise<void> {
    this.wait();
  }

  destroy(): void {
    this.#state?.launcher.pool.close();
    this.#state = undefined;
    this.#buffers = 0;
    this.#bytes = 0;
  }

  #alive(): State {
    if (this.#state === undefined) throw new DeviceError('cpu: the device was destroyed');
    return this.#state;
  }

  #own(buffer: DeviceBuffer): CpuBuffer {
    if (!(buffer instanceof CpuBuffer) || buffer.owner !== this.#alive().launcher) {
      throw new DeviceError('cpu: the buffer belongs to another device');
    }
    if (buffer.freed) throw new DeviceError(`cpu: the buffer of ${buffer.byteLength} bytes was freed`);
    return buffer;
  }

  /** The word index of a range of a buffer. */
  #word(buffer: DeviceBuffer, byteOffset: number, byteLength: number, op: string): number {
    const own = this.#own(buffer);
    if (
      byteOffset % 4 !== 0 ||
      byteLength % 4 !== 0 ||
      byteOffset < 0 ||
      byteLength < 0 ||
      byteOffset + byteLength > own.byteLength
    ) {
      throw new ArgumentError(
        `cpu: cannot ${op} ${byteLength} bytes at ${byteOffset} of a buffer of ${own.byteLength} bytes: both must be multiples of 4 and inside`,
      );
    }
    return (own.address + byteOffset) / 4;
  }
}

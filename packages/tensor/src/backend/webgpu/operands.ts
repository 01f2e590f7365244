/**
 * From what a request names to what a kernel binds: whose a buffer is, the memory behind it, and whether it holds 16-bit floats, for which
 * kernels have another text. All dispatches come through here, recorded for later or not.
 */
import { CourseError, DeviceError, DisposedError } from '../../errors.js';
import type { Dense, DeviceBuffer, KernelRequest } from '../requests.js';
import { isList } from './params.js';
import type { Pipeline } from './pipelines.js';
import { type BufferPool, type PhysicalBuffer, WebGpuBuffer } from './pool.js';

/** A kernel's buffers by the names that its source gives them, or in its order. */
export type BoundBuffers = Readonly<Record<string, DeviceBuffer | undefined>> | readonly DeviceBuffer[];

export class Operands {
  /** Buffers of the request at hand that hold 16-bit floats. */
  readonly #halves = new Set<DeviceBuffer | undefined>();

  constructor(
    private readonly pool: BufferPool,
    /** Whether the adapter has 16-bit floats. */
    private readonly hasHalves: boolean,
  ) {}

  /** To be called before a request's kernels are dispatched. */
  begin(request: KernelRequest): void {
    if (!this.hasHalves) return;
    this.#note(request);
    if (request.kind === 'matmul' && request.steps) this.#note(request.steps);
  }

  end(): void {
    if (this.#halves.size > 0) this.#halves.clear();
  }

  /** The names of the buffers that hold 16-bit floats (or their numbers, as keys of a list are), if there are any in the request. */
  halvesAmong(buffers: BoundBuffers): ReadonlySet<string> | undefined {
    if (this.#halves.size === 0) return undefined;
    const halves = Object.entries(buffers).filter(([, buffer]) => this.#halves.has(buffer));
    return new Set(halves.map(([name]) => name));
  }

  own(buffer: DeviceBuffer): WebGpuBuffer {
    if (!(buffer instanceof WebGpuBuffer))
      throw new DeviceError("webgpu: this buffer belongs to another device: move the tensor with to('webgpu')");
    if (buffer.owner !== this.pool)
      throw new DeviceError(
        'webgpu: this buffer belongs to a device that was opened before: what was on a lost device is gone with it',
      );
    if (buffer.isFreed) throw new DisposedError('webgpu: this buffer has been freed');
    return buffer;
  }

  /** The memory of a kernel's buffers, in the order of its bindings, marked as used by a batch. */
  bind({ label, bindings, layout }: Pipeline, buffers: BoundBuffers, batch: number): PhysicalBuffer[] {
    const physical: PhysicalBuffer[] = [];
    const list = isList(buffers) ? buffers : null;
    const named = buffers as Readonly<Record<string, DeviceBuffer | undefined>>;
    for (let i = 0; i < bindings.length; i++) {
      const name = bindings[i] as string;
      const buffer = list ? list[i] : named[name];
      if (buffer === undefined) throw new CourseError(`webgpu: the kernel '${label}' got no buffer '${name}'`);
      const memory = this.pool.back(this.own(buffer));
      memory.lastBatch = batch;
      physical.push(memory);
    }
    for (const i of layout.written) {
      const memory = physical[i] as PhysicalBuffer;
      const first = physical.indexOf(memory);
      const again = first < i ? first : physical.indexOf(memory, i + 1);
      if (again < 0) continue;
      throw new CourseError(
        `webgpu: '${label}' writes its operand '${bindings[i]}' in the same memory as its operand '${bindings[again]}'`,
      );
    }
    return physical;
  }

  /** Marks a buffer's memory as used by a batch. */
  touch(buffer: DeviceBuffer, batch: number): void {
    const { physical } = this.own(buffer);
    if (physical) physical.lastBatch = batch;
  }

  /** Operands stand in requests, in lists of them, in lists of records of them, and in a product's steps. */
  #note(record: object): void {
    // In place: lists of values would take longer than all else that is done with a request.
    for (const name in record) {
      const value: unknown = record[name as keyof typeof record];
      if (typeof value !== 'object' || value === null) continue;
      if (isOperand(value)) {
        if (value.dtype === 'float16') this.#halves.add(value.buffer);
      } else if (Array.isArray(record) || (Array.isArray(value) && typeof value[0] === 'object')) this.#note(value);
    }
  }
}

function isOperand(value: object): value is Dense {
  return 'buffer' in value && 'dtype' in value;
}

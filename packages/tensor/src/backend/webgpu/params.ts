/**
 * Kernel parameters: sizes, strides, offsets and scalars. Every dispatch of a batch gets a slot of its own in one uniform
 * buffer, named by a dynamic offset. The slots are filled on the host and uploaded in one piece right before the batch is submitted, so no
 * slot is ever rewritten under a dispatch that still reads it; the next batch starts again at the first slot.
 */
import { CourseError } from '../../errors.js';
import { BufferUsage, type WebGpuDevice } from './device.js';
import type { Pipeline } from './pipelines.js';

/** WGSL type of a parameter. */
export type ParameterType = 'u32' | 'i32' | 'f32';

export interface Parameter {
  readonly name: string;
  readonly type: ParameterType;
}

/** Dynamic offsets are multiples of this on every adapter (the default of minUniformBufferOffsetAlignment). */
export const SLOT_BYTES = 256;
const CAPACITY = 2048 * SLOT_BYTES;

/** Parameters on the host, to be written as what they are. */
export class ParameterWords {
  readonly u32: Uint32Array<ArrayBuffer>;
  readonly i32: Int32Array;
  readonly f32: Float32Array;

  constructor(byteLength: number) {
    const words = new ArrayBuffer(byteLength);
    this.u32 = new Uint32Array(words);
    this.i32 = new Int32Array(words);
    this.f32 = new Float32Array(words);
  }
}

/**
 * The parameters of a dispatch by their names; or, of kernels with as many as a request asks for, all of them in the order of the
 * kernel's source, since names with numbers in them would have to be made for each dispatch.
 */
export type ParameterValues = Readonly<Record<string, number>> | readonly number[];

/** Writes a dispatch's parameters, from a word on. */
export function fillParameters(
  { label, params }: Pick<Pipeline, 'label' | 'params'>,
  values: ParameterValues,
  { u32, i32, f32 }: ParameterWords,
  firstWord: number,
): void {
  const list = isList(values) ? values : null;
  if (list && list.length !== params.length)
    throw new CourseError(`webgpu: the kernel '${label}' takes ${params.length} parameters, it got ${list.length}`);
  const named = values as Readonly<Record<string, number>>;
  for (let i = 0; i < params.length; i++) {
    const { name, type } = params[i] as Parameter;
    const value = list ? list[i] : named[name];
    if (value === undefined) throw new CourseError(`webgpu: the kernel '${label}' got no parameter '${name}'`);
    if (type === 'u32') u32[firstWord + i] = value;
    else if (type === 'i32') i32[firstWord + i] = value;
    else f32[firstWord + i] = value;
  }
}

/** Whether things are given in order, not by name. */
export function isList<T>(values: Readonly<Record<string, T>> | readonly T[]): values is readonly T[] {
  return Array.isArray(values);
}

export class ParameterSlots {
  readonly buffer: GPUBuffer;
  readonly words = new ParameterWords(CAPACITY);
  #used = 0;

  constructor(private readonly device: WebGpuDevice) {
    this.buffer = device.gpu.createBuffer({
      size: CAPACITY,
      usage: BufferUsage.UNIFORM | BufferUsage.COPY_DST,
      label: 'parameters',
    });
  }

  hasRoom(byteLength: number): boolean {
    return this.#used + byteLength <= CAPACITY;
  }

  /** The byte offset of a fresh slot. */
  take(byteLength: number): number {
    const offset = this.#used;
    this.#used += byteLength;
    return offset;
  }

  /** Uploads the slots of a batch that is about to be submitted, and starts over. */
  flush(): void {
    if (this.#used > 0) this.device.gpu.queue.writeBuffer(this.buffer, 0, this.words.u32, 0, this.#used / 4);
    this.#used = 0;
  }
}

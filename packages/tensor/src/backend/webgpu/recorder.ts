/**
 * The open batch: one command encoder and one compute pass to which dispatches are appended. It is submitted when somebody reads,
 * when enough work has gathered, or when a write must not overtake it. Few submissions are kept in flight: while the device is
 * behind, batches grow instead of queueing up, and programs that ask (`caughtUp`) are held up. JavaScript cannot be held up where it does not ask.
 */
import type { WebGpuDevice } from './device.js';
import type { ParameterSlots } from './params.js';
import type { Pipeline } from './pipelines.js';
import type { Timestamps } from './timestamps.js';

/** Work that makes a batch worth submitting: so many dispatches, or so many bytes bound by them. */
const BATCH_DISPATCHES = 128;
const BATCH_BYTES = 256 * 2 ** 20;
const MOST_IN_FLIGHT = 3;
/** A batch grows to this at most, however far behind the device is. */
const MOST_DISPATCHES = 4096;
/** Submissions, however small, that a program may be ahead of the device: reads submit what there is. */
const MOST_AHEAD = 8;

/** A dispatch with everything that it needs. */
export interface Step {
  readonly pipeline: Pipeline;
  readonly group: GPUBindGroup;
  /** Where its parameters begin: the dynamic offsets of the group. */
  readonly offsets: readonly [number];
  readonly x: number;
  readonly y: number;
  /** Of the memory that it binds. */
  readonly bytes: number;
}

export class Recorder {
  /** The number of the open batch; buffers remember the last one that used them. */
  batch = 1;
  dispatches = 0;
  /** What errors call the work that is being recorded. */
  what = 'a batch of dispatches';
  /** Who measures dispatches one by one. */
  timestamps: Timestamps | null = null;
  #encoder: GPUCommandEncoder | null = null;
  #pass: GPUComputePassEncoder | null = null;
  #pipeline: Pipeline | null = null;
  #batchDispatches = 0;
  #batchBytes = 0;
  /** Of each submission that is not done yet, the oldest first. */
  readonly #inFlight: Promise<void>[] = [];
  #closeScope: (() => void) | null = null;

  constructor(
    private readonly device: WebGpuDevice,
    private readonly parameters: ParameterSlots,
    private readonly afterSubmit: () => void,
  ) {}

  /** Makes room for a dispatch with so many bytes of parameters; to be called before its slot is taken. */
  prepare(parameterBytes: number): void {
    if (!this.parameters.hasRoom(parameterBytes)) this.submit();
    else this.#submitEnough();
  }

  /** Appends a dispatch. */
  dispatch({ pipeline, group, offsets, x, y, bytes }: Step): void {
    if (this.timestamps !== null) {
      this.#endPass();
      this.#pass = this.#open().beginComputePass({ timestampWrites: this.timestamps.next(pipeline.label) });
    }
    this.#pass ??= this.#open().beginComputePass();
    const pass = this.#pass;
    if (pipeline !== this.#pipeline) {
      pass.setPipeline(pipeline.gpu);
      this.#pipeline = pipeline;
    }
    pass.setBindGroup(0, group, offsets);
    pass.dispatchWorkgroups(x, y);
    this.dispatches++;
    this.#batchDispatches++;
    this.#batchBytes += bytes;
  }

  /** Appends dispatches whose parameters lie elsewhere than in the slots. */
  replay(steps: readonly Step[]): void {
    for (const step of steps) {
      this.#submitEnough();
      this.dispatch(step);
    }
  }

  #submitEnough(): void {
    if (this.#isFull && (this.#inFlight.length < MOST_IN_FLIGHT || this.#batchDispatches >= MOST_DISPATCHES))
      this.submit();
  }

  copy(source: GPUBuffer, sourceOffset: number, target: GPUBuffer, targetOffset: number, byteLength: number): void {
    this.#endPass();
    this.#open().copyBufferToBuffer(source, sourceOffset, target, targetOffset, byteLength);
  }

  submit(): void {
    if (this.#encoder === null) return;
    this.#endPass();
    const commands = this.#encoder.finish();
    this.#encoder = null;
    this.parameters.flush();
    this.device.gpu.queue.submit([commands]);
    this.#closeScope?.();
    this.#closeScope = null;
    this.batch++;
    this.#batchDispatches = 0;
    this.#batchBytes = 0;
    const done = () => void this.#inFlight.shift();
    this.#inFlight.push(this.device.gpu.queue.onSubmittedWorkDone().then(done, done));
    this.afterSubmit();
  }

  /** Undefined while the device keeps up with the program; else what resolves when it is closer. */
  caughtUp(): Promise<void> | undefined {
    return this.#isAhead ? this.#catchUp() : undefined;
  }

  async #catchUp(): Promise<void> {
    while (this.#isAhead) await Promise.race([this.#inFlight[0], this.device.failed.catch(() => undefined)]);
  }

  get #isAhead(): boolean {
    if (this.device.failure !== undefined) return false;
    const { length } = this.#inFlight;
    return length >= MOST_AHEAD || (length >= MOST_IN_FLIGHT && this.#isFull);
  }

  get #isFull(): boolean {
    return this.#batchDispatches >= BATCH_DISPATCHES || this.#batchBytes >= BATCH_BYTES;
  }

  #open(): GPUCommandEncoder {
    if (this.#encoder === null) {
      this.#closeScope = this.device.watch('validation', this.what);
      this.#encoder = this.device.gpu.createCommandEncoder();
    }
    return this.#encoder;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = null;
    this.#pipeline = null;
  }
}

/**
 * Requests turned into dispatches once and made again at will: pipelines and bind groups are looked up and memory is bound when they are
 * recorded, and the parameters lie in a buffer of the recording's own. Making them again is three calls into WebGPU a dispatch. Only requests whose
 * numbers change (where a dropout mask begins), and those that report faults by number, compute their parameters anew.
 */
import { CourseError } from '../../errors.js';
import type { RecordedRequests } from '../backend.js';
import type { DeviceBuffer, KernelRequest } from '../requests.js';
import type { BindingCache } from './bindings.js';
import { fold, type KernelContext } from './context.js';
import { BufferUsage, type WebGpuDevice } from './device.js';
import type { Operands } from './operands.js';
import { fillParameters, type ParameterValues, ParameterWords } from './params.js';
import type { Pipeline, PipelineCache } from './pipelines.js';
import type { PhysicalBuffer } from './pool.js';
import type { Recorder, Step } from './recorder.js';

/** What a recording needs of the backend. */
export interface RecordingHost {
  readonly device: WebGpuDevice;
  readonly context: KernelContext;
  readonly operands: Operands;
  readonly pipelines: PipelineCache;
  readonly bindings: BindingCache;
  readonly recorder: Recorder;
  /** Has the kernels of a request dispatched through a context. */
  run(request: KernelRequest, context: KernelContext): void;
  /** Memory for a request's own use. */
  allocate(byteLength: number): DeviceBuffer;
  free(buffer: DeviceBuffer): void;
  /** Destroys a buffer once no recorded command names it. */
  retire(buffer: GPUBuffer): void;
  /** Fills memory as if it were fresh, where that is asked for: what one replay leaves in temporaries is none of the next's business. */
  readonly poison?: ((buffer: PhysicalBuffer) => void) | undefined;
}

/** A dispatch before the buffer of its parameters is there. */
interface Draft {
  readonly key: string;
  readonly workgroups: number;
  readonly pipeline: Pipeline;
  readonly physical: readonly PhysicalBuffer[];
  readonly params: ParameterValues;
}

export class RecordedDispatches implements RecordedRequests {
  readonly #requests: readonly KernelRequest[];
  readonly #drafts: readonly Draft[];
  readonly #steps: readonly Step[];
  /** The first dispatch of each request. */
  readonly #first: readonly number[];
  /** Requests that report faults: each time under another number. */
  readonly #reporting: readonly number[];
  /** All memory that the dispatches name. */
  readonly #used: ReadonlySet<DeviceBuffer>;
  readonly #temporaries: readonly DeviceBuffer[];
  readonly #words: ParameterWords;
  readonly #buffer: GPUBuffer;
  /** The words that the device's copy of the parameters lacks. */
  #changedFrom = 0;
  #changedTo: number;
  #lastBatch = 0;

  constructor(
    private readonly host: RecordingHost,
    requests: readonly KernelRequest[],
  ) {
    this.#requests = [...requests];
    const drafts: Draft[] = [];
    const used = new Set<DeviceBuffer>();
    const first: number[] = [];
    const temporaries = new Temporaries(host);
    const { batch } = host.recorder;
    const context: KernelContext = {
      ...contextOf(host.context),
      temporary: (byteLength) => temporaries.take(byteLength),
      dispatch: (kernel, buffers, params, workgroups) => {
        if (workgroups === 0) return;
        const pipeline = host.pipelines.get(kernel, host.operands.halvesAmong(buffers));
        const physical = host.operands.bind(pipeline, buffers, batch);
        for (const buffer of Object.values(buffers)) if (buffer !== undefined) used.add(buffer);
        drafts.push({ key: kernel.key, workgroups, pipeline, physical, params });
      },
    };
    for (const request of requests) {
      first.push(drafts.length);
      host.run(request, context);
      temporaries.giveAll();
    }
    this.#drafts = drafts;
    this.#first = first;
    this.#temporaries = temporaries.all;
    this.#used = used;
    this.#reporting = [...first.keys()].filter((i) =>
      drafts.slice(first[i], first[i + 1]).some(({ params }) => 'faultNumber' in params),
    );
    let byteLength = 0;
    const offsets = drafts.map(({ pipeline }) => {
      const offset = byteLength;
      byteLength += pipeline.layout.parameterBytes;
      return offset;
    });
    this.#words = new ParameterWords(byteLength);
    this.#changedTo = byteLength / 4;
    this.#buffer = host.device.gpu.createBuffer({
      size: Math.max(4, byteLength),
      usage: BufferUsage.UNIFORM | BufferUsage.COPY_DST,
      label: 'parameters of a recording',
    });
    const groups = host.bindings.groupsWith(this.#buffer);
    this.#steps = drafts.map(({ pipeline, physical, workgroups, params }, i) => {
      const offset = offsets[i] ?? 0;
      fillParameters(pipeline, params, this.#words, offset / 4);
      let bytes = 0;
      for (const { size } of physical) bytes += size;
      return {
        pipeline,
        group: groups.group(pipeline.layout, physical),
        offsets: [offset],
        ...fold(workgroups, host.context.limits),
        bytes,
      };
    });
  }

  run(changed: ReadonlyMap<number, KernelRequest> = new Map()): void {
    const { device, recorder, operands, poison } = this.host;
    device.check();
    for (const buffer of this.#used) operands.own(buffer);
    for (const i of this.#reporting) if (!changed.has(i)) this.#refill(i, this.#requests[i] as KernelRequest);
    for (const [i, request] of changed) this.#refill(i, request);
    this.#upload();
    if (poison) {
      for (const buffer of this.#temporaries) {
        const { physical } = operands.own(buffer);
        if (physical) poison(physical);
      }
    }
    recorder.replay(this.#steps);
    this.#lastBatch = recorder.batch;
    for (const buffer of this.#used) operands.touch(buffer, recorder.batch);
  }

  release(): void {
    for (const buffer of this.#temporaries) this.host.free(buffer);
    this.host.retire(this.#buffer);
  }

  /** Computes the parameters of a request anew: other numbers, the same dispatches. */
  #refill(index: number, request: KernelRequest): void {
    let next = this.#first[index] ?? 0;
    this.host.run(request, {
      ...contextOf(this.host.context),
      temporary: (byteLength) => ({ byteLength }),
      dispatch: (kernel, _, params, workgroups) => {
        if (workgroups === 0) return;
        const draft = this.#drafts[next];
        const step = this.#steps[next++];
        if (draft === undefined || step === undefined || draft.key !== kernel.key || draft.workgroups !== workgroups)
          throw new CourseError(`webgpu: '${request.kind}' of a recording is dispatched in another way than before`);
        const from = step.offsets[0] / 4;
        fillParameters(draft.pipeline, params, this.#words, from);
        this.#changedFrom = Math.min(this.#changedFrom, from);
        this.#changedTo = Math.max(this.#changedTo, from + draft.pipeline.params.length);
      },
    });
  }

  /** Brings the device's copy of the parameters up to date, behind all dispatches that read it as it was. */
  #upload(): void {
    if (this.#changedFrom >= this.#changedTo) return;
    const { device, recorder } = this.host;
    if (this.#lastBatch === recorder.batch) recorder.submit();
    const [from, length] = [this.#changedFrom, this.#changedTo - this.#changedFrom];
    device.gpu.queue.writeBuffer(this.#buffer, from * 4, this.#words.u32, from, length);
    [this.#changedFrom, this.#changedTo] = [Number.POSITIVE_INFINITY, 0];
  }
}

/** The parts of a context that are the same wherever dispatches go. */
function contextOf({
  tuning,
  limits,
  faults,
}: KernelContext): Pick<KernelContext, 'tuning' | 'limits' | 'faults' | 'kernel'> {
  return { tuning, limits, faults, kernel: (key, source) => ({ key, source }) };
}

/** Memory that a recording's requests use one after the other. */
class Temporaries {
  readonly all: DeviceBuffer[] = [];
  #taken: DeviceBuffer[] = [];
  readonly #free = new Map<number, DeviceBuffer[]>();

  constructor(private readonly host: RecordingHost) {}

  take(byteLength: number): DeviceBuffer {
    let buffer = this.#free.get(byteLength)?.pop();
    if (buffer === undefined) {
      buffer = this.host.allocate(byteLength);
      this.all.push(buffer);
    }
    this.#taken.push(buffer);
    return buffer;
  }

  giveAll(): void {
    for (const buffer of this.#taken) {
      const free = this.#free.get(buffer.byteLength);
      if (free) free.push(buffer);
      else this.#free.set(buffer.byteLength, [buffer]);
    }
    this.#taken = [];
  }
}

/**
 * A recording that is trusted, and how it is run again: copy the arguments to where they were, take fresh keys for dropout, request the same
 * kernels, run the code in between that runs each time, and put gradients and results where the function left them. Before that it is
 * checked that everything from outside is still where it was; if not, the function has to be recorded anew.
 */
import { withGradMode } from '../autograd/mode.js';
import type { Vertex } from '../autograd/vertex.js';
import type { DeviceBuffer, KernelRequest } from '../backend/requests.js';
import { writtenBy } from '../backend/written.js';
import type { DType } from '../dtype.js';
import { assign } from '../fuse/assign.js';
import { pendingStorage } from '../fuse/build.js';
import { Program } from '../fuse/program.js';
import type { Generator } from '../random/generator.js';
import { moveTo } from '../scope.js';
import { Storage } from '../storage.js';
import { Tensor } from '../tensor.js';
import { contiguousView, type View } from '../view.js';
import type { LiveNumber } from './compare.js';
import type { Event, GradState, Recording } from './recording.js';
import { Stretch } from './stretch.js';

/** Where a result lies. */
export interface ResultPlace {
  readonly buffer: DeviceBuffer;
  readonly dtype: DType;
  readonly size: number;
  readonly layout: View;
}

/** Writes a tensor's elements into a storage, row by row. */
export function copyInto(target: Storage, source: Tensor): void {
  const { shape } = source;
  const view = contiguousView(shape);
  const { backend, dtype } = target;
  assign(
    target,
    view,
    pendingStorage(backend, 'copy', dtype, dtype, shape, [{ storage: source.storage, view: source.layout }]),
  );
}

/** What a replay does next: a stretch of requests, or another event. */
type Part = Stretch | Exclude<Event, { kind: 'run' }>;

export class Replay {
  readonly #parts: readonly Part[];
  readonly #seeds: ReadonlyMap<Generator, bigint>;
  readonly #written: readonly Storage[];
  /** Leaves whose gradient from before the call the function drops before anything could read it. */
  readonly #dropped: readonly Vertex[];
  /** Gradients from before the call that the function reads or adds to. */
  readonly #readEntries: ReadonlySet<DeviceBuffer>;

  constructor(
    readonly recording: Recording,
    private readonly inputs: readonly Storage[],
    private readonly results: readonly ResultPlace[],
    live: readonly LiveNumber[],
    /** Generators whose keys were the same at both calls that were compared: they have to be so again. */
    private readonly fixedGenerators: ReadonlySet<Generator>,
  ) {
    recording.seal();
    this.#seeds = new Map([...recording.keysBefore.keys()].map((generator) => [generator, generator.initialSeed()]));
    const entries = [...recording.entryGradients.values()].filter((buffer) => buffer !== null);
    this.#readEntries = new Set(entries.filter((buffer) => recording.externals.has(buffer)));
    const steps = recording.events.filter((event) => event.kind === 'each');
    this.#dropped = [...recording.entryGradients].flatMap(([vertex, entry]) => {
      const isRead = entry === null || this.#readEntries.has(entry);
      const isSeen = steps.some(({ gradients }) => (gradients.get(vertex) ?? 'as it is') === 'as it is');
      return isRead || isSeen ? [] : [vertex];
    });
    const written = new Set<DeviceBuffer>();
    for (const event of recording.events)
      if (event.kind === 'run')
        for (const operand of writtenBy(event.request)) if (operand) written.add(operand.buffer);
    this.#written = [...recording.externals].flatMap(([buffer, storage]) =>
      written.has(buffer) && !this.#readEntries.has(buffer) ? [storage] : [],
    );
    this.#parts = partsOf(recording, written, live);
  }

  /** Whether everything from outside is as it was. */
  isCurrent(): boolean {
    const { backend, externals, entryGradients, keysBefore } = this.recording;
    if (backend.isLost) return false;
    for (const [buffer, storage] of externals)
      if (!this.#readEntries.has(buffer) && (storage.isReleased || storage.isPending || storage.buffer !== buffer))
        return false;
    for (const [vertex, entry] of entryGradients) {
      const { grad } = vertex;
      // A gradient that the function drops unread may be there or not; one that it adds to has to be the same.
      if (entry === null ? grad !== null : this.#readEntries.has(entry) && grad?.storage.buffer !== entry) return false;
    }
    for (const [generator, seed] of this.#seeds)
      if (
        generator.initialSeed() !== seed ||
        (this.fixedGenerators.has(generator) && generator.keysTaken !== keysBefore.get(generator))
      )
        return false;
    return true;
  }

  /** Does again what the function did. */
  run(tensors: readonly Tensor[]): Tensor[] {
    const { recording } = this;
    for (const vertex of this.#dropped) setGradient(vertex, null);
    this.#callIn();
    for (const [i, tensor] of tensors.entries()) copyInto(this.inputs[i] as Storage, tensor);
    for (const storage of this.#written) storage.beforeWrite();
    for (const [vertex, entry] of recording.entryGradients)
      if (entry !== null && this.#readEntries.has(entry)) vertex.grad?.storage.beforeWrite();
    const starts = new Map([...recording.keysBefore.keys()].map((generator) => [generator, generator.keysTaken]));
    const keyNow = (key: number): number => this.#keyNow(key, starts);
    for (const part of this.#parts) {
      if (part.kind === 'stretch') part.run(keyNow);
      else if (part.kind === 'upload') recording.backend.write(part.buffer, 0, part.words);
      else {
        this.#setGradients(part.gradients);
        this.#setKeys(part.keysTaken, starts);
        withGradMode(part.gradEnabled, part.body);
      }
    }
    this.#setGradients(recording.finalGradients);
    this.#setKeys(recording.keysAfter, starts);
    return this.results.map(({ layout, ...place }) => new Tensor(this.#lend(place), layout));
  }

  /** Gives all memory back that nobody holds. */
  release(): void {
    if (!this.recording.backend.isLost) for (const part of this.#parts) if (part.kind === 'stretch') part.release();
    this.recording.release();
    for (const storage of this.inputs) if (!storage.isReleased) storage.release();
  }

  /** Gives those who still hold what the last call left a copy of their own. */
  #callIn(): void {
    const { recording } = this;
    for (const storage of recording.loans.values()) {
      if (storage.isReleased) continue;
      const copy = recording.backend.allocate(storage.byteLength);
      recording.backend.run(copyRequest(storage, copy));
      storage.own(copy);
    }
    recording.loans.clear();
  }

  #lend({ buffer, dtype, size }: Omit<ResultPlace, 'layout'>): Storage {
    const known = this.recording.loans.get(buffer);
    if (known && !known.isReleased) return known.retain();
    const storage = new Storage(this.recording.backend, dtype, size, { name: 'capture', shape: [size] }, null, buffer);
    this.recording.loans.set(buffer, storage);
    return storage;
  }

  #setGradients(states: ReadonlyMap<Vertex, GradState>): void {
    for (const [vertex, state] of states) {
      if (state === 'as it is') continue;
      if (state === 'none') setGradient(vertex, null);
      else if (vertex.grad?.storage.buffer !== state.buffer)
        setGradient(vertex, new Tensor(this.#lend(state), state.layout));
    }
  }

  /** Sets generators to where they stood in the recording, counted from where they stood at the start of the call. */
  #setKeys(taken: ReadonlyMap<Generator, number>, starts: ReadonlyMap<Generator, number>): void {
    const { keysBefore } = this.recording;
    for (const [generator, count] of taken)
      generator.keysTaken = (starts.get(generator) ?? 0) + count - (keysBefore.get(generator) ?? 0);
  }

  /** A key as this call takes it. */
  #keyNow(key: number, starts: ReadonlyMap<Generator, number>): number {
    const { keys, keysBefore } = this.recording;
    const taken = keys[key];
    if (!taken) return 0;
    const { generator, offset } = taken;
    return ((starts.get(generator) ?? 0) + offset - (keysBefore.get(generator) ?? 0)) | 0;
  }
}

/** The events of a recording, requests in a row taken together. */
function partsOf(
  { events, backend }: Recording,
  written: ReadonlySet<DeviceBuffer>,
  live: readonly LiveNumber[],
): readonly Part[] {
  const parts: Part[] = [];
  let requests: KernelRequest[] = [];
  let own = new Map<number, LiveNumber[]>();
  const close = (): void => {
    if (requests.length > 0) parts.push(new Stretch(backend, requests, own));
    requests = [];
    own = new Map();
  };
  for (const [i, event] of events.entries()) {
    if (event.kind === 'run') {
      const numbers = live.filter((each) => each.event === i);
      if (numbers.length > 0) own.set(requests.length, numbers);
      requests.push(event.request);
    } else if (event.kind === 'each' || written.has(event.buffer)) {
      // What nobody writes to still holds what was uploaded.
      close();
      parts.push(event);
    }
  }
  close();
  return parts;
}

function setGradient(vertex: Vertex, grad: Tensor | null): void {
  vertex.grad?.dispose();
  vertex.grad = grad;
  if (grad) moveTo(grad, vertex.home);
}

function copyRequest({ buffer, dtype, size }: Storage, target: DeviceBuffer): KernelRequest {
  const program = new Program({ inputs: [dtype], scalars: [], steps: [], outputs: [0] });
  const operand = { dtype, offset: 0, strides: [1] };
  return {
    kind: 'pointwise',
    program,
    shape: [size],
    inputs: [{ ...operand, buffer }],
    scalars: [],
    outputs: [{ ...operand, buffer: target }],
  };
}

/**
 * What a run of a captured function did, in an order and in memory that a replay can repeat. While it records it stands at three places:
 * at the device (requests and uploads), at storages (memory comes from an arena of its own, and what is read from outside is noted) and at the
 * gradients of leaves. Code under `eachTime` is left out: it runs again at every replay, between the requests around it.
 *
 * A recording says why it cannot be replayed (`unsettled`) instead of guessing: memory that outlives the call, values computed for tensors that
 * existed before, numbers drawn on the host. The caller compares two recordings before it trusts one.
 */
import { isGradEnabled } from '../autograd/mode.js';
import { gradients, nextVertexId, type Vertex } from '../autograd/vertex.js';
import type { Backend } from '../backend/backend.js';
import type { DeviceBuffer, KernelRequest } from '../backend/requests.js';
import { type Interceptor, type TappedBackend, tap } from '../backend/tap.js';
import { writtenBy } from '../backend/written.js';
import { ArgumentError } from '../errors.js';
import { defaultGenerator } from '../random/default.js';
import { type Generator, keys } from '../random/generator.js';
import { type Storage, type StorageWatcher, watch } from '../storage.js';
import type { View } from '../view.js';

/** The gradient of a leaf at some point: none, one in the arena, or that from before the call or from code that runs each time. */
export type GradState =
  | 'none'
  | 'as it is'
  | { readonly buffer: DeviceBuffer; readonly dtype: Storage['dtype']; readonly size: number; readonly layout: View };

/** What happens in a replay, in order. */
export type Event =
  | { readonly kind: 'run'; readonly request: KernelRequest }
  | { readonly kind: 'upload'; readonly buffer: DeviceBuffer; readonly words: Uint32Array }
  | {
      readonly kind: 'each';
      readonly body: () => void;
      readonly gradEnabled: boolean;
      readonly gradients: ReadonlyMap<Vertex, GradState>;
      readonly keysTaken: ReadonlyMap<Generator, number>;
    };

/** A key of a dropout mask: how many were taken from its generator before, counted from the start of the call. */
export interface TakenKey {
  readonly generator: Generator;
  readonly offset: number;
}

export class Recording implements Interceptor, StorageWatcher {
  readonly events: Event[] = [];
  /** Buffers of the call's own, by the order in which they were allocated; inputs come first. */
  readonly slots = new Map<DeviceBuffer, number>();
  /** Storages from outside that requests name. */
  readonly externals = new Map<DeviceBuffer, Storage>();
  readonly keys: TakenKey[] = [];
  /** Keys taken from each generator before the call, and by it. */
  readonly keysBefore = new Map<Generator, number>();
  readonly keysAfter = new Map<Generator, number>();
  /** The gradients of leaves that the call sets, as they were before it. */
  readonly entryGradients = new Map<Vertex, DeviceBuffer | null>();
  finalGradients: ReadonlyMap<Vertex, GradState> = new Map();
  /** Memory that lives on after the call, in results and gradients: whoever still holds it when the next replay comes gets a copy. */
  readonly loans = new Map<DeviceBuffer, Storage>();
  /** Why this call cannot be replayed; null where it can. */
  unsettled: string | null = null;
  #failure: ArgumentError | null = null;
  #suspended = false;
  /** A storage that was computed only now because code that runs each time writes to what it is made of. */
  #computed: Storage | null = null;
  readonly #firstVertex = nextVertexId();
  readonly #born = new Set<Storage>();
  readonly #arena = new Map<number, DeviceBuffer[]>();
  readonly #pinned = new Set<DeviceBuffer>();
  readonly #freedByBody: DeviceBuffer[] = [];
  #hostPosition = '';
  /** Who stood at the tap before: requests go on to it. */
  #outer: Interceptor | null = null;
  readonly #inputs: ReadonlySet<DeviceBuffer>;

  constructor(
    readonly backend: TappedBackend,
    /** The device itself, on the far side of the tap. */
    readonly device: Backend,
    inputs: readonly DeviceBuffer[],
  ) {
    for (const buffer of inputs) this.slots.set(buffer, this.slots.size);
    this.#inputs = new Set(inputs);
  }

  /** Records what `fn` does. */
  record<T>(fn: () => T): T {
    this.#hostPosition = defaultGenerator().hostPosition;
    this.#stand(true);
    try {
      const result = fn();
      for (const vertex of this.entryGradients.keys()) settleGradient(vertex);
      return result;
    } finally {
      this.#stand(false);
      this.#checkHost();
      this.finalGradients = this.#gradientStates();
      for (const generator of this.keysBefore.keys()) this.keysAfter.set(generator, generator.keysTaken);
      if (this.#failure) this.unsettled ??= this.#failure.message;
    }
  }

  /** Whether the function made a storage. */
  made(storage: Storage): boolean {
    return this.#born.has(storage);
  }

  /** Throws what the function did that no replay could repeat. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /** What outlives the call: `results` may, gradients may, nothing else. */
  settle(results: ReadonlySet<Storage>): void {
    const kept = new Set(results);
    for (const vertex of this.entryGradients.keys()) if (vertex.grad) kept.add(vertex.grad.storage);
    // What is still pending is computed, and lets go of memory of the arena.
    watch.storages = this;
    try {
      for (const storage of this.#born) {
        if (storage.isReleased) continue;
        this.loans.set(storage.buffer, storage);
        if (!kept.has(storage))
          this.unsettled ??= `a tensor of ${storage.size} elements that the function made lives on, but was not returned`;
      }
    } finally {
      watch.storages = null;
    }
    this.#born.clear();
  }

  /** From now on the arena stays as it is, and what lives on in it is lent. */
  seal(): void {
    for (const storage of this.loans.values()) storage.lend();
  }

  /** Gives the arena back, except for memory that lives on: it belongs to those who hold it. */
  release(): void {
    const held = new Set<DeviceBuffer>(this.#inputs);
    for (const storage of this.loans.values()) {
      if (storage.isReleased) continue;
      storage.own();
      held.add(storage.buffer);
    }
    this.loans.clear();
    if (!this.device.isLost) for (const buffer of this.slots.keys()) if (!held.has(buffer)) this.device.free(buffer);
    this.#arena.clear();
  }

  /** Runs code that replays run again. */
  each(body: () => void): void {
    if (this.#suspended) {
      body();
      return;
    }
    this.#checkHost();
    for (const vertex of this.entryGradients.keys()) settleGradient(vertex);
    // A product that waits belongs before the code, as if it had been computed at once.
    for (const storage of this.#born) if (storage.product && !storage.wasInlined) void storage.buffer;
    const event = {
      kind: 'each' as const,
      body,
      gradEnabled: isGradEnabled(),
      gradients: this.#gradientStates(),
      keysTaken: new Map([...this.keysBefore.keys()].map((generator) => [generator, generator.keysTaken])),
    };
    this.#suspended = true;
    try {
      body();
    } finally {
      this.#suspended = false;
      for (const buffer of this.#freedByBody.splice(0)) this.#give(buffer);
      this.#hostPosition = defaultGenerator().hostPosition;
      this.events.push(event);
    }
  }

  // --- At the device ------------------------------------------------------------------------------------------------

  run(backend: Backend, request: KernelRequest): void {
    this.#checkDevice(backend);
    if (!this.#suspended) {
      for (const operand of writtenBy(request))
        if (operand && this.#inputs.has(operand.buffer))
          this.#fail(
            'capture: the function writes to an argument in place: arguments are copied at every call, so the caller would not see it. Return the new value',
          );
      this.events.push({ kind: 'run', request });
    }
    if (this.#outer) this.#outer.run(backend, request);
    else backend.run(request);
  }

  write(backend: Backend, buffer: DeviceBuffer, byteOffset: number, words: Uint32Array): void {
    this.#checkDevice(backend);
    if (!this.#suspended) {
      if (byteOffset !== 0 || !this.slots.has(buffer))
        this.unsettled ??= 'the function uploads into a tensor from outside';
      this.#pinned.add(buffer);
      this.events.push({ kind: 'upload', buffer, words: words.slice() });
    }
    backend.write(buffer, byteOffset, words);
  }

  read(): undefined {
    this.#fail(
      'capture: the function reads a value back (item, data, toArray, print, to): it would not read it again when replayed. Return the tensor and read it outside',
    );
  }

  // --- At storages --------------------------------------------------------------------------------------------------

  created(storage: Storage): void {
    if (!this.#suspended) this.#born.add(storage);
  }

  allocate(storage: Storage): DeviceBuffer {
    if (this.#suspended || storage.backend !== this.backend) return storage.backend.allocate(storage.byteLength);
    if (!this.#born.has(storage)) {
      this.unsettled ??= `the value of a tensor of ${storage.size} elements that was made before the call is computed in it`;
      return this.device.allocate(storage.byteLength);
    }
    const known = this.#arena.get(storage.byteLength)?.pop();
    if (known) return known;
    const buffer = this.device.allocate(storage.byteLength);
    this.slots.set(buffer, this.slots.size);
    return buffer;
  }

  free(storage: Storage, buffer: DeviceBuffer): void {
    if (!this.slots.has(buffer)) storage.backend.free(buffer);
    else if (this.#suspended) this.#freedByBody.push(buffer);
    else this.#give(buffer);
  }

  computes(storage: Storage, lower: () => void): void {
    // Made before the code that runs each time and needed by it: its value is that from before.
    const belongsBefore = this.#suspended && this.#born.has(storage);
    if (belongsBefore) {
      this.#suspended = false;
      this.#computed = storage;
    }
    try {
      lower();
    } finally {
      if (belongsBefore) this.#suspended = true;
    }
  }

  uses(storage: Storage, buffer: DeviceBuffer): void {
    if (this.slots.has(buffer)) {
      if (storage === this.#computed) this.#computed = null;
      else if (this.#suspended && this.#born.has(storage) && !this.#isGradient(storage))
        this.#fail(
          `eachTime: the code uses a tensor of ${storage.size} elements that the captured function made, which is gone when it runs again: use tensors from outside and gradients of leaves`,
        );
    } else if (!this.#suspended) {
      storage.isCaptured = true;
      this.externals.set(buffer, storage);
    }
  }

  #isGradient(storage: Storage): boolean {
    for (const vertex of this.entryGradients.keys()) if (vertex.grad?.storage === storage) return true;
    return false;
  }

  #give(buffer: DeviceBuffer): void {
    if (this.#pinned.has(buffer) || this.#inputs.has(buffer)) return;
    const free = this.#arena.get(buffer.byteLength);
    if (free) free.push(buffer);
    else this.#arena.set(buffer.byteLength, [buffer]);
  }

  // --- At leaves and generators ---------------------------------------------------------------------------------------

  #gradientChanges(vertex: Vertex): void {
    // A leaf that the function made goes with it.
    if (this.entryGradients.has(vertex) || vertex.id >= this.#firstVertex) return;
    settleGradient(vertex);
    this.entryGradients.set(vertex, vertex.grad && memoryOf(vertex.grad.storage));
  }

  #gradientStates(): ReadonlyMap<Vertex, GradState> {
    const states = new Map<Vertex, GradState>();
    for (const [vertex, entry] of this.entryGradients) {
      const { grad } = vertex;
      if (!grad || grad.isDisposed) {
        states.set(vertex, 'none');
        continue;
      }
      const { storage, layout } = grad;
      const { dtype, size } = storage;
      const buffer = memoryOf(storage);
      states.set(vertex, buffer === entry || !this.slots.has(buffer) ? 'as it is' : { buffer, dtype, size, layout });
    }
    return states;
  }

  #keyTaken(generator: Generator, taken: number): void {
    if (!this.keysBefore.has(generator)) this.keysBefore.set(generator, taken);
    if (!this.#suspended) this.keys.push({ generator, offset: taken });
  }

  #checkHost(): void {
    if (defaultGenerator().hostPosition !== this.#hostPosition)
      this.unsettled ??=
        'the function draws random numbers on the host (rand, randn, randint, ...): draw them outside and pass them in';
  }

  #checkDevice(device: Backend): void {
    if (device !== this.device)
      this.#fail(`capture: the function computes on ${device.kind} and on ${this.device.kind}: keep it on one device`);
  }

  #fail(message: string): never {
    this.#failure ??= new ArgumentError(message);
    throw this.#failure;
  }

  #stand(here: boolean): void {
    watch.storages = here ? this : null;
    if (here) this.#outer = tap.interceptor;
    tap.interceptor = here ? this : this.#outer;
    gradients.watcher = here ? (vertex) => this.#gradientChanges(vertex) : null;
    keys.watcher = here ? (generator, taken) => this.#keyTaken(generator, taken) : null;
  }
}

/** Computes a gradient that the program has set and that waits to be computed. */
function settleGradient({ grad }: Vertex): void {
  if (grad && !grad.isDisposed && grad.storage.isPending) grad.compute();
}

/** The memory of a computed storage, without saying that it is read. */
function memoryOf(storage: Storage): DeviceBuffer {
  const { storages } = watch;
  watch.storages = null;
  try {
    return storage.buffer;
  } finally {
    watch.storages = storages;
  }
}

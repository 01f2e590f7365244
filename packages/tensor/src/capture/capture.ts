/**
 * `capture`: a function of tensors that is recorded and then replayed. A replay skips the JavaScript of the function, of ops, autograd
 * and fusion, and goes straight to the kernels, in memory that is allocated once. It is trusted only after two calls in a row did the same
 * thing (see `compare.ts`), so what a replay cannot repeat is found before the first one and refused with its reason.
 */

import { noGrad } from '../autograd/mode.js';
import { deviceMismatch } from '../backend/mismatch.js';
import { TappedBackend, tap } from '../backend/tap.js';
import { makeTensor } from '../construct.js';
import { currentBackend } from '../device.js';
import { ArgumentError, DeviceError } from '../errors.js';
import { scope } from '../scope.js';
import { numel } from '../shape.js';
import { Storage } from '../storage.js';
import type { Tensor } from '../tensor.js';
import { contiguousView } from '../view.js';
import { compare, type LiveNumber } from './compare.js';
import { epoch } from './epoch.js';
import { Recording } from './recording.js';
import { copyInto, Replay } from './replay.js';
import { type Parts, putTogether, signatureOf, takeApart } from './signature.js';

/** Options of {@link capture}. */
export interface CaptureOptions {
  /** Recordings kept, one a signature; past that the one not used for longest goes, with its memory. Default 8. */
  readonly maxRecordings?: number;
  /**
   * Whether every call runs the function and compares what it does with the recording, instead of replaying it: slow, for finding out what a
   * replay would miss. Without it a call is checked in this way after 16 replays, after 32, and so on. Default false.
   */
  readonly check?: boolean;
}

/** A captured function. */
export interface Captured<A extends readonly unknown[], R> {
  (...args: A): R;
  /** How often it was called, and how often that was a replay; recordings held now. */
  readonly statistics: { readonly calls: number; readonly replays: number; readonly recordings: number };
  /** Forgets all recordings and gives their memory back: the next call runs the function. */
  reset(): void;
}

/** One call that was recorded, and its replay if it is trusted. */
interface Candidate {
  readonly key: string;
  readonly recording: Recording;
  readonly inputs: readonly Storage[];
  /** The structure of the result. */
  readonly result: Pick<Parts, 'frame' | 'text'>;
  replay: Replay | null;
  replays: number;
}

/** Calls of one signature that may go by before two of them agree. */
const PATIENCE = 6;
/** Recorded calls that wait for one that does the same. */
const WAITING = 32;
/** A replay is first checked against the function after so many. */
const FIRST_CHECK = 16;

let recordingNow: Recording | null = null;
/**
 * Runs code now and, where it is part of a captured function, again at every replay, at the same place between the kernels: for what
 * must happen in JavaScript at each call. Optimizer steps and schedules are wrapped in it, so that learning rates and step counts are those of the
 * call. It may use tensors from outside and the gradients of leaves, not what the captured function made.
 *
 * @throws ArgumentError if it uses a tensor that the captured function made.
 * @example
 * let calls = 0;
 * const step = capture((input: Tensor) => {
 *   eachTime(() => calls++);
 *   return input.mul(2);
 * });
 */
export function eachTime(code: () => void): void {
  if (recordingNow) recordingNow.each(code);
  else code();
}

/**
 * A function of tensors, recorded and replayed. The first calls with arguments of given shapes run it; once two of them requested the same
 * kernels, further calls request them again without running its JavaScript: on WebGPU and on the CPU alike. Results are the same bit
 * for bit. As [torch.cuda.graph](https://pytorch.org/docs/stable/generated/torch.cuda.graph.html), but recorded anew for each signature.
 *
 * Arguments and results may be tensors, also within arrays and plain objects; other arguments are told apart by value. Results are detached: call
 * `backward()` inside. Dropout draws fresh masks at every call, optimizers and schedules of `@course/nn/optim` go on counting; other numbers
 * that the function reads from outside are those of the recording, unless they are arguments or change under {@link eachTime}.
 *
 * @throws ArgumentError if the function is asynchronous, reads values back, writes to its arguments, or does something else at every call.
 * @example
 * const step = capture((input: Tensor) => input.matmul(input.T).relu().sum());
 * for (let i = 0; i < 5; i++) await step(rand([4, 4])).item();
 */
export function capture<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  { maxRecordings = 8, check = false }: CaptureOptions = {},
): Captured<A, R> {
  if (typeof fn !== 'function') throw new ArgumentError(`capture: expected a function, got ${String(fn)}`);
  if (!Number.isInteger(maxRecordings) || maxRecordings < 1)
    throw new ArgumentError(`capture: maxRecordings must be a whole number of at least 1, got ${maxRecordings}`);
  const captured = new CapturedFunction(fn, maxRecordings, check);
  const call = (...args: A): R => captured.call(args);
  return Object.defineProperties(call, {
    statistics: { get: () => captured.statistics },
    reset: { value: () => captured.reset() },
  }) as Captured<A, R>;
}

class CapturedFunction<A extends readonly unknown[], R> {
  /** The one not used for longest first. */
  readonly #candidates: Candidate[] = [];
  /** Calls in a row that found nothing to replay, by signature, and why. */
  readonly #misses = new Map<string, { count: number; reason: string }>();
  #epoch = epoch.count;
  #calls = 0;
  #replays = 0;

  constructor(
    private readonly fn: (...args: A) => R,
    private readonly maxRecordings: number,
    private readonly check: boolean,
  ) {}

  get statistics(): Captured<A, R>['statistics'] {
    return {
      calls: this.#calls,
      replays: this.#replays,
      recordings: this.#candidates.filter(({ replay }) => replay).length,
    };
  }

  reset(): void {
    for (const each of this.#candidates.splice(0)) drop(each);
    this.#misses.clear();
  }

  call(args: A): R {
    // Inside of another recording it is a part of that.
    if (recordingNow) return this.fn(...args);
    // While a warm-up holds requests back nothing can be recorded.
    if (tap.interceptor?.defers) {
      requestCopies(args);
      return this.fn(...args);
    }
    if (this.#epoch !== epoch.count) this.reset();
    this.#epoch = epoch.count;
    this.#calls++;
    const parts = takeApart(args, 'arguments');
    const backend = checkArguments(parts);
    const key = signatureOf(parts, `${backend.kind} ${currentBackend().kind}`);
    const found = this.#find(key);
    if (!found?.replay) return this.#record(key, parts, backend);
    if (this.check || (found.replays >= FIRST_CHECK && Number.isInteger(Math.log2(found.replays))))
      return this.#audit(found, parts, backend);
    found.replays++;
    this.#replays++;
    return putTogether(found.result.frame, found.replay.run(parts.tensors)) as R;
  }

  /** The recording of a signature that can be replayed as things stand, now the one used last. */
  #find(key: string): Candidate | undefined {
    for (let i = this.#candidates.length - 1; i >= 0; i--) {
      const each = this.#candidates[i];
      if (each?.key !== key || !each.replay?.isCurrent()) continue;
      this.#candidates.splice(i, 1);
      this.#candidates.push(each);
      return each;
    }
    return undefined;
  }

  #record(key: string, parts: Parts, backend: TappedBackend): R {
    const missed = this.#misses.get(key);
    if (missed && missed.count >= PATIENCE)
      throw new ArgumentError(
        `capture: the function cannot be replayed: in ${missed.count} calls with these shapes no two did the same. ${missed.reason}`,
      );
    const { candidate, tensors, result } = this.#run(key, parts, backend);
    const { recording } = candidate;
    let reason = recording.unsettled;
    if (reason === null) {
      // Those compared with are of the same signature; any of them will do, since a program may alternate between several.
      for (const before of this.#candidates.filter((each) => each.key === key).toReversed()) {
        if (before.recording.unsettled !== null || before.result.text !== candidate.result.text) continue;
        const comparison = compare(before.recording, recording);
        if ('difference' in comparison) {
          reason ??= `Between two calls ${comparison.difference}`;
          continue;
        }
        this.#seal(candidate, before, tensors, comparison.live);
        reason = null;
        break;
      }
    }
    if (!candidate.replay) {
      candidate.recording.release();
      for (const storage of candidate.inputs) storage.release();
      if (this.#candidates.some((each) => each.key === key) || recording.unsettled !== null)
        this.#misses.set(key, {
          count: (missed?.count ?? 0) + 1,
          reason: reason ?? 'The results had another structure',
        });
    } else this.#misses.delete(key);
    this.#candidates.push(candidate);
    this.#trim();
    return result;
  }

  #seal(candidate: Candidate, before: Candidate, results: readonly Tensor[], live: readonly LiveNumber[]): void {
    const places = results.map(({ storage, layout }) => ({
      buffer: storage.buffer,
      dtype: storage.dtype,
      size: storage.size,
      layout,
    }));
    const { keysBefore } = candidate.recording;
    const fixed = [...keysBefore.keys()].filter(
      (generator) => before.recording.keysBefore.get(generator) === keysBefore.get(generator),
    );
    candidate.replay = new Replay(candidate.recording, candidate.inputs, places, live, new Set(fixed));
    this.#candidates.splice(this.#candidates.indexOf(before), 1);
    drop(before);
  }

  /** Runs the function in place of a replay, and throws if it does something else. */
  #audit(found: Candidate, parts: Parts, backend: TappedBackend): R {
    const { candidate, result } = this.#run(found.key, parts, backend);
    const { recording } = candidate;
    const comparison = compare(found.recording, recording);
    // What nobody overwrites was not kept as an event; everything else has to be there.
    const reason = recording.unsettled ?? ('difference' in comparison ? comparison.difference : null);
    candidate.recording.release();
    for (const storage of candidate.inputs) storage.release();
    if (reason !== null) {
      this.reset();
      throw new ArgumentError(
        `capture: the function does something else than when it was recorded, ${found.replays} replays ago: ${reason}. Pass what changes as an argument, or call reset() when it has changed`,
      );
    }
    found.replays++;
    return result;
  }

  #run(
    key: string,
    parts: Parts,
    backend: TappedBackend,
  ): { candidate: Candidate; tensors: readonly Tensor[]; result: R } {
    const inputs = parts.tensors.map(
      ({ dtype, shape }) => new Storage(backend, dtype, numel(shape), { name: 'capture', shape }),
    );
    for (const [i, tensor] of parts.tensors.entries()) copyInto(inputs[i] as Storage, tensor);
    const recording = new Recording(
      backend,
      backend.device,
      inputs.map(({ buffer }) => buffer),
    );
    const before = recordingNow;
    recordingNow = recording;
    let result: Parts;
    try {
      const frame = recording.record(() => scope(() => this.#results(parts, inputs)));
      result = takeApart(frame, 'results');
      recording.check();
    } catch (error) {
      recordingNow = before;
      recording.settle(new Set());
      recording.release();
      for (const storage of inputs) if (!storage.isReleased) storage.release();
      throw error;
    }
    recordingNow = before;
    recording.settle(new Set(result.tensors.map(({ storage }) => storage)));
    const value = putTogether(result.frame, result.tensors) as R;
    const { frame, text, tensors } = result;
    // The handles themselves are the caller's alone, so that they can be collected.
    return {
      candidate: { key, recording, inputs, result: { frame, text }, replay: null, replays: 0 },
      tensors,
      result: value,
    };
  }

  /** What the function returns for arguments in memory of the recording: detached, in memory of its own. */
  #results({ frame, tensors }: Parts, inputs: readonly Storage[]): unknown {
    const own = tensors.map(({ shape }, i) => makeTensor((inputs[i] as Storage).retain(), contiguousView(shape)));
    const result = this.fn(...(putTogether(frame, own) as unknown as A));
    if (result instanceof Promise)
      throw new ArgumentError(
        'capture: the function must not be asynchronous: what happens after an await would not be recorded. Return tensors and read them outside',
      );
    const results = takeApart(result, 'results');
    // Arguments and tensors from outside are given back as copies: their memory is written to at other times.
    const made = results.tensors.map((leaf) =>
      recordingNow?.made(leaf.storage) ? leaf.detach() : noGrad(() => leaf.clone()),
    );
    return putTogether(results.frame, made);
  }

  /** Drops what was not used for longest: recordings hold memory, calls that wait to be compared only their list of requests. */
  #trim(): void {
    for (const [sealed, most] of [
      [true, this.maxRecordings],
      [false, WAITING],
    ] as const) {
      const those = this.#candidates.filter(({ replay }) => (replay !== null) === sealed);
      for (const each of those.slice(0, Math.max(0, those.length - most))) {
        this.#candidates.splice(this.#candidates.indexOf(each), 1);
        drop(each);
      }
    }
  }
}

/** Requests what calls do beside the function, copies of the arguments, so that it is compiled with the rest. */
function requestCopies(args: readonly unknown[]): void {
  const parts = takeApart(args, 'arguments');
  const backend = checkArguments(parts);
  for (const tensor of parts.tensors) {
    const input = new Storage(backend, tensor.dtype, tensor.numel(), { name: 'capture', shape: tensor.shape });
    copyInto(input, tensor);
    input.release();
  }
}

function drop({ replay }: Candidate): void {
  replay?.release();
}

/** The device of the arguments, or the one in use where there are none. */
function checkArguments({ tensors }: Parts): TappedBackend {
  for (const tensor of tensors) {
    tensor.checkAlive('capture');
    if (tensor.requiresGrad)
      throw new ArgumentError(
        'capture: arguments are copied at every call, so their gradient cannot be asked for: make the tensor outside and let the function use it, or detach() it',
      );
  }
  const backend = tensors[0]?.storage.backend ?? currentBackend();
  for (const other of tensors)
    if (other.storage.backend !== backend) throw deviceMismatch('capture', backend, other.storage.backend);
  if (!(backend instanceof TappedBackend))
    throw new DeviceError(`capture: the device ${backend.kind} was not opened by init()`);
  return backend;
}

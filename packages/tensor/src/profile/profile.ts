/**
 * `profile`: what a piece of a program costs, kernel by kernel. It stands at the tap, where all requests come through; on the CPU
 * it waits for each and looks at the clock, on a GPU it has the device stamp each dispatch.
 */
import type { Backend, DispatchTime } from '../backend/backend.js';
import type { DeviceBuffer, KernelRequest } from '../backend/requests.js';
import { type Interceptor, TappedBackend, tap } from '../backend/tap.js';
import { currentBackend } from '../device.js';
import { ArgumentError } from '../errors.js';
import { tensorsIn } from '../scope.js';
import { type Cost, costOf } from './cost.js';
import { Profile, type ProfileEvent } from './report.js';

/** A request and when the program made it, in milliseconds since the start. */
interface Request extends Cost {
  readonly kind: string;
  readonly start: number;
  /** How long it took: on the CPU its computation, on a GPU its recording. */
  readonly milliseconds: number;
}

class Watch implements Interceptor {
  readonly requests: Request[] = [];
  readonly #zero = performance.now();

  constructor(private readonly device: Backend) {}

  run(backend: Backend, request: KernelRequest): void {
    // Another device has another clock, or none.
    if (backend !== this.device) {
      backend.run(request);
      return;
    }
    const start = performance.now();
    try {
      backend.run(request);
      backend.wait?.();
    } finally {
      const milliseconds = performance.now() - start;
      this.requests.push({ kind: nameOf(request), start: start - this.#zero, milliseconds, ...costOf(request) });
    }
  }

  write(backend: Backend, buffer: DeviceBuffer, byteOffset: number, words: Uint32Array): void {
    backend.write(buffer, byteOffset, words);
  }

  read(): undefined {
    // Reading is no kernel.
  }

  get elapsed(): number {
    return performance.now() - this.#zero;
  }
}

/** Fused kernels by what they compute. */
function nameOf(request: KernelRequest): string {
  if (request.kind === 'pointwise') return `pointwise ${request.program.steps.map(({ op }) => op).join(' ') || 'copy'}`;
  return request.kind === 'reduce' ? `reduce ${request.op}` : request.kind;
}

/**
 * Runs `fn`, computes the tensors that it returns (also within arrays and objects), and tells what that took: a line for each kernel with
 * its dispatches, time, share, GFLOP/s and GB/s. Times are those of the kernels alone: by the GPU's clock (where the adapter has
 * `timestamp-query`), on the CPU around each. Several dispatches of one request share its operations and bytes in proportion to their
 * times. Only the device in use is measured: what another one computes meanwhile is left out. Run `fn` once before, so that nothing is
 * compiled meanwhile.
 *
 * @throws ArgumentError while another profile is being made.
 * @example
 * const result = await profile(() => x.matmul(x.T).softmax(-1));
 * console.log(String(result));
 * result.toChromeTrace(); // the text of a file for chrome://tracing or ui.perfetto.dev
 */
export async function profile(fn: () => unknown): Promise<Profile> {
  const backend = currentBackend();
  if (typeof fn !== 'function') throw new ArgumentError(`profile: expected a function, got ${String(fn)}`);
  const checkFree = (): void => {
    if (tap.interceptor) throw new ArgumentError('profile: something is being profiled or captured already');
  };
  checkFree();
  await backend.synchronize();
  // Another may have begun meanwhile.
  checkFree();
  const device = backend instanceof TappedBackend ? backend.device : backend;
  const watch = new Watch(device);
  const before = backend.statistics();
  const finish = device.measureDispatches?.(() => watch.requests.length);
  tap.interceptor = watch;
  let times: readonly DispatchTime[] | undefined;
  try {
    for (const tensor of tensorsIn(await fn())) tensor.compute();
  } finally {
    tap.interceptor = null;
    times = await finish?.();
  }
  await backend.synchronize();
  const { elapsed } = watch;
  const after = backend.statistics();
  const isTimed = times !== undefined || device.measureDispatches === undefined;
  return new Profile({
    device: backend.info(),
    events: times ? dispatched(times, watch.requests) : watch.requests.map((each) => ({ name: each.kind, ...each })),
    milliseconds: elapsed,
    dispatches: after.dispatches - before.dispatches,
    compiledKernels: (after.compiledKernels ?? 0) - (before.compiledKernels ?? 0),
    isTimed,
  });
}

/** Dispatches with what their requests cost: those of one request share it by their time, so that no helper gets what another kernel computed. */
function dispatched(times: readonly DispatchTime[], requests: readonly Request[]): ProfileEvent[] {
  const all = new Map<number, { count: number; milliseconds: number }>();
  for (const { request, milliseconds } of times) {
    const sum = all.get(request) ?? { count: 0, milliseconds: 0 };
    all.set(request, { count: sum.count + 1, milliseconds: sum.milliseconds + milliseconds });
  }
  /** Of each request, up to the dispatch at hand. */
  const done = new Map<number, { count: number; milliseconds: number } & Cost>();
  return times.map(({ name, request, start, milliseconds }) => {
    const whole = all.get(request) ?? { count: 1, milliseconds: 0 };
    const cost = requests[request] ?? { flop: 0, bytes: 0 };
    const before = done.get(request) ?? { count: 0, milliseconds: 0, flop: 0, bytes: 0 };
    const count = before.count + 1;
    const until = before.milliseconds + milliseconds;
    // Where the clock is too coarse for any of them, all are alike.
    const part = whole.milliseconds > 0 ? until / whole.milliseconds : count / whole.count;
    // Whole numbers up to here, so that the shares of a request add up to it.
    const [flop, bytes] = [Math.round(cost.flop * part), Math.round(cost.bytes * part)];
    done.set(request, { count, milliseconds: until, flop, bytes });
    return { name, start, milliseconds, flop: flop - before.flop, bytes: bytes - before.bytes };
  });
}

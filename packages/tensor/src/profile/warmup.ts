/**
 * `warmup`: runs a program once with everything it has to compile compiled in parallel. Compiling takes a GPU's driver tens of milliseconds a
 * kernel, one after the other where each is first used; here the program's requests wait in a queue until all of their kernels are there.
 */
import type { Backend } from '../backend/backend.js';
import type { DeviceBuffer, KernelRequest } from '../backend/requests.js';
import { type Interceptor, tap } from '../backend/tap.js';
import { currentBackend } from '../device.js';
import { ArgumentError } from '../errors.js';
import { scope, tensorsIn } from '../scope.js';

/** Holds all calls that change memory back, in order, and has what they need prepared. */
class Queue implements Interceptor {
  readonly defers = true;
  readonly #calls: (() => void)[] = [];
  readonly #prepared: Promise<void>[] = [];
  #open: () => void = () => undefined;
  #finished: Promise<void> | undefined;
  /** Resolves when the queue has gone through: a read waits for that. */
  readonly #gone = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  run(backend: Backend, request: KernelRequest): void {
    const prepared = backend.prepare?.(request);
    if (prepared !== undefined) this.#prepared.push(prepared);
    this.#calls.push(() => backend.run(request));
  }

  write(backend: Backend, buffer: DeviceBuffer, byteOffset: number, words: Uint32Array): void {
    const copy = words.slice();
    this.#calls.push(() => backend.write(buffer, byteOffset, copy));
  }

  giveBack(backend: Backend, buffer: DeviceBuffer): void {
    this.#calls.push(() => backend.free(buffer));
  }

  read(): Promise<void> {
    return this.#gone;
  }

  /** Waits for what is being prepared, then lets all calls through, those made meanwhile included; the same for all who call it. */
  finish(): Promise<void> {
    this.#finished ??= this.#finish();
    return this.#finished;
  }

  async #finish(): Promise<void> {
    try {
      for (let done = 0; done < this.#prepared.length; done = this.#prepared.length) await Promise.all(this.#prepared);
    } finally {
      if (tap.interceptor === this) tap.interceptor = null;
      this.#letThrough();
    }
  }

  /** Makes all calls, the others also where one fails: they may be of code that has nothing to do with it. Throws the first error. */
  #letThrough(): void {
    const errors: unknown[] = [];
    for (const call of this.#calls)
      try {
        call();
      } catch (error) {
        errors.push(error);
      }
    this.#open();
    if (errors.length > 0) throw errors[0];
  }
}

/** What {@link warmup} runs: a function, or a module. */
export type Warmable<A extends readonly unknown[]> = ((...inputs: A) => unknown) | { forward(...inputs: A): unknown };

/**
 * Gets a program ready: runs a function (or a module's `forward`) once and releases what it returns. On WebGPU the kernels that it needs are
 * compiled in parallel and without blocking the page; they do not depend on sizes, so small inputs of the right dtypes do. On the CPU
 * threads are started and waited for. What the function changes, such as parameters in a training step, stays changed.
 *
 * @throws ArgumentError if the function is asynchronous, or something is being profiled or captured.
 * @example
 * await warmup(model, [x]);
 * await warmup(() => x.matmul(x.T).softmax(-1));
 */
export async function warmup<A extends readonly unknown[]>(
  target: Warmable<A>,
  inputs: A = [] as unknown as A,
): Promise<void> {
  const others = tap.interceptor instanceof Queue ? tap.interceptor : null;
  if (tap.interceptor && !others) throw new ArgumentError('warmup: something is being profiled or captured already');
  if (typeof target !== 'function' && typeof (target as { forward?: unknown } | null)?.forward !== 'function')
    throw new ArgumentError(`warmup: expected a function or a module, got ${String(target)}`);
  const run = (): void =>
    scope(() => {
      const result = typeof target === 'function' ? target(...inputs) : target.forward(...inputs);
      if (result instanceof Promise)
        throw new ArgumentError('warmup: the function must not be asynchronous: await what it needs before');
      for (const tensor of tensorsIn(result)) tensor.compute();
    });
  const backend = currentBackend();
  if (backend.kind === 'cpu') {
    run();
    await backend.startThreads?.();
  } else {
    // Several may warm up at once: what they need is compiled together.
    const queue = others ?? new Queue();
    tap.interceptor = queue;
    try {
      run();
    } finally {
      await queue.finish();
    }
  }
  await backend.synchronize();
}

/** Counting what a program computes, without clocks and without waiting: for summaries of models. */
import type { Backend } from '../backend/backend.js';
import type { DeviceBuffer, KernelRequest } from '../backend/requests.js';
import { type Interceptor, tap } from '../backend/tap.js';
import { ArgumentError } from '../errors.js';
import { costOf } from './cost.js';

class Counter implements Interceptor {
  flops = 0;

  run(backend: Backend, request: KernelRequest): void {
    this.flops += costOf(request).flop;
    backend.run(request);
  }

  write(backend: Backend, buffer: DeviceBuffer, byteOffset: number, words: Uint32Array): void {
    backend.write(buffer, byteOffset, words);
  }

  read(): undefined {
    // Reading computes nothing.
  }
}

/**
 * Runs `fn` and gives its result. Meanwhile the function that `fn` is given tells how many floating-point operations matrix products and
 * attention took so far, a multiply-add counted as two, as
 * [torch.utils.flop_counter](https://pytorch.org/docs/stable/utils.html); what is computed element by element does not count.
 *
 * @throws ArgumentError while something is being profiled or captured.
 * @example
 * const a = randn([2, 3]);
 * countFlops((count) => {
 *   a.matmul(randn([3, 4]));
 *   return count();
 * }); // 48
 */
export function countFlops<T>(fn: (count: () => number) => T): T {
  if (tap.interceptor) throw new ArgumentError('countFlops: something is being profiled or captured already');
  const counter = new Counter();
  tap.interceptor = counter;
  try {
    return fn(() => counter.flops);
  } finally {
    tap.interceptor = null;
  }
}

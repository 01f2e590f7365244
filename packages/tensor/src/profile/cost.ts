/** What a kernel request computes and moves at least: for rates beside times. */
import type { KernelRequest } from '../backend/requests.js';
import { attentionFlops } from '../flops.js';
import { bytesOf } from './traffic.js';

export interface Cost {
  /** Floating-point operations of products and attention, a multiply-add counted as two; 0 for other kernels, which memory limits. */
  readonly flop: number;
  /** Bytes that it reads and writes, each place once. */
  readonly bytes: number;
}

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

export function costOf(request: KernelRequest): Cost {
  return { flop: flopOf(request), bytes: bytesOf(request) };
}

function flopOf(request: KernelRequest): number {
  if (request.kind === 'matmul')
    return 2 * product(request.batch) * request.m * request.n * request.k * (1 + (request.more?.length ?? 0));
  if (request.kind !== 'attention' && request.kind !== 'attentionBackward') return 0;
  if (request.kind === 'attention') return attentionFlops(request);
  // Backward computes the scores again, and the gradients of query, key, weights and value.
  const { width, valueWidth } = request;
  return attentionFlops({ ...request, width: 3 * width, valueWidth: 2 * valueWidth });
}

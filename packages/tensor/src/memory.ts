/** What tensors cost now: for programs that watch their memory, and for tests that assert that it stays flat. */
import type { BackendStatistics } from './backend/backend.js';
import { currentBackend } from './device.js';
import { handles } from './pressure.js';
import { ledger } from './storage.js';

/** Live tensors and bytes. */
export interface MemoryReport {
  /** Tensor handles that were not released. */
  readonly tensors: number;
  /** Bytes of all values that have memory; a pending one has none yet. */
  readonly bytes: number;
  /** The device's own counters: buffers, bytes handed out, bytes held from the system, kernels launched. */
  readonly device: BackendStatistics;
}

/**
 * Live tensors and bytes now. In a loop that holds nothing these stay flat.
 *
 * @example
 * memory().bytes;
 */
export function memory(): MemoryReport {
  return { tensors: handles.live, bytes: ledger.bytes, device: currentBackend().statistics() };
}

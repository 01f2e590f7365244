/**
 * The safety net under programs that never release anything: JavaScript's collector does not see device memory, so past a
 * threshold of newly allocated bytes a readback asks it for a full collection and lets finalizers run.
 */
import { collectGarbage } from '#platform';
import { ledger } from './storage.js';

/** Tensor handles that were not released. */
export const handles = { live: 0 };

const COLLECT_AFTER_BYTES = 256 * 2 ** 20;

/** Called at readbacks, the only places where a program waits: collects if much was allocated since the last time. */
export async function relievePressure(): Promise<void> {
  if (ledger.allocatedSinceCollection < COLLECT_AFTER_BYTES) return;
  ledger.allocatedSinceCollection = 0;
  // Values that scopes released are gone already; only what is still held can be garbage.
  if (ledger.bytes >= COLLECT_AFTER_BYTES / 2) await collectGarbage();
}

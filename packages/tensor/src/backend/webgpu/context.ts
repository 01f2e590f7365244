/** What a kernel's host side may do: compile itself once, borrow memory, and dispatch. */
import { DeviceError } from '../../errors.js';
import type { DeviceBuffer } from '../requests.js';
import type { FaultLog } from './faults.js';
import type { KernelSource } from './kernels/wgsl/source.js';
import type { DeviceLimits } from './limits.js';
import type { BoundBuffers } from './operands.js';
import type { ParameterValues } from './params.js';
import type { Kernel } from './pipelines.js';
import type { Tuning } from './tuning.js';

export interface KernelContext {
  readonly tuning: Tuning;
  readonly limits: DeviceLimits;
  /** Where kernels report indices out of range. */
  readonly faults: FaultLog;
  /** The kernel of a key, for `dispatch`; `source` is called only to compile it. */
  kernel(key: string, source: () => KernelSource): Kernel;
  /** Memory until the end of the request. */
  temporary(byteLength: number): DeviceBuffer;
  /** Appends a dispatch of `workgroups` workgroups; buffers and parameters by the names the kernel's source gives them, or in its order. */
  dispatch(kernel: Kernel, buffers: BoundBuffers, params: ParameterValues, workgroups: number): void;
}

/** Workgroups needed for so many invocations. */
export function groupsOf(invocations: number, workgroupSize: number): number {
  return Math.ceil(invocations / workgroupSize);
}

/**
 * Workgroups in two dimensions, where one of them has a limit: as few more as that takes.
 *
 * @throws DeviceError for more than two dimensions hold: past 2 ** 32 at WebGPU's own limit, which no tensor that can be bound needs.
 */
export function fold(
  workgroups: number,
  { maxComputeWorkgroupsPerDimension }: Pick<DeviceLimits, 'maxComputeWorkgroupsPerDimension'>,
): { readonly x: number; readonly y: number } {
  const most = maxComputeWorkgroupsPerDimension;
  const y = Math.ceil(workgroups / most);
  if (y > most)
    throw new DeviceError(
      `webgpu: ${workgroups} workgroups are more than ${most} x ${most} (maxComputeWorkgroupsPerDimension)`,
    );
  return { x: Math.ceil(workgroups / y), y };
}

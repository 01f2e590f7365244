/** What a kernel's host side may do: compile itself once, borrow memory, and dispatch. */
import type { DeviceBuffer } from '../requests.js';
import type { DeviceLimits } from './device.js';
import type { FaultLog } from './faults.js';
import type { KernelSource } from './kernels/source.js';
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
  /** Appends a dispatch of `workgroups` workgroups; buffers and parameters by the names the kernel's source gives them. */
  dispatch(
    kernel: Kernel,
    buffers: Readonly<Record<string, DeviceBuffer | undefined>>,
    params: Readonly<Record<string, number>>,
    workgroups: number,
  ): void;
}

/** Workgroups needed for so many invocations. */
export function groupsOf(invocations: number, workgroupSize: number): number {
  return Math.ceil(invocations / workgroupSize);
}

/** Workgroups in two dimensions, where one of them has a limit: as few more as that takes. */
export function fold(
  workgroups: number,
  { maxComputeWorkgroupsPerDimension }: Pick<DeviceLimits, 'maxComputeWorkgroupsPerDimension'>,
): { readonly x: number; readonly y: number } {
  const y = Math.ceil(workgroups / maxComputeWorkgroupsPerDimension);
  return { x: Math.ceil(workgroups / y), y };
}

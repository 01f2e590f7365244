/**
 * What a device is asked for: limits and features. By default all that the adapter has, since what WebGPU promises everywhere is what old phones
 * can do. A smaller device can be asked for, to see how programs fare on it: `COURSE_LIMITS=default` gives one as a browser on a modest machine
 * has, `COURSE_LIMITS=default,maxComputeWorkgroupsPerDimension=16` one with less still.
 */
import { environment } from '#platform';
import { ArgumentError } from '../../errors.js';

/** Limits that decide what kernels may do, and what WebGPU promises of each on every adapter. */
const DEFAULTS = {
  maxBufferSize: 2 ** 28,
  maxStorageBufferBindingSize: 2 ** 27,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 2 ** 14,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupsPerDimension: 65_535,
} as const;

export type LimitName = keyof typeof DEFAULTS;

export type DeviceLimits = Readonly<Record<LimitName, number>>;

export const LIMITS = Object.keys(DEFAULTS) as readonly LimitName[];

/** Features that kernels use where an adapter has them. */
const FEATURES: readonly GPUFeatureName[] = ['subgroups', 'shader-f16', 'timestamp-query'];

/** How much of an adapter a device gets. */
export interface DeviceSize {
  /** Limits below those of the adapter. */
  readonly limits?: Partial<DeviceLimits>;
  /** The only features to ask for, of those that the adapter has. */
  readonly features?: readonly GPUFeatureName[];
}

/** A device as every adapter can give it. */
export const smallestDevice: DeviceSize = { limits: DEFAULTS, features: [] };

/** What to ask an adapter for. Where less than WebGPU's default is wanted, the device has the default, and `limitsOf` keeps to less. */
export function requestFor(
  adapter: GPUAdapter,
  { limits = {}, features = FEATURES }: DeviceSize,
): { requiredLimits: Record<string, number>; requiredFeatures: GPUFeatureName[] } {
  return {
    requiredLimits: Object.fromEntries(
      LIMITS.map((name) => [name, Math.min(adapter.limits[name], limits[name] ?? Number.POSITIVE_INFINITY)]),
    ),
    requiredFeatures: FEATURES.filter((feature) => features.includes(feature) && adapter.features.has(feature)),
  };
}

/** The limits that kernels keep to. */
export function limitsOf(device: GPUDevice, { limits = {} }: DeviceSize): DeviceLimits {
  return Object.fromEntries(
    LIMITS.map((name) => [name, Math.min(device.limits[name], limits[name] ?? Number.POSITIVE_INFINITY)]),
  ) as Record<LimitName, number>;
}

/** The largest buffer that a kernel can bind, of whole vec4s as all buffers are, and the limit that says so. */
export function largestBuffer({
  maxBufferSize,
  maxStorageBufferBindingSize,
}: Pick<DeviceLimits, 'maxBufferSize' | 'maxStorageBufferBindingSize'>): {
  readonly byteLength: number;
  readonly limit: LimitName;
} {
  const limit = maxBufferSize < maxStorageBufferBindingSize ? 'maxBufferSize' : 'maxStorageBufferBindingSize';
  return { byteLength: wholeVectors(Math.min(maxBufferSize, maxStorageBufferBindingSize)), limit };
}

/** The most bytes of whole vec4s: limits need not be multiples of them, and on large cards are not (2 ** 32 - 4). */
export function wholeVectors(byteLength: number): number {
  return byteLength - (byteLength % 16);
}

/**
 * The device that `COURSE_LIMITS` asks for: `default`, or limits by name, or both, with commas between.
 *
 * @throws ArgumentError for what is no limit.
 */
export function sizeFromEnvironment(): DeviceSize {
  const words = (environment('COURSE_LIMITS') ?? '').split(',').filter((word) => word.trim() !== '');
  const limits: Partial<Record<LimitName, number>> = {};
  let size: DeviceSize = {};
  for (const word of words) {
    const [name = '', value = ''] = word.split('=').map((part) => part.trim());
    if (name === 'default' && value === '') size = smallestDevice;
    else if (isLimit(name) && Number.isInteger(Number(value)) && Number(value) > 0) limits[name] = Number(value);
    else
      throw new ArgumentError(
        `COURSE_LIMITS: '${word.trim()}' is no limit: it may be 'default', or one of ${LIMITS.join(', ')} with a number, as in '${LIMITS[0]}=1048576'`,
      );
  }
  return { ...size, limits: { ...size.limits, ...limits } };
}

function isLimit(name: string): name is LimitName {
  return name in DEFAULTS;
}

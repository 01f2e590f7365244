/**
 * One WebGPU device and everything that can go wrong with it. WebGPU reports errors late and sideways: validation and
 * out-of-memory through error scopes or an event, loss through a promise. All of them end here as one `failure`, which every
 * later call throws and every pending read rejects with.
 */
import { CourseError, DeviceError } from '../../errors.js';
import {
  type AdapterKind,
  type AdapterOptions,
  adapterKind,
  adapterName,
  isSoftwareAdapter,
  requireAdapter,
} from './adapter.js';
import { type DeviceLimits, type DeviceSize, limitsOf, requestFor, sizeFromEnvironment } from './limits.js';

export interface DeviceOptions extends AdapterOptions, DeviceSize {}

// Values of GPUBufferUsage and GPUMapMode, which Node does not have as globals.
export const BufferUsage = { MAP_READ: 0x1, COPY_SRC: 0x4, COPY_DST: 0x8, UNIFORM: 0x40, STORAGE: 0x80 } as const;
export const MAP_MODE_READ = 0x1;

export class WebGpuDevice {
  readonly name: string;
  readonly kind: AdapterKind;
  readonly isSoftware: boolean;
  readonly limits: DeviceLimits;
  /** Invocations of a subgroup if their number is fixed, else 0. */
  readonly subgroupSize: number;
  /** Rejects when the device fails, so that no read waits for an answer that never comes. */
  readonly failed: Promise<never>;
  #failure: CourseError | undefined;
  #reject: (error: CourseError) => void = () => undefined;
  /** Settles when the error scopes closed so far have answered. */
  #reported: Promise<void> = Promise.resolve();

  private constructor(
    readonly gpu: GPUDevice,
    info: GPUAdapterInfo,
    size: DeviceSize,
  ) {
    this.name = adapterName(info);
    this.kind = adapterKind(info);
    this.isSoftware = isSoftwareAdapter(info);
    this.limits = limitsOf(gpu, size);
    const { subgroupMinSize, subgroupMaxSize = 0 } = info;
    this.subgroupSize = gpu.features.has('subgroups') && subgroupMinSize === subgroupMaxSize ? subgroupMaxSize : 0;
    this.failed = new Promise<never>((_, reject) => {
      this.#reject = reject;
    });
    // It counts as handled even if no read is pending when the device fails.
    this.failed.catch(() => undefined);
    gpu.lost.then(({ reason, message }) => {
      this.fail(
        new DeviceError(
          `webgpu: the device '${this.name}' was lost (${reason}): ${message || 'no reason given'}; init() opens another, but the tensors of this one are gone`,
        ),
      );
    });
    gpu.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      // What was refused for lack of memory is invalid wherever it is used next: the scope that knows the cause tells first.
      this.#reported = this.#reported.then(() => this.fail(this.#describe(event.error, 'a WebGPU call')));
    });
  }

  /**
   * @throws DeviceError when there is no adapter of the kind allowed.
   */
  static async open(options: DeviceOptions): Promise<WebGpuDevice> {
    const adapter = await requireAdapter(options);
    const wanted = sizeFromEnvironment();
    const size = { ...wanted, ...options, limits: { ...wanted.limits, ...options.limits } };
    try {
      const device = await adapter.requestDevice(requestFor(adapter, size));
      return new WebGpuDevice(device, adapter.info, size);
    } catch (error) {
      throw new DeviceError(`webgpu: the adapter '${adapterName(adapter.info)}' gave no device: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  get features(): string[] {
    return [...this.gpu.features];
  }

  get failure(): CourseError | undefined {
    return this.#failure;
  }

  /** Throws what the device failed of, if it did. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The first failure stays; those that follow are mostly its consequences. */
  fail(error: CourseError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#reject(error);
  }

  /**
   * Opens an error scope; the function returned closes it, and what it caught becomes the failure. Scopes answer one after the
   * other, in the order they were closed, so that a cause is told and not its consequence.
   */
  watch(filter: GPUErrorFilter, what: string, explain?: (error: GPUError) => Promise<CourseError>): () => void {
    this.gpu.pushErrorScope(filter);
    return () => {
      const earlier = this.#reported;
      this.#reported = this.gpu.popErrorScope().then(
        async (error) => {
          await earlier;
          if (error !== null) this.fail(explain === undefined ? this.#describe(error, what) : await explain(error));
        },
        // A lost device no longer answers; `lost` has told.
        () => undefined,
      );
    };
  }

  /** Resolves when every error scope closed so far has answered. */
  reported(): Promise<void> {
    return this.#reported;
  }

  destroy(): void {
    this.fail(new DeviceError(`webgpu: the device '${this.name}' was destroyed`));
    this.gpu.destroy();
  }

  #describe(error: GPUError, what: string): CourseError {
    // The classes are globals in a browser only: told apart by name.
    const kind = error.constructor.name;
    if (kind === 'GPUOutOfMemoryError') {
      return new DeviceError(`webgpu: the memory of '${this.name}' is used up (${what}): ${error.message}`);
    }
    if (kind === 'GPUInternalError')
      return new DeviceError(`webgpu: internal error of '${this.name}' (${what}): ${error.message}`);
    return new CourseError(`webgpu: validation error in ${what}: ${error.message}`);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

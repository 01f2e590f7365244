/**
 * The place between the core and a device where all requests come through: whoever records a program or measures it stands here while
 * it runs. Without an interceptor a call goes straight on.
 */
import type { DType } from '../dtype.js';
import type { Backend, BackendStatistics, DeviceInfo, DeviceKind } from './backend.js';
import type { DeviceBuffer, KernelRequest } from './requests.js';

/** What is told of each request before the device, and decides whether it goes on to it. */
export interface Interceptor {
  run(backend: Backend, request: KernelRequest): void;
  write(backend: Backend, buffer: DeviceBuffer, byteOffset: number, words: Uint32Array): void;
  /** Told of memory that is given back, and then has to give it back itself. */
  giveBack?(backend: Backend, buffer: DeviceBuffer): void;
  /** Whether calls reach the device only later. */
  readonly defers?: boolean;
  /** Throws where nothing may be read; a read waits for what it returns. */
  read(): Promise<void> | undefined;
}

/** Who stands at the tap now. */
export const tap: { interceptor: Interceptor | null } = { interceptor: null };

/** A device behind the tap. */
export class TappedBackend implements Backend {
  readonly kind: DeviceKind;
  readonly maxPointwiseInputs: number;
  readonly maxPointwiseSteps: number;
  readonly largest: Backend['largest'];
  readonly readsWindows: boolean;
  readonly readNow?: NonNullable<Backend['readNow']>;
  readonly kernelText?: NonNullable<Backend['kernelText']>;
  readonly #draw: Backend['draw'];
  readonly #drawLine: Backend['drawLine'];

  constructor(readonly device: Backend) {
    this.kind = device.kind;
    this.maxPointwiseInputs = device.maxPointwiseInputs;
    this.maxPointwiseSteps = device.maxPointwiseSteps;
    this.largest = device.largest;
    this.readsWindows = device.readsWindows;
    if (device.readNow)
      this.readNow = (buffer, byteOffset, byteLength) => {
        void tap.interceptor?.read();
        return device.readNow?.(buffer, byteOffset, byteLength) ?? new ArrayBuffer(0);
      };
    if (device.draw) this.#draw = device.draw.bind(device);
    if (device.drawLine) this.#drawLine = device.drawLine.bind(device);
    if (device.kernelText) this.kernelText = (request) => device.kernelText?.(request) ?? '';
  }

  /** Numbers are not drawn past who stands at the tap: then the host draws them, and what it writes comes by here. */
  get draw(): Backend['draw'] {
    return tap.interceptor ? undefined : this.#draw;
  }

  get drawLine(): Backend['drawLine'] {
    return tap.interceptor ? undefined : this.#drawLine;
  }

  get isLost(): boolean {
    return this.device.isLost;
  }

  info(): DeviceInfo {
    return this.device.info();
  }

  supports(dtype: DType): boolean {
    return this.device.supports(dtype);
  }

  statistics(): BackendStatistics {
    return this.device.statistics();
  }

  allocate(byteLength: number): DeviceBuffer {
    return this.device.allocate(byteLength);
  }

  free(buffer: DeviceBuffer): void {
    if (tap.interceptor?.giveBack) tap.interceptor.giveBack(this.device, buffer);
    else this.device.free(buffer);
  }

  write(buffer: DeviceBuffer, byteOffset: number, words: Uint32Array): void {
    if (tap.interceptor) tap.interceptor.write(this.device, buffer, byteOffset, words);
    else this.device.write(buffer, byteOffset, words);
  }

  async read(buffer: DeviceBuffer, byteOffset: number, byteLength: number): Promise<ArrayBuffer> {
    const gate = tap.interceptor?.read();
    // Not even a turn of the event loop may pass otherwise: what is read is what stands there now.
    if (gate instanceof Promise) await gate;
    return this.device.read(buffer, byteOffset, byteLength);
  }

  run(request: KernelRequest): void {
    if (tap.interceptor) tap.interceptor.run(this.device, request);
    else this.device.run(request);
  }

  async startThreads(): Promise<void> {
    await this.device.startThreads?.();
  }

  caughtUp(): Promise<void> | undefined {
    return this.device.caughtUp?.();
  }

  async synchronize(): Promise<void> {
    if (tap.interceptor?.defers) await tap.interceptor.read();
    return this.device.synchronize();
  }

  destroy(): void {
    this.device.destroy();
  }
}

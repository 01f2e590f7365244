// A browser's `navigator.gpu` in Node, for libraries that expect one: Dawn, and what its Node bindings are stricter about than browsers.
import { create, globals } from 'webgpu';

/** Must be called before the library is loaded. */
export function provideWebGpu() {
  Object.assign(globalThis, globals);
  globalThis.navigator ??= {};
  if (!globalThis.navigator.userAgent)
    Object.defineProperty(globalThis.navigator, 'userAgent', { value: 'node', configurable: true });
  // The object must be held as long as a device lives.
  Object.defineProperty(globalThis.navigator, 'gpu', { value: create([]), configurable: true });
  globalThis.window = globalThis;

  // Dawn refuses memory that is shared between threads.
  const { writeBuffer } = globalThis.GPUQueue.prototype;
  globalThis.GPUQueue.prototype.writeBuffer = function (buffer, offset, data, from, size) {
    const memory = ArrayBuffer.isView(data) ? data.buffer : data;
    if (!(memory instanceof SharedArrayBuffer))
      return size === undefined
        ? writeBuffer.call(this, buffer, offset, data, from ?? 0)
        : writeBuffer.call(this, buffer, offset, data, from ?? 0, size);
    const unit = ArrayBuffer.isView(data) ? (data.BYTES_PER_ELEMENT ?? 1) : 1;
    const start = (ArrayBuffer.isView(data) ? data.byteOffset : 0) + (from ?? 0) * unit;
    const length = size === undefined ? data.byteLength - (from ?? 0) * unit : size * unit;
    return writeBuffer.call(this, buffer, offset, new Uint8Array(memory, start, length).slice());
  };
  // onnxruntime-web hands lists of features within the list.
  const { requestDevice } = globalThis.GPUAdapter.prototype;
  globalThis.GPUAdapter.prototype.requestDevice = function (descriptor) {
    const { requiredFeatures } = descriptor ?? {};
    return requestDevice.call(this, {
      ...descriptor,
      ...(requiredFeatures && { requiredFeatures: [...requiredFeatures].flat().filter(Boolean) }),
    });
  };
}

// Choosing, losing and reopening devices.
import { ArgumentError, DeviceError, device, init, tensor } from '@course/tensor';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { TappedBackend } from '../../packages/tensor/src/backend/tap.js';
import type { WebGpuBackend } from '../../packages/tensor/src/backend/webgpu/backend.js';
import { currentBackend } from '../../packages/tensor/src/device.js';
import { devices } from '../support/devices.js';

describe('init', () => {
  beforeEach(() => {
    vi.stubEnv('COURSE_DEVICE', '');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('takes the CPU by default where there is no hardware GPU, never a software adapter', async () => {
    const info = await init();
    if (info.backend === 'webgpu') expect(info.software).toBe(false);
    else expect(device.kind).toBe('cpu');
  });

  it('lets COURSE_DEVICE override what the program asks for', async () => {
    vi.stubEnv('COURSE_DEVICE', 'cpu');
    expect((await init({ device: 'webgpu' })).backend).toBe('cpu');
    vi.stubEnv('COURSE_DEVICE', 'tpu');
    await expect(init()).rejects.toThrow(ArgumentError);
    await expect(init()).rejects.toThrow("init: unknown device 'tpu': it may be auto, cpu, webgpu");
  });

  it('tells what the device is and can do', async () => {
    await init({ device: 'cpu' });
    const info = device.info();
    expect(info.adapter.length).toBeGreaterThan(0);
    expect(info.threads).toBeGreaterThanOrEqual(1);
    expect(info.features.length).toBeGreaterThan(0);
  });

  it.runIf(devices.includes('webgpu'))(
    'opens a lost GPU anew, after every pending read ended in a DeviceError',
    async () => {
      await init({ device: 'webgpu' });
      expect(device.info().limits.maxStorageBufferBindingSize).toBeGreaterThan(0);
      const lost = (currentBackend() as TappedBackend).device as WebGpuBackend;
      const x = tensor([1, 2, 3]);
      const pending = x.add(1).data();
      lost.gpuDevice.destroy();
      // A read that was on its way may still have arrived; none may hang.
      await pending.catch((error: unknown) => expect(error).toBeInstanceOf(DeviceError));
      await vi.waitFor(() => expect(lost.isLost).toBe(true));
      await expect((async () => x.add(2).data())()).rejects.toThrow(DeviceError);
      await init({ device: 'webgpu' });
      expect(await tensor([1, 2, 3]).mul(2).toArray()).toEqual([2, 4, 6]);
    },
  );

  it.runIf(devices.includes('webgpu'))('refuses operands on different devices', async () => {
    await init({ device: 'cpu' });
    const a = tensor([1]);
    await init({ device: 'webgpu' });
    expect(() => a.add(tensor([1]))).toThrow(
      'add: Expected all tensors to be on the same device, but found cpu and webgpu',
    );
  });
});

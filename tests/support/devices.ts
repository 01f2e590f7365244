// Runs a suite once a device: `onEachDevice('softmax', (device) => { it(…) })`. COURSE_TEST_DEVICES narrows the list, as in
// `COURSE_TEST_DEVICES=cpu npm test`; by default every op is tested on both backends.
import { device as current, type DeviceKind, init } from '@course/tensor';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { currentBackend } from '../../packages/tensor/src/device.js';

const KINDS: readonly DeviceKind[] = ['cpu', 'webgpu'];

/** The devices to test on. */
export const devices: readonly DeviceKind[] = (process.env.COURSE_TEST_DEVICES || KINDS.join(','))
  .split(',')
  .map((name) => {
    const kind = KINDS.find((each) => each === name.trim());
    if (!kind) throw new TypeError(`COURSE_TEST_DEVICES: unknown device '${name}': it may be ${KINDS.join(', ')}`);
    return kind;
  });

/**
 * Describes a suite on each device; the device is open and current when its tests run. WebGPU reports what went wrong at the next read: the suite
 * fails of what its last tests did, too.
 */
export function onEachDevice(name: string, suite: (device: DeviceKind) => void): void {
  describe.each(devices)(`${name} on %s`, (kind) => {
    let backend: ReturnType<typeof currentBackend> | undefined;
    beforeAll(async () => {
      await init({ device: kind });
      backend = currentBackend();
      // COURSE_DEVICE overrides what init is asked for; a suite must not pass on a device that it does not name.
      expect(current.kind, 'device in use').toBe(kind);
    });
    suite(kind);
    afterAll(() => backend?.synchronize());
  });
}

// `node scripts/adapter.mjs` prints the WebGPU adapter that Dawn finds in this environment: `hardware: …`, `software: …`
// or `none`. Shows what the tests would run on, and tells vulkan.mjs whether the machine has a working GPU.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { at } from './paths.mjs';

const requireFromTensor = createRequire(at('packages/tensor/package.json'));
const { create } = await import(pathToFileURL(requireFromTensor.resolve('webgpu')).href);
const gpu = create([]);
const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
if (adapter === null) {
  console.log('none');
} else {
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  console.log(
    `${isFallbackAdapter ? 'software' : 'hardware'}: ${[vendor, architecture, device, description].filter(Boolean).join(', ')}`,
  );
}

// Reads what PyTorch computed (tests/goldens/*.json) and decodes every tensor in it: `golden('layers').cases[0].outputs.out.data`
// is a Float32Array. What is in the files stands in `golden-files.ts`; here is also how close a result has to come.
import { readFileSync } from 'node:fs';
import { device, FormatError, type Tensor } from '@course/tensor';
import { expect } from 'vitest';
import type { Goldens, GoldenTensor } from './golden-files.js';

/** The content of tests/goldens/<name>.json, its tensors decoded. */
export function golden<Name extends keyof Goldens>(name: Name): Goldens[Name] {
  const url = new URL(`../goldens/${name}.json`, import.meta.url);
  const decodeTensors = (_key: string, value: unknown) => (isEncoded(value) ? decode(name, value) : value);
  return JSON.parse(readFileSync(url, 'utf8'), decodeTensors) as Goldens[Name];
}

/**
 * An absolute tolerance for float32 results that belong together (one output, or all gradients of one backward pass): four
 * times the error of PyTorch's own float32 kernels, for another order of summation, plus four roundings of the largest value,
 * for cases in which PyTorch happens to be exact.
 */
export function tolerance(expected: readonly GoldenTensor[]): number {
  const error = Math.max(0, ...expected.map((tensor) => tensor.float32Error ?? 0));
  return 4 * error + 4 * 2 ** -24 * largest(expected);
}

/** WGSL promises less of exp, tanh, division and square root than IEEE does; sums of such terms keep about this share. */
function slack(expected: readonly GoldenTensor[]): number {
  return device.kind === 'cpu' ? 0 : 2e-5 * largest(expected);
}

/** Expects a tensor like PyTorch's, within `atol` and the device's slack. */
export async function expectLike(
  actual: Tensor | null | undefined,
  expected: GoldenTensor,
  atol: number,
  what: string,
): Promise<void> {
  expect(actual?.shape, what).toEqual(expected.shape);
  expect(await actual?.data(), what).toBeClose(expected.data, { atol: atol + slack([expected]) });
}

/** The largest finite magnitude in some tensors; 0 if there is none. */
export function largest(tensors: readonly GoldenTensor[]): number {
  let most = 0;
  for (const { data } of tensors) {
    for (const value of data) if (Number.isFinite(value)) most = Math.max(most, Math.abs(value));
  }
  return most;
}

interface Encoded {
  readonly dtype: GoldenTensor['dtype'];
  readonly shape: readonly number[];
  readonly data: string;
}

function isEncoded(value: unknown): value is Encoded {
  return (
    typeof value === 'object' && value !== null && 'dtype' in value && 'data' in value && typeof value.data === 'string'
  );
}

function decode(file: string, { dtype, shape, data, ...rest }: Encoded): GoldenTensor {
  // A copy, because a small Buffer is a window into a shared pool that typed arrays of four bytes cannot be aligned to.
  const bytes = Uint8Array.from(Buffer.from(data, 'base64'));
  const count = shape.reduce((product, size) => product * size, 1);
  const width = dtype === 'bool' ? 1 : 4;
  if (bytes.length !== count * width) {
    throw new FormatError(`goldens/${file}.json: ${dtype} [${shape.join(', ')}] in ${bytes.length} bytes`);
  }
  const view = new DataView(bytes.buffer);
  if (dtype === 'bool') return { ...rest, dtype, shape, data: bytes };
  if (dtype === 'int32') {
    return { ...rest, dtype, shape, data: Int32Array.from({ length: count }, (_, i) => view.getInt32(4 * i, true)) };
  }
  return { ...rest, dtype, shape, data: Float32Array.from({ length: count }, (_, i) => view.getFloat32(4 * i, true)) };
}

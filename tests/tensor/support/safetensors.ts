// What the tests of safetensors files share: a folder that goes away, files made of a header text, and the error of a
// promise that must fail.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { CourseError } from '../../../packages/tensor/src/errors.js';

/** A temporary folder for the test file that calls this; it is removed when the file's tests are done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'safetensors-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Writes a file and returns its path. */
export function put(folder: string, name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** The bytes of a file with this header and that many zero bytes behind it; `claimed` is the length it gives itself. */
export function fileOf(header: string | Uint8Array, dataBytes = 0, claimed?: bigint): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

/** The pieces of a file in one array. */
export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks));
}

/** The error of ours that a promise is rejected with. */
export async function failure(promise: Promise<unknown>): Promise<CourseError> {
  const outcome = await promise.then(
    () => 'no error',
    (error: unknown) => error,
  );
  if (outcome instanceof CourseError) return outcome;
  throw new TypeError(`expected a CourseError, got ${String(outcome)}`);
}

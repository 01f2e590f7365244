// Files with bytes changed, cut, added or swapped: an error of ours, or exactly what the header of the changed file says, byte for byte;
// never a hang, a crash or other numbers. COURSE_TEST_RUNS=100000 for the long run.
import { open, serialize } from '@course/tensor/safetensors';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { CourseError } from '../../packages/tensor/src/errors.js';
import { concat } from './support/safetensors.js';

const numRuns = Number(process.env.COURSE_TEST_RUNS ?? 2000);
const original = concat(
  serialize(
    {
      'a.weight': { dtype: 'float32', shape: [2, 3], data: Float32Array.of(1, -2, 3, 4.5, -0, 6) },
      'b.bias': { dtype: 'F16', shape: [4], data: Float32Array.of(1, 2, 3, 4) },
      c: { dtype: 'I64', shape: [2], data: Int32Array.of(7, -8) },
      mask: { dtype: 'BOOL', shape: [3], data: Uint8Array.of(1, 0, 1) },
      ü: { dtype: 'BF16', shape: [1, 2], data: Float32Array.of(0.5, -3) },
    },
    { format: 'pt' },
  ),
);
const headerEnd = 8 + Number(new DataView(original.buffer).getBigUint64(0, true));

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** What the file says of itself, read by the letter of the format; undefined where it does not parse. */
function headerOf(bytes: Uint8Array): { entries: Map<string, Entry>; dataStart: number } | undefined {
  try {
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
    const json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length))) as object;
    return {
      entries: new Map(Object.entries(json).filter(([name]) => name !== '__metadata__') as [string, Entry][]),
      dataStart: 8 + length,
    };
  } catch {
    return undefined;
  }
}

const SIZES: Readonly<Record<string, number>> = Object.fromEntries(
  ['BOOL U8 I8 F8_E5M2 F8_E4M3', 'I16 U16 F16 BF16', 'I32 U32 F32', 'F64 I64 U64'].flatMap((names, i) =>
    names.split(' ').map((name) => [name, 2 ** i]),
  ),
);

/** Opens and reads all of a file: true where it can be read. Whatever is read is what the file says. */
async function check(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const file = await open(bytes).catch((error: unknown) => error as Error);
  if (file instanceof Error) {
    if (!(file instanceof CourseError)) expect.fail(`not an error of ours: ${file.stack}`);
    return false;
  }
  const said = headerOf(bytes);
  expect(new Set(file.keys())).toEqual(new Set(said?.entries.keys()));
  let covered = 0;
  for (const name of file.keys()) {
    const entry = said?.entries.get(name);
    const info = file.info(name);
    expect([info.dtype, info.shape]).toEqual([entry?.dtype, entry?.shape]);
    const count = info.shape.reduce((all, size) => all * size, 1);
    expect(info.byteLength).toBe(count * (SIZES[info.dtype] ?? Number.NaN));
    const [begin, end] = entry?.data_offsets ?? [0, 0];
    const raw = bytes.slice((said?.dataStart ?? 0) + begin, (said?.dataStart ?? 0) + end);
    expect(raw.length).toBe(info.byteLength);
    expect(await file.bytes(name)).toEqual(raw);
    covered += raw.length;
    const array = await file.array(name).catch((error: unknown) => error as Error);
    // Numbers that no dtype of ours holds are refused.
    if (array instanceof Error) expect(array).toBeInstanceOf(CourseError);
    else {
      expect(array.shape).toEqual(info.shape);
      expect(array.data.length).toBe(count);
      if (info.dtype === 'F32') expect(array.data).toEqual(new Float32Array(raw.buffer));
    }
  }
  // No byte is hidden.
  expect((said?.dataStart ?? 0) + covered).toBe(bytes.length);
  return true;
}

/** One change of a file. */
type Change = (bytes: Uint8Array) => Uint8Array;
const within = (limit: number) => fc.nat({ max: limit - 1 });
/** Mostly in the header, where a change matters to the reader. */
const place = fc.oneof({ weight: 4, arbitrary: within(headerEnd) }, { weight: 1, arbitrary: within(original.length) });
const changes: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(place, fc.nat({ max: 255 })).map(
    ([at, value]): Change =>
      (bytes) =>
        bytes.with(Math.min(at, bytes.length - 1), value),
  ),
  fc.tuple(place, fc.nat({ max: 7 })).map(
    ([at, bit]): Change =>
      (bytes) => {
        const i = Math.min(at, bytes.length - 1);
        return bytes.with(i, (bytes[i] ?? 0) ^ (1 << bit));
      },
  ),
  // A digit for a digit: other sizes and offsets that still parse.
  fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 9 })).map(
    ([nth, digit]): Change =>
      (bytes) => {
        const digits = [...bytes.subarray(8, headerEnd).entries()].filter(([, c]) => c >= 48 && c <= 57);
        const [at] = digits[nth % Math.max(1, digits.length)] ?? [];
        return at === undefined ? bytes : bytes.with(8 + at, 48 + digit);
      },
  ),
  fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 9 })).map(
    ([at, more]): Change =>
      (bytes) =>
        concat([bytes.subarray(0, at), more, bytes.subarray(at)]),
  ),
  fc.tuple(place, fc.integer({ min: 1, max: 40 })).map(
    ([at, count]): Change =>
      (bytes) =>
        concat([bytes.subarray(0, at), bytes.subarray(at + count)]),
  ),
  within(original.length).map(
    (at): Change =>
      (bytes) =>
        bytes.slice(0, at),
  ),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(
    (length): Change =>
      (bytes) => {
        const copy = bytes.slice();
        if (copy.length >= 8) new DataView(copy.buffer).setBigUint64(0, length, true);
        return copy;
      },
  ),
  // Words that mean something to the format, in the place of others.
  fc
    .tuple(
      place,
      fc.constantFrom('F64', 'I8', '[]', '{}', 'null', '-1', '1e3', '"shape"', '9007199254740993', '\\u0000'),
    )
    .map(
      ([at, word]): Change =>
        (bytes) => {
          const text = new TextEncoder().encode(word);
          return concat([bytes.subarray(0, at), text, bytes.subarray(Math.min(bytes.length, at + text.length))]);
        },
    ),
);

it('reads the file as it is', async () => {
  expect(await check(original as Uint8Array<ArrayBuffer>)).toBe(true);
});

it(`refuses ${numRuns} changed files, or reads what they say`, { timeout: 600_000 }, async () => {
  let [readable, refused] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(changes, { minLength: 1, maxLength: 3 }), async (all) => {
      const bytes = new Uint8Array(
        all.reduce<Uint8Array>((before, change) => (before.length === 0 ? before : change(before)), original),
      );
      if (await check(bytes)) readable++;
      else refused++;
    }),
    { numRuns, seed: 9 },
  );
  // Both happen, or the changes test little.
  expect(readable).toBeGreaterThan(numRuns / 100);
  expect(refused).toBeGreaterThan(numRuns / 3);
});

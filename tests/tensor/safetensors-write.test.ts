// Writing safetensors files: the bytes of the reference implementation, values that come back, and files that are replaced
// whole or not at all.
import { mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type HostTensorInput, open, save, serialize } from '@course/tensor/safetensors';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  type CourseError,
  DisposedError,
  DTypeError,
  ShapeError,
} from '../../packages/tensor/src/errors.js';
import { concat, failure, temporaryFolder } from './support/safetensors.js';

const folder = temporaryFolder();

describe('serialize', () => {
  const text = (bytes: Uint8Array) => new TextDecoder('latin1').decode(bytes);

  it('writes the bytes of the reference implementation', () => {
    const one = serialize({
      'attn.0': { dtype: 'float32', shape: [1, 2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) },
    });
    expect(one).toHaveLength(2);
    expect(text(one[0] ?? new Uint8Array())).toBe(
      '\x40\0\0\0\0\0\0\0{"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}}',
    );
    expect(text(concat(serialize({})))).toBe('\x08\0\0\0\0\0\0\0{}      ');
    expect(text(concat(serialize({}, { framework: 'pt' })))).toBe(
      '\x28\0\0\0\0\0\0\0{"__metadata__":{"framework":"pt"}}     ',
    );
  });

  it('sorts by descending alignment, then by name in code points', async () => {
    const names = ['b', 'a', '\u{1F600}', '\uFF5E', 'a.b', 'B'];
    const tensors = new Map<string, HostTensorInput>(
      names.flatMap((name) => [
        [`${name}/f`, { dtype: 'float32' as const, shape: [1], data: Float32Array.of(1) }],
        [`${name}/h`, { dtype: 'BF16' as const, shape: [1], data: Float32Array.of(1) }],
        [`${name}/l`, { dtype: 'I64' as const, shape: [1], data: Int32Array.of(1) }],
        [`${name}/t`, { dtype: 'bool' as const, shape: [1], data: Uint8Array.of(1) }],
      ]),
    );
    const file = await open(concat(serialize(tensors)));
    const ordered = ['B', 'a', 'a.b', 'b', '\uFF5E', '\u{1F600}'];
    // 'a.b/f' lies before 'a/f': '.' is less than '/'.
    const inFile = ordered.map((name) => (name === 'a' ? 'a.b' : name === 'a.b' ? 'a' : name));
    expect(file.keys()).toEqual(['l', 'f', 'h', 't'].flatMap((type) => inFile.map((name) => `${name}/${type}`)));
  });

  it('round-trips values of every dtype that holds them', async () => {
    const name = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((s) => s !== '__metadata__');
    const shape = fc.array(fc.nat({ max: 4 }), { maxLength: 4 });
    const float = fc.float().map(Math.fround);
    const kinds = [
      { dtype: 'float32', as: 'float32', element: float },
      { dtype: 'F32', as: 'float32', element: float },
      { dtype: 'float64', as: 'float32', element: float },
      { dtype: 'F64', as: 'float32', element: float },
      { dtype: 'float16', as: 'float32', element: fc.integer({ min: -2048, max: 2048 }).map((n) => n / 64) },
      { dtype: 'BF16', as: 'float32', element: fc.integer({ min: -256, max: 256 }).map((n) => n * 2 ** 40) },
      { dtype: 'int32', as: 'int32', element: fc.integer() },
      { dtype: 'I64', as: 'int32', element: fc.integer() },
      { dtype: 'U64', as: 'int32', element: fc.nat() },
      { dtype: 'U32', as: 'int32', element: fc.nat() },
      { dtype: 'I16', as: 'int32', element: fc.integer({ min: -32768, max: 32767 }) },
      { dtype: 'U16', as: 'int32', element: fc.nat({ max: 65535 }) },
      { dtype: 'I8', as: 'int32', element: fc.integer({ min: -128, max: 127 }) },
      { dtype: 'uint8', as: 'uint8', element: fc.nat({ max: 255 }) },
      { dtype: 'bool', as: 'bool', element: fc.nat({ max: 1 }) },
    ] as const;
    const tensor = fc.tuple(fc.constantFrom(...kinds), shape).chain(([kind, dims]) =>
      fc.record({
        kind: fc.constant(kind),
        shape: fc.constant(dims),
        values: fc.array(kind.element as fc.Arbitrary<number>, {
          minLength: dims.reduce((a, b) => a * b, 1),
          maxLength: dims.reduce((a, b) => a * b, 1),
        }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key, maxLength: 6 }),
        fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' })),
        async (tensors, metadata) => {
          const input = new Map(
            tensors.map(([key, { kind, shape: dims, values }]) => {
              const data =
                kind.as === 'int32'
                  ? Int32Array.from(values)
                  : kind.as === 'float32'
                    ? kind.dtype === 'float64'
                      ? Float64Array.from(values)
                      : Float32Array.from(values)
                    : Uint8Array.from(values);
              return [key, { dtype: kind.dtype, shape: dims, data }];
            }),
          );
          const bytes = concat(serialize(input, metadata));
          const file = await open(bytes);
          expect(file.metadata).toEqual(metadata);
          expect(new Set(file.keys())).toEqual(new Set(input.keys()));
          expect((bytes.length - [...input.keys()].reduce((sum, key) => sum + file.info(key).byteLength, 0)) % 8).toBe(
            0,
          );
          for (const [key, { kind, shape: dims, values }] of tensors) {
            const array = await file.array(key);
            expect([array.dtype, array.shape]).toEqual([kind.as, dims]);
            expect(Array.from(array.data)).toEqual(values);
          }
        },
      ),
      { numRuns: 300, seed: 22 },
    );
  });

  it('takes bytes as they are, of any dtype', async () => {
    const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6);
    const file = await open(
      concat(
        serialize({ x: { dtype: 'F16', shape: [3], data: bytes }, y: { dtype: 'F8_E5M2', shape: [6], data: bytes } }),
      ),
    );
    expect([...(await file.bytes('x'))]).toEqual([...bytes]);
    expect([...(await file.bytes('y'))]).toEqual([...bytes]);
  });

  it('rounds to bfloat16 to the nearest, halves to even, and keeps NaN', async () => {
    // Between 1 and 1.0078125 (one bfloat16 apart): below, at and above the half; then at the half from an odd neighbour.
    const half = 1 + 2 ** -8;
    const values = [1, half - 2 ** -23, half, half + 2 ** -23, 1 + 2 ** -7 + 2 ** -8, 3.4e38, Number.NaN, -0];
    const file = await open(concat(serialize({ x: { dtype: 'BF16', shape: [8], data: Float32Array.from(values) } })));
    expect([...(await file.array('x')).data]).toEqual([
      1,
      1,
      1,
      1 + 2 ** -7,
      1 + 2 ** -6,
      Number.POSITIVE_INFINITY,
      Number.NaN,
      -0,
    ]);
  });

  it('refuses what would make no valid file, naming the tensor', () => {
    const refused: [() => unknown, new (message: string) => CourseError, string][] = [
      [
        () => serialize({ x: { dtype: 'float32', shape: [3], data: new Float32Array(2) } }),
        ShapeError,
        "tensor 'x': shape [3] of F32 takes 12 bytes, its data 8",
      ],
      [
        () => serialize({ x: { dtype: 'float32', shape: [-1], data: new Float32Array(0) } }),
        ShapeError,
        "tensor 'x': sizes must be whole",
      ],
      [
        () => serialize({ x: { dtype: 'float33' as 'float32', shape: [1], data: new Float32Array(1) } }),
        DTypeError,
        "tensor 'x': unknown dtype 'float33'",
      ],
      [
        () => serialize({ x: { dtype: 'int32', shape: [1], data: new Float32Array(1) } }),
        DTypeError,
        "tensor 'x': I32 cannot be written from a Float32Array",
      ],
      [
        () => serialize({ x: { dtype: 'float32', shape: [1], data: new Int32Array(1) } }),
        DTypeError,
        "tensor 'x': F32 cannot be written from a Int32Array",
      ],
      [
        () => serialize({ x: { dtype: 'I8', shape: [2], data: Int32Array.of(1, 128) } }),
        ArgumentError,
        "tensor 'x': element 1 is 128, which I8 cannot hold",
      ],
      [
        () => serialize({ x: { dtype: 'U64', shape: [1], data: Int32Array.of(-1) } }),
        ArgumentError,
        'element 0 is -1, which U64 cannot hold',
      ],
      [
        () => serialize({ __metadata__: { dtype: 'uint8', shape: [0], data: new Uint8Array(0) } }),
        ArgumentError,
        'cannot be named __metadata__',
      ],
      [
        () => serialize({ '\uD800': { dtype: 'uint8', shape: [0], data: new Uint8Array(0) } }),
        ArgumentError,
        'not well-formed Unicode',
      ],
      [
        () => serialize({}, { epoch: 3 as unknown as string }),
        ArgumentError,
        "metadata holds strings only, but 'epoch' is 3",
      ],
    ];
    for (const [call, type, message] of refused) {
      expect(call).toThrow(type);
      expect(call).toThrow(message);
    }
  });
});

describe('save', () => {
  it('writes tensors at hand and tensors on a device, one after the other', async () => {
    const path = join(folder, 'saved.safetensors');
    const fetched: string[] = [];
    const onDevice = (name: string, data: Float32Array) => ({
      dtype: 'float32' as const,
      shape: [data.length],
      async data() {
        fetched.push(name);
        return data;
      },
    });
    const tensors = {
      z: onDevice('z', Float32Array.of(1, 2)),
      a: onDevice('a', Float32Array.of(3)),
      ids: { dtype: 'I64', shape: [2], data: Int32Array.of(5, -6) },
    } as const;
    await save(path, tensors, { format: 'pt' });
    await using file = await open(path);
    expect(file.keys()).toEqual(['ids', 'a', 'z']);
    expect(file.metadata).toEqual({ format: 'pt' });
    expect([...(await file.array('z')).data, ...(await file.array('ids')).data]).toEqual([1, 2, 5, -6]);
    expect(fetched).toEqual(['a', 'z']);
  });

  it('leaves the old file and no other when it fails half-way', async () => {
    const inner = mkdtempSync(join(folder, 'atomic-'));
    const path = join(inner, 'model.safetensors');
    await save(path, { x: { dtype: 'uint8', shape: [1], data: Uint8Array.of(1) } });
    const before = readFileSync(path);
    const lost = { dtype: 'float32' as const, shape: [1], data: () => Promise.reject(new DisposedError('gone')) };
    const error = await failure(save(path, { x: { dtype: 'F64', shape: [1], data: new Float64Array(1) }, y: lost }));
    expect(error.message).toBe('gone');
    expect(readFileSync(path)).toEqual(before);
    expect(readdirSync(inner)).toEqual(['model.safetensors']);
    await save(path, {});
    expect(statSync(path).size).toBe(16);
    expect(readdirSync(inner)).toEqual(['model.safetensors']);
  });
});

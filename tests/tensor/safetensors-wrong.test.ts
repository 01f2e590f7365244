// Files that are no valid safetensors files, one for each check of the reference implementation, and paths that cannot be
// opened or written: each is one sentence that names the file, and the tensor where it is one's fault.
import { join } from 'node:path';
import { open, save, serialize } from '@course/tensor/safetensors';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError, FormatError } from '../../packages/tensor/src/errors.js';
import * as browser from '../../packages/tensor/src/platform/browser.js';
import { concat, failure, fileOf, put, temporaryFolder } from './support/safetensors.js';

const folder = temporaryFolder();

describe('a file that is wrong', () => {
  const entry = (dtype: string, shape: string, offsets: string) =>
    `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
  const f32 = (begin: number, end: number) => entry('F32', `[${(end - begin) / 4}]`, `[${begin},${end}]`);
  const cases: [title: string, bytes: Uint8Array, message: string][] = [
    ['no bytes', new Uint8Array(0), 'not a safetensors file: the length of the header takes 8 bytes, the file has 0'],
    ['too few bytes for the length', new Uint8Array(7), 'the file has 7'],
    [
      'a header longer than 100 MB',
      fileOf('{}', 0, 100_000_001n),
      'the header would be 100000001 bytes long, at most 100000000',
    ],
    ['a length of 2^63', fileOf('{}', 0, 2n ** 63n), 'the header would be 9223372036854775808 bytes long, at most'],
    [
      'a web page',
      new TextEncoder().encode('<!DOCTYPE html><html>Sign in</html>'),
      'not a safetensors file but a web page (a sign-in or an error?): download the file itself',
    ],
    [
      'a pointer of Git LFS',
      new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\noid sha256:53aa\nsize 133466304\n'),
      'but a pointer of Git LFS: `git lfs pull`',
    ],
    [
      'a pickle of PyTorch under another name',
      Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 8, 8, 0, 0),
      'but an archive, as PyTorch pickles models: convert it in Python',
    ],
    ['a length of 2^64 - 1', fileOf('{}', 0, 2n ** 64n - 1n), 'the header would be 18446744073709551615 bytes long'],
    [
      'a header longer than the file',
      fileOf('{}', 0, 3n),
      'the header should be 3 bytes long, but only 2 follow: the file is incomplete',
    ],
    ['text', new TextEncoder().encode('{"this": "is JSON"}'), 'not a safetensors file: the header would be'],
    ['a header that is not UTF-8', fileOf(Uint8Array.of(0x7b, 0xff, 0x7d)), 'the header is not UTF-8 text'],
    ['an empty header', fileOf(''), `the header must begin with '{', got ""`],
    ['a list', fileOf('[]'), `the header must begin with '{', got "["`],
    ['a byte order mark', fileOf('\uFEFF{}'), "the header must begin with '{'"],
    ['a blank in front', fileOf(' {}'), `the header must begin with '{', got " "`],
    ['no JSON', fileOf('{"a":}'), 'the header is not valid JSON: '],
    ['two objects', fileOf('{}{}'), 'the header is not valid JSON: '],
    ['NUL padding', fileOf('{}\0\0'), 'the header is not valid JSON: '],
    ['a tensor twice', fileOf(`{"a":${f32(0, 4)},"a":${f32(0, 4)}}`, 4), "the header names 'a' twice"],
    [
      'a tensor twice, once escaped',
      fileOf(`{"a":${f32(0, 4)},"\\u0061":${f32(4, 8)}}`, 8),
      "the header names 'a' twice",
    ],
    [
      'a field twice',
      fileOf('{"a":{"dtype":"F32","dtype":"I32","shape":[],"data_offsets":[0,4]}}', 4),
      "names 'dtype' twice",
    ],
    ['metadata twice', fileOf('{"__metadata__":{},"__metadata__":{}}'), "names '__metadata__' twice"],
    ['metadata that is a list', fileOf('{"__metadata__":[]}'), '__metadata__ must be an object, got a list'],
    [
      'metadata that is no string',
      fileOf('{"__metadata__":{"epoch":3}}'),
      "__metadata__ holds strings only, but 'epoch' is 3",
    ],
    ['nested metadata', fileOf('{"__metadata__":{"a":{"b":"c"}}}'), "but 'a' is an object"],
    ['a tensor that is a number', fileOf('{"a":5}'), "tensor 'a': expected { dtype, shape, data_offsets }, got 5"],
    ['a tensor that is null', fileOf('{"a":null}'), "tensor 'a': expected { dtype, shape, data_offsets }, got null"],
    [
      'an unknown dtype',
      fileOf(`{"a":${entry('F23', '[1]', '[0,4]')}}`, 4),
      `tensor 'a': unknown dtype "F23": it may be BOOL, U8`,
    ],
    ['a dtype of the prototype', fileOf(`{"a":${entry('toString', '[1]', '[0,4]')}}`, 4), `unknown dtype "toString"`],
    ['no dtype', fileOf('{"a":{"shape":[],"data_offsets":[0,4]}}', 4), "tensor 'a': unknown dtype nothing"],
    [
      'no shape',
      fileOf('{"a":{"dtype":"F32","data_offsets":[0,4]}}', 4),
      "tensor 'a': shape must be a list of whole numbers, got nothing",
    ],
    [
      'no offsets',
      fileOf('{"a":{"dtype":"F32","shape":[1]}}', 4),
      'data_offsets must be a list of whole numbers, got nothing',
    ],
    [
      'a negative size',
      fileOf(`{"a":${entry('F32', '[-1]', '[0,4]')}}`, 4),
      "tensor 'a': shape must be whole numbers from 0 on, got -1",
    ],
    [
      'a negative zero',
      fileOf(`{"a":${entry('F32', '[-0]', '[0,0]')}}`),
      'shape must be whole numbers from 0 on, got -0',
    ],
    [
      'a fraction',
      fileOf(`{"a":${entry('F32', '[1.5]', '[0,6]')}}`, 6),
      'shape must be whole numbers from 0 on, got 1.5',
    ],
    [
      'a float that is whole',
      fileOf(`{"a":${entry('F32', '[1.0]', '[0,4]')}}`, 4),
      'shape must be whole numbers from 0 on, got 1.0',
    ],
    [
      'an exponent',
      fileOf(`{"a":${entry('F32', '[1]', '[0,4e0]')}}`, 4),
      'data_offsets must be whole numbers from 0 on, got 4e0',
    ],
    [
      'a size in a string',
      fileOf(`{"a":${entry('F32', '["1"]', '[0,4]')}}`, 4),
      `shape must be a list of whole numbers, but holds "1"`,
    ],
    ['a nested shape', fileOf(`{"a":${entry('F32', '[[1]]', '[0,4]')}}`, 4), 'but holds a list'],
    [
      'a null size',
      fileOf(`{"a":${entry('F32', '[null]', '[0,4]')}}`, 4),
      'shape must be whole numbers from 0 on, got null',
    ],
    ['a size beyond 2^53', fileOf(`{"a":${entry('F32', '[9007199254740993]', '[0,4]')}}`, 4), 'which is too large'],
    [
      'a shape that overflows',
      fileOf(`{"a":${entry('F32', '[4294967296,4294967296]', '[0,4]')}}`, 4),
      'shape [4294967296, 4294967296] is too large',
    ],
    [
      'a shape that overflows before a zero',
      fileOf(`{"a":${entry('F32', '[4294967296,4294967296,0]', '[0,0]')}}`),
      'is too large',
    ],
    [
      'one offset',
      fileOf(`{"a":${entry('F32', '[1]', '[4]')}}`, 4),
      'data_offsets must be [begin, end], got 1 numbers',
    ],
    [
      'three offsets',
      fileOf(`{"a":${entry('F32', '[1]', '[0,4,8]')}}`, 8),
      'data_offsets must be [begin, end], got 3 numbers',
    ],
    [
      'offsets backwards',
      fileOf(`{"a":${entry('F32', '[1]', '[4,0]')}}`, 4),
      "tensor 'a': data_offsets end at 0, before they begin at 4",
    ],
    [
      'bytes that the shape does not need',
      fileOf(`{"a":${entry('F32', '[2]', '[0,4]')}}`, 4),
      "tensor 'a': shape [2] of F32 takes 8 bytes, data_offsets [0, 4] hold 4",
    ],
    [
      'a hole at the start',
      fileOf(`{"a":${f32(4, 8)}}`, 8),
      "tensor 'a' begins at byte 4: the 4 bytes after the start belong to no tensor",
    ],
    [
      'a hole between tensors',
      fileOf(`{"b":${f32(8, 12)},"a":${f32(0, 4)}}`, 12),
      "tensor 'b' begins at byte 8: the 4 bytes after 'a' belong to no tensor",
    ],
    [
      'an overlap',
      fileOf(`{"a":${f32(0, 8)},"b":${f32(4, 12)}}`, 12),
      "tensor 'b' begins at byte 4, inside 'a', which ends at 8",
    ],
    [
      'two tensors in one place',
      fileOf(`{"a":${f32(0, 8)},"b":${f32(0, 8)}}`, 8),
      "tensor 'b' begins at byte 0, inside 'a', which ends at 8",
    ],
    [
      'missing bytes',
      fileOf(`{"a":${f32(0, 8)}}`, 7),
      'the file is incomplete: its tensors take 8 bytes, only 7 are there',
    ],
    ['excess bytes', fileOf(`{"a":${f32(0, 8)}}`, 9), '1 bytes behind the last tensor belong to no tensor'],
    ['bytes without tensors', fileOf('{}', 3), '3 bytes behind the last tensor belong to no tensor'],
    [
      'a name that is not Unicode',
      fileOf(`{"\\ud800":${f32(0, 4)}}`, 4),
      String.raw`the tensor name "\ud800" is not well-formed Unicode`,
    ],
  ];
  for (const [title, bytes, message] of cases) {
    it(title, async () => {
      const path = put(folder, 'wrong.safetensors', bytes);
      const error = await failure(open(path));
      expect(error).toBeInstanceOf(FormatError);
      expect(error.message.startsWith(`${path}: `), error.message).toBe(true);
      expect(error.message).toContain(message);
    });
  }

  it('deeply nested values do not exhaust the stack', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    expect(await failure(open(fileOf(`{"a":${deep}}`)))).toBeInstanceOf(FormatError);
    expect(await failure(open(fileOf(`{"__metadata__":{"a":${deep}}}`)))).toBeInstanceOf(FormatError);
  });

  it('any change of bytes gives a valid file or a FormatError', async () => {
    const valid = concat(
      serialize(
        {
          w: { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) },
          b: { dtype: 'int32', shape: [], data: Int32Array.of(3) },
        },
        { a: 'b' },
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat({ max: valid.length - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: -20, max: 5 }),
        async (changes, extra) => {
          const bytes = new Uint8Array(valid.length + Math.min(extra, 0));
          bytes.set(valid.subarray(0, bytes.length));
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          const padded = extra > 0 ? concat([bytes, new Uint8Array(extra)]) : bytes;
          try {
            const file = await open(padded);
            for (const key of file.keys()) await file.bytes(key);
          } catch (error) {
            expect(error).toBeInstanceOf(FormatError);
          }
        },
      ),
      { numRuns: 2000, seed: 21 },
    );
  });

  it('is accepted where only strangeness is: null metadata, unknown fields, padding, no tensors', async () => {
    const odd = await open(
      fileOf(
        '{"__metadata__":null,"a":{"dtype":"U8","shape":[0,7],"data_offsets":[0,0],"note":[1.5,{"x":[-1]}]}} \n\t ',
      ),
    );
    expect([odd.keys(), odd.metadata, odd.info('a').shape]).toEqual([['a'], {}, [0, 7]]);
    expect((await open(fileOf('{}'))).keys()).toEqual([]);
  });
});

describe('a path that cannot be opened or written', () => {
  it('is one sentence with the reason', async () => {
    const missing = join(folder, 'missing.safetensors');
    const refused: [() => Promise<unknown>, string][] = [
      [() => open(missing), `cannot open '${missing}': no such file or folder`],
      [() => open(folder), `cannot open '${folder}': it is not a regular file`],
      [() => open(join(put(folder, 'a file', fileOf('{}')), 'x')), 'a part of the path is not a folder'],
      [() => save(join(folder, 'no', 'such', 'x.safetensors'), {}), 'no such file or folder'],
      [() => save(folder, {}), `cannot write '${folder}': it is a folder`],
      [() => open(5 as unknown as string), 'opened from a path, a URL, a Blob, an ArrayBuffer or a Uint8Array'],
    ];
    for (const [call, message] of refused) {
      const error = await failure(call());
      expect(error).toBeInstanceOf(ArgumentError);
      expect(error.message).toContain(message);
    }
  });

  it('a page has no paths and says what to use', async () => {
    const opened = await failure(browser.openFile('m.safetensors'));
    expect(opened).toBeInstanceOf(ArgumentError);
    expect(opened.message).toMatch(/^cannot open 'm.safetensors': .*pass a URL object/);
    const written = await failure(browser.writeFileAtomically('m.safetensors', []));
    expect(written).toBeInstanceOf(ArgumentError);
    expect(written.message).toMatch(/^cannot write 'm.safetensors': .*new Blob\(serialize\(tensors\)\)/);
  });
});

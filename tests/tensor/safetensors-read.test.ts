// Reading safetensors files: one made by hand in Python (tests/goldens/safetensors_file.py) from every kind of source, and
// the files of real models where they are at hand.
import { existsSync, readFileSync, truncateSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  open,
  openWith,
  type SafetensorsDType,
  type SafetensorsFile,
  type Source,
  serialize,
} from '@course/tensor/safetensors';
import { describe, expect, it } from 'vitest';
import { ArgumentError, DisposedError, DTypeError, FormatError } from '../../packages/tensor/src/errors.js';
import { concat, failure, put, temporaryFolder } from './support/safetensors.js';

interface Golden {
  file: string;
  metadata: Record<string, string>;
  tensors: {
    name: string;
    dtype: SafetensorsDType;
    shape: number[];
    readAs: 'float32' | 'int32' | 'uint8' | 'bool' | null;
    values: (number | string)[] | null;
    bytes: string;
  }[];
}

const golden: Golden = JSON.parse(readFileSync(new URL('../goldens/safetensors_file.json', import.meta.url), 'utf8'));
const goldenBytes = new Uint8Array(Buffer.from(golden.file, 'base64'));
const folder = temporaryFolder();

async function checkGolden(file: SafetensorsFile): Promise<void> {
  expect(file.metadata).toEqual(golden.metadata);
  expect(file.keys()).toEqual(golden.tensors.map(({ name }) => name));
  for (const { name, dtype, shape, readAs, values, bytes } of golden.tensors) {
    expect(file.info(name)).toEqual({ dtype, shape, byteLength: bytes.length / 2 });
    expect(Buffer.from(await file.bytes(name)).toString('hex')).toBe(bytes);
    if (readAs === null || values === null) continue;
    const array = await file.array(name);
    expect([array.dtype, array.shape]).toEqual([readAs, shape]);
    const expected = values.map((value) =>
      Number(typeof value === 'string' ? value.replace('inf', 'Infinity') : value),
    );
    // toEqual tells -0 from 0 and takes NaN for NaN.
    expect(Array.from(array.data)).toEqual(expected);
  }
}

describe('reading a file made in Python', () => {
  const sources: [string, () => Source][] = [
    ['a path', () => put(folder, 'golden.safetensors', goldenBytes)],
    ['a file URL', () => pathToFileURL(put(folder, 'golden with space.safetensors', goldenBytes))],
    ['a Uint8Array', () => goldenBytes],
    ['a Uint8Array inside a larger buffer', () => new Uint8Array([1, 2, 3, ...goldenBytes, 4]).subarray(3, -1)],
    ['a Buffer', () => Buffer.from(goldenBytes)],
    ['an ArrayBuffer', () => goldenBytes.slice().buffer],
    ['a Blob', () => new Blob([goldenBytes.slice()])],
  ];
  for (const [title, source] of sources) {
    it(`from ${title}`, async () => {
      await using file = await open(source());
      await checkGolden(file);
    });
  }

  it('hands out copies: no change of the source or of a result reaches another result', async () => {
    const source = Buffer.from(goldenBytes);
    const file = await open(source);
    (await file.bytes('i32')).fill(0);
    const first = await file.array('i32');
    source.fill(0);
    expect([...first.data]).toEqual([2147483647, -2147483648, 7]);
  });

  it('names file, tensor and value where int32 cannot hold a number', async () => {
    const path = put(folder, 'large.safetensors', goldenBytes);
    await using file = await open(path);
    const messages = await Promise.all(
      ['too large', 'u32 large', 'u64 large'].map(async (name) => {
        const error = await failure(file.array(name));
        expect(error).toBeInstanceOf(FormatError);
        return error.message;
      }),
    );
    expect(messages).toEqual([
      `${path}: tensor 'too large': element 1 is 2147483648, which int32 cannot hold`,
      `${path}: tensor 'u32 large': element 1 is 2147483648, which int32 cannot hold`,
      `${path}: tensor 'u64 large': element 0 is 18446744073709551615, which int32 cannot hold`,
    ]);
  });

  it('leaves 8-bit floats to bytes()', async () => {
    const file = await open(goldenBytes);
    const error = await failure(file.array('f8'));
    expect(error).toBeInstanceOf(DTypeError);
    expect(error.message).toBe(
      "the given bytes: tensor 'f8': no dtype of ours holds F8_E4M3; bytes() reads it as it stands",
    );
  });

  it('says which tensors there are when one is not', async () => {
    const file = await open(goldenBytes);
    expect(file.has('nope')).toBe(false);
    expect(file.has('flags')).toBe(true);
    expect(() => file.info('nope')).toThrow(ArgumentError);
    expect(() => file.info('nope')).toThrow("no tensor 'nope' among its 22: 'flags', 'f32', 'f16', 'bf16', 'f64', …");
    await expect(file.bytes('toString')).rejects.toThrow(ArgumentError);
  });

  it('reads nothing after it was closed', async () => {
    const file = await open(put(folder, 'closed.safetensors', goldenBytes));
    const before = await file.array('i8');
    await file.close();
    await file.close();
    expect(await failure(file.array('i8'))).toBeInstanceOf(DisposedError);
    expect([...before.data]).toEqual([-128, 127]);
  });

  it('gives load what the caller makes of a host array', async () => {
    const file = await openWith(goldenBytes, (data, shape, dtype) => ({ sum: data.length, shape, dtype }));
    expect(await file.load('u8')).toEqual({ sum: 2, shape: [1, 1, 2], dtype: 'uint8' });
  });

  it('notices a file that has shrunk since', async () => {
    const path = put(folder, 'shrinking.safetensors', goldenBytes);
    await using file = await open(path);
    truncateSync(path, goldenBytes.length - 1);
    const error = await failure(file.array('7'));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toContain(`${path}: the file ends at byte ${goldenBytes.length - 1}, where 1 more`);
  });
});

describe('reading over HTTP', () => {
  async function served<T>(listener: RequestListener, use: (url: URL) => Promise<T>): Promise<T> {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      return await use(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/m.safetensors`));
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  /** A server of byte ranges that keeps count of what it sent. */
  function ranges(bytes: () => Uint8Array, options: { hideLength?: boolean; etag?: () => string } = {}) {
    const sent: [number, number][] = [];
    const listener: RequestListener = (request, response) => {
      const body = bytes();
      const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
      if (options.etag) response.setHeader('ETag', options.etag());
      if (match === null) {
        response.end(body);
        return;
      }
      const [first, last] = [Number(match[1]), Math.min(Number(match[2]), body.length - 1)];
      if (first > last) {
        response.writeHead(416, { 'Content-Range': `bytes */${body.length}` }).end();
        return;
      }
      sent.push([first, last]);
      const header = options.hideLength ? {} : { 'Content-Range': `bytes ${first}-${last}/${body.length}` };
      response.writeHead(206, header).end(body.subarray(first, last + 1));
    };
    return { listener, sent };
  }

  it('asks for the beginning, then for the tensors that are wanted, and for the rest of a long header', async () => {
    const weights = { dtype: 'F32', shape: [50_000], data: new Float32Array(50_000).fill(0.5) } as const;
    const last = { dtype: 'I8', shape: [2], data: Int32Array.of(-128, 127) } as const;
    const short = concat(serialize({ weights, last }));
    const one = ranges(() => short);
    await served(one.listener, async (url) => {
      const file = await open(url);
      expect(one.sent).toEqual([[0, 16383]]);
      expect([...(await file.array('last')).data]).toEqual([-128, 127]);
      expect(one.sent.slice(1)).toEqual([[short.length - 2, short.length - 1]]);
      expect((await file.array('weights')).data).toEqual(weights.data);
    });

    const long = concat(serialize({ last }, { notes: 'x'.repeat(20_000) }));
    const two = ranges(() => long);
    await served(two.listener, async (url) => {
      const file = await open(url);
      expect(two.sent).toEqual([
        [0, 16383],
        [8, long.length - 3],
      ]);
      expect([...(await file.array('last')).data]).toEqual([-128, 127]);
    });
    await served(ranges(() => goldenBytes).listener, async (url) => checkGolden(await open(url)));
  });

  it('takes the whole file from a server that has no ranges or hides the length', async () => {
    await served(
      (_, response) => response.end(goldenBytes),
      async (url) => checkGolden(await open(url)),
    );
    await served(ranges(() => goldenBytes, { hideLength: true }).listener, async (url) => checkGolden(await open(url)));
  });

  it.each([
    [401, /HTTP 401 Unauthorized: .*HF_TOKEN/],
    [403, /HTTP 403 Forbidden: .*by its id/],
    [429, /HTTP 429 Too Many Requests: .*wait a while/],
    [500, /HTTP 500 Internal Server Error: .*try again later/],
    [503, /HTTP 503 Service Unavailable: .*try again later/],
  ])('says what to do about an answer of %i', async (status, message) => {
    await served(
      (_, response) => response.writeHead(status).end('no'),
      async (url) => {
        const error = await failure(open(url));
        expect(error).toBeInstanceOf(ArgumentError);
        expect(error.message).toMatch(message);
      },
    );
  });

  it('names an answer that was cut, and a server that is not there', async () => {
    const { listener } = ranges(() => goldenBytes);
    let cut = true;
    await served(
      (request, response) => {
        if (!cut) return listener(request, response);
        response.writeHead(206, { 'Content-Length': goldenBytes.length, 'Content-Range': 'bytes 0-9/10' });
        response.write(goldenBytes.subarray(0, 100), () => response.destroy());
      },
      async (url) => {
        const error = await failure(open(url));
        expect(error).toBeInstanceOf(ArgumentError);
        expect(error.message).toMatch(/the connection was cut within the answer .*; try again/);
        // The same file once the line holds.
        cut = false;
        await checkGolden(await open(url));
      },
    );
    const gone = await failure(open(new URL('http://127.0.0.1:1/m.safetensors')));
    expect(gone).toBeInstanceOf(ArgumentError);
    expect(gone.message).toMatch(/cannot open .*is the address right/);
  });

  it('refuses what is not there, what is too short, and what changes meanwhile', async () => {
    await served(
      (_, response) => response.writeHead(404).end('nothing'),
      async (url) => {
        const error = await failure(open(url));
        expect(error).toBeInstanceOf(ArgumentError);
        expect(error.message).toBe(
          `cannot open '${url.href}': HTTP 404 Not Found: there is no such file at that address`,
        );
      },
    );
    for (const size of [0, 3]) {
      await served(ranges(() => new Uint8Array(size)).listener, async (url) => {
        const error = await failure(open(url));
        expect(error).toBeInstanceOf(FormatError);
        expect(error.message).toContain(`takes 8 bytes, the file has ${size}`);
      });
    }
    let version = 0;
    const large = concat(serialize({ x: { dtype: 'U8', shape: [20_000], data: new Uint8Array(20_000) } }));
    await served(ranges(() => large, { etag: () => `"${version}"` }).listener, async (url) => {
      const file = await open(url);
      version = 1;
      expect((await failure(file.bytes('x'))).message).toBe(`${url.href}: the file changed while it was read`);
    });
    const gone = await served(ranges(() => goldenBytes).listener, async (url) => url);
    expect(await failure(open(gone))).toBeInstanceOf(ArgumentError);
  });
});

// Real files: not part of the project, looked for beside it or where COURSE_DATA says.
const data = process.env.COURSE_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url));
const missing = ['fixtures', 'models/tiny-bert-sst2'].filter((part) => !existsSync(join(data, part)));
if (missing.length > 0)
  console.info(`safetensors: files of real models skipped, ${missing.join(' and ')} not found in ${data}`);

describe.skipIf(missing.length > 0)('files of real models', () => {
  it('an interrupted download is refused', async () => {
    const path = join(data, 'fixtures/all-MiniLM-L6-v2.truncated.safetensors');
    const error = await failure(open(path));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toBe(
      `${path}: the file is incomplete: its tensors take 90852864 bytes, only 1823680 are there (an interrupted download?)`,
    );
  });

  it('the header written for the same tensors is that of the published file, to the byte', () => {
    const published = readFileSync(join(data, 'fixtures/all-MiniLM-L6-v2.truncated.safetensors'));
    const length = Number(published.readBigUInt64LE(0));
    const { __metadata__, ...entries } = JSON.parse(published.subarray(8, 8 + length).toString()) as {
      [name: string]: { dtype: SafetensorsDType; shape: number[]; data_offsets: [number, number] };
    } & { __metadata__: Record<string, string> };
    const tensors = Object.entries(entries)
      .reverse()
      .map(([name, { dtype, shape, data_offsets }]) => {
        return [name, { dtype, shape, data: new Uint8Array(data_offsets[1] - data_offsets[0]) }] as const;
      });
    const [header] = serialize(new Map(tensors), __metadata__);
    expect(Buffer.compare(header ?? new Uint8Array(), published.subarray(0, 8 + length))).toBe(0);
  });

  it('a checkpoint has its tensors', async () => {
    await using file = await open(join(data, 'models/tiny-bert-sst2/model.safetensors'));
    expect(file.metadata).toEqual({ format: 'pt' });
    expect(file.keys()).toHaveLength(41);
    expect(file.info('bert.embeddings.word_embeddings.weight')).toEqual({
      dtype: 'F32',
      shape: [30522, 128],
      byteLength: 30522 * 128 * 4,
    });
    const weight = await file.array('classifier.weight');
    expect(weight.shape).toEqual([2, 128]);
    expect(weight.data.every((value) => Number.isFinite(value) && Math.abs(value) < 1)).toBe(true);
  });
});

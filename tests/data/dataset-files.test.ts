// Data sets from files of every kind: Parquet, gzip, JSON arrays, folders, URLs, the hub (a mock on loopback), and streams that hold
// no more of a file than a block. Parquet files are written by hyparquet-writer.

import { once } from 'node:events';
import { createWriteStream, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { loadDataset } from '@course/data';
import { HubError } from '@course/data/hub';
import { ArgumentError, FormatError } from '@course/tensor';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure, temporaryFolder } from './support/files.js';
import { MockHub } from './support/mock-hub.js';

const { folder, write } = temporaryFolder();

/** Reviews as the data sets of the courses have them. */
function parquet(from: number, count: number, { rowGroupSize = 4, told = true } = {}): Buffer {
  const numbers = Array.from({ length: count }, (_, i) => from + i);
  const features = { text: { dtype: 'string', _type: 'Value' }, label: { names: ['neg', 'pos'], _type: 'ClassLabel' } };
  const content = parquetWriteBuffer({
    columnData: [
      { name: 'text', data: numbers.map((i) => `review ${i} 😀`), type: 'STRING' },
      { name: 'label', data: numbers.map((i) => BigInt(i % 2)), type: 'INT64' },
    ],
    rowGroupSize,
    ...(told && { kvMetadata: [{ key: 'huggingface', value: JSON.stringify({ info: { features } }) }] }),
  });
  return Buffer.from(content);
}

describe('Parquet', () => {
  it('has rows, and classes where its writer told them', async () => {
    const file = write('reviews.parquet', parquet(0, 11));
    const dataset = await loadDataset<{ text: string; label: number }>('parquet', {
      dataFiles: file,
      fields: ['text'],
    });
    expect(dataset.length).toBe(11);
    expect(dataset.at(10)).toEqual({ text: 'review 10 😀', label: 0 });
    expect(dataset.features.label).toEqual({ type: 'ClassLabel', names: ['neg', 'pos'] });
    expect(dataset.features.text).toEqual({ type: 'Value', dtype: 'string' });
    const stream = await loadDataset<{ label: number }>('parquet', { dataFiles: file, streaming: true });
    expect((await stream.toDataset()).column('label')).toEqual(dataset.column('label'));
  });

  it('keeps integers that are no exact numbers', async () => {
    const data = [2n ** 60n, 5n];
    const content = parquetWriteBuffer({ columnData: [{ name: 'id', data, type: 'INT64' }] });
    const dataset = await loadDataset('parquet', { dataFiles: write('ids.parquet', new Uint8Array(content)) });
    expect(dataset.column('id')).toEqual([2n ** 60n, 5]);
  });

  it('that is cut, or is none, is named', async () => {
    const whole = parquet(0, 50);
    for (const length of [0, 3, 4, 11, 100, whole.length - 9, whole.length - 1]) {
      const error = await failure(
        loadDataset('parquet', { dataFiles: write('cut.parquet', whole.subarray(0, length)) }),
      );
      expect(error).toBeInstanceOf(FormatError);
      expect(error.message).toMatch(/cut\.parquet: (not a Parquet file, or not all of one|no rows)/);
    }
    const missing = await failure(loadDataset('parquet', { dataFiles: join(folder, 'none.parquet') }));
    expect(missing).toBeInstanceOf(FormatError);
    const file = write('fields.parquet', parquet(0, 3));
    const wrong = await failure(loadDataset<{ stars: number }>('parquet', { dataFiles: file, fields: ['stars'] }));
    expect(wrong.message).toMatch(/fields.parquet, row 1: no field "stars"; the row has "text", "label"$/);
  });
});

describe('gzip', () => {
  const lines = Array.from({ length: 5000 }, (_, i) => JSON.stringify({ i, text: `row ${i}` })).join('\n');

  it('is understood whatever the name', async () => {
    for (const name of ['rows.jsonl.gz', 'rows.jsonl']) {
      const dataset = await loadDataset<{ i: number }>('json', { dataFiles: write(name, gzipSync(lines)) });
      expect([dataset.length, dataset.at(-1).i]).toEqual([5000, 4999]);
    }
    const tabs = await loadDataset('csv', { dataFiles: write('x.tsv.gz', gzipSync('a\tb\n1,5\t2\n')) });
    expect(tabs.at(0)).toEqual({ a: '1,5', b: 2 });
    // Several members, as `cat a.gz b.gz` makes.
    const two = Buffer.concat([gzipSync('one\n'), gzipSync('two\n')]);
    expect((await loadDataset('text', { dataFiles: write('two.gz', two) })).length).toBe(2);
  });

  it('that is cut is named', async () => {
    const packed = gzipSync(lines);
    const error = await failure(loadDataset('json', { dataFiles: write('cut.gz', packed.subarray(0, 2000)) }));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toContain('cut.gz: not a whole gzip file');
  });
});

describe('JSON', () => {
  it('may be an array, or hold one under a field', async () => {
    const rows = [{ a: 1 }, { a: 2 }];
    const array = write('array.json', JSON.stringify(rows, null, 2));
    expect([...(await loadDataset('json', { dataFiles: array }))]).toEqual(rows);
    const nested = write('nested.json', JSON.stringify({ version: 1, data: rows }, null, 2));
    expect([...(await loadDataset('json', { dataFiles: nested, field: 'data' }))]).toEqual(rows);
    const error = await failure(loadDataset('json', { dataFiles: nested, field: 'rows' }));
    expect(error.message).toMatch(/nested.json: no field "rows"; there is version, data$/);
  });
});

describe('folders', () => {
  const put = (path: string, content: string): void => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), content);
  };

  it('of text by class', async () => {
    for (const [path, text] of [
      ['pos/2.txt', 'good\nfilm'],
      ['pos/10.txt', 'fine'],
      ['neg/1.txt', 'bad'],
      ['unsup/3.txt', '?'],
    ] as const)
      put(`imdb/${path}`, text);
    const all = await loadDataset('textfolder', { dataFiles: join(folder, 'imdb') });
    expect(all.features.label).toEqual({ type: 'ClassLabel', names: ['neg', 'pos', 'unsup'] });
    const two = await loadDataset('textfolder', { dataFiles: join(folder, 'imdb'), classNames: ['neg', 'pos'] });
    expect([...two]).toEqual([
      { text: 'bad', label: 0 },
      { text: 'fine', label: 1 },
      { text: 'good\nfilm', label: 1 },
    ]);
    const error = await failure(loadDataset('textfolder', { dataFiles: join(folder, 'imdb'), classNames: ['mixed'] }));
    expect(error.message).toContain('no text files in mixed; there are neg, pos, unsup');
  });

  it('of files of a format', async () => {
    put('lines/a.txt', 'one\ntwo\n');
    put('lines/deep/b.txt', 'three\n');
    const dataFiles = join(folder, 'lines');
    expect((await loadDataset('text', { dataFiles })).column('text')).toEqual(['one', 'two', 'three']);
    const documents = await loadDataset('text', { dataFiles, sampleBy: 'document' });
    expect(documents.column('text')).toEqual(['one\ntwo\n', 'three\n']);
  });

  it('of text by line, paragraph or document, as Python reads text', async () => {
    // What `open(…).read()` and `split` make of these in Python.
    put('poem/a.txt', '\ufeffone\r\ntwo\r\n\r\nthree\r\n\r\n\r\nfour\rfive\n');
    put('poem/b.txt', '\n\nsix\n\n');
    const dataFiles = join(folder, 'poem');
    const read = async (sampleBy: 'line' | 'paragraph' | 'document'): Promise<unknown[]> =>
      (await loadDataset('text', { dataFiles, sampleBy })).column('text');
    expect(await read('line')).toEqual(['one', 'two', '', 'three', '', '', 'four', 'five', '', '', 'six', '']);
    expect(await read('paragraph')).toEqual(['one\ntwo', 'three', '\nfour\nfive\n', 'six']);
    expect(await read('document')).toEqual(['one\ntwo\n\nthree\n\n\nfour\nfive\n', '\n\nsix\n\n']);
    // @ts-expect-error no such unit
    const odd = loadDataset('text', { dataFiles, sampleBy: 'word' });
    expect((await failure(odd)).message).toContain("must be 'line', 'paragraph' or 'document', got \"word\"");
  });

  it('of paragraphs are the same wherever the file is cut into blocks', async () => {
    // Blocks are some 256 KB: paragraphs that end at, before and after their ends, and one that spans several.
    const paragraphs = Array.from({ length: 400 }, (_, i) => `${i} ${'word\n'.repeat(i * 7)}end`);
    paragraphs.push(`last ${'x y\n'.repeat(300_000)}end`);
    for (const parts of ['\n\n', '\n\n\n\n', '\r\n\r\n']) {
      const dataFiles = write('paragraphs.txt', paragraphs.join(parts));
      const read = await loadDataset<{ text: string }>('text', { dataFiles, sampleBy: 'paragraph' });
      expect(read.column('text')).toEqual(paragraphs);
    }
    const dataFiles = join(folder, 'paragraphs.txt');
    const error = await failure(loadDataset('text', { dataFiles, sampleBy: 'paragraph', maxLineBytes: 2 ** 19 }));
    expect(error.message).toMatch(/paragraphs.txt, line \d+: a paragraph longer than the 524288 bytes/);
    const check = (row: { text: string }): string | undefined => (row.text.startsWith('2 ') ? 'no twos' : undefined);
    const two = await failure(loadDataset('text', { dataFiles, sampleBy: 'paragraph', check }));
    // Three paragraphs of 1, 8 and 15 lines, with a blank one between.
    expect(two.message).toMatch(/line 12: no twos$/);
  });

  it('with splits in their names', async () => {
    put('splits/train.csv', 'a\n1\n2\n');
    put('splits/dev.csv', 'a\n3\n');
    const dataset = await loadDataset(join(folder, 'splits'));
    expect(Object.keys(dataset)).toEqual(['train', 'validation']);
    const train = await loadDataset<{ a: number }>(join(folder, 'splits'), { split: 'train[1:]+validation' });
    expect(train.column('a')).toEqual([2, 3]);
    expect(await failure(loadDataset(join(folder, 'splits'), { split: 'test' }))).toBeInstanceOf(ArgumentError);
    expect(await failure(loadDataset('./no/such/folder'))).toBeInstanceOf(FormatError);
  });
});

describe('URLs', () => {
  const content = gzipSync('{"a": 1}\n{"a": 2}\n');
  const file = parquet(0, 10);
  const server = createServer((request, response) => {
    if (request.url === '/rows.jsonl.gz') response.end(content);
    else if (request.url === '/rows.parquet') {
      const [, from = '0', to = ''] = /bytes=(\d*)-(\d*)/.exec(request.headers.range ?? '') ?? [];
      const part = file.subarray(Number(from), to === '' ? undefined : Number(to) + 1);
      const headers = { 'content-length': String(part.length), 'accept-ranges': 'bytes' };
      response.writeHead(request.headers.range ? 206 : 200, headers).end(request.method === 'HEAD' ? undefined : part);
    } else response.writeHead(404).end();
  });
  let origin = '';
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => void server.close());

  it('are read like files', async () => {
    expect((await loadDataset('json', { dataFiles: `${origin}/rows.jsonl.gz` })).column('a')).toEqual([1, 2]);
    expect((await loadDataset('parquet', { dataFiles: `${origin}/rows.parquet` })).length).toBe(10);
    const error = await failure(loadDataset('json', { dataFiles: `${origin}/none` }));
    expect(error.message).toBe(`${origin}/none: no such file`);
    expect(await failure(loadDataset('parquet', { dataFiles: `${origin}/none` }))).toBeInstanceOf(FormatError);
  });
});

describe('the hub', () => {
  let hub: MockHub;
  let options: { endpoint: string; cacheDir: string; retries: number };
  beforeAll(async () => {
    hub = await MockHub.start();
    options = { endpoint: hub.endpoint, cacheDir: join(folder, 'cache'), retries: 0 };
    const large = (from: number, count: number) => ({ content: parquet(from, count), large: true });
    const type = 'dataset';
    // The layouts of the data sets of the courses.
    hub.repos.set('imdb', {
      type,
      files: {
        'README.md': `---
dataset_info:
  config_name: plain_text
  features:
  - name: text
    dtype: string
configs:
- config_name: plain_text
  default: true
  data_files:
  - split: train
    path: plain_text/train-*
  - split: test
    path: plain_text/test-*
  - split: unsupervised
    path: plain_text/unsupervised-*
---
# IMDb`,
        'plain_text/train-00000-of-00001.parquet': large(0, 8),
        'plain_text/test-00000-of-00001.parquet': large(8, 4),
        'plain_text/unsupervised-00000-of-00001.parquet': large(12, 2),
      },
    });
    const classes = (names: readonly string[]): string =>
      names.map((name, i) => `\n          '${i}': ${name}`).join('');
    hub.repos.set('yelp_review_full', {
      type,
      files: {
        'README.md': `---
license:
- other
dataset_info:
  config_name: yelp_review_full
  features:
  - name: label
    dtype:
      class_label:
        names:${classes(['1 star', '2 star', '3 stars', '4 stars', '5 stars'])}
  - name: text
    dtype: string
configs:
- config_name: yelp_review_full
  data_files:
  - split: train
    path: yelp_review_full/train-*
  - split: test
    path: yelp_review_full/test-*
  default: true
---
# Yelp`,
        'yelp_review_full/train-00000-of-00001.parquet': large(0, 6),
        'yelp_review_full/test-00000-of-00001.parquet': large(6, 2),
      },
    });
    hub.repos.set('ag_news', {
      type,
      files: {
        'README.md': `---
dataset_info:
  features:
  - name: text
    dtype: string
  - name: label
    dtype:
      class_label:
        names:${classes(['World', 'Sports', 'Business', 'Sci/Tech'])}
  splits:
  - name: train
    num_examples: 120000
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*
  - split: test
    path: data/test-*
---
# AG News`,
        // Written by something else than `datasets`: the classes are told by the README alone.
        'data/train-00000-of-00001.parquet': { content: parquet(0, 7, { told: false }), large: true },
        'data/test-00000-of-00001.parquet': { content: parquet(7, 3, { told: false }), large: true },
      },
    });
    hub.repos.set('sst2', {
      type,
      files: {
        'README.md': `---
dataset_info:
  features:
  - name: idx
    dtype: int32
  - name: sentence
    dtype: string
  - name: label
    dtype:
      class_label:
        names:${classes(['negative', 'positive'])}
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*
  - split: validation
    path: data/validation-*
---
# SST-2`,
        'data/train-00000-of-00002.parquet': large(0, 5),
        'data/train-00001-of-00002.parquet': large(5, 5),
        'data/validation-00000-of-00001.parquet': large(10, 2),
      },
    });
    const config = (name: string): string => `- config_name: ${name}\n  data_files: ${name}/*.csv`;
    hub.repos.set('someone/two', {
      type,
      files: {
        'README.md': `---\nconfigs:\n${config('first')}\n${config('second')}\n---\n`,
        'first/x.csv': 'a\n1\n',
        'second/x.csv': 'a\n2\n',
      },
    });
    hub.repos.set('someone/nothing', { type, files: { 'model.bin': 'x' } });
  });
  afterAll(() => hub.stop());

  it('has data sets by id, kept in the cache', async () => {
    const imdb = await loadDataset<{ text: string; label: number }, 'train' | 'test'>('imdb', options);
    expect(Object.keys(imdb)).toEqual(['train', 'test', 'unsupervised']);
    expect(imdb.train.at(7)).toEqual({ text: 'review 7 😀', label: 1 });
    expect(imdb.test.features.label).toEqual({ type: 'ClassLabel', names: ['neg', 'pos'] });
    const sst2 = await loadDataset('sst2', { ...options, split: 'train' });
    expect(sst2.length).toBe(10);
    expect((await loadDataset('sst2', { ...options, split: 'train[:20%]+validation' })).length).toBe(4);
    hub.reset();
    const again = await loadDataset('imdb', { ...options, split: 'test', localFilesOnly: true });
    expect(again.length).toBe(4);
    expect(hub.requests).toEqual([]);
    const stream = await loadDataset<{ label: number }>('imdb', { ...options, split: 'train', streaming: true });
    expect((await stream.take(3).toDataset()).column('label')).toEqual([0, 1, 0]);
  });

  it.each([
    ['imdb', { train: 8, test: 4, unsupervised: 2 }],
    ['yelp_review_full', { train: 6, test: 2 }],
    ['ag_news', { train: 7, test: 3 }],
    ['sst2', { train: 10, validation: 2 }],
  ])('has %s with its splits', async (id, sizes) => {
    const splits = await loadDataset<{ text: string; label: number }>(id, options);
    expect(Object.fromEntries(Object.entries(splits).map(([name, { length }]) => [name, length]))).toEqual(sizes);
    // A file's own word about its classes goes before the README's.
    const names = id === 'ag_news' ? ['World', 'Sports', 'Business', 'Sci/Tech'] : ['neg', 'pos'];
    expect(splits.train?.features.label).toEqual({ type: 'ClassLabel', names });
    expect(await loadDataset(id, { ...options, split: 'train[:2]' })).toHaveLength(2);
  });

  it('has configurations', async () => {
    const second = await loadDataset('someone/two', { ...options, name: 'second', split: 'train' });
    expect(second.column('a')).toEqual([2]);
    expect((await failure(loadDataset('someone/two', options))).message).toMatch(/configurations: first, second$/);
    expect((await failure(loadDataset('someone/two', { ...options, name: 'third' }))).message).toMatch(
      /there are first, second$/,
    );
  });

  it('names what it does not have', async () => {
    const none = (await failure(loadDataset('someone/none', options))) as HubError;
    expect(none).toBeInstanceOf(HubError);
    expect(none.kind).toBe('no-repository');
    const unconverted = (await failure(loadDataset('someone/nothing', options))) as HubError;
    expect(unconverted.kind).toBe('no-revision');
    const gone = { ...options, endpoint: 'http://127.0.0.1:9', cacheDir: join(folder, 'other') };
    expect(((await failure(loadDataset('imdb', gone))) as HubError).kind).toBe('unreachable');
  });
});

describe('streams', () => {
  it('settle the types of CSV columns by the first block', async () => {
    const file = write('late.csv', `a,b\n${'1,x\n'.repeat(100_000)}oops,y\n`);
    const stream = await loadDataset<{ a: number; b: string }>('csv', { dataFiles: file, streaming: true });
    expect([...(await stream.take(1).toDataset())]).toEqual([{ a: 1, b: 'x' }]);
    expect((await failure(stream.toDataset())).message).toMatch(
      /line 100002: a: expected a number, found "oops", as the first/,
    );
    const texts = await loadDataset('csv', { dataFiles: file, streaming: true, types: { a: 'string' } });
    expect((await texts.toDataset()).at(-1)).toEqual({ a: 'oops', b: 'y' });
    expect((await loadDataset('csv', { dataFiles: file })).at(0)).toEqual({ a: '1', b: 'x' });
  });

  // 50 MB here; COURSE_STREAM_MB=2048 for the long check.
  it('hold little of a file', { timeout: 600_000 }, async () => {
    const megabytes = Number(process.env.COURSE_STREAM_MB ?? 50);
    const path = join(folder, 'large.jsonl');
    const out = createWriteStream(path);
    const line = `${JSON.stringify({ text: 'x'.repeat(1000), label: 1 })}\n`;
    const block = line.repeat(1000);
    for (let size = 0; size < megabytes * 2 ** 20; size += block.length)
      if (!out.write(block)) await once(out, 'drain');
    out.end();
    await once(out, 'finish');
    const before = process.memoryUsage().rss;
    let most = 0;
    let count = 0;
    const stream = await loadDataset<{ text: string; label: number }>('json', { dataFiles: path, streaming: true });
    for await (const row of stream.filter(({ label }) => label === 1).shuffle({ seed: 1, bufferSize: 100 })) {
      count += row.label;
      if (count % 5000 === 0) most = Math.max(most, process.memoryUsage().rss - before);
    }
    expect(count).toBe(statSync(path).size / line.length);
    // What a whole file in memory would exceed at 2 GB, garbage included.
    expect(most).toBeLessThan(200 * 2 ** 20);
  });
});

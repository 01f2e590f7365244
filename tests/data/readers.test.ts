// Readers: what each format means, and every way a file can be wrong, with the file and the line that the error must name.
import { once } from 'node:events';
import { createWriteStream, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { BertTokenizer, type Dataset, type LoadDatasetOptions, loadDataset } from '@course/data';
import { ArgumentError, FormatError } from '@course/tensor';
import * as fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { readBlocks } from '../../packages/data/src/readers/blocks.js';
import { readCsv } from '../../packages/data/src/readers/csv.js';
import { failure, temporaryFolder } from './support/files.js';
import { smallVocab } from './support/vocabulary.js';

const { folder, write } = temporaryFolder();
type AnyOptions = LoadDatasetOptions<Record<string, unknown>>;
const load = (
  format: 'json' | 'csv' | 'text',
  file: string,
  options: AnyOptions = {},
): Promise<Dataset<Record<string, unknown>>> => loadDataset(format, { dataFiles: file, ...options });
const rows = async (format: 'json' | 'csv' | 'text', file: string, options: AnyOptions = {}): Promise<unknown[]> => [
  ...(await load(format, file, options)),
];

async function refused(promise: Promise<unknown>, message: string | RegExp): Promise<void> {
  const error = await failure(promise);
  expect(error).toBeInstanceOf(FormatError);
  if (typeof message === 'string') expect(error.message).toBe(message);
  else expect(error.message).toMatch(message);
}

describe('any file', () => {
  it('must exist', async () => {
    const empty = join(folder, 'empty-folder');
    await mkdir(empty);
    for (const format of ['json', 'csv', 'text'] as const) {
      await refused(load(format, join(folder, 'none.txt')), `${join(folder, 'none.txt')}: no such file`);
      await refused(load(format, empty), `${empty}: no files of the format '${format}' in this folder`);
    }
    await refused(load('text', join(write('plain', 'x'), 'inside')), /no such file$/);
  });

  it('must hold something', async () => {
    const empty = write('empty', '');
    const blank = write('blank', '\n\n');
    await refused(load('json', empty), `${empty}: the file is empty`);
    await refused(load('json', blank), `${blank}: no rows in this file`);
    await refused(load('csv', write('header.csv', 'text,label\n')), /no rows in this file$/);
    expect(await rows('text', blank)).toEqual([{ text: '' }, { text: '' }]);
  });

  it('must be UTF-8, and is told where it is not', async () => {
    const latin = write('latin', Uint8Array.of(0x61, 0x0a, 0x62, 0x0a, 0xe9, 0x0a));
    for (const format of ['json', 'csv', 'text'] as const) {
      const expected = format === 'json' ? /latin, line 3: not UTF-8 text$/ : `${latin}, line 3: not UTF-8 text`;
      await refused(load(format, latin), expected);
    }
    await refused(load('text', write('cut', Uint8Array.of(0x61, 0x0a, 0xe4, 0xb8))), /cut, line 2: not UTF-8 text$/);
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('{"a": 1}', 'utf16le')]);
    await refused(load('json', write('utf16', utf16)), /line 1: not UTF-8 text \(it starts like UTF-16\)$/);
    await refused(load('text', write('zipped', Uint8Array.of(0x1f, 0x8b, 8, 0xff))), /zipped: not a whole gzip file: /);
  });

  it('may start with a byte order mark and end its lines with CRLF; neither is content', async () => {
    const json = '\ufeff{"a": "x"}\r\n\r\n{"a": "\ufeff"}\r\n';
    expect(await rows('json', write('bom.jsonl', json))).toEqual([{ a: 'x' }, { a: '\ufeff' }]);
    expect(await rows('csv', write('bom.csv', '\ufeffa,b\r\n1,x\r\n2,"y\r\nz"\r\n'))).toEqual([
      { a: 1, b: 'x' },
      { a: 2, b: 'y\nz' },
    ]);
    expect(await rows('text', write('bom.txt', '\ufeffone\r\n\ufefftwo\r\nthree'))).toEqual([
      { text: 'one' },
      { text: '\ufefftwo' },
      { text: 'three' },
    ]);
  });

  it('may not have a line that is too long', async () => {
    const long = write('long', `short\n${'x'.repeat(1000)}\n`);
    await refused(
      load('text', long, { maxLineBytes: 999 }),
      `${long}, line 2: longer than the 999 bytes that a line may have (maxLineBytes)`,
    );
    expect(await rows('text', long, { maxLineBytes: 1000 })).toHaveLength(2);
    expect(await failure(load('text', long, { maxLineBytes: 0 }))).toBeInstanceOf(ArgumentError);
  });

  it('is the same wherever its bytes are cut into pieces', async () => {
    // Larger than any piece that the stream hands out, with characters of one to four bytes astride every cut.
    const line = (i: number): string => 'aé中😀'.repeat(1 + (i % 97)) + String(i);
    const lines = Array.from({ length: 3000 }, (_, i) => line(i));
    const file = write('pieces', lines.join('\n'));
    const read: string[] = [];
    let expectedLine = 1;
    let blocks = 0;
    for await (const block of readBlocks(file)) {
      expect(block.line).toBe(expectedLine);
      const parts = block.text.split('\n');
      if (parts.at(-1) === '') parts.pop();
      read.push(...parts);
      expectedLine += parts.length;
      blocks++;
    }
    expect(blocks).toBeGreaterThan(2);
    expect(read).toEqual(lines);
  });

  it('of one endless line is refused without being held in memory', async () => {
    const file = join(folder, 'endless');
    const stream = createWriteStream(file);
    const piece = Buffer.alloc(2 ** 20, 'x');
    for (let i = 0; i < 96; i++) if (!stream.write(piece)) await once(stream, 'drain');
    await finished(stream.end());
    await refused(load('json', file), /endless, line 1: longer than the 67108864 bytes/);
  });
});

describe('odd content', () => {
  it('NUL bytes, lone surrogates, emoji and combining marks are text like any other', async () => {
    const odd = 'a\u0000b 👩‍👩‍👧 e\u0301\u0323 \ufffe';
    expect(await rows('text', write('odd.txt', `${odd}\n`))).toEqual([{ text: odd }]);
    expect(await rows('csv', write('odd.csv', `text,label\n${odd},1\n`))).toEqual([{ text: odd, label: 1 }]);
    // JSON has them escaped: a NUL as it stands is no JSON, and half a pair is what Python reads too.
    const escaped = write('odd.jsonl', `${JSON.stringify({ text: `${odd}\ud800` })}\n`);
    expect(await rows('json', escaped)).toEqual([{ text: `${odd}\ud800` }]);
    await refused(load('json', write('nul.jsonl', '{"a": 1}\n{"a": "\u0000"}\n')), /nul.jsonl, line 2: not valid JSON/);
    // UTF-8 that spells a surrogate is no UTF-8.
    await refused(
      load('text', write('cesu', Uint8Array.of(0x61, 0x0a, 0xed, 0xa0, 0x80))),
      /cesu, line 2: not UTF-8 text$/,
    );
  });

  it('a line of 100 MB is refused by its number, or read where it may be so long', async () => {
    const long = 'the tokens '.repeat(9_600_000);
    const file = write('long-line.txt', `short\n${long}\nafter\n`);
    await refused(
      load('text', file),
      `${file}, line 2: longer than the 67108864 bytes that a line may have (maxLineBytes)`,
    );
    const read = await loadDataset<{ text: string }>('text', { dataFiles: file, maxLineBytes: 2 ** 27 });
    expect(read.length).toBe(3);
    expect(read.at(1).text === long).toBe(true);
    const tokenizer = new BertTokenizer({ vocab: smallVocab });
    const { inputIds } = tokenizer.call(read.column('text'), { truncation: true, maxLength: 8 });
    expect(inputIds[1]).toHaveLength(8);
    rmSync(file);
  });
});

describe('JSON Lines', () => {
  it('has an object a line', async () => {
    const file = write('rows.jsonl', '{"text": "a\\u0301", "label": 1}\n\n  {"text": "b", "label": null}  ');
    expect(await rows('json', file)).toEqual([
      { text: 'a\u0301', label: 1 },
      { text: 'b', label: null },
    ]);
  });

  it('names the line that is none', async () => {
    const broken = (content: string): Promise<unknown> => load('json', write('broken.jsonl', content));
    await refused(broken('{"a": 1}\n{"a": 2\n{"a": 3}\n'), /broken.jsonl, line 2: not valid JSON: .+/);
    await refused(broken('{"a": 1}\n\n[1]'), /line 3: expected a JSON object, found an array$/);
    await refused(broken('"text"'), /line 1: expected a JSON object, found a string$/);
    await refused(broken('null'), /line 1: expected a JSON object, found null$/);
    await refused(broken('[\n{"a": 1},\n2]'), /broken.jsonl, row 2: expected a JSON object, found a number$/);
    await refused(broken('[{"a": 1'), /broken.jsonl: not valid JSON: /);
    await refused(broken('{"a": 1}\u0000'), /line 1: not valid JSON/);
  });

  it('must have the fields asked for, and pass the check', async () => {
    const file = write('fields.jsonl', '{"text": "a", "label": 1}\n{"text": "b"}\n');
    await refused(
      load('json', file, { fields: ['text', 'label'] }),
      `${file}, line 2: no field "label"; the row has "text"`,
    );
    const check = ({ label }: Record<string, unknown>): string | undefined =>
      label === undefined ? undefined : `unknown label ${label}: it may be 0`;
    await refused(load('json', file, { check }), `${file}, line 1: unknown label 1: it may be 0`);
    // A field that only Object.prototype has is no field.
    await refused(load('json', file, { fields: ['toString'] }), /no field "toString"/);
  });

  it('reads back what JSON.stringify wrote', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), { minLength: 1 }),
        async (objects) => {
          const file = write('any.jsonl', objects.map((object) => JSON.stringify(object)).join('\n'));
          expect(await rows('json', file)).toEqual(objects.map((object) => JSON.parse(JSON.stringify(object))));
        },
      ),
      { numRuns: 100, seed: 1 },
    );
  });
});

describe('CSV', () => {
  it('types columns by their values', async () => {
    const file = write(
      'types.csv',
      'text,label,score,ok,id,note,big\n1984,0,1e-3,true,007,,1\nUp,1,-.5,False,008,,12345678901234567890\n,,2,,009,,3\n',
    );
    expect(await rows('csv', file)).toEqual([
      { text: '1984', label: 0, score: 0.001, ok: true, id: '007', note: '', big: '1' },
      { text: 'Up', label: 1, score: -0.5, ok: false, id: '008', note: '', big: '12345678901234567890' },
      { text: '', label: null, score: 2, ok: null, id: '009', note: '', big: '3' },
    ]);
  });

  it('takes types as told', async () => {
    const file = write('told.csv', 'text,label\n1984,0\n7,x\n');
    expect(await rows('csv', write('text.csv', 'text\n1984\n7\n'), { types: { text: 'string' } })).toEqual([
      { text: '1984' },
      { text: '7' },
    ]);
    await refused(
      load('csv', file, { types: { label: 'number' } }),
      `${file}, line 3: label: expected a number, found "x"`,
    );
    await refused(
      load('csv', file, { types: { missing: 'number' } }),
      `${file}: no column "missing"; there are text, label`,
    );
  });

  it.each([
    ['comma.csv', 'a,b\n1;2,3\n', [{ a: '1;2', b: 3 }]],
    ['semicolon.csv', 'a;b\n1,5;3\n', [{ a: '1,5', b: 3 }]],
    ['quoted.csv', '"a;x","b"\n1,2\n', [{ 'a;x': 1, b: 2 }]],
    ['tab.txt', 'a\tb\n1,2\t3\n', [{ a: '1,2', b: 3 }]],
    ['rows.tsv', 'a\tb\n1,2\t3\n', [{ a: '1,2', b: 3 }]],
    ['one.csv', 'text\nhello world\n', [{ text: 'hello world' }]],
    ['blank-first.csv', '\n\na;b\n1;2\n', [{ a: 1, b: 2 }]],
  ])('finds the delimiter of %s', async (name, content, expected) => {
    expect(await rows('csv', write(name, content))).toEqual(expected);
  });

  it('reads quotes as RFC 4180 has them, or literally', async () => {
    const file = write('quotes.csv', 'a,b\n"x, ""y""\n\nz",1\n\n"",2\n');
    expect(await rows('csv', file)).toEqual([
      { a: 'x, "y"\n\nz', b: 1 },
      { a: '', b: 2 },
    ]);
    const literal = write('literal.tsv', 'a\tb\n"x\t1\ny"z\t2\n');
    expect(await rows('csv', literal, { quotes: false })).toEqual([
      { a: '"x', b: 1 },
      { a: 'y"z', b: 2 },
    ]);
  });

  it('takes names from the options, or numbers', async () => {
    const file = write('bare.csv', '1,x\n2,y\n');
    expect(await rows('csv', file, { header: ['label', 'text'] })).toEqual([
      { label: 1, text: 'x' },
      { label: 2, text: 'y' },
    ]);
    expect(await rows('csv', file, { header: false })).toEqual([
      { 0: 1, 1: 'x' },
      { 0: 2, 1: 'y' },
    ]);
    expect(await failure(load('csv', file, { header: ['a', 'a'] }))).toBeInstanceOf(ArgumentError);
    expect(await rows('csv', write('proto.csv', '__proto__,a\nx,y\n'))).toEqual([
      JSON.parse('{"__proto__": "x", "a": "y"}'),
    ]);
  });

  it('names the line of what does not fit', async () => {
    const broken = (content: string, options?: AnyOptions): Promise<unknown> =>
      load('csv', write('broken.csv', content), options);
    await refused(
      broken('a,b\n1,2\n"x\ny",3\n4,5,6\n'),
      /broken.csv, line 5: 3 fields where there are 2 columns \(a, b\)$/,
    );
    await refused(broken('a,b\n1\n'), /line 2: 1 fields where there are 2 columns/);
    await refused(broken('\na,b,a\n1,2,3\n'), /line 2: the column "a" occurs twice$/);
    await refused(broken('a,b\n1,2\n"x,3\n4,5\n'), /line 3: a quote that is not closed$/);
    await refused(broken('a,b\n1,2\n"x"y,3\n4,5\n'), /line 3: a stray quote after a quoted field$/);
    await refused(
      broken('a,b\n1,2\n'.replace('2', '"'.repeat(1) + 'x'.repeat(300)), { maxLineBytes: 200 }),
      /line 2: longer than the 200 bytes/,
    );
    expect(await failure(broken('a\n1\n', { delimiter: ', ' }))).toBeInstanceOf(ArgumentError);
  });

  it('gives up on a quote that is not closed, in memory and time bounded by maxLineBytes', async () => {
    const file = write('open.csv', `a,b\n"${'x\n'.repeat(2 ** 20)}`);
    await refused(
      load('csv', file, { maxLineBytes: 2 ** 18 }),
      /line 2: a row that has no end within 262144 bytes: is a quote not closed\?$/,
    );
    await refused(load('csv', file), /line 2: a quote that is not closed$/);
  });

  it('keeps exact lines and values over many blocks', async () => {
    const file = join(folder, 'blocks.csv');
    const records = Array.from({ length: 40_000 }, (_, i) => ({
      id: String(i),
      text: i % 3 === 0 ? `line\nof "${i}", é` : `row ${i}`,
    }));
    const quote = (text: string): string => (/[\n",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    writeFileSync(file, `id,text\n${records.map(({ id, text }) => `${id},${quote(text)}\n`).join('')}`);
    let line = 2;
    let i = 0;
    for await (const block of readCsv(file)) {
      for (const row of block) {
        expect(row).toEqual({ row: records[i], line });
        line += (records[i]?.text ?? '').split('\n').length;
        i++;
      }
    }
    expect(i).toBe(records.length);
  });

  it('reads back any values', async () => {
    const value = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', ';', ' ', '\t', 'é', "'"), maxLength: 6 });
    const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 8 }), async (pairs) => {
        const file = write('any.csv', `a,b\n${pairs.map((pair) => pair.map(quote).join(',')).join('\n')}`);
        expect(await rows('csv', file, { types: { a: 'string', b: 'string' } })).toEqual(
          pairs.map(([a, b]) => ({ a, b })),
        );
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});

describe('loadDataset', () => {
  it('loads one file, several files, or splits', async () => {
    const one = write('one.jsonl', '{"text": "a", "label": 1}\n');
    const two = write('two.jsonl', '{"text": "b", "label": 0}\n');
    const dataset = await loadDataset<{ text: string; label: number }>('json', {
      dataFiles: { train: [one, two], test: two },
    });
    expectTypeOf(dataset.train.at(0).label).toEqualTypeOf<number>();
    expect(dataset.train.column('text')).toEqual(['a', 'b']);
    expect(dataset.test.length).toBe(1);
    const named = await loadDataset('json', { dataFiles: { first: one, second: two } });
    expectTypeOf(named).toEqualTypeOf<{
      readonly first: Dataset<Record<string, unknown>>;
      readonly second: Dataset<Record<string, unknown>>;
    }>();
    expect(named.second.at(0)).toEqual({ text: 'b', label: 0 });
    expect((await loadDataset('json', { dataFiles: [one, two] })).length).toBe(2);
  });

  it('refuses what it does not know', async () => {
    const file = write('x.txt', 'x');
    expect(await failure(load('xml' as 'text', file))).toBeInstanceOf(ArgumentError);
    expect((await failure(load('text', file, { delimiter: ',' }))).message).toBe(
      "loadDataset: delimiter is an option of 'csv', not of 'text'",
    );
    await mkdir(join(folder, 'sub'));
    await refused(
      loadDataset('text', { dataFiles: { train: file, test: join(folder, 'sub') } }),
      /sub: no files of the format 'text' in this folder$/,
    );
  });
});

// Files as people have them, and machines as they are: marks and line ends of other systems, labels in other clothes, lines without
// an end, disks without room, narrow terminals. What can be read is read alike; for what cannot there is one sentence.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTexts } from '../../examples/src/sentiment/data.js';
import { captured, jsonl, runCaptured, tiny } from './support/run.js';

let folder: string;
const inFolder = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sentiment-input-'));
});
afterAll(() => rm(folder, { recursive: true }));

const rows = [
  { text: 'a fine film', label: 'good' },
  { text: 'a dull film, "really"', label: 'bad' },
];
const csv = 'text,label\na fine film,good\n"a dull film, ""really""",bad\n';

describe('the same texts are read from', () => {
  const mark = '\ufeff';
  it.each([
    ['JSON Lines', 'plain.jsonl', jsonl(rows)],
    ['JSON Lines with a byte order mark', 'mark.jsonl', mark + jsonl(rows)],
    ['JSON Lines with Windows line ends', 'windows.jsonl', jsonl(rows).replaceAll('\n', '\r\n')],
    ['JSON Lines without a last line end', 'end.jsonl', jsonl(rows).trimEnd()],
    ['a table', 'plain.csv', csv],
    ['a table with a byte order mark', 'mark.csv', mark + csv],
    ['a table with Windows line ends', 'windows.csv', csv.replaceAll('\n', '\r\n')],
    ['a table with all of these and blank lines', 'all.csv', `${mark}${csv.replaceAll('\n', '\r\n')}\r\n\r\n`],
    [
      'a table with other columns, in another order',
      'order.csv',
      'id,label,text\n1,good,a fine film\n2,bad,"a dull film, ""really"""\n',
    ],
  ])('%s', async (_, name, content) => {
    await writeFile(inFolder(name), content);
    expect([...(await loadTexts(inFolder(name)))]).toEqual(rows);
  });

  it('labels that are numbers and labels that are the same numbers as text', async () => {
    const numbers = [1, 0, 1].map((label, i) => ({ text: `text ${i}`, label }));
    await writeFile(inFolder('number.jsonl'), jsonl(numbers));
    await writeFile(
      inFolder('string.jsonl'),
      jsonl(numbers.map(({ text, label }) => ({ text, label: String(label) }))),
    );
    await writeFile(inFolder('mixed.jsonl'), jsonl(numbers.map((row, i) => (i === 0 ? { ...row, label: '1' } : row))));
    await writeFile(inFolder('number.csv'), 'text,label\ntext 0,1\ntext 1,0\ntext 2,1\n');
    const expected = [
      { text: 'text 0', label: '1' },
      { text: 'text 1', label: '0' },
      { text: 'text 2', label: '1' },
    ];
    for (const name of ['number.jsonl', 'string.jsonl', 'mixed.jsonl', 'number.csv']) {
      expect([...(await loadTexts(inFolder(name)))], name).toEqual(expected);
    }
  });
});

describe('a line without an end', () => {
  // 3 GiB of zeros that take no room on the disk.
  it.skipIf(process.platform === 'win32').each(['long.jsonl', 'long.csv'])('%s', async (name) => {
    const file = await open(inFolder(name), 'w');
    await file.truncate(3 * 2 ** 30);
    await file.close();
    const before = process.memoryUsage().rss;
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 5);
    const { code, stderr } = await runCaptured(...tiny, '--train', inFolder(name), '--out', inFolder('never'));
    clearInterval(watch);
    await rm(inFolder(name));
    expect(code).toBe(1);
    expect(stderr).toBe(
      `error: ${inFolder(name)}, line 1: longer than the 67108864 bytes that a line may have (maxLineBytes)\n`,
    );
    // Held are at most the 64 MiB of the line, in pieces, and as much again in chunks that wait to be collected.
    expect(most - before).toBeLessThan(512 * 2 ** 20);
  });
});

const main = fileURLToPath(new URL('../../examples/dist/sentiment/main.js', import.meta.url));
const canLimit = process.platform !== 'win32' && existsSync(main);

// The shell's limit on the size of files stands for a disk without room: writing fails in the middle of a file.
describe.skipIf(!canLimit)('no room for', () => {
  /** Runs the program where no file may be larger than `blocks` of 512 bytes (1024 in some shells). */
  const limited = (blocks: number, ...args: readonly string[]) =>
    spawnSync('sh', ['-c', `ulimit -f ${blocks}; exec "$@"`, 'sh', process.execPath, main, ...args], {
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    });

  beforeAll(async () => {
    const texts = Array.from({ length: 40 }, (_, i) => ({
      text: `text ${i} is ${i % 2 ? 'good' : 'bad'}`,
      label: i % 2,
    }));
    await writeFile(inFolder('texts.jsonl'), jsonl(texts));
  });

  it('a checkpoint ends the run with one sentence, and leaves nothing', async () => {
    const out = inFolder('small');
    const { status, stderr } = limited(8, ...tiny, '--train', inFolder('texts.jsonl'), '--out', out);
    expect(status).toBe(1);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(
      /^error: cannot write '.*model\.safetensors': the file would be larger than the system allows$/,
    );
    expect(existsSync(out) ? await readdir(out, { recursive: true }) : []).toEqual([]);
  });

  it('the report is said, and the model is saved all the same', async () => {
    const out = inFolder('medium');
    // 400 kB or 800 kB: more than the model takes, less than the page.
    const { status, stdout } = limited(800, ...tiny, '--train', inFolder('texts.jsonl'), '--out', out);
    expect(status).toBe(0);
    expect(stdout).toContain('Note: there is no report: cannot write');
    expect(await readdir(out)).toContain('model.safetensors');
    expect((await readdir(out)).filter((name) => name.includes('report'))).toEqual([]);
  });

  it('the model names the checkpoint to go on from, which then saves it', async () => {
    const out = inFolder('large');
    // Of few pieces of words, but with one label of 60 kB, which it holds twice: the configuration is the largest file.
    const long = 'x'.repeat(60_000);
    const texts = [0, 1, 2, 3].map((i) => ({ text: `text ${i}`, label: i % 2 ? 'good' : long }));
    await writeFile(inFolder('label.jsonl'), jsonl(texts));
    const { status, stderr } = limited(100, ...tiny, '--train', inFolder('label.jsonl'), '--out', out);
    expect(status).toBe(1);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(
      /^error: cannot write '.*config\.json': the file would be larger than the system allows; to go on from step 2: npm start -- --resume /,
    );
    const { code } = await runCaptured('--resume', out, '--text', 'a text');
    expect(code).toBe(0);
    expect(await readdir(out)).toContain('config.json');
  });
});

describe('a terminal of 40 columns', () => {
  it('shows tables and the bar that fit', async () => {
    const texts = Array.from({ length: 40 }, (_, i) => ({ text: `text ${i}`, label: i % 2 ? 'good' : 'bad' }));
    await writeFile(inFolder('narrow.jsonl'), jsonl(texts));
    const io = captured({ isTTY: true, columns: 40 });
    const sentence = 'a sentence that is a good deal longer than forty columns';
    const code = await io.run(
      ...[...tiny, '--train', inFolder('narrow.jsonl'), '--out', inFolder('narrow'), '--text', sentence],
    );
    expect(code).toBe(0);
    const table = io.stdout.split('\n').filter((line) => /[│┌└]/.test(line));
    expect(table.length).toBeGreaterThan(6);
    for (const line of table) expect(line.length, line).toBeLessThanOrEqual(40);
  });
});

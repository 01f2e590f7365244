// The page that a run leaves beside its model: it stands alone, it holds what was measured, and no text of a user becomes a part of
// its program.
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Script } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Report } from '../../examples/src/report/report.js';
import { generateReviews } from '../../examples/src/sentiment/reviews.js';
import { jsonl, runCaptured, tiny } from './support/run.js';

let folder: string;
const inFolder = (name: string): string => join(folder, name);
const sentences = ['a fine film', 'nothing </script><script>alert(1)</script> & "more"'];

interface PageFigure {
  choices: { name: string; values: string[] }[];
  panels: {
    title?: string;
    option: { series: { name: string; data: [number, number][] }[]; xAxis: { data: string[] } };
    heatmap?: { values: number[][]; texts?: string[][] };
  }[][];
}

/** The scripts of a page, and the data that the last of them is called with. */
function readPage(html: string): { scripts: string[]; figures: PageFigure[] } {
  const scripts = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, script]) => script ?? '');
  const data = /\)\(echarts, fitPanel, (.*)\);$/.exec(scripts.at(-1) ?? '')?.[1] ?? '';
  return { scripts, figures: JSON.parse(data) };
}

const page = async (path: string): Promise<{ html: string; scripts: string[]; figures: PageFigure[] }> => {
  const html = await readFile(path, 'utf8');
  return { html, ...readPage(html) };
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sentiment-report-'));
  const { train, test } = generateReviews({ seed: 1, train: 60, test: 20 });
  await writeFile(inFolder('train.jsonl'), jsonl(train));
  await writeFile(inFolder('test.jsonl'), jsonl(test));
});

afterAll(() => rm(folder, { recursive: true }));

describe('the report of a training run', () => {
  let html: string;
  let scripts: string[];
  let figures: PageFigure[];
  let result: { report: string; accuracy: number };
  beforeAll(async () => {
    const { stdout } = await runCaptured(
      ...tiny,
      ...['--train', inFolder('train.jsonl'), '--test', inFolder('test.jsonl'), '--out', inFolder('model'), '--json'],
      ...['--layers', '2', ...sentences.flatMap((text) => ['--text', text])],
    );
    result = JSON.parse(stdout);
    ({ html, scripts, figures } = await page(result.report));
  });

  it('stands in the folder of the model and needs nothing else', () => {
    expect(result.report).toBe(resolve(inFolder('model'), 'report.html'));
    expect(html.slice(0, 1000)).toContain(`content="default-src 'none'; script-src 'unsafe-inline'`);
    const outside = html.replace(/<script>[\s\S]*?<\/script>/g, '');
    expect(outside).not.toMatch(/(src|href|url)\s*[=(]/i);
    expect(scripts).toHaveLength(2);
    for (const script of scripts) new Script(script);
  });

  it('draws the loss of every step and the accuracy after every epoch', () => {
    const [loss, accuracy] = figures.map(({ panels }) => panels[0]?.[0]?.option.series);
    expect(loss?.map(({ name, data }) => [name, data.length])).toEqual([
      ['each step', 8],
      ['mean of 50 steps', 8],
      ['held-out texts', 2],
    ]);
    // Two classes told by chance cost ln 2 = 0.69.
    for (const [, y] of loss?.[0]?.data ?? []) expect(Math.abs(y - Math.LN2)).toBeLessThan(0.5);
    expect(accuracy?.[0]?.data.at(-1)).toEqual([2, 100 * result.accuracy]);
  });

  it('shows the confusion matrix, which counts every test text', () => {
    const { heatmap } = figures[2]?.panels[0]?.[0] ?? {};
    const counts = (heatmap?.texts ?? []).map((row) => row.map(Number));
    expect(counts.flat().reduce((sum, number) => sum + number, 0)).toBe(20);
    expect(((counts[0]?.[0] ?? 0) + (counts[1]?.[1] ?? 0)) / 20).toBe(result.accuracy);
  });

  it('shows the attention of every head of every layer over the tokens of every sentence', () => {
    const { choices = [], panels = [] } = figures[3] ?? {};
    expect(choices).toEqual([
      { name: 'Sentence', values: sentences },
      { name: 'Layer', values: ['1', '2'] },
    ]);
    expect(panels.map((heads) => heads.map(({ title }) => title?.split(':')[0]))).toEqual(
      Array(4).fill(['Head 1', 'Head 2']),
    );
    const weights = panels.flat().map(({ option, heatmap }) => {
      const tokens = option.xAxis.data;
      expect([tokens[0], tokens.at(-1)]).toEqual(['[CLS]', '[SEP]']);
      const { values = [] } = heatmap ?? {};
      expect(values.map(({ length }) => length)).toEqual(tokens.map(() => tokens.length));
      // A softmax, each of its up to 32 weights rounded to a thousandth.
      for (const row of values)
        expect(Math.abs(row.reduce((sum, value) => sum + value, 0) - 1)).toBeLessThan(32 * 5e-4);
      return JSON.stringify(values);
    });
    expect(new Set(weights).size).toBe(8);
  });

  it('is written anew with --load and --text, with the training still in it', async () => {
    const { stdout } = await runCaptured('--device', 'cpu', '--load', inFolder('model'), '--text', 'so so', '--json');
    const { report } = JSON.parse(stdout);
    expect(report).toBe(result.report);
    const { figures: drawn } = await page(report);
    expect(drawn.map(({ choices }) => choices[0]?.values)).toEqual([undefined, undefined, undefined, ['so so']]);
    expect(drawn[0]).toEqual(figures[0]);
  });

  it('is left alone by --load without --text', async () => {
    await writeFile(result.report, 'mine');
    const { stdout } = await runCaptured('--device', 'cpu', '--load', inFolder('model'), '--json');
    expect(JSON.parse(stdout).report).toBeNull();
    expect(await readFile(result.report, 'utf8')).toBe('mine');
  });

  it('is missed in a word, not in an error, where the history is damaged', async () => {
    await writeFile(inFolder('model/training.json'), '{"losses": [1]}');
    const { code, stdout } = await runCaptured('--device', 'cpu', '--load', inFolder('model'), '--text', 'so so');
    expect(code).toBe(0);
    expect(stdout).toContain(
      `Note: there is no report: ${inFolder('model/training.json')}: not the history of a training run`,
    );
  });

  // Root may write everywhere.
  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'is missed in a word in a locked folder',
    async () => {
      await rm(inFolder('model/training.json'));
      await rm(inFolder('model/report.html'));
      await chmod(inFolder('model'), 0o555);
      const { code, stdout } = await runCaptured('--device', 'cpu', '--load', inFolder('model'), '--text', 'so so');
      await chmod(inFolder('model'), 0o755);
      expect(code).toBe(0);
      expect(stdout).toContain('Note: there is no report: cannot write');
      expect(existsSync(inFolder('model/report.html'))).toBe(false);
    },
  );
});

describe('any report', () => {
  it('shows texts as they are, whatever they look like', async () => {
    const nasty = `</script><!--<b onclick="x">&amp;'`;
    const heatmap = { title: nasty, rowName: nasty, columnName: 'c', rows: [nasty], columns: [nasty], values: [[1]] };
    const html = await new Report(nasty, nasty)
      .facts({ [nasty]: nasty })
      .section(nasty)
      .text(nasty)
      .table({ title: nasty, head: [nasty], rows: [[nasty]] })
      .heatmap({ ...heatmap, note: nasty })
      .gallery({ title: nasty, choices: [{ name: nasty, values: [nasty] }], panels: [[heatmap]] })
      .toHtml();
    const outside = html.replace(/<script>[\s\S]*?<\/script>/g, '');
    expect(outside).not.toContain('onclick="');
    expect(outside.match(/&lt;\/script&gt;/g)?.length).toBeGreaterThanOrEqual(12);
    const { scripts, figures } = readPage(html);
    for (const script of scripts) {
      expect(script.includes('<!--')).toBe(false);
      new Script(script);
    }
    expect(figures[0]?.panels[0]?.[0]?.option.xAxis.data).toEqual([nasty]);
  });
});

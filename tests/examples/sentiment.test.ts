// The main job end to end, in this process and on the sources, on a configuration small enough to train in a second: what it
// prints, what it saves, what a saved model does, and what an interrupted run leaves.
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Interruption } from '../../examples/src/sentiment/interruption.js';
import { generateReviews, probes } from '../../examples/src/sentiment/reviews.js';
import { automaticEpochs } from '../../examples/src/sentiment/schedule.js';
import { captured, jsonl, runCaptured, tiny } from './support/run.js';

let folder: string;
const inFolder = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sentiment-'));
  const { train, test } = generateReviews({ seed: 1, train: 60, test: 20 });
  await writeFile(inFolder('train.jsonl'), jsonl(train));
  await writeFile(inFolder('test.jsonl'), jsonl(test));
});

afterAll(() => rm(folder, { recursive: true }));

describe('training', () => {
  it('prints nothing but one line of JSON on standard output with --json', async () => {
    const out = inFolder('json');
    const sentences = ['the restaurant is not too terrible', 'a fine film'];
    const { code, stdout, stderr } = await runCaptured(
      ...tiny,
      ...['--train', inFolder('train.jsonl'), '--test', inFolder('test.jsonl'), '--out', out, '--json'],
      ...sentences.flatMap((text) => ['--text', text]),
    );
    expect({ code, stderr: stderr.includes('error') }).toEqual({ code: 0, stderr: false });
    expect(stdout.endsWith('\n')).toBe(true);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    const result = JSON.parse(lines[0] ?? '');
    expect(Object.keys(result)).toEqual(
      'device threads trainSize testSize epochs steps trainSeconds tokensPerSecond accuracy finalLoss predictions out report'.split(
        ' ',
      ),
    );
    expect(result).toMatchObject({
      device: 'cpu',
      trainSize: 60,
      testSize: 20,
      epochs: 2,
      steps: 8,
      out: resolve(out),
      report: resolve(out, 'report.html'),
    });
    expect(result.threads).toBeGreaterThanOrEqual(1);
    expect(result.trainSeconds).toBeGreaterThan(0);
    expect(result.tokensPerSecond).toBeGreaterThan(0);
    // A share of 20 texts.
    expect(Number.isInteger(Math.round(result.accuracy * 20 * 1e9) / 1e9)).toBe(true);
    // Two classes told by chance cost ln 2 = 0.69; eight small steps do not lead far from there.
    expect(result.finalLoss).toBeGreaterThan(0.3);
    expect(result.finalLoss).toBeLessThan(1.2);
    expect(result.predictions.map(({ text }: { text: string }) => text)).toEqual(sentences);
    for (const { label, score } of result.predictions) {
      expect(['negative', 'positive']).toContain(label);
      expect(score).toBeGreaterThanOrEqual(0.5);
      expect(score).toBeLessThanOrEqual(1);
    }
    expect((await readdir(out)).sort()).toEqual([
      'config.json',
      'model.safetensors',
      'report.html',
      'special_tokens_map.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'training.json',
      'vocab.txt',
    ]);
  });

  it('tells people what it does, in plain lines where there is no terminal', async () => {
    const { code, stdout, stderr } = await runCaptured(
      ...tiny,
      ...['--train', inFolder('train.jsonl'), '--test', inFolder('test.jsonl'), '--out', inFolder('words')],
    );
    expect(code).toBe(0);
    expect(stdout).toContain('60 texts to learn from, 20 to measure on');
    expect(stdout).toMatch(/Epoch 2 of 2: loss \d\.\d{3}, accuracy \d+\.\d %/);
    expect(stdout).toMatch(/is \\ judged as │ negative │ positive │/);
    for (const { text } of probes) expect(stdout).toContain(text);
    expect(stdout).toContain(`Saved in ${inFolder('words')}`);
    const escapeCharacter = '\u001b';
    expect(stdout + stderr).not.toContain(escapeCharacter);
  });

  it('draws a bar with loss, speed and time left in a terminal, and takes it away', async () => {
    const io = captured({ isTTY: true, columns: 80 });
    const code = await io.run(
      ...tiny,
      ...['--train', inFolder('train.jsonl'), '--out', inFolder('bar'), '--epochs', '8', '--batch-size', '4'],
    );
    expect(code).toBe(0);
    expect(io.stderr).toMatch(/epoch \d\/8 [█░]+ \d+ % · loss \d\.\d{3} · [\d,]+ samples\/s · \d+:\d\d left/);
    const showCursor = '\u001b[?25h';
    expect(io.stderr.lastIndexOf(showCursor)).toBeGreaterThan(io.stderr.lastIndexOf('█'));
  });

  it('learns labels that a word decides, from a table, with names and numbers as labels', async () => {
    const rows = Array.from({ length: 80 }, (_, i) => {
      const [word, label] =
        [
          ['awful', 'thumbs down'],
          ['fine', 'so so'],
          ['superb', 'thumbs up'],
        ][i % 3] ?? [];
      return `"a ${word} thing, number ${i}",${label}`;
    });
    await writeFile(inFolder('words.csv'), ['text,label', ...rows].join('\r\n'));
    const { code, stdout } = await runCaptured(
      ...tiny,
      ...['--train', inFolder('words.csv'), '--out', inFolder('word'), '--epochs', '20', '--lr', '0.01', '--json'],
      ...['awful', 'superb', 'fine'].flatMap((word) => ['--text', `a ${word} thing, number 100`]),
    );
    expect(code).toBe(0);
    const { accuracy, trainSize, testSize, predictions } = JSON.parse(stdout);
    expect({ accuracy, trainSize, testSize }).toEqual({ accuracy: 1, trainSize: 72, testSize: 8 });
    expect(predictions.map(({ label }: { label: string }) => label)).toEqual(['thumbs down', 'thumbs up', 'so so']);
    const { id2label } = JSON.parse(await readFile(join(inFolder('word'), 'config.json'), 'utf8'));
    expect(id2label).toEqual({ 0: 'so so', 1: 'thumbs down', 2: 'thumbs up' });
  });

  it('numbers classes by the value of numeric labels', async () => {
    const rows = [10, 9, 2, 10, 9, 2].map((label, i) => ({ text: `text ${i}`, label }));
    await writeFile(inFolder('stars.jsonl'), jsonl(rows));
    const { code } = await runCaptured(...tiny, '--train', inFolder('stars.jsonl'), '--out', inFolder('stars'));
    expect(code).toBe(0);
    const { id2label } = JSON.parse(await readFile(join(inFolder('stars'), 'config.json'), 'utf8'));
    expect(id2label).toEqual({ 0: '2', 1: '9', 2: '10' });
  });

  it('does the same for the same seed, and something else for another', async () => {
    const predictions = async (seed: string): Promise<unknown> => {
      const { stdout } = await runCaptured(
        ...tiny,
        ...[
          '--train',
          inFolder('train.jsonl'),
          '--out',
          inFolder('seed'),
          '--seed',
          seed,
          '--json',
          '--text',
          'not bad',
        ],
      );
      return JSON.parse(stdout).predictions;
    };
    const first = await predictions('7');
    expect(await predictions('7')).toEqual(first);
    expect(await predictions('8')).not.toEqual(first);
  });

  it('replaces an earlier model, and leaves other files of its folder alone', async () => {
    const out = inFolder('again');
    await runCaptured(...tiny, '--train', inFolder('train.jsonl'), '--out', out);
    await writeFile(join(out, 'notes.txt'), 'mine');
    const { code, stdout } = await runCaptured(...tiny, '--train', inFolder('train.jsonl'), '--out', out, '--dim', '8');
    expect(code).toBe(0);
    expect(stdout).toContain(`${out} holds an earlier model, which this run replaces`);
    expect(await readFile(join(out, 'notes.txt'), 'utf8')).toBe('mine');
    const config = JSON.parse(await readFile(join(out, 'config.json'), 'utf8'));
    expect(config.hidden_size).toBe(8);
  });
});

describe('a saved model', () => {
  it('judges and measures as it did when it was trained', async () => {
    const out = inFolder('saved');
    const test = ['--test', inFolder('test.jsonl'), '--json', '--text', 'anything but dull', '--text', 'A waste!'];
    const trained = await runCaptured(...tiny, '--train', inFolder('train.jsonl'), '--out', out, ...test);
    const loaded = await runCaptured('--device', 'cpu', '--load', out, ...test);
    expect([trained.code, loaded.code]).toEqual([0, 0]);
    const before = JSON.parse(trained.stdout);
    const after = JSON.parse(loaded.stdout);
    expect(after.predictions).toEqual(before.predictions);
    expect(after).toMatchObject({ accuracy: before.accuracy, testSize: 20, trainSize: 0, steps: 0, out: null });
    expect(Object.keys(after)).toEqual(Object.keys(before));
  });

  it('judges the sentences that come with the reviews if there are no others', async () => {
    const { code, stdout } = await runCaptured('--device', 'cpu', '--load', inFolder('saved'));
    expect(code).toBe(0);
    for (const { text } of probes) expect(stdout).toContain(text);
  });
});

describe('an interrupted run', () => {
  const args = (out: string): string[] => [...tiny, '--train', inFolder('train.jsonl'), '--out', out, '--epochs', '50'];

  it('ends between two steps with the exit code of its signal, and says how to go on', async () => {
    const out = inFolder('interrupted');
    const controller = new AbortController();
    const io = captured();
    io.onStderr((text) => {
      if (text.includes('epoch')) controller.abort(new Interruption('SIGINT', 130));
    });
    expect(await io.runWith(controller.signal, ...args(out))).toBe(130);
    const last = io.stderr.trimEnd().split('\n').at(-1) ?? '';
    const [, step] =
      /^Interrupted after step (\d+) of 200\. To go on from there: npm start -- --resume /.exec(last) ?? [];
    expect(last.endsWith(`--resume ${out}`)).toBe(true);
    expect(io.stdout).not.toContain('Saved');
    expect(await readdir(out)).toEqual(['checkpoints']);
    expect(await readdir(join(out, 'checkpoints'))).toContain(`checkpoint-${step}`);
  });

  it('ends before training if it is told to by then', async () => {
    const io = captured();
    const aborted = AbortSignal.abort(new Interruption('SIGTERM', 143));
    expect(await io.runWith(aborted, ...args(inFolder('early')))).toBe(143);
    expect(io.stderr).toBe('Interrupted: nothing was saved.\n');
    expect(existsSync(inFolder('early'))).toBe(false);
  });
});

describe('the number of epochs', () => {
  it('comes nearest to 3,000 steps, within limits', () => {
    // The synthetic reviews, SST-2, and 5,000 long reviews, all in batches of 32.
    expect(automaticEpochs({ steps: 375, tokens: 150_000 })).toBe(8);
    expect(automaticEpochs({ steps: 2105, tokens: 900_000 })).toBe(1);
    expect(automaticEpochs({ steps: 157, tokens: 640_000 })).toBe(7);
    expect(automaticEpochs({ steps: 1, tokens: 100 })).toBe(20);
    expect(automaticEpochs({ steps: 100_000, tokens: 40_000_000 })).toBe(1);
  });
});

// Bad input to the main job: each case ends with exit code 1 and one sentence on standard error that says what is wrong and
// where, prints no stack, and leaves no file behind or changed.
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { captured, jsonl, runCaptured, tiny } from './support/run.js';

let folder: string;
const inFolder = (name: string): string => join(folder, name);
const rows = [
  { text: 'a fine film', label: 'good' },
  { text: 'a dull film', label: 'bad' },
  { text: 'a fine meal', label: 'good' },
  { text: 'a dull meal', label: 'bad' },
];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sentiment-wrong-'));
  await writeFile(inFolder('good.jsonl'), jsonl(rows));
  const { code } = await runCaptured(...tiny, '--train', inFolder('good.jsonl'), '--out', inFolder('model'));
  expect(code).toBe(0);
});

afterAll(() => rm(folder, { recursive: true }));

/** Every file below a folder with its content. */
async function snapshot(of: string): Promise<Record<string, string>> {
  const entries = await readdir(of, { recursive: true, withFileTypes: true });
  const files: Record<string, string> = {};
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    files[path] = entry.isFile() ? (await readFile(path)).toString('base64') : 'folder';
  }
  return files;
}

/** Runs the job, which must fail with one sentence and change nothing; resolves to the sentence. */
async function complaint(...args: readonly string[]): Promise<string> {
  const before = await snapshot(folder);
  const { code, stdout, stderr } = await runCaptured('--device', 'cpu', ...args);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(await snapshot(folder)).toEqual(before);
  const lines = stderr.trimEnd().split('\n');
  expect(lines).toHaveLength(1);
  return lines[0] ?? '';
}

describe('a data file', () => {
  const cases: readonly { name: string; file: string; content: string | Buffer; says: string }[] = [
    {
      name: 'with a line that is no JSON',
      file: 'syntax.jsonl',
      content: `${jsonl(rows)}{"text": "a film", "label": }\n`,
      says: ', line 5: not valid JSON: ',
    },
    {
      name: 'with a line that is no object',
      file: 'list.jsonl',
      content: `${jsonl(rows)}["a", 1]\n`,
      says: ', line 5: expected a JSON object, found an array',
    },
    {
      name: 'that is an array of something else',
      file: 'array.jsonl',
      content: '["a", 1]\n',
      says: ', row 1: expected a JSON object, found a string',
    },
    {
      name: 'with a row that lacks a field',
      file: 'field.jsonl',
      content: jsonl([...rows, { text: 'a film', stars: 5 }]),
      says: ', line 5: no field "label"; the row has "text", "stars"',
    },
    {
      name: 'with a label that is a fraction',
      file: 'fraction.jsonl',
      content: jsonl([{ text: 'a film', label: 0.5 }]),
      says: ', line 1: the field "label" must be a name or a whole number, got 0.5',
    },
    {
      name: 'with a label that is null',
      file: 'null.jsonl',
      content: jsonl([...rows, { text: 'a film', label: null }]),
      says: ', line 5: the field "label" must be a name or a whole number, got null',
    },
    {
      name: 'with a text that is a number',
      file: 'number.jsonl',
      content: jsonl([...rows, { text: 12, label: 'good' }]),
      says: ', line 5: the field "text" must be a string, got 12',
    },
    {
      name: 'with one label alone',
      file: 'one.jsonl',
      content: jsonl(rows.filter(({ label }) => label === 'good')),
      says: ': every text has the label "good"; there must be two labels at least',
    },
    { name: 'without a byte', file: 'empty.jsonl', content: '', says: ': the file is empty' },
    { name: 'without a row', file: 'blank.jsonl', content: '\n\n', says: ': no rows in this file' },
    {
      name: 'that is not UTF-8',
      file: 'latin1.jsonl',
      content: Buffer.from(`${jsonl(rows)}{"text": "caf\u00e9", "label": "good"}\n`, 'latin1'),
      says: ', line 5: not UTF-8 text',
    },
    {
      name: 'with a table that lacks a column',
      file: 'column.csv',
      content: 'text,sentiment\na film,good\n',
      says: ': no column "label"; there are text, sentiment',
    },
    {
      name: 'with a table that has a column twice',
      file: 'twice.csv',
      content: 'text,label,text\na film,good,a meal\n',
      says: ', line 1: the column "text" occurs twice',
    },
    {
      name: 'with a table row of too many fields',
      file: 'fields.csv',
      content: 'text,label\na fine film,good\na dull, dull film,bad\n',
      says: ', line 3: 3 fields where there are 2 columns (text, label)',
    },
    {
      name: 'with a table row without a label',
      file: 'label.csv',
      content: 'text,label\na fine film,good\na dull film,\n',
      says: ', line 3: the field "label" must be a name or a whole number, got ""',
    },
  ];
  it.each(cases)('$name', async ({ file, content, says }) => {
    await writeFile(inFolder(file), content);
    const said = await complaint('--train', inFolder(file), '--out', inFolder('never'));
    expect(said.startsWith(`error: ${inFolder(file)}${says}`), said).toBe(true);
    // What the JSON parser says is its own; all other sentences are known to the end.
    if (!says.endsWith(' ')) expect(said).toBe(`error: ${inFolder(file)}${says}`);
  });

  it('that is not there', async () => {
    const file = inFolder('none.jsonl');
    expect(await complaint('--train', file, '--out', inFolder('never'))).toBe(`error: ${file}: no such file`);
    expect(await complaint('--train', inFolder('good.jsonl'), '--test', file, '--out', inFolder('never'))).toBe(
      `error: ${file}: no such file`,
    );
  });

  it('that is an empty folder', async () => {
    await mkdir(inFolder('folder.jsonl'));
    expect(await complaint('--train', inFolder('folder.jsonl'), '--out', inFolder('never'))).toBe(
      `error: ${inFolder('folder.jsonl')}: no files of the format 'json' in this folder`,
    );
  });

  it('whose name does not tell the format', async () => {
    expect(await complaint('--train', 'reviews.txt', '--out', inFolder('never'))).toBe(
      'error: reviews.txt: the name must end in .jsonl, .ndjson, .json, .csv, .tsv, which tells the format',
    );
  });

  it('of tests with a label that the training file does not have', async () => {
    const [train, test] = [inFolder('good.jsonl'), inFolder('unknown.jsonl')];
    await writeFile(test, jsonl([...rows, { text: 'a film', label: 'so so' }]));
    expect(await complaint('--train', train, '--test', test, '--out', inFolder('never'))).toBe(
      `error: ${test}, line 5: unknown label "so so"; ${train} has "bad", "good"`,
    );
    expect(await complaint('--load', inFolder('model'), '--test', test)).toBe(
      `error: ${test}, line 5: unknown label "so so"; ${inFolder('model')} has "bad", "good"`,
    );
  });
});

describe('options', () => {
  const wrong: readonly (readonly [args: readonly string[], says: string])[] = [
    [
      ['--heads', '3', '--dim', '64'],
      '--heads 3 does not divide --dim 64: every head takes an equal share of the width, so the nearest that fits is --dim 63',
    ],
    [['--epoch', '3'], "unknown option '--epoch' (Did you mean --epochs?)"],
    [['--epochs', '0'], '--epochs 0: it must be a whole number of at least 1'],
    [['--batch-size', '2.5'], '--batch-size 2.5: it must be a whole number of at least 1'],
    [['--max-length', '2'], '--max-length 2: it must be a whole number of at least 3'],
    [['--layers', '-1'], '--layers -1: it must be a whole number of at least 1'],
    [['--dim', '1e3'], '--dim 1e3: it must be a whole number of at least 1'],
    [['--seed', '99999999999999999999'], '--seed 99999999999999999999: it must be a whole number of at least 0'],
    [['--lr', '0'], '--lr 0: it must be a number above 0'],
    [['--lr', 'fast'], '--lr fast: it must be a number above 0'],
    [['--lr'], "option '--lr <number>' argument missing"],
    [['--device', 'gpu'], '--device gpu: it may be auto, cpu, webgpu'],
    [['--text', ' '], '--text  : the sentence is empty'],
    [
      ['--test', 'dev.jsonl'],
      '--test needs --train or --load beside it: the synthetic reviews bring a held-out part of their own',
    ],
    [['--load', 'm', '--epochs', '2'], "option '--load <folder>' cannot be used with option '--epochs <number>'"],
    [
      ['3'],
      "unexpected argument '3': every value belongs to an option, and npm wants a -- before the first one (npm start -- --epochs 3)",
    ],
  ];
  it.each(wrong)('%j', async (args, says) => {
    expect(await complaint(...args)).toBe(`error: ${says}`);
  });

  it('so large a learning rate that the loss is lost', async () => {
    const before = await snapshot(folder);
    const { code, stderr } = await runCaptured(
      ...tiny,
      ...['--train', inFolder('good.jsonl'), '--out', inFolder('never'), '--lr', '1e30', '--epochs', '40'],
    );
    expect(code).toBe(1);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(
      /^error: the loss is (NaN|Infinity) after step \d+: training came off course; try a smaller --lr$/,
    );
    expect(await snapshot(folder)).toEqual(before);
  });

  it('are all explained by --help, which trains nothing', async () => {
    const { code, stdout, stderr } = await runCaptured('--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const options =
      'train test text epochs batch-size max-length dim layers heads lr seed device out load vocab-size json';
    for (const option of options.split(' ')) expect(stdout).toContain(`--${option}`);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
    const io = captured({ isTTY: true, columns: 40 });
    expect(await io.run('--help')).toBe(0);
  });
});

describe('the folder to save in', () => {
  const train = (out: string): Promise<string> => complaint('--train', inFolder('good.jsonl'), '--out', out);

  it('holds something else', async () => {
    await mkdir(inFolder('diary'));
    await writeFile(join(inFolder('diary'), 'monday.txt'), 'rain');
    const says = 'the folder holds files that are not a model of this program; choose a new or an empty one';
    expect(await train(inFolder('diary'))).toBe(`error: --out ${inFolder('diary')}: ${says}`);
    await writeFile(join(inFolder('diary'), 'config.json'), '{"model_type": "bert"}');
    expect(await train(inFolder('diary'))).toBe(`error: --out ${inFolder('diary')}: ${says}`);
    await writeFile(join(inFolder('diary'), 'config.json'), '{');
    expect(await train(inFolder('diary'))).toBe(`error: --out ${inFolder('diary')}: ${says}`);
  });

  it('is a file, or lies below one', async () => {
    await writeFile(inFolder('file'), '');
    expect(await train(inFolder('file'))).toBe(`error: --out ${inFolder('file')}: this is a file, not a folder`);
    const below = join(inFolder('file'), 'model');
    expect(await train(below)).toBe(`error: --out ${below}: a part of the path is a file`);
  });

  it('cannot have such a name', async () => {
    const long = inFolder('x'.repeat(300));
    expect(await train(long)).toBe(`error: --out ${long}: the name is too long`);
  });

  it('leads in a circle', async () => {
    await symlink(inFolder('circle'), inFolder('circle'));
    expect(await train(inFolder('circle'))).toBe(
      `error: --out ${inFolder('circle')}: the path leads in a circle of symbolic links`,
    );
    await rm(inFolder('circle'));
  });

  it.skipIf(process.platform !== 'linux')('cannot be made, as in /proc', async () => {
    expect(await train('/proc/nowhere/model')).toBe(
      'error: --out /proc/nowhere/model: cannot write there: no folder can be made there',
    );
  });

  // Root may write everywhere.
  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')('may not be written', async () => {
    await mkdir(inFolder('locked'));
    await chmod(inFolder('locked'), 0o555);
    const out = join(inFolder('locked'), 'model');
    expect(await train(out)).toBe(`error: --out ${out}: cannot write there: permission denied`);
  });

  it('is not made when the data turn out bad', async () => {
    await complaint('--train', inFolder('none.jsonl'), '--out', inFolder('a/b/c'));
    expect(existsSync(inFolder('a'))).toBe(false);
  });
});

describe('the folder of a saved model', () => {
  /** A copy of the model that `damage` has gone through. */
  const damaged = async (name: string, damage: (copy: string) => Promise<void>): Promise<string> => {
    await cp(inFolder('model'), inFolder(name), { recursive: true });
    await damage(inFolder(name));
    return inFolder(name);
  };

  it('is not there, empty, a file, or holds something else', async () => {
    expect(await complaint('--load', inFolder('none'))).toBe(
      `error: --load ${inFolder('none')}: there is no such folder`,
    );
    await mkdir(inFolder('hollow'));
    expect(await complaint('--load', inFolder('hollow'))).toBe(
      `error: --load ${inFolder('hollow')}: the folder is empty`,
    );
    expect(await complaint('--load', inFolder('good.jsonl'))).toBe(
      `error: --load ${inFolder('good.jsonl')}: this is a file; --load takes the folder that --out wrote`,
    );
    await writeFile(join(inFolder('hollow'), 'config.json'), '{"model_type": "bert"}');
    expect(await complaint('--load', inFolder('hollow'))).toBe(
      `error: --load ${inFolder('hollow')}: the folder holds no model of this program: no config.json with the model type course-text-classifier`,
    );
  });

  it('has weights that were cut off', async () => {
    const copy = await damaged('cut', (to) => truncate(join(to, 'model.safetensors'), 2000));
    const said = await complaint('--load', copy);
    expect(said).toContain(join(copy, 'model.safetensors'));
    expect(said).not.toContain('defect');
  });

  it('has weights that are no weights', async () => {
    const copy = await damaged('noise', (to) => writeFile(join(to, 'model.safetensors'), 'not a model at all'));
    const said = await complaint('--load', copy);
    expect(said).toContain(join(copy, 'model.safetensors'));
    expect(said).not.toContain('defect');
  });

  it('lacks its weights', async () => {
    const copy = await damaged('weightless', (to) => rm(join(to, 'model.safetensors')));
    expect(await complaint('--load', copy)).toBe(
      `error: ${copy}: there is neither model.safetensors nor model.safetensors.index.json`,
    );
  });

  it('lacks its vocabulary', async () => {
    const copy = await damaged('wordless', async (to) => {
      for (const name of ['vocab.txt', 'tokenizer.json']) await rm(join(to, name));
    });
    expect(await complaint('--load', copy)).toBe(
      `error: ${copy}: no tokenizer here: neither tokenizer.json nor vocab.txt`,
    );
  });

  it('has a configuration that other weights belong to', async () => {
    const edit = async (name: string, fields: object): Promise<string> =>
      complaint(
        '--load',
        await damaged(name, async (to) => {
          const config: object = JSON.parse(await readFile(join(to, 'config.json'), 'utf8'));
          await writeFile(join(to, 'config.json'), JSON.stringify({ ...config, ...fields }));
        }),
      );
    expect(await edit('wide', { hidden_size: 32 })).toContain('the weights do not fit TextClassifier');
    expect(await edit('deep', { num_hidden_layers: 3 })).toContain('the weights do not fit TextClassifier');
    expect(await edit('odd', { num_attention_heads: 3 })).toContain('dim (16) must be divisible by heads (3)');
    expect(await edit('text', { hidden_size: 'wide' })).toBe(
      `error: ${join(inFolder('text'), 'config.json')}: 'hidden_size' must be a number, got "wide"`,
    );
  });

  it('has a vocabulary of another model', async () => {
    const copy = await damaged('mixed', async (to) => {
      await rm(join(to, 'tokenizer.json'));
      await writeFile(join(to, 'vocab.txt'), '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nfilm\n');
    });
    const { vocab_size: size } = JSON.parse(await readFile(join(copy, 'config.json'), 'utf8'));
    expect(await complaint('--load', copy)).toBe(
      `error: ${copy}: the tokenizer has 6 word pieces, but the model of config.json ${size}; the files are not of one model`,
    );
  });
});

describe('a defect of the program', () => {
  it('is told from bad input, by exit code and words', async () => {
    const io = captured();
    const broken = AbortSignal.abort(new TypeError('undefined is not a function'));
    const args = ['--train', inFolder('good.jsonl'), '--out', inFolder('never')];
    expect(await io.runWith(broken, ...tiny, ...args)).toBe(2);
    expect(io.stderr).toBe(
      'error: a defect of this program, not of your input: TypeError: undefined is not a function (COURSE_DEBUG=1 shows where)\n',
    );
  });
});

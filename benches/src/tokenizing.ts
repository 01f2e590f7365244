// Tokenizing a thousand reviews: IMDb with BERT's vocabulary where they are at hand (COURSE_DATA, or shared/data beside the project),
// else generated texts with vocabularies learned from them. The peer reads the same texts and the same tokenizer.json from a folder.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BertTokenizer, type Tokenizer, trainByteLevelBpe, trainWordPiece } from '@course/data';
import type { Workload } from './workloads.js';

const COUNT = 1000;
/** Where peers find the texts and tokenizers, once a workload was prepared; they are started before. */
const folder = join(tmpdir(), `course-bench-${process.pid}`);
process.env.COURSE_BENCH_TEXTS = folder;
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const data = process.env.COURSE_DATA ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url));
const reviews = join(data, 'datasets/imdb/test_5k.jsonl');
const vocabulary = join(data, 'tokenizers/bert-base-uncased');

/** Words as frequent as in language (Zipf), with capitals and punctuation. */
function generated(): string[] {
  let seed = 1;
  const random = (): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const syllables = 'ba co di fu ge ha in jo ka lu me no or pi qua re si to un ve wa yo zi ing er ly th st'.split(' ');
  const words = Array.from({ length: 20_000 }, () =>
    Array.from({ length: 1 + Math.floor(random() * 4) }, () => syllables[Math.floor(random() * syllables.length)]).join(
      '',
    ),
  );
  const word = (): string => words[Math.floor(words.length ** random()) - 1] ?? 'the';
  return Array.from({ length: COUNT }, () =>
    Array.from({ length: 230 }, () => {
      const chance = random();
      if (chance < 0.06) return `${word()},`;
      return chance < 0.12 ? `${word()}. ${word().toUpperCase()}` : word();
    }).join(' '),
  );
}

function texts(): string[] {
  if (!existsSync(reviews)) return generated();
  const lines = readFileSync(reviews, 'utf8').split('\n', COUNT);
  return lines.map((line) => (JSON.parse(line) as { text: string }).text);
}

interface Prepared {
  readonly texts: readonly string[];
  readonly wordPiece: BertTokenizer;
  readonly bpe: Tokenizer;
}

let prepared: Promise<Prepared> | undefined;

/** Texts and tokenizers, also written to the folder for peers. */
function prepare(): Promise<Prepared> {
  prepared ??= (async () => {
    const all = texts();
    const wordPiece = existsSync(vocabulary)
      ? await BertTokenizer.fromPretrained(vocabulary)
      : trainWordPiece(all, { vocabSize: 8000 });
    const bpe = trainByteLevelBpe(all, { vocabSize: 8000 });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'texts.json'), JSON.stringify(all));
    await wordPiece.save(join(folder, 'WordPiece'));
    await bpe.save(join(folder, 'BPE'));
    return { texts: all, wordPiece, bpe };
  })();
  return prepared;
}

/** One by one, as a batch, and as a batch on worker threads. */
export const tokenizing: readonly Workload[] = [
  {
    name: 'tokenizer WordPiece',
    prepare: () => async () => {
      const { texts, wordPiece } = await prepare();
      for (const text of texts) wordPiece.encode(text);
    },
  },
  {
    name: 'tokenizer WordPiece, batch',
    prepare: () => async () => {
      const { texts, wordPiece } = await prepare();
      wordPiece.encodeBatch(texts);
    },
  },
  {
    name: 'tokenizer WordPiece, threads',
    prepare() {
      const parallel = prepare().then(({ wordPiece }) => wordPiece.parallel());
      return async () => {
        const { texts } = await prepare();
        await (await parallel).encodeBatch(texts);
      };
    },
  },
  {
    name: 'tokenizer BPE',
    prepare: () => async () => {
      const { texts, bpe } = await prepare();
      for (const text of texts) bpe.encode(text);
    },
  },
];

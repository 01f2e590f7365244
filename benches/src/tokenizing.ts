// Tokenizing a thousand reviews: IMDb with BERT's vocabulary where they are at hand, else generated texts with vocabularies learned from
// them. The peer reads the same texts and the same tokenizer.json from a folder.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BertTokenizer, type Tokenizer, trainByteLevelBpe, trainWordPiece } from '@course/data';
import { data, folder, generatedTexts } from './texts.js';
import type { Workload } from './workload.js';

const COUNT = 1000;
const reviews = join(data, 'datasets/imdb/test_5k.jsonl');
const vocabulary = join(data, 'tokenizers/bert-base-uncased');

function texts(): string[] {
  if (!existsSync(reviews)) return generatedTexts(COUNT, () => 230);
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

// Published vocabularies and whole corpora, where they are at hand: the ids that the course prints, and every line of SST-2 (dev; all of
// SST-2, IMDb and Yelp in a long run) equal to the Rust tokenizers.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BertTokenizer, loadDataset, trainByteLevelBpe } from '@course/data';
import { describe, expect, it } from 'vitest';
import { numRuns, rust, rustEncode, twinOf } from './support/oracle.js';
import { realData } from './support/real-data.js';

const tokenizers = realData('tokenizers');
const datasets = realData('datasets');

/** All corpora in a long run, a small one otherwise. */
const files =
  numRuns > 10_000
    ? ['sst2/train', 'sst2/dev', 'imdb/train_5k', 'imdb/test_5k', 'yelp5/train_5k', 'yelp5/test_2k']
    : ['sst2/dev'];

async function texts(file: string): Promise<string[]> {
  const dataFiles = join(datasets ?? '', `${file}.jsonl`);
  return (await loadDataset<{ text: string }>('json', { dataFiles, fields: ['text'] })).column('text');
}

describe.skipIf(tokenizers === undefined)('published tokenizers', () => {
  const load = (name: string): Promise<BertTokenizer> => BertTokenizer.fromPretrained(join(tokenizers ?? '', name));

  it('give the ids that the course prints', async () => {
    const cased = await load('bert-base-cased');
    expect(cased.encode('Transformer models are powerful.').inputIds).toEqual([
      101, 13809, 23763, 3584, 1132, 3110, 119, 102,
    ]);
    const pieces = cased.tokenize('In this course we unravel the mysteries of nevral networks.');
    expect(pieces).toEqual('In this course we un ##rave ##l the mysteries of ne ##v ##ral networks .'.split(' '));
    const uncased = await load('bert-base-uncased');
    expect(uncased.tokenize('deeeep')).toEqual(['dee', '##ee', '##p']);
    expect(uncased.modelMaxLength).toBe(512);
    expect((await load('all-MiniLM-L6-v2')).modelMaxLength).toBe(256);
    expect((await load('distilbert-base-uncased')).encode('Deep learning').inputIds).toEqual(
      uncased.encode('Deep learning').inputIds,
    );
  });

  it.skipIf(rust === undefined || datasets === undefined)(
    'agree with the Rust tokenizers on every line',
    async () => {
      for (const name of ['bert-base-cased', 'bert-base-uncased']) {
        const ours = await load(name);
        const theirs = rust?.Tokenizer.fromString(readFileSync(join(tokenizers ?? '', name, 'tokenizer.json'), 'utf8'));
        theirs?.disableTruncation();
        for (const file of files) {
          for (const text of await texts(file)) {
            if (theirs) expect(ours.encode(text)).toEqual(await rustEncode(theirs, text));
          }
        }
      }
    },
    600_000,
  );
});

describe.skipIf(rust === undefined || datasets === undefined)('byte-level BPE on whole corpora', () => {
  it('agrees with the Rust tokenizers on every line, and gives every line back', async () => {
    const ours = trainByteLevelBpe((await texts('imdb/train_5k')).slice(0, 500), { vocabSize: 3000 });
    const theirs = twinOf(ours);
    for (const file of files) {
      for (const text of await texts(file)) {
        const encoding = ours.encode(text);
        expect(encoding).toEqual(await rustEncode(theirs, text));
        expect(ours.decode(encoding.inputIds)).toBe(text);
      }
    }
  }, 600_000);
});

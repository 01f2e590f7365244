// The "Text" excerpt of the API, line by line, on a small vocabulary and files of its own.
import { BertTokenizer, DataCollatorWithPadding, DataLoader, loadDataset } from '@course/data';
import type { Tensor } from '@course/tensor';
import { expect, expectTypeOf, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';
import { temporaryFolder } from './support/files.js';
import { smallVocab } from './support/vocabulary.js';

const { folder, write } = temporaryFolder();

onEachDevice('the text excerpt', () => {
  it('runs as written', async () => {
    await new BertTokenizer({ vocab: smallVocab, lowercase: false }).save(folder);
    const lines = Array.from({ length: 40 }, (_, i) =>
      JSON.stringify({ text: 'the world '.repeat(1 + (i % 5)), label: i % 2 }),
    );
    const [trainFile, testFile] = [
      write('train.jsonl', lines.join('\n')),
      write('dev.jsonl', lines.slice(0, 4).join('\n')),
    ];

    const tokenizer = await BertTokenizer.fromPretrained(folder);
    expectTypeOf(tokenizer.tokenize('playing')).toEqualTypeOf<string[]>();
    const e = tokenizer.encode('playing the world.');
    expect(e.inputIds).toEqual(
      ['[CLS]', 'playing', 'the', 'world', '.', '[SEP]'].map((token) => smallVocab.indexOf(token)),
    );
    expect(Object.keys({ ...e })).toEqual([
      'inputIds',
      'tokens',
      'tokenTypeIds',
      'attentionMask',
      'offsets',
      'wordIds',
      'specialTokensMask',
    ]);
    const framed = tokenizer.encode('a question', {
      pair: 'a context',
      maxLength: 10,
      truncation: 'only_second',
      padding: 'max_length',
    });
    expect(framed.inputIds).toHaveLength(10);
    const tensors = tokenizer.encodeBatch(['one', 'two or three'], { padding: 'longest' }).toTensors();
    expectTypeOf(tensors).toEqualTypeOf<{
      readonly inputIds: Tensor;
      readonly attentionMask: Tensor;
      readonly tokenTypeIds: Tensor;
    }>();
    expect(tokenizer.decode(e.inputIds, { skipSpecialTokens: true })).toBe('playing the world.');

    const dataset = await loadDataset<{ text: string; label: number }>('json', {
      dataFiles: { train: trainFile, test: testFile },
    });
    const small = dataset.train.shuffle({ seed: 42 }).take(1000);
    expect(small.select([3, 1, 4]).length).toBe(3);
    const tokenized = await small.map((row) => ({
      ...tokenizer.encode(row.text, { truncation: true, maxLength: 128 }),
      label: row.label,
    }));
    const loader = new DataLoader(tokenized, {
      batchSize: 16,
      shuffle: true,
      seed: 42,
      collate: new DataCollatorWithPadding(tokenizer),
    });
    const shapes: (readonly number[])[] = [];
    for await (const batch of loader) {
      expectTypeOf(batch.labels).toEqualTypeOf<Tensor>();
      shapes.push(batch.inputIds.shape, batch.labels.shape);
    }
    expect(shapes).toEqual([[16, 12], [16], [16, 12], [16], [8, 12], [8]]);
  });
});

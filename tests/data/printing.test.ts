// What is printed: console.log of tokenizers, data sets and what they give shows what they are, not what they are made of.
import { inspect } from 'node:util';
import { BertTokenizer, CountVectorizer, DataLoader, Dataset, IterableDataset, Vocabulary } from '@course/data';
import { expect, it } from 'vitest';
import { smallVocab } from './support/vocabulary.js';

it('is short', () => {
  const tokenizer = new BertTokenizer({ vocab: smallVocab });
  const dataset = Dataset.fromRows([{ text: 'a', label: 1 }]);
  expect(inspect(tokenizer)).toBe(String(tokenizer));
  expect(inspect({ train: dataset })).toBe("{ train: Dataset({ columns: ['text', 'label'], length: 1 }) }");
  expect(inspect(new DataLoader(dataset, { batchSize: 4 }))).toBe(
    "DataLoader(Dataset({ columns: ['text', 'label'], length: 1 }), batchSize: 4, numWorkers: 0)",
  );
  expect(inspect(IterableDataset.fromGenerator(() => [1]))).toBe('IterableDataset()');
  expect(inspect(tokenizer.encodeBatch(['the', 'the world']))).toBe('BatchEncoding(rows: 2, tokens: 3 to 4)');
  expect(inspect(tokenizer.encodeBatch(['the']))).toBe('BatchEncoding(rows: 1, tokens: 3)');
  expect(inspect(tokenizer.encodeBatch([]))).toBe('BatchEncoding(rows: 0)');
  expect(inspect(new CountVectorizer().fitTransform(['ab cd', 'cd']))).toBe('SparseMatrix(shape: [2, 2], stored: 3)');
  expect(inspect(Vocabulary.fromTokens([['a', 'b', 'c', 'd']]))).toBe(
    "Vocabulary(size: 6, tokens: ['<pad>', '<unk>', 'a', 'b', 'c', …])",
  );
});

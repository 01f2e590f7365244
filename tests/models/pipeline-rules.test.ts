// The rules of transformers' pipelines, on models whose scores are chosen token by token: how tokens become entities, which spans are
// answers, and what windows over long texts do. Expected values are worked out by hand from those rules.
import { BertTokenizer } from '@course/data';
import { type BertConfig, bertConfig, pipeline } from '@course/models';
import { Embedding, Module } from '@course/nn';
import { noGrad, type Tensor, tensor } from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

const words = ['micro', '##soft', 'com', '##pany', 'in', 'paris', 'anna', 'lives', 'rome', 'who', '.', 'u'];
const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words];
const tokenizer = (modelMaxLength = 32) => new BertTokenizer({ vocab, modelMaxLength });

/** Scores of a token are a row of a table; all rows are 0 but those given. */
class Table extends Module {
  readonly config: BertConfig;
  readonly table: Embedding;
  readonly batches: number[] = [];

  constructor(columns: number, rows: Readonly<Record<string, readonly number[]>>, config: Partial<BertConfig> = {}) {
    super();
    this.config = bertConfig({ vocabSize: vocab.length, maxPositionEmbeddings: 32, ...config });
    this.table = new Embedding(vocab.length, columns);
    const values = vocab.map((token) => rows[token] ?? new Array<number>(columns).fill(0));
    noGrad(() => this.table.weight.copy_(tensor(values as number[][])));
  }

  getInputEmbeddings(): Embedding {
    return this.table;
  }

  scores(ids: Tensor): Tensor {
    this.batches.push(ids.size(0));
    return this.table.forward(ids);
  }
}

class Labels extends Table {
  forward(ids: Tensor): { logits: Tensor } {
    return { logits: this.scores(ids) };
  }
}

class Spans extends Table {
  forward(ids: Tensor): { startLogits: Tensor; endLogits: Tensor } {
    const scores = this.scores(ids);
    return { startLogits: scores.select(-1, 0), endLogits: scores.select(-1, 1) };
  }
}

const share = (scores: readonly number[], at: number): number =>
  Math.exp(scores[at] ?? 0) / scores.reduce((sum, score) => sum + Math.exp(score), 0);

onEachDevice('the rules of pipelines', () => {
  describe('token-classification', () => {
    const id2label = { 0: 'O', 1: 'B-ENT', 2: 'I-NAME', 3: 'I-ENT', 4: 'B-LOC' };
    const sure = (label: number, score = 5): number[] => Array.from({ length: 5 }, (_, i) => (i === label ? score : 0));
    const rows = {
      micro: sure(1, 3),
      '##soft': sure(2, 6),
      com: sure(3),
      '##pany': sure(3),
      in: sure(0),
      '.': sure(0),
      paris: sure(4),
      rome: sure(4),
      '[UNK]': sure(4),
    };
    const ner = (maxLength?: number) =>
      pipeline('ner', new Labels(5, rows, { id2label }), { tokenizer: tokenizer(maxLength) });
    const shown = (groups: readonly { entityGroup: string; word: string }[]) =>
      groups.map(({ entityGroup, word }) => [entityGroup, word]);

    // The example of transformers' documentation: micro|soft| com|pany is B-ENT I-NAME I-ENT I-ENT.
    it.each([
      [
        'simple',
        [
          ['ENT', 'micro'],
          ['NAME', '##soft'],
          ['ENT', 'company'],
          ['LOC', 'paris'],
        ],
      ],
      [
        'first',
        [
          ['ENT', 'microsoft company'],
          ['LOC', 'paris'],
        ],
      ],
      [
        'max',
        [
          ['NAME', 'microsoft'],
          ['ENT', 'company'],
          ['LOC', 'paris'],
        ],
      ],
      [
        'average',
        [
          ['NAME', 'microsoft'],
          ['ENT', 'company'],
          ['LOC', 'paris'],
        ],
      ],
    ] as const)('joins tokens by the strategy %s', async (aggregationStrategy, expected) => {
      const label = await ner();
      expect(shown(await label('Microsoft company in Paris', { aggregationStrategy }))).toEqual(expected);
    });

    it('scores a group by the mean of its words', async () => {
      const label = await ner();
      const [group] = await label('microsoft company', { aggregationStrategy: 'first' });
      const expected = (share(sure(1, 3), 1) + share(sure(3), 3)) / 2;
      expect(group).toMatchObject({ start: 0, end: 17 });
      // Two float32 exponentials.
      expect(group?.score).toBeCloseTo(expected, 5);
    });

    it('does not join what begins anew, and shows unknown words as the text has them', async () => {
      const label = await ner();
      const groups = await label('Paris Rome Zürich', { aggregationStrategy: 'simple' });
      expect(shown(groups)).toEqual([
        ['LOC', 'paris'],
        ['LOC', 'rome'],
        ['LOC', 'Zürich'],
      ]);
      const tokens = await label('Zürich');
      expect(tokens).toMatchObject([{ entity: 'B-LOC', index: 1, word: 'Zürich', start: 0, end: 6 }]);
    });

    it('reads long texts in windows, each entity once, no more rows at once than asked for', async () => {
      const model = new Labels(5, rows, { id2label });
      const label = await pipeline('ner', model, { tokenizer: tokenizer(7), batchSize: 2 });
      const text = 'anna lives in paris . anna lives in rome . anna lives in microsoft company .';
      const groups = await label(text, { aggregationStrategy: 'first', stride: 2 });
      expect(groups.map(({ start, end }) => text.slice(start, end))).toEqual(['paris', 'rome', 'microsoft company']);
      expect(Math.max(...model.batches)).toBe(2);
      // Without windows the text is cut: [CLS] anna lives in paris . [SEP].
      expect(await label(text, { aggregationStrategy: 'first' })).toHaveLength(1);
    });
  });

  describe('question-answering', () => {
    const question = 'who';
    const rows = { paris: [4, 4], rome: [3, 3], '[CLS]': [1, 2] };
    const answerer = (maxLength?: number, own = rows) =>
      pipeline('question-answering', new Spans(2, own), { tokenizer: tokenizer(maxLength) });

    it('shares probability among the text and [CLS]', async () => {
      const answer = await answerer();
      // [CLS] who [SEP] anna lives in paris . [SEP]: five words of the text, and [CLS].
      const best = await answer({ question, context: 'anna lives in Paris .' });
      expect(best).toMatchObject({ answer: 'Paris', start: 14, end: 19 });
      const expected = share([1, 0, 0, 0, 4, 0], 4) * share([2, 0, 0, 0, 4, 0], 4);
      expect(best.score).toBeCloseTo(expected, 5);
    });

    it('counts answers that read the same once, by the sum of their scores', async () => {
      const answer = await answerer();
      const found = await answer({ question, context: 'paris . Paris' }, { topK: 4, maxAnswerLen: 1 });
      const each = share([1, 4, 0, 4], 1) * share([2, 4, 0, 4], 1);
      expect(found[0]).toMatchObject({ answer: 'paris', start: 0 });
      expect(found[0]?.score).toBeCloseTo(2 * each, 5);
      expect(found.map(({ answer: text }) => text)).toEqual(['paris', '.']);
    });

    it('scores the empty answer by the window that is the least sure of it', async () => {
      // Windows of [CLS] who [SEP] + 3 tokens + [SEP].
      const answer = await answerer(7);
      const context = 'anna lives in . paris';
      const found = await answer(
        { question, context },
        { topK: 20, docStride: 1, maxAnswerLen: 1, handleImpossibleAnswer: true },
      );
      const empty = found.find(({ answer: text }) => text === '');
      const withParis = share([1, 0, 0, 4], 0) * share([2, 0, 0, 4], 0);
      expect(empty?.score).toBeCloseTo(withParis, 5);
    });

    it('widens answers to whole words, or not', async () => {
      const answer = await answerer(undefined, { ...rows, '##soft': [9, 9] } as typeof rows);
      const context = 'anna lives in microsoft .';
      expect((await answer({ question, context })).answer).toBe('microsoft');
      expect((await answer({ question, context }, { alignToWords: false })).answer).toBe('soft');
    });
  });
});

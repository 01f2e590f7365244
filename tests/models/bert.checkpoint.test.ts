// The tiny checkpoints trained in PyTorch, where they are present: our logits against those written beside them.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AutoTokenizer } from '@course/data';
import { BertForMaskedLM, BertForSequenceClassification, pipeline } from '@course/models';
import { noGrad, scope } from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { onEachDevice } from '../support/devices.js';

const data = fileURLToPath(new URL('../../../shared/data/', import.meta.url));
const folder = (name: string): string => `${data}models/${name}`;

interface Expected {
  readonly sst2Dev?: { readonly correct: number; readonly rows: number };
  readonly examples: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly logits?: readonly number[];
    readonly logitsFirst8?: readonly number[];
    readonly top5?: readonly { readonly token: number; readonly score: number }[];
  }[];
}
const expectedOf = (name: string): Expected =>
  JSON.parse(readFileSync(`${folder(name)}/expected.json`, 'utf8')) as Expected;

describe.skipIf(!existsSync(data))('the tiny checkpoints (skipped where there is no shared data folder)', () => {
  onEachDevice('expected.json', () => {
    it('of tiny-bert-sst2', async () => {
      const name = 'tiny-bert-sst2';
      const tokenizer = await AutoTokenizer.fromPretrained(folder(name));
      const model = await BertForSequenceClassification.fromPretrained(folder(name));
      for (const { text, ids, logits } of expectedOf(name).examples) {
        const encoded = tokenizer.encodeBatch([text], { padding: 'longest' });
        const { inputIds, attentionMask } = encoded.toTensors();
        expect(await inputIds.toArray()).toEqual([ids]);
        const output = noGrad(() => model.forward(inputIds, { attentionMask }));
        expect(await output.logits.data()).toBeClose(logits ?? [], { atol: 1e-4 });
      }
      model.dispose();
    });

    it('of tiny-bert-mlm', async () => {
      const name = 'tiny-bert-mlm';
      const tokenizer = await AutoTokenizer.fromPretrained(folder(name));
      const model = await BertForMaskedLM.fromPretrained(folder(name));
      for (const { text, ids, top5, logitsFirst8 } of expectedOf(name).examples) {
        const { inputIds, attentionMask } = tokenizer.encodeBatch([text]).toTensors();
        const masked = ids.indexOf(103);
        const row = scope(() =>
          noGrad(() => model.forward(inputIds, { attentionMask }).logits.select(1, masked).select(0, 0)),
        );
        const scores = await row.softmax(-1).data();
        // A probability p moves by at most 2p times the error of the logits.
        for (const { token, score } of top5 ?? []) expect([scores[token]]).toBeClose([score], { atol: 2e-4 * score });
        expect(await row.narrow(0, 0, 8).data()).toBeClose(logitsFirst8 ?? [], { atol: 1e-4 });
      }
      model.dispose();
    });

    it('classifies as the pipeline shows it', async () => {
      const classify = await pipeline('sentiment-analysis', folder('tiny-bert-sst2'));
      const [best] = await classify('a gorgeous , witty , seductive movie .');
      expect(best?.label).toBe('POSITIVE');
      expect([best?.score]).toBeClose([0.9986284971237183], { atol: 1e-4 });
      classify.dispose();
    });
  });

  it('judges the 872 sentences of SST-2 dev as PyTorch does', async () => {
    const rows = readFileSync(`${data}datasets/sst2/dev.jsonl`, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly text: string; readonly label: number });
    const classify = await pipeline('sentiment-analysis', folder('tiny-bert-sst2'));
    const found = await classify(
      rows.map(({ text }) => text),
      { batchSize: 64 },
    );
    const right = found.filter(({ label }, i) => (label === 'POSITIVE' ? 1 : 0) === rows[i]?.label).length;
    expect(right).toBe(expectedOf('tiny-bert-sst2').sst2Dev?.correct);
    classify.dispose();
  });
});

// The sentiment pipeline over a thousand sentences, from strings to labels: SST-2's and BERT's vocabulary where they are at hand, else
// generated ones. The model has the shape of a tiny BERT and random weights; peers read it, the sentences and our answers from a folder,
// and have to give the same.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BertTokenizer, trainWordPiece } from '@course/data';
import { BertForSequenceClassification, bertConfig, pipeline, type TextClassificationPipeline } from '@course/models';
import { manualSeed } from '@course/tensor';
import { data, folder, generatedTexts } from './texts.js';
import type { Workload } from './workload.js';

const COUNT = 1000;
const BATCH = 32;
const reviews = join(data, 'datasets/sst2/train.jsonl');
const vocabulary = join(data, 'tokenizers/bert-base-uncased');

function sentences(): string[] {
  if (!existsSync(reviews)) return generatedTexts(COUNT, (i) => 3 + ((i * 7) % 30));
  const lines = readFileSync(reviews, 'utf8').split('\n', COUNT);
  return lines.map((line) => (JSON.parse(line) as { text: string }).text);
}

interface Prepared {
  readonly classify: TextClassificationPipeline;
  readonly tokenizer: BertTokenizer;
  readonly texts: readonly string[];
}

let prepared: Promise<Prepared> | undefined;

function prepare(): Promise<Prepared> {
  prepared ??= (async () => {
    const texts = sentences();
    const tokenizer = existsSync(vocabulary)
      ? await BertTokenizer.fromPretrained(vocabulary)
      : trainWordPiece(texts, { vocabSize: 8000, lowercase: true });
    manualSeed(0);
    const config = bertConfig({
      vocabSize: tokenizer.vocabSize,
      hiddenSize: 128,
      numHiddenLayers: 2,
      numAttentionHeads: 2,
      intermediateSize: 512,
      // Large enough that answers differ from text to text.
      initializerRange: 0.1,
      id2label: { 0: 'NEGATIVE', 1: 'POSITIVE' },
    });
    const model = new BertForSequenceClassification(config).eval();
    mkdirSync(folder, { recursive: true });
    await model.savePretrained(join(folder, 'classifier'), { tokenizer });
    return { classify: await pipeline('text-classification', model, { tokenizer }), tokenizer, texts };
  })();
  return prepared;
}

/** @param kind `as they come`: each does what it does about lengths; `by length`: sorted before, so that the batches are equal. */
function classifying(name: string, kind: 'as they come' | 'by length'): Workload {
  return {
    name,
    prepare() {
      const ready = prepare().then(async ({ classify, tokenizer, texts }) => {
        const { lengths } = tokenizer.encodeBatch(texts);
        const order = [...texts.keys()].sort((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0));
        const own = kind === 'by length' ? order.map((i) => texts[i] ?? '') : texts;
        writeFileSync(join(folder, `${kind}.json`), JSON.stringify({ texts: own, batchSize: BATCH }));
        writeFileSync(join(folder, `${kind}.expected.json`), JSON.stringify(await classify(own, { batchSize: BATCH })));
        return { classify, texts: own };
      });
      return async () => {
        const { classify, texts } = await ready;
        await classify(texts, { batchSize: BATCH });
      };
    },
  };
}

export const pipelines: readonly Workload[] = [
  classifying('pipeline, 1,000 sentences', 'as they come'),
  classifying('pipeline, 1,000 sentences by length', 'by length'),
];

/**
 * The pipeline that gives tokens a label, and joins them to entities: `token-classification`, `ner`; after
 * [TokenClassificationPipeline](https://huggingface.co/docs/transformers/main_classes/pipelines#transformers.TokenClassificationPipeline).
 */
import type { Tokenizer } from '@course/data';
import { ArgumentError, type Tensor } from '@course/tensor';
import { labelNames } from '../pretrained/config.js';
import {
  type Batch,
  batchSizeOf,
  checkTexts,
  checkVocabulary,
  inBatches,
  listOf,
  longestInput,
  type PipelineModel,
  type PipelineOptions,
  type PipelineParts,
  softmaxOf,
  type TokenInputs,
  withParts,
} from './common.js';

/** A model that gives logits [batch, time, labels]. */
export interface TokenClassifier extends PipelineModel {
  forward(inputIds: Tensor, inputs: TokenInputs): { readonly logits: Tensor };
}

/** A token with its label. */
export interface TokenEntity {
  readonly entity: string;
  readonly score: number;
  /** The place of the token among those of the text, or of its window. */
  readonly index: number;
  readonly word: string;
  /** Where it stands in the text, UTF-16 indices. */
  readonly start: number;
  readonly end: number;
}

/** Neighbouring tokens of one entity. */
export interface EntityGroup {
  readonly entityGroup: string;
  readonly score: number;
  /** The tokens joined to text, in their own case; `text.slice(start, end)` is how the text has it. */
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

/** How tokens become entities: by neighbouring labels, the tokens of a word agreeing by its first token, their mean, or the surest. */
export type AggregationStrategy = 'simple' | 'first' | 'average' | 'max';

/** Options of a call. */
export interface TokenClassificationOptions extends PipelineOptions {
  /** Labels that are left out. Default ['O']. */
  readonly ignoreLabels?: readonly string[];
  readonly aggregationStrategy?: 'none' | AggregationStrategy;
  /** Tokens that the windows over a long text share, of entities in two windows the longer or surer stays; without it such a text is cut. */
  readonly stride?: number;
}

type Grouped = TokenClassificationOptions & { readonly aggregationStrategy: AggregationStrategy };

/** Labels of tokens, or with an `aggregationStrategy` entities. */
export interface TokenClassificationPipeline extends PipelineParts<TokenClassifier> {
  (text: string, options: Grouped): Promise<EntityGroup[]>;
  (texts: readonly string[], options: Grouped): Promise<EntityGroup[][]>;
  (text: string, options?: TokenClassificationOptions): Promise<TokenEntity[]>;
  (texts: readonly string[], options?: TokenClassificationOptions): Promise<TokenEntity[][]>;
}

/** A real token with the probabilities of its labels. */
interface Judged {
  readonly index: number;
  readonly word: string;
  readonly wordId: number | null;
  readonly start: number;
  readonly end: number;
  readonly scores: readonly number[];
}

/** Some tokens with the label that they agree on. */
interface Labelled {
  readonly label: string;
  readonly score: number;
  readonly words: readonly string[];
  readonly index: number;
  readonly start: number;
  readonly end: number;
}

const STRATEGIES = ['none', 'simple', 'first', 'average', 'max'] as const;

/** Makes the pipeline from a classifier of tokens and its tokenizer. */
export function tokenClassification(
  model: TokenClassifier,
  tokenizer: Tokenizer,
  defaults: TokenClassificationOptions = {},
): TokenClassificationPipeline {
  const task = 'token-classification';
  checkVocabulary(task, model, tokenizer);
  const labels = labelNames(model.config);
  const call = async (input: string | readonly string[], given: TokenClassificationOptions = {}) => {
    const {
      ignoreLabels = ['O'],
      aggregationStrategy: strategy = 'none',
      stride,
      ...options
    } = { ...defaults, ...given };
    if (!STRATEGIES.includes(strategy))
      throw new ArgumentError(
        `${task}: aggregationStrategy must be one of ${STRATEGIES.join(', ')}, got '${strategy}'`,
      );
    const texts: readonly string[] = listOf(task, input);
    checkTexts(task, texts);
    const windows: (readonly (TokenEntity | EntityGroup)[])[][] = texts.map(() => []);
    const batches = inBatches(texts, {
      tokenizer,
      model,
      batchSize: batchSizeOf(task, options),
      encode: {
        truncation: true,
        maxLength: longestInput(model, tokenizer),
        ...(stride !== undefined && { stride, returnOverflowingTokens: true }),
      },
      run: (inputIds, inputs) => [model.forward(inputIds, inputs).logits],
    });
    for await (const batch of batches) {
      for (const [row, place] of batch.places.entries()) {
        const tokens = judgedTokens(batch, row, texts[place] ?? '', labels.length, tokenizer.specialTokens.unkToken);
        const isSingle = strategy === 'none' || strategy === 'simple';
        const found = isSingle
          ? tokens.map((token) => agreed([token], labels, 'first'))
          : words(tokens, labels, strategy);
        windows[place]?.push(
          strategy === 'none' ? singly(found, ignoreLabels) : grouped(found, ignoreLabels, tokenizer),
        );
      }
    }
    const results = windows.map((own) => (own.length > 1 ? withoutOverlap(own.flat()) : own.flat()));
    return typeof input === 'string' ? results[0] : results;
  };
  return withParts(call, task, model, tokenizer) as TokenClassificationPipeline;
}

/** The tokens of one row, special ones and padding left out. */
function judgedTokens(
  { encoding, outputs }: Batch,
  row: number,
  text: string,
  labels: number,
  unknown: string | undefined,
): Judged[] {
  const { data = [], shape = [] } = outputs[0] ?? {};
  const time = shape[1] ?? 0;
  const own = encoding.at(row);
  const judged: Judged[] = [];
  for (const [index, [start, end]] of own?.offsets.entries() ?? []) {
    if (own?.specialTokensMask[index] === 1) continue;
    const at = (row * time + index) * labels;
    const token = own?.tokens[index] ?? '';
    judged.push({
      index,
      // What the vocabulary lacks is shown as the text has it.
      word: token === unknown ? text.slice(start, end) : token,
      wordId: own?.wordIds[index] ?? null,
      start,
      end,
      scores: softmaxOf(data.slice(at, at + labels)),
    });
  }
  return judged;
}

const argmax = (scores: readonly number[]): number => scores.indexOf(Math.max(...scores));

/** Tokens of one word with one label: that of the first, of the mean of their probabilities, or of the surest. */
function agreed(
  parts: readonly [Judged, ...Judged[]],
  labels: readonly string[],
  strategy: 'first' | 'average' | 'max',
): Labelled {
  const [first] = parts;
  const scoresOf = {
    first: () => first.scores,
    max: () => parts.reduce((a, b) => (Math.max(...b.scores) > Math.max(...a.scores) ? b : a)).scores,
    average: () =>
      first.scores.map((_, i) => parts.reduce((sum, { scores }) => sum + (scores[i] ?? 0), 0) / parts.length),
  };
  const scores = scoresOf[strategy]();
  const best = argmax(scores);
  return {
    label: labels[best] ?? '',
    score: scores[best] ?? 0,
    words: parts.map(({ word }) => word),
    index: first.index,
    start: first.start,
    end: parts.at(-1)?.end ?? first.end,
  };
}

function words(
  tokens: readonly Judged[],
  labels: readonly string[],
  strategy: 'first' | 'average' | 'max',
): Labelled[] {
  const all: [Judged, ...Judged[]][] = [];
  for (const token of tokens) {
    const last = all.at(-1);
    if (last && token.wordId !== null && last[0].wordId === token.wordId) last.push(token);
    else all.push([token]);
  }
  return all.map((parts) => agreed(parts, labels, strategy));
}

function singly(tokens: readonly Labelled[], ignored: readonly string[]): TokenEntity[] {
  return tokens.flatMap(({ label, score, index, words: [word = ''], start, end }) =>
    ignored.includes(label) ? [] : [{ entity: label, score, index, word, start, end }],
  );
}

/** `B-PER` as its beginning and `PER`; a label without a prefix continues as `I-` does, as in transformers. */
function tagOf(label: string): { begins: boolean; tag: string } {
  if (label.startsWith('B-')) return { begins: true, tag: label.slice(2) };
  return { begins: false, tag: label.startsWith('I-') ? label.slice(2) : label };
}

/** Neighbours of one tag as one entity each; a `B-` always begins another. */
function grouped(tokens: readonly Labelled[], ignored: readonly string[], tokenizer: Tokenizer): EntityGroup[] {
  const groups: [Labelled, ...Labelled[]][] = [];
  for (const token of tokens) {
    const last = groups.at(-1);
    const { begins, tag } = tagOf(token.label);
    if (last && !begins && tagOf(last.at(-1)?.label ?? '').tag === tag) last.push(token);
    else groups.push([token]);
  }
  return groups
    .map((parts) => ({
      // What stands behind the first hyphen, be it B, I or another letter.
      entityGroup: parts[0].label.slice(parts[0].label.indexOf('-') + 1),
      score: parts.reduce((sum, { score }) => sum + score, 0) / parts.length,
      word: tokenizer.convertTokensToString(parts.flatMap((part) => part.words)),
      start: parts[0].start,
      end: parts.at(-1)?.end ?? 0,
    }))
    .filter(({ entityGroup }) => !ignored.includes(entityGroup));
}

/** Entities of overlapping windows: of two at one place the longer stays, of equally long ones the surer. */
function withoutOverlap<E extends TokenEntity | EntityGroup>(entities: readonly E[]): E[] {
  const kept: E[] = [];
  for (const entity of [...entities].sort((a, b) => a.start - b.start)) {
    const last = kept.at(-1);
    if (!last || entity.start >= last.end) {
      kept.push(entity);
      continue;
    }
    const longer = entity.end - entity.start - (last.end - last.start);
    if (longer > 0 || (longer === 0 && entity.score > last.score)) kept[kept.length - 1] = entity;
  }
  return kept;
}

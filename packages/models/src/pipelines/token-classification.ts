/** The pipeline that gives tokens a label, and joins them to entities: `token-classification`, `ner`. */
import type { Tokenizer } from '@course/data';
import { ArgumentError, type Tensor } from '@course/tensor';
import { labelNames } from '../pretrained/config.js';
import {
  batchSizeOf,
  checkTexts,
  checkVocabulary,
  inBatches,
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
  /** The place of the token among those of the text. */
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
  /** Tokens that the windows over a long text share; without it such a text is cut. */
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
    const texts = typeof input === 'string' ? [input] : input;
    checkTexts(task, texts);
    const judged: Map<number, Judged>[] = texts.map(() => new Map());
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
    for await (const { encoding, places, outputs } of batches) {
      const { data = [], shape = [] } = outputs[0] ?? {};
      const time = shape[1] ?? 0;
      for (const [row, place] of places.entries()) {
        const own = encoding.at(row);
        const text = texts[place] ?? '';
        const found = judged[place];
        for (const [i, [start, end]] of own?.offsets.entries() ?? []) {
          if (own?.specialTokensMask[i] === 1) continue;
          const at = (row * time + i) * labels.length;
          const scores = softmaxOf(data.slice(at, at + labels.length));
          const before = found?.get(start);
          // Windows overlap: the surer judgement of a token stays.
          if (before && Math.max(...before.scores) >= Math.max(...scores)) continue;
          const token = own?.tokens[i] ?? '';
          found?.set(start, {
            index: i,
            word: token,
            wordId: own?.wordIds[i] ?? null,
            start,
            end: Math.min(end, text.length),
            scores,
          });
        }
      }
    }
    const results = judged.map((tokens, place) => {
      const ordered = [...tokens.values()].sort((a, b) => a.start - b.start);
      if (strategy === 'none') return singly(ordered, labels, ignoreLabels);
      const words = strategy === 'simple' ? ordered : wordsOf(ordered, strategy);
      return grouped(words, labels, ignoreLabels, texts[place] ?? '');
    });
    return typeof input === 'string' ? results[0] : results;
  };
  return withParts(call, task, model, tokenizer) as TokenClassificationPipeline;
}

const argmax = (scores: readonly number[]): number => scores.indexOf(Math.max(...scores));

function singly(tokens: readonly Judged[], labels: readonly string[], ignored: readonly string[]): TokenEntity[] {
  return tokens.flatMap(({ scores, index, word, start, end }) => {
    const best = argmax(scores);
    const entity = labels[best] ?? '';
    return ignored.includes(entity) ? [] : [{ entity, score: scores[best] ?? 0, index, word, start, end }];
  });
}

/** Words with the scores that the strategy gives them: those of the first token, the mean, or those of the surest token. */
function wordsOf(tokens: readonly Judged[], strategy: 'first' | 'average' | 'max'): Judged[] {
  const words: Judged[][] = [];
  for (const token of tokens) {
    const last = words.at(-1);
    if (last && token.wordId !== null && last[0]?.wordId === token.wordId) last.push(token);
    else words.push([token]);
  }
  return words.flatMap((parts) => {
    const [first] = parts;
    const end = parts.at(-1)?.end ?? 0;
    if (!first) return [];
    const sure = parts.reduce((a, b) => (Math.max(...b.scores) > Math.max(...a.scores) ? b : a));
    const mean = first.scores.map((_, i) => parts.reduce((sum, part) => sum + (part.scores[i] ?? 0), 0) / parts.length);
    return [{ ...first, end, scores: strategy === 'first' ? first.scores : strategy === 'max' ? sure.scores : mean }];
  });
}

/** `B-PER` as its beginning and `PER`; a label without a prefix continues as `I-` does, as in transformers. */
function tagOf(label: string): { begins: boolean; tag: string } {
  if (label.startsWith('B-')) return { begins: true, tag: label.slice(2) };
  return { begins: false, tag: label.startsWith('I-') ? label.slice(2) : label };
}

function grouped(
  tokens: readonly Judged[],
  labels: readonly string[],
  ignored: readonly string[],
  text: string,
): EntityGroup[] {
  const groups: { tag: string; scores: number[]; start: number; end: number }[] = [];
  let open = false;
  for (const { scores, start, end } of tokens) {
    const best = argmax(scores);
    const label = labels[best] ?? '';
    const { begins, tag } = tagOf(label);
    const last = groups.at(-1);
    if (open && last && last.tag === tag && !begins) {
      last.scores.push(scores[best] ?? 0);
      last.end = end;
    } else groups.push({ tag, scores: [scores[best] ?? 0], start, end });
    open = true;
  }
  return groups
    .filter(({ tag }) => !ignored.includes(tag))
    .map(({ tag, scores, start, end }) => ({
      entityGroup: tag,
      score: scores.reduce((sum, score) => sum + score, 0) / scores.length,
      word: text.slice(start, end),
      start,
      end,
    }));
}

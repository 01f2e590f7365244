/**
 * The pipeline that finds the answer to a question in a text: `question-answering`. Texts longer than the model are read in windows that
 * overlap; the best span of all windows is the answer.
 */
import type { Tokenizer } from '@course/data';
import { ArgumentError, type Tensor } from '@course/tensor';
import {
  type Batch,
  batchSizeOf,
  checkCounts,
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

/** A model that gives scores of the ends of an answer, [batch, time] each. */
export interface AnswerModel extends PipelineModel {
  forward(inputIds: Tensor, inputs: TokenInputs): { readonly startLogits: Tensor; readonly endLogits: Tensor };
}

/** A question and the text that holds the answer. */
export interface Question {
  readonly question: string;
  readonly context: string;
}

/** An answer and where it stands in the text. */
export interface Answer {
  readonly score: number;
  /** UTF-16 indices into the context; `context.slice(start, end)` is the answer. */
  readonly start: number;
  readonly end: number;
  readonly answer: string;
}

/** Options of a call. */
export interface QuestionAnsweringOptions extends PipelineOptions {
  /** The longest answer in tokens. Default 15. */
  readonly maxAnswerLen?: number;
  /** Tokens of a window, question included. Default 384. */
  readonly maxSeqLen?: number;
  /** Tokens that two windows share. Default half a window, at most 128. */
  readonly docStride?: number;
  /** The longest question in tokens; a longer one is cut. Default 64. */
  readonly maxQuestionLen?: number;
  /** Let the empty answer win: scored by the window that is the least sure of it. Default false. */
  readonly handleImpossibleAnswer?: boolean;
  /** Widen answers to whole words. Default true. */
  readonly alignToWords?: boolean;
  /** Give the k best answers. */
  readonly topK?: number;
}

/** Finds answers: one a question, or with `topK` a list. */
export interface QuestionAnsweringPipeline extends PipelineParts<AnswerModel> {
  (question: Question, options: QuestionAnsweringOptions & { readonly topK: number }): Promise<Answer[]>;
  (questions: readonly Question[], options: QuestionAnsweringOptions & { readonly topK: number }): Promise<Answer[][]>;
  (question: Question, options?: QuestionAnsweringOptions & { readonly topK?: undefined }): Promise<Answer>;
  (
    questions: readonly Question[],
    options?: QuestionAnsweringOptions & { readonly topK?: undefined },
  ): Promise<Answer[]>;
}

/** Makes the pipeline from a model that answers questions and its tokenizer. */
export function questionAnswering(
  model: AnswerModel,
  tokenizer: Tokenizer,
  defaults: QuestionAnsweringOptions = {},
): QuestionAnsweringPipeline {
  const task = 'question-answering';
  checkVocabulary(task, model, tokenizer);
  const call = async (input: Question | readonly Question[], given: QuestionAnsweringOptions = {}) => {
    const options = { ...defaults, ...given };
    const { maxAnswerLen = 15, maxQuestionLen = 64, topK, handleImpossibleAnswer = false } = options;
    const plan = { maxAnswerLen, count: topK ?? 1, alignToWords: options.alignToWords ?? true };
    checkCounts(task, { maxAnswerLen, maxQuestionLen, topK: topK ?? 1 });
    const questions = isMany(input) ? input : [input];
    for (const { question, context } of questions) {
      checkTexts(task, [question, context]);
      if (question.trim() === '') throw new ArgumentError(`${task}: the question is empty`);
      if (context.trim() === '') throw new ArgumentError(`${task}: the context is empty`);
    }
    const maxLength = Math.min(options.maxSeqLen ?? 384, longestInput(model, tokenizer));
    const pairs = questions.map(
      ({ question, context }) => [cut(question, maxQuestionLen, tokenizer), context] as const,
    );
    const found: Answer[][] = questions.map(() => []);
    const leastEmpty: number[] = questions.map(() => Infinity);
    const batches = inBatches(pairs, {
      tokenizer,
      model,
      batchSize: batchSizeOf(task, options),
      encode: {
        truncation: 'only_second',
        maxLength,
        stride: options.docStride ?? Math.min(Math.floor(maxLength / 2), 128),
        returnOverflowingTokens: true,
      },
      run: (inputIds, inputs) => {
        const { startLogits, endLogits } = model.forward(inputIds, inputs);
        return [startLogits, endLogits];
      },
    });
    for await (const batch of batches) {
      for (const [row, place] of batch.places.entries()) {
        const context = questions[place]?.context ?? '';
        const { answers, empty } = answersOf(batch, row, context, plan);
        found[place]?.push(...answers);
        leastEmpty[place] = Math.min(leastEmpty[place] ?? Infinity, empty);
      }
    }
    const results = found.map((answers, i) => {
      const all = together(answers);
      if (handleImpossibleAnswer) all.push({ score: leastEmpty[i] ?? 0, start: 0, end: 0, answer: '' });
      return all.sort((a, b) => b.score - a.score).slice(0, plan.count);
    });
    if (topK !== undefined) return isMany(input) ? results : results[0];
    const best = results.map(([answer]) => answer ?? { score: 0, start: 0, end: 0, answer: '' });
    return isMany(input) ? best : best[0];
  };
  return withParts(call, task, model, tokenizer) as QuestionAnsweringPipeline;
}

function isMany(input: Question | readonly Question[]): input is readonly Question[] {
  return Array.isArray(input);
}

/** A question cut to some tokens: the text up to the end of the last one that stays. */
function cut(question: string, maxTokens: number, tokenizer: Tokenizer): string {
  const { offsets } = tokenizer.encode(question, { addSpecialTokens: false });
  return offsets.length <= maxTokens ? question : question.slice(0, offsets[maxTokens - 1]?.[1] ?? 0);
}

/** How answers are looked for. */
interface AnswerPlan {
  readonly maxAnswerLen: number;
  readonly count: number;
  readonly alignToWords: boolean;
}

/** The best spans of one window, and how sure it is of the empty answer. */
function answersOf(
  { encoding, outputs }: Batch,
  row: number,
  context: string,
  { maxAnswerLen, count, alignToWords }: AnswerPlan,
): { answers: Answer[]; empty: number } {
  const [starts, ends] = outputs;
  const time = starts?.shape[1] ?? 0;
  const { offsets = [], wordIds = [] } = encoding.at(row) ?? {};
  const inContext = encoding.sequenceIds(row).map((id) => id === 1);
  // As transformers: of all that is not the text only [CLS], which stands for no answer, takes part in the softmax.
  const shares = (scores: ArrayLike<number>): number[] =>
    softmaxOf(Array.from({ length: time }, (_, i) => (inContext[i] || i === 0 ? (scores[i] ?? 0) : -1e4)));
  const from = shares(starts?.data.slice(row * time, (row + 1) * time) ?? []);
  const to = shares(ends?.data.slice(row * time, (row + 1) * time) ?? []);
  const spans: { first: number; last: number; score: number }[] = [];
  for (let first = 0; first < time; first++) {
    if (!inContext[first]) continue;
    for (let last = first; last < Math.min(time, first + maxAnswerLen) && inContext[last]; last++)
      spans.push({ first, last, score: (from[first] ?? 0) * (to[last] ?? 0) });
  }
  spans.sort((a, b) => b.score - a.score);
  const answers = spans.slice(0, count).map(({ first, last, score }): Answer => {
    let [begin, end] = [first, last];
    if (alignToWords) {
      while (begin > 0 && inContext[begin - 1] && wordIds[begin - 1] === wordIds[first]) begin--;
      while (end + 1 < time && inContext[end + 1] && wordIds[end + 1] === wordIds[last]) end++;
    }
    const [start, stop] = [offsets[begin]?.[0] ?? 0, offsets[end]?.[1] ?? 0];
    return { score, start, end: stop, answer: context.slice(start, stop) };
  });
  return { answers, empty: (from[0] ?? 0) * (to[0] ?? 0) };
}

/** Answers that read the same count as one, whose score is the sum: they are found in several windows, or several times in the text. */
function together(answers: readonly Answer[]): Answer[] {
  const all = new Map<string, Answer>();
  for (const answer of answers) {
    const key = answer.answer.toLowerCase();
    const before = all.get(key);
    all.set(key, before ? { ...before, score: before.score + answer.score } : answer);
  }
  return [...all.values()];
}

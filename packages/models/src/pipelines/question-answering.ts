/**
 * The pipeline that finds the answer to a question in a text: `question-answering`. Texts longer than the model are read in windows that
 * overlap; the best span of all windows is the answer.
 */
import type { Tokenizer } from '@course/data';
import { ArgumentError, type Tensor } from '@course/tensor';
import {
  type Batch,
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
  /** Let the empty answer win. Default false. */
  readonly handleImpossibleAnswer?: boolean;
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
    for (const [name, value] of Object.entries({ maxAnswerLen, maxQuestionLen, topK: topK ?? 1 }))
      if (!(Number.isInteger(value) && value >= 1))
        throw new ArgumentError(`${task}: ${name} must be a whole number of at least 1, got ${value}`);
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
        found[place]?.push(...answersOf(batch, row, context, maxAnswerLen, topK ?? 1, handleImpossibleAnswer));
      }
    }
    const results = found.map((answers) => unique(answers).slice(0, topK ?? 1));
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

/** The best spans of one window. */
function answersOf(
  { encoding, outputs }: Batch,
  row: number,
  context: string,
  maxAnswerLen: number,
  count: number,
  mayBeEmpty: boolean,
): Answer[] {
  const [starts, ends] = outputs;
  const time = starts?.shape[1] ?? 0;
  const { offsets = [], wordIds = [] } = encoding.at(row) ?? {};
  const inContext = encoding.sequenceIds(row).map((id) => id === 1);
  // As transformers: the scores of all that is not the text (or, where no answer is an answer, [CLS]) leave the softmax.
  const shares = (scores: ArrayLike<number>): number[] =>
    softmaxOf(
      Array.from({ length: time }, (_, i) => (inContext[i] || (mayBeEmpty && i === 0) ? (scores[i] ?? 0) : -1e4)),
    );
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
    // Whole words, as a reader wants them.
    let [begin, end] = [first, last];
    while (begin > 0 && inContext[begin - 1] && wordIds[begin - 1] === wordIds[first]) begin--;
    while (end + 1 < time && inContext[end + 1] && wordIds[end + 1] === wordIds[last]) end++;
    const [start, stop] = [offsets[begin]?.[0] ?? 0, offsets[end]?.[1] ?? 0];
    return { score, start, end: stop, answer: context.slice(start, stop) };
  });
  if (mayBeEmpty) answers.push({ score: (from[0] ?? 0) * (to[0] ?? 0), start: 0, end: 0, answer: '' });
  return answers;
}

/** Answers by descending score; those of overlapping windows at one place once. */
function unique(answers: readonly Answer[]): Answer[] {
  const best = new Map<string, Answer>();
  for (const answer of [...answers].sort((a, b) => b.score - a.score)) {
    const key = `${answer.start}:${answer.end}`;
    if (!best.has(key)) best.set(key, answer);
  }
  return [...best.values()];
}

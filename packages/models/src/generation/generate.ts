/**
 * Text from a causal language model, one token after the other: the loop behind `generate` and `stream`. With caches each step computes
 * the new tokens only, so the work per token and layer stays the same however long the text has become.
 */
import type { KeyValueCache } from '@course/nn';
import {
  ArgumentError,
  type DeviceKind,
  defaultGenerator,
  noGrad,
  ShapeError,
  scope,
  type Tensor,
  tensor,
  withDevice,
} from '@course/tensor';
import type { GenerationConfig } from './config.js';
import { type GenerateOptions, type ResolvedOptions, resolveOptions, withDefaults } from './options.js';
import { best, candidates, draw, ruled } from './sampling.js';

/** What generation needs of a model. */
export interface CausalModel {
  /** The longest sequence. */
  readonly maxPositions: number;
  readonly eosTokenId: number;
  /** What stands in for options that a call leaves out. */
  readonly generationConfig?: GenerationConfig;
  /** Empty caches, one a layer. */
  newCaches(capacity: number): KeyValueCache[];
  /** Scores of the next word at every place, [batch, time, vocabulary]. */
  forward(
    inputIds: Tensor,
    inputs: {
      readonly attentionMask?: Tensor | null;
      readonly positionIds?: Tensor | null;
      readonly caches?: readonly KeyValueCache[] | null;
    },
  ): { readonly logits: Tensor };
}

/** The rows of a batch while they grow. */
interface Rows {
  /** Where the model computes. */
  readonly device: DeviceKind;
  readonly ids: number[][];
  /** Padding in front of each prompt. */
  readonly padding: readonly number[];
  readonly done: boolean[];
}

function checkPrompt(inputIds: Tensor): void {
  if (inputIds.ndim !== 2 || inputIds.numel() === 0)
    throw new ShapeError(
      `generate: inputIds must be [batch, time] with at least one token, got [${inputIds.shape.join(', ')}]`,
    );
}

/** The rows that prompts begin with, each as often as texts are wanted of it. */
async function readPrompt(inputIds: Tensor, mask: Tensor | null | undefined, times: number): Promise<Rows> {
  const [batch, time] = [inputIds.size(0), inputIds.size(1)];
  if (mask && mask.shape.join() !== inputIds.shape.join())
    throw new ShapeError(
      `generate: attentionMask must have the shape of inputIds, [${batch}, ${time}], got [${mask.shape.join(', ')}]`,
    );
  const flat = await inputIds.data();
  const kept = mask ? await mask.data() : null;
  const padding: number[] = [];
  for (let row = 0; row < batch; row++) {
    const own = kept?.subarray(row * time, (row + 1) * time);
    const front = own ? own.findIndex((value) => value !== 0) : 0;
    if (front < 0) throw new ArgumentError(`generate: row ${row} of the prompt is all padding`);
    if (own?.subarray(front).some((value) => value === 0))
      throw new ArgumentError(
        `generate: row ${row} of the prompt is padded on the right; pad on the left (paddingSide: 'left')`,
      );
    padding.push(front);
  }
  const ids = Array.from({ length: batch * times }, (_, i) => {
    const row = Math.floor(i / times);
    return Array.from(flat.subarray(row * time, (row + 1) * time));
  });
  const { device } = inputIds;
  return { device, ids, padding: ids.map((_, i) => padding[Math.floor(i / times)] ?? 0), done: ids.map(() => false) };
}

/**
 * The tokens that a model adds to prompts, step by step: each step gives one id a row (`padTokenId` for rows that have ended). Ending the
 * iteration early frees what the loop holds.
 *
 * @param inputIds [batch, time], int32.
 * @throws ArgumentError or ShapeError for options and prompts that do not fit the model.
 */
export async function* streamTokens(
  model: CausalModel,
  inputIds: Tensor,
  options: GenerateOptions = {},
): AsyncGenerator<number[], void> {
  checkPrompt(inputIds);
  const prompt = inputIds.size(1);
  const given = withDefaults(model.generationConfig ?? {}, options);
  const resolved = resolveOptions(given, model.eosTokenId, prompt, defaultGenerator());
  const rows = await readPrompt(inputIds, options.attentionMask, resolved.numReturnSequences);
  if (prompt + resolved.maxNewTokens > model.maxPositions)
    throw new ArgumentError(
      `generate: a prompt of ${prompt} tokens and maxNewTokens = ${resolved.maxNewTokens} exceed the ${model.maxPositions} positions of the model; shorten the prompt or generate fewer tokens`,
    );
  const caches = resolved.useCache ? model.newCaches(prompt + resolved.maxNewTokens) : null;
  try {
    for (let step = 0; step < resolved.maxNewTokens; step++) {
      const next = await nextTokens(model, rows, caches, resolved, step);
      for (const [row, id] of next.entries()) {
        const ids = rows.ids[row];
        if (!ids) continue;
        ids.push(id);
        if (!rows.done[row]) rows.done[row] = resolved.endTokens.has(id) || (resolved.stop?.(ids, row) ?? false);
      }
      yield next;
      if (rows.done.every(Boolean)) return;
    }
  } finally {
    for (const cache of caches ?? []) cache.dispose();
  }
}

/** One step: the ids that follow each row. */
async function nextTokens(
  model: CausalModel,
  rows: Rows,
  caches: readonly KeyValueCache[] | null,
  options: ResolvedOptions,
  step: number,
): Promise<number[]> {
  const past = caches?.[0]?.length ?? 0;
  const isGreedy = !options.doSample;
  const hasRules = options.repetitionPenalty !== 1 || options.noRepeatNgramSize > 0 || step < options.minNewTokens;
  const needsScores = !isGreedy || hasRules;
  // One small readback where the device can choose; the scores of the last place otherwise.
  const result = withDevice(rows.device, () =>
    scope(() =>
      noGrad(() => {
        const last = lastScores(model, rows, caches, past);
        return needsScores ? last : last.argmax(-1);
      }),
    ),
  );
  const data = await result.data();
  result.dispose();
  const count = rows.ids.length;
  const width = data.length / count;
  return rows.ids.map((ids, row) => {
    if (rows.done[row]) return options.padTokenId;
    if (!needsScores) return data[row] ?? 0;
    const scores = Float32Array.from(data.subarray(row * width, (row + 1) * width));
    if (hasRules) ruled(scores, ids.slice(rows.padding[row]), step, options);
    if (isGreedy) return best(scores);
    const { ids: allowed, probabilities } = candidates(scores, options);
    return draw(allowed, probabilities, options.generator);
  });
}

/** Scores of the token behind each row, [batch, vocabulary]. */
function lastScores(model: CausalModel, rows: Rows, caches: readonly KeyValueCache[] | null, past: number): Tensor {
  const total = rows.ids[0]?.length ?? 0;
  const fresh = rows.ids.map((ids) => ids.slice(past));
  const isPadded = rows.padding.some((front) => front > 0);
  const int32 = { dtype: 'int32' } as const;
  const inputs = tensor(fresh, int32);
  const attentionMask = isPadded
    ? tensor(
        rows.padding.map((front) => Array.from({ length: total }, (_, i) => Number(i >= front))),
        int32,
      )
    : null;
  // Places count from the first real token, as transformers counts them.
  const positionIds = isPadded
    ? tensor(
        rows.padding.map((front) => Array.from({ length: total - past }, (_, i) => Math.max(0, past + i - front))),
        int32,
      )
    : null;
  const { logits } = model.forward(inputs, { attentionMask, positionIds, caches });
  return logits.select(1, total - past - 1);
}

/**
 * Prompts with what a model adds to them: one list of ids a row, prompt and padding included, rows that ended early filled with
 * `padTokenId`, as `transformers`' `generate` gives them. With `numReturnSequences` the texts of a prompt follow each other.
 *
 * @param inputIds [batch, time], int32.
 */
export async function generateTokens(
  model: CausalModel,
  inputIds: Tensor,
  options: GenerateOptions = {},
): Promise<number[][]> {
  checkPrompt(inputIds);
  const added: number[][] = [];
  for await (const next of streamTokens(model, inputIds, options)) added.push(next);
  const prompts = (await inputIds.toArray()) as number[][];
  const rows = added[0]?.length ?? 0;
  const times = rows / prompts.length;
  return Array.from({ length: rows }, (_, row) => [
    ...(prompts[Math.floor(row / times)] ?? []),
    ...added.map((ids) => ids[row] ?? 0),
  ]);
}

/**
 * Text from a causal language model, one token after the other: the loop behind `generate` and `stream`. With caches each step computes
 * the new tokens only, so the work per token and layer stays the same however long the text has become.
 */
import type { KeyValueCache, Module } from '@course/nn';
import { ArgumentError, defaultGenerator, noGrad, ShapeError, scope, type Tensor, tensor } from '@course/tensor';
import { type GenerateOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { best, candidates, draw, penalise } from './sampling.js';

/** What generation needs of a model. */
export interface CausalModel extends Module {
  /** The longest sequence. */
  readonly maxPositions: number;
  readonly eosTokenId: number;
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
  readonly ids: number[][];
  /** Padding in front of each prompt. */
  readonly padding: readonly number[];
  readonly done: boolean[];
}

async function readPrompt(inputIds: Tensor, mask: Tensor | null | undefined): Promise<Rows> {
  if (inputIds.ndim !== 2 || inputIds.numel() === 0)
    throw new ShapeError(
      `generate: inputIds must be [batch, time] with at least one token, got [${inputIds.shape.join(', ')}]`,
    );
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
  const ids = Array.from({ length: batch }, (_, row) => Array.from(flat.subarray(row * time, (row + 1) * time)));
  return { ids, padding, done: ids.map(() => false) };
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
  const resolved = resolveOptions(options, model.eosTokenId, defaultGenerator());
  const rows = await readPrompt(inputIds, options.attentionMask);
  const prompt = rows.ids[0]?.length ?? 0;
  if (prompt + resolved.maxNewTokens > model.maxPositions)
    throw new ArgumentError(
      `generate: a prompt of ${prompt} tokens and maxNewTokens = ${resolved.maxNewTokens} exceed the ${model.maxPositions} positions of the model; shorten the prompt or generate fewer tokens`,
    );
  const caches = resolved.useCache ? model.newCaches(prompt + resolved.maxNewTokens) : null;
  try {
    for (let step = 0; step < resolved.maxNewTokens; step++) {
      const next = await nextTokens(model, rows, caches, resolved);
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
): Promise<number[]> {
  const past = caches?.[0]?.length ?? 0;
  const isGreedy = !options.doSample;
  const needsScores = !isGreedy || options.repetitionPenalty !== 1;
  // One small readback where the device can choose; the scores of the last place otherwise.
  const result = scope(() =>
    noGrad(() => {
      const last = lastScores(model, rows, caches, past);
      return needsScores ? last : last.argmax(-1);
    }),
  );
  const data = await result.data();
  result.dispose();
  const count = rows.ids.length;
  const width = data.length / count;
  return rows.ids.map((ids, row) => {
    if (rows.done[row]) return options.padTokenId;
    if (!needsScores) return data[row] ?? 0;
    const scores = Float32Array.from(data.subarray(row * width, (row + 1) * width));
    if (options.repetitionPenalty !== 1) penalise(scores, ids.slice(rows.padding[row]), options.repetitionPenalty);
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
 * `padTokenId`, as `transformers`' `generate` gives them.
 *
 * @param inputIds [batch, time], int32.
 */
export async function generateTokens(
  model: CausalModel,
  inputIds: Tensor,
  options: GenerateOptions = {},
): Promise<number[][]> {
  const flat = await inputIds.data();
  const time = inputIds.size(-1);
  const rows = Array.from({ length: flat.length / time }, (_, row) =>
    Array.from(flat.subarray(row * time, (row + 1) * time)),
  );
  for await (const next of streamTokens(model, inputIds, options))
    for (const [row, id] of next.entries()) rows[row]?.push(id);
  return rows;
}

// What is kept of a training run beside the model: its losses and what was measured after each epoch. A report draws them, also
// long after the run.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FormatError } from '@course/tensor';
import { readText, writeText } from '@course/tensor/files';
import type { Evaluation } from './evaluation.js';

/** An epoch that is over. */
export interface EpochRecord extends Evaluation {
  /** Steps done by then. */
  readonly step: number;
}

/** A training run. */
export interface History {
  /** The loss of each step. */
  readonly losses: readonly number[];
  readonly epochs: readonly EpochRecord[];
  /** Where the texts came from, in words. */
  readonly source: string;
}

const version = 1;
const fileOf = (folder: string): string => join(folder, 'training.json');

/** Writes the history of a model's training into its folder. */
export async function saveHistory(folder: string, history: History): Promise<void> {
  await writeText(fileOf(folder), `${JSON.stringify({ version, ...history })}\n`);
}

/**
 * The history of the training of a folder's model; undefined if it has none.
 *
 * @throws FormatError when the file is none that {@link saveHistory} wrote.
 */
export async function loadHistory(folder: string): Promise<History | undefined> {
  const file = fileOf(folder);
  if (!existsSync(file)) return undefined;
  let content: unknown;
  try {
    content = JSON.parse(await readText(file));
  } catch (error) {
    throw new FormatError(`${file}: not valid JSON: ${String(error)}`, { cause: error });
  }
  if (!isHistory(content)) throw new FormatError(`${file}: not the history of a training run`);
  return content;
}

function isHistory(value: unknown): value is History {
  const { version: of, losses, epochs, source } = Object(value) as Record<string, unknown>;
  return (
    of === version &&
    typeof source === 'string' &&
    Array.isArray(losses) &&
    losses.every((loss) => typeof loss === 'number') &&
    Array.isArray(epochs) &&
    epochs.every(isEpoch)
  );
}

function isEpoch(value: unknown): value is EpochRecord {
  const { step, accuracy, loss, confusion } = Object(value) as Record<string, unknown>;
  return (
    [step, accuracy, loss].every((number) => typeof number === 'number') &&
    Array.isArray(confusion) &&
    confusion.every((row) => Array.isArray(row) && row.every((number) => typeof number === 'number'))
  );
}

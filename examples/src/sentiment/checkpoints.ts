// Checkpoints of a training run, in a folder inside that of its model: everything that the run needs to go on with the step
// it would have taken next. A checkpoint knows the options and the texts of its run, and goes on with no others.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rm, rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { lastCheckpoint, loadCheckpoint, readProgress, saveCheckpoint, type TrainingParts } from '@course/nn';
import { ArgumentError, CourseError, FormatError } from '@course/tensor';
import type { Corpus } from './data.js';
import type { EpochRecord } from './history.js';
import { resumeCommand } from './interruption.js';
import type { Options } from './options.js';

/** The options that decide what a run computes: those of a run that goes on are those that it began with. */
const deciding = ['epochs', 'batchSize', 'maxLength', 'dim', 'layers', 'heads', 'lr', 'seed', 'vocabSize'] as const;
const paths = ['train', 'test'] as const;
/** Options that a run goes on with unless others are given. */
const habits = ['device', 'saveSteps'] as const;

type RunOptions = Pick<Options, (typeof deciding)[number] | (typeof paths)[number] | (typeof habits)[number]>;

/** What tells one run from another. */
export interface Run {
  readonly options: RunOptions;
  /** {@link fingerprint} of the texts. */
  readonly texts: string;
}

/** Where a run stands after some steps, beside what the model, the optimizer and the random streams hold. */
export interface Standing {
  /** The loss of each step. */
  readonly losses: readonly number[];
  readonly samples: number;
  /** Time spent in steps. */
  readonly seconds: number;
  /** The epochs that are over and measured. */
  readonly epochs: readonly EpochRecord[];
}

interface Extra extends Run {
  readonly program: string;
  readonly standing: Standing;
}

const program = '@course/examples/sentiment';
const names = /^checkpoint-\d+(\.unfinished)?$/;

/** The checkpoints of a run. */
export class Checkpoints {
  /** The folder of the model, for messages; the checkpoints are in one inside of it. */
  readonly out: string;
  readonly #run: Run;
  /** The step of the newest checkpoint of this run. */
  #step: number | undefined;

  constructor(out: string, run: Run) {
    this.out = out;
    this.#run = run;
  }

  /** Number of steps of the newest checkpoint that this run has written or begun with. */
  get step(): number | undefined {
    return this.#step;
  }

  /**
   * Puts a run into the state of its last checkpoint.
   *
   * @throws FormatError that names the file if one is damaged.
   */
  async load(parts: TrainingParts): Promise<Standing> {
    const { step, extra } = await loadCheckpoint(folderOf(this.out), parts);
    const { standing } = checked(extra, this.out);
    this.#step = step;
    return standing;
  }

  /** Writes a checkpoint, and removes those before the last two; what an earlier run left here goes when the first is written. */
  async save(parts: TrainingParts, standing: Standing): Promise<void> {
    const step = standing.losses.length;
    if (step === this.#step) return;
    if (this.#step === undefined) await removeCheckpoints(this.out);
    const extra: Extra = { program, ...this.#run, standing };
    try {
      await saveCheckpoint(folderOf(this.out), parts, { step, extra });
    } catch (error) {
      if (this.#step === undefined) await removeCheckpoints(this.out);
      throw this.withAdvice(error);
    }
    this.#step = step;
  }

  /** An error that ended the run, with how to go on once its reason is gone: a full disk is no reason to begin anew. */
  withAdvice(error: unknown): unknown {
    if (this.#step === undefined || !(error instanceof CourseError)) return error;
    const advice = `to go on from step ${this.#step}: ${resumeCommand(this.out)}`;
    return new ArgumentError(`${error.message}; ${advice}`, { cause: error });
  }
}

/** Removes the checkpoints of a folder, and nothing that is none; a folder that holds nothing else goes with them. */
export async function removeCheckpoints(out: string): Promise<void> {
  const folder = folderOf(out);
  if (!existsSync(folder)) return;
  const inside = await readdir(folder);
  const own = inside.filter((name) => names.test(name));
  for (const name of own) await rm(join(folder, name), { recursive: true, force: true });
  if (own.length < inside.length) return;
  await rmdir(folder);
  if ((await readdir(out)).length === 0) await rmdir(out);
}

/** Whether a folder is what an unfinished run leaves: checkpoints of this program, or the beginning of the first one. */
export async function isUnfinished(out: string): Promise<boolean> {
  const folder = folderOf(out);
  if (!existsSync(folder)) return false;
  try {
    if ((await lastCheckpoint(folder)) !== null) return isExtra((await readProgress(folder)).extra);
    const [all, inside] = [await readdir(out), await readdir(folder)];
    return all.length === 1 && inside.every((name) => names.test(name));
  } catch {
    return false;
  }
}

/**
 * The options of a run that goes on: those that it began with, and what was asked for beside them now.
 *
 * @throws ArgumentError when there is no run to go on with, or an option is given that it did not begin with.
 */
export async function resumedOptions(asked: Options, folder: string): Promise<Options> {
  if (asked.given.includes('out') && resolve(asked.out) !== resolve(folder)) {
    throw new ArgumentError(`--resume ${folder}: the run saves its model there; leave --out ${asked.out} away`);
  }
  if (!existsSync(folder)) throw new ArgumentError(`--resume ${folder}: there is no such folder`);
  if ((await lastCheckpoint(folderOf(folder))) === null) {
    const finished = existsSync(join(folder, 'config.json'));
    throw new ArgumentError(
      `--resume ${folder}: there is no checkpoint of an unfinished run${finished ? '; the model there is finished, and --load judges with it' : ''}`,
    );
  }
  const { options } = checked((await readProgress(folderOf(folder))).extra, folder);
  for (const name of deciding) {
    if (asked.given.includes(name) && asked[name] !== options[name]) {
      const flag = `--${name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`;
      throw new ArgumentError(
        `--resume ${folder}: the run began with ${flag} ${options[name]} and cannot go on with ${flag} ${asked[name]}`,
      );
    }
  }
  const given = Object.fromEntries(
    [...paths, ...habits].flatMap((name) => (asked.given.includes(name) ? [[name, asked[name]]] : [])),
  );
  return { ...asked, ...options, ...given, out: folder };
}

/** The part of options that a checkpoint keeps; paths are absolute, for a run may go on from elsewhere. */
export function runOptions(options: Options, epochs: number): RunOptions {
  const { train, test, batchSize, maxLength, dim, layers, heads, lr, seed, vocabSize, device, saveSteps } = options;
  return {
    ...(train !== undefined && { train: resolve(train) }),
    ...(test !== undefined && { test: resolve(test) }),
    ...{ epochs, batchSize, maxLength, dim, layers, heads, lr, seed, vocabSize, device, saveSteps },
  };
}

/**
 * Checks that texts are those that a run began with.
 *
 * @throws ArgumentError when they are not.
 */
export async function checkTexts(corpus: Corpus, folder: string): Promise<void> {
  const { texts } = checked((await readProgress(folderOf(folder))).extra, folder);
  if (texts !== fingerprint(corpus)) {
    throw new ArgumentError(`--resume ${folder}: these are not the texts that the run began with (${corpus.source})`);
  }
}

/** SHA-256 over texts and labels in their order. */
export function fingerprint({ train, test }: Corpus): string {
  const hash = createHash('sha256');
  for (const texts of [train, test]) {
    for (const { text, label } of texts) hash.update(`${JSON.stringify([text, label])}\n`);
    hash.update('\n');
  }
  return hash.digest('hex');
}

function folderOf(out: string): string {
  return join(out, 'checkpoints');
}

function isExtra(value: unknown): value is Extra {
  return typeof value === 'object' && value !== null && 'program' in value && value.program === program;
}

function checked(extra: unknown, out: string): Extra {
  if (isExtra(extra)) return extra;
  throw new FormatError(`${folderOf(out)}: the checkpoints there are not of this program`);
}

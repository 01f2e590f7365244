/**
 * Checkpoints of a training run: everything that decides its next step, in a folder that is there whole or not at all. The folder
 * is written under a temporary name, flushed, and renamed; a run that was killed at any moment goes on from the last whole one and, on the
 * CPU, ends with the same bits as if it had not been.
 *
 * `checkpoint-<step>/` holds `model.safetensors` (loads in PyTorch as it is), `optimizer.safetensors` and `state.json`.
 */
import { ArgumentError, defaultGenerator, FormatError, type Generator, type Tensor } from '@course/tensor';
import { listFolder, makeFolder, readText, removeFolder, renamePath, writeText } from '@course/tensor/files';
import { open, save } from '@course/tensor/safetensors';
import type { Module } from '../module.js';
import type { BaseSettings, OptimizerState, ParameterState } from '../optim/optimizer.js';
import type { SchedulerState } from '../optim/scheduler.js';

/** Something whose state is plain data: a schedule, a loader. */
export interface Stateful<S> {
  /** The state. */
  stateDict(): S;
  /** Takes a state over. */
  loadStateDict(state: S): void;
}

/** The parts of a run. What is absent is not saved. */
export interface TrainingParts {
  readonly model: Module;
  readonly optimizer?: Stateful<OptimizerState<BaseSettings>>;
  readonly scheduler?: Stateful<SchedulerState>;
  /** The random stream that the run draws from; the default generator if absent. */
  readonly generator?: Generator;
}

/** What a checkpoint says beside tensors. */
export interface Progress<Extra = unknown> {
  /** Optimizer steps done. */
  readonly step: number;
  /** Anything that JSON can hold: the loader's place, losses so far, options. */
  readonly extra: Extra;
}

interface State {
  readonly version: 1;
  readonly step: number;
  readonly generator: string;
  readonly optimizer?: {
    readonly groups: OptimizerState<BaseSettings>['groups'];
    readonly numbers: Record<string, Record<string, number>>;
  };
  readonly scheduler?: SchedulerState;
  readonly extra: unknown;
}

const NAME = /^checkpoint-(\d+)$/;
/** What is not whole: being written, or being removed. */
const LEFTOVER = /^checkpoint-\d+\.(unfinished|discarded)$/;
const MODEL = 'model.safetensors';
const OPTIMIZER = 'optimizer.safetensors';
const STATE = 'state.json';

/** Which of the older checkpoints stay. */
export interface RetentionOptions {
  /** How many of the newest stay; null for all. Default 2. */
  readonly keep?: number | null;
  /** Paths that stay however old they are: the best one. */
  readonly protect?: readonly string[];
}

/**
 * Writes a checkpoint into `folder` and removes all but the newest `keep` there. Returns its path.
 *
 * @throws ArgumentError if the folder cannot be written; the checkpoints that were there stay.
 * @example
 * await saveCheckpoint('run', { model, optimizer, scheduler }, { step, extra: { loader: loader.state() } });
 */
export async function saveCheckpoint(
  folder: string,
  parts: TrainingParts,
  { step, extra }: Progress,
  { keep = 2, protect = [] }: RetentionOptions = {},
): Promise<string> {
  if (keep !== null && !(Number.isInteger(keep) && keep >= 1))
    throw new ArgumentError(`saveCheckpoint: keep must be null or a whole number of at least 1, got ${keep}`);
  const target = `${folder}/checkpoint-${step}`;
  const unfinished = `${target}.unfinished`;
  for (const leftover of [unfinished, `${target}.discarded`]) await removeFolder(leftover);
  try {
    await makeFolder(unfinished);
    await save(`${unfinished}/${MODEL}`, parts.model.stateDict(), { format: 'pt' });
    const { tensors, json } = parts.optimizer ? split(parts.optimizer.stateDict()) : { tensors: null, json: null };
    if (tensors) await save(`${unfinished}/${OPTIMIZER}`, tensors);
    const state: State = {
      version: 1,
      step,
      generator: toBase64((parts.generator ?? defaultGenerator()).getState()),
      ...(json && { optimizer: json }),
      ...(parts.scheduler && { scheduler: parts.scheduler.stateDict() }),
      extra,
    };
    await writeText(`${unfinished}/${STATE}`, `${JSON.stringify(state)}\n`);
    // Another name first, here and below: a kill in the middle of a removal must not leave what looks whole.
    if ((await checkpointSteps(folder)).includes(step)) await renamePath(target, `${target}.discarded`);
    await renamePath(unfinished, target);
  } catch (error) {
    // What a full disk made room for is of no use; the first failure is the one to report.
    await removeFolder(unfinished).catch(() => undefined);
    throw error;
  }
  const old = keep === null ? [] : (await checkpointSteps(folder)).slice(0, -keep);
  for (const path of old.map((each) => `${folder}/checkpoint-${each}`))
    if (!protect.includes(path)) await renamePath(path, `${path}.discarded`);
  await removeLeftovers(folder);
  return target;
}

/** Removes what a save that was cut off, in writing or in tidying up, has left. */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await listFolder(folder)) if (LEFTOVER.test(name)) await removeFolder(`${folder}/${name}`);
}

async function checkpointSteps(folder: string): Promise<number[]> {
  const steps = (await listFolder(folder)).flatMap((name) => NAME.exec(name)?.[1] ?? []);
  return steps.map(Number).sort((a, b) => a - b);
}

/** The path of the newest whole checkpoint of a folder, or null. */
export async function lastCheckpoint(folder: string): Promise<string | null> {
  const step = (await checkpointSteps(folder)).at(-1);
  return step === undefined ? null : `${folder}/checkpoint-${step}`;
}

/**
 * Where a checkpoint stands, read before there is a run to put into its state: options and data are kept in `extra`.
 *
 * @param path A checkpoint, or a folder of checkpoints, of which the newest is taken.
 * @throws ArgumentError if there is none; FormatError that names the file if it is not one's state.
 * @example
 * const { step, extra } = await readProgress('run');
 */
export async function readProgress(path: string): Promise<Progress> {
  const { step, extra } = (await readState('readProgress', path)).state;
  return { step, extra };
}

/** The checkpoint that a path speaks of, and its `state.json`. */
async function readState(caller: string, path: string): Promise<{ own: string; state: State }> {
  const own = NAME.test(path.split('/').at(-1) ?? '') ? path : await lastCheckpoint(path);
  if (!own) throw new ArgumentError(`${caller}: there is no checkpoint in '${path}'`);
  return { own, state: parse(await readText(`${own}/${STATE}`), `${own}/${STATE}`) };
}

/**
 * Puts the parts of a run into the state of a checkpoint and returns where it stood.
 *
 * @param path A checkpoint, or a folder of checkpoints, of which the newest is taken.
 * @throws ArgumentError if there is none; FormatError that names the file if one does not fit.
 */
export async function loadCheckpoint(path: string, parts: TrainingParts): Promise<Progress> {
  const { own, state } = await readState('loadCheckpoint', path);
  await loadModel(parts.model, own);
  if (parts.optimizer) {
    if (!state.optimizer) throw new FormatError(`${own}/${STATE}: it holds no optimizer`);
    const tensors = await readTensors(`${own}/${OPTIMIZER}`);
    parts.optimizer.loadStateDict(join(state.optimizer, tensors));
    release(tensors);
  }
  if (parts.scheduler) {
    if (!state.scheduler) throw new FormatError(`${own}/${STATE}: it holds no scheduler`);
    parts.scheduler.loadStateDict(state.scheduler);
  }
  (parts.generator ?? defaultGenerator()).setState(fromBase64(state.generator));
  return { step: state.step, extra: state.extra };
}

/** Copies the weights of a checkpoint into a module. */
export async function loadModel(model: Module, checkpoint: string): Promise<void> {
  const weights = await readTensors(`${checkpoint}/${MODEL}`);
  model.loadStateDict(weights);
  release(weights);
}

function parse(text: string, file: string): State {
  let state: State;
  try {
    state = JSON.parse(text) as State;
  } catch (error) {
    throw new FormatError(`${file}: not valid JSON: ${(error as Error).message}`, { cause: error });
  }
  if (state?.version !== 1 || typeof state.step !== 'number' || typeof state.generator !== 'string')
    throw new FormatError(`${file}: not a checkpoint's state`);
  return state;
}

async function readTensors(path: string): Promise<Map<string, Tensor>> {
  const file = await open(path);
  try {
    const tensors = new Map<string, Tensor>();
    for (const key of file.keys()) tensors.set(key, await file.load(key));
    return tensors;
  } finally {
    await file.close();
  }
}

function release(tensors: ReadonlyMap<string, Tensor>): void {
  for (const tensor of tensors.values()) tensor.dispose();
}

/** An optimizer's state as tensors by `<parameter>.<name>` and numbers. */
function split({ groups, state }: OptimizerState<BaseSettings>): {
  tensors: Map<string, Tensor>;
  json: NonNullable<State['optimizer']>;
} {
  const tensors = new Map<string, Tensor>();
  const numbers: Record<string, Record<string, number>> = {};
  for (const [parameter, own] of state) {
    const plain: Record<string, number> = {};
    for (const [name, value] of Object.entries(own)) {
      if (typeof value === 'number') plain[name] = value;
      else tensors.set(`${parameter}.${name}`, value);
    }
    numbers[parameter] = plain;
  }
  return { tensors, json: { groups, numbers } };
}

function join(
  { groups, numbers }: NonNullable<State['optimizer']>,
  tensors: ReadonlyMap<string, Tensor>,
): OptimizerState<BaseSettings> {
  const state = new Map<number, ParameterState>(
    Object.entries(numbers).map(([parameter, own]) => [Number(parameter), { ...own }]),
  );
  for (const [key, value] of tensors) {
    const dot = key.indexOf('.');
    const own = state.get(Number(key.slice(0, dot)));
    if (own) own[key.slice(dot + 1)] = value;
  }
  return { groups, state };
}

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

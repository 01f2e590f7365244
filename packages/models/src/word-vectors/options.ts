/**
 * The options of models that learn word vectors with negative sampling: gensim's names and defaults in camelCase, checked once when a model is made.
 */
import { ArgumentError } from '@course/tensor';
import type { TrainingProgress } from './windows.js';

/** Options of {@link Word2Vec}; gensim's, by gensim's defaults. */
export interface Word2VecOptions {
  /** Width of the vectors. Default 100. */
  readonly vectorSize?: number;
  /** How far a word is from those that it predicts, at most. Default 5. */
  readonly window?: number;
  /** Draw the reach of each window from 1 … `window`, so that near words count more. Default true. */
  readonly shrinkWindows?: boolean;
  /** Words that occur less often are left out. Default 5. */
  readonly minCount?: number;
  /** At most so many words, the most frequent. No limit by default. */
  readonly maxFinalVocab?: number;
  /** Skip-gram: each word predicts each of its neighbours. Else, by default, CBOW: the neighbours predict the word together. */
  readonly sg?: boolean;
  /** Noise words for each prediction. Default 5. */
  readonly negative?: number;
  /** Noise words are drawn by frequency to this power. Default 0.75. */
  readonly nsExponent?: number;
  /** CBOW takes the mean of the neighbours, else their sum. Default true. */
  readonly cbowMean?: boolean;
  /** Words above about this share of the text are skipped now and then; 0 skips none. Default 1e-3. */
  readonly sample?: number;
  /** Learning rate at the beginning. Default 0.025. */
  readonly alpha?: number;
  /** Learning rate at the end. Default 1e-4. */
  readonly minAlpha?: number;
  /** Passes over the text. Default 5. */
  readonly epochs?: number;
  /** Of everything random: the same seed and text give the same bits. Default 1. */
  readonly seed?: number;
  /** Reports tell the mean loss. Default false: it costs a tenth of the time. */
  readonly computeLoss?: boolean;
}

/** All options, as a model holds them. */
export type ResolvedWord2VecOptions = Required<Word2VecOptions>;

/** Options of one run of training; what is absent is as the model was made with. */
export interface TrainOptions {
  readonly epochs?: number;
  /** Learning rate at the beginning. */
  readonly startAlpha?: number;
  /** Learning rate at the end. */
  readonly endAlpha?: number;
  /** Called about twenty times a second, and at the end of every epoch. */
  readonly onProgress?: (progress: TrainingProgress) => void;
}

/** Checks options, by the name of the model in messages. */
export class OptionCheck {
  constructor(readonly owner: string) {}

  whole(name: string, value: number, least: number): void {
    if (!Number.isInteger(value) || value < least)
      throw new ArgumentError(`${this.owner}: ${name} must be a whole number of at least ${least}, got ${value}`);
  }

  /** A number in [0, ∞), or (0, ∞). */
  rate(name: string, value: number, { zero = false } = {}): void {
    if (!Number.isFinite(value) || value < 0 || (value === 0 && !zero))
      throw new ArgumentError(
        `${this.owner}: ${name} must be a ${zero ? 'number of at least 0' : 'positive number'}, got ${value}`,
      );
  }
}

/** Options with gensim's defaults, checked. */
export function resolveWord2Vec(owner: string, options: Word2VecOptions): ResolvedWord2VecOptions {
  const resolved: ResolvedWord2VecOptions = {
    vectorSize: 100,
    window: 5,
    shrinkWindows: true,
    minCount: 5,
    maxFinalVocab: Number.POSITIVE_INFINITY,
    sg: false,
    negative: 5,
    nsExponent: 0.75,
    cbowMean: true,
    sample: 1e-3,
    alpha: 0.025,
    minAlpha: 1e-4,
    epochs: 5,
    seed: 1,
    computeLoss: false,
    ...options,
  };
  const check = new OptionCheck(owner);
  for (const name of ['vectorSize', 'window', 'negative', 'epochs', 'minCount'] as const)
    check.whole(name, resolved[name], 1);
  if (resolved.maxFinalVocab !== Number.POSITIVE_INFINITY) check.whole('maxFinalVocab', resolved.maxFinalVocab, 1);
  check.rate('alpha', resolved.alpha);
  check.rate('minAlpha', resolved.minAlpha, { zero: true });
  check.rate('sample', resolved.sample, { zero: true });
  if (!Number.isFinite(resolved.nsExponent))
    throw new ArgumentError(`${owner}: nsExponent must be a number, got ${resolved.nsExponent}`);
  return resolved;
}

/** Epochs and learning rates of a run: those asked for, or the model's. */
export function trainOptions(
  { epochs, alpha, minAlpha }: Pick<ResolvedWord2VecOptions, 'epochs' | 'alpha' | 'minAlpha'>,
  asked: TrainOptions,
): { readonly epochs: number; readonly alpha: number; readonly minAlpha: number } & Pick<TrainOptions, 'onProgress'> {
  return {
    epochs: asked.epochs ?? epochs,
    alpha: asked.startAlpha ?? alpha,
    minAlpha: asked.endAlpha ?? minAlpha,
    ...(asked.onProgress && { onProgress: asked.onProgress }),
  };
}

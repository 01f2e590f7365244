/** The arguments of Lightning's Trainer by their names there, as training arguments. */
import { ArgumentError } from '@course/tensor';
import type { TrainingArguments } from './arguments.js';

/** What `pytorch_lightning.Trainer` takes, for runs by {@link Trainer.fit}; all are other names of training arguments. */
export interface FitOptions {
  /** Default 3. */
  readonly maxEpochs?: number;
  /** Optimizer steps in all; set, it decides instead of the epochs. */
  readonly maxSteps?: number;
  /** Batches whose gradients make one step. Default 1. */
  readonly accumulateGradBatches?: number;
  /** The norm that gradients are clipped to; 0 for none. Default 0. */
  readonly gradientClipVal?: number;
  /** Log every n steps. Default: at the end of an epoch alone. */
  readonly logEveryNSteps?: number;
  /** Where checkpoints go, after every epoch. Default: nothing is saved. */
  readonly defaultRootDir?: string;
  /** False saves nothing, with a `defaultRootDir` too. */
  readonly enableCheckpointing?: boolean;
  /** False shows no bar and no lines. Default true. */
  readonly enableProgressBar?: boolean;
  /** Mixed precision. Default 32-true. */
  readonly precision?: '32-true' | '16-mixed';
  /** There is none to switch off: entries of the log go to the callbacks. */
  readonly logger?: false;
}

/** Lightning's defaults where they differ from Hugging Face's. */
export const FIT_DEFAULTS: TrainingArguments = {
  loggingStrategy: 'no',
  evalStrategy: 'epoch',
  saveStrategy: 'no',
  maxGradNorm: 0,
};

/**
 * Training arguments for what Lightning's names say.
 *
 * @throws ArgumentError if checkpoints are wanted and there is no folder for them.
 */
export function fitArguments(options: FitOptions, outputDir: string | null = null): TrainingArguments {
  const folder = options.defaultRootDir ?? outputDir;
  if (options.enableCheckpointing && folder === null)
    throw new ArgumentError('Trainer: enableCheckpointing needs a defaultRootDir');
  const saves = options.enableCheckpointing ?? options.defaultRootDir !== undefined;
  const { maxEpochs, maxSteps, accumulateGradBatches, gradientClipVal, logEveryNSteps } = options;
  return {
    ...(maxEpochs !== undefined && { numTrainEpochs: maxEpochs }),
    ...(maxSteps !== undefined && { maxSteps }),
    ...(accumulateGradBatches !== undefined && { gradientAccumulationSteps: accumulateGradBatches }),
    ...(gradientClipVal !== undefined && { maxGradNorm: gradientClipVal }),
    ...(logEveryNSteps !== undefined && { loggingStrategy: 'steps', loggingSteps: logEveryNSteps }),
    ...(options.defaultRootDir !== undefined && { outputDir: options.defaultRootDir }),
    ...(saves && { saveStrategy: 'epoch' }),
    ...(options.enableProgressBar === false && { disableTqdm: true }),
    ...(options.precision !== undefined && { fp16: options.precision === '16-mixed' }),
  };
}

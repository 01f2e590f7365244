/** What decides a training run, by the names of Hugging Face's `TrainingArguments` in camelCase, and its defaults. */
import { ArgumentError } from '@course/tensor';
import type { SchedulerName } from '../optim/warmup.js';

/** When something happens: never, every n optimizer steps, or after every epoch. */
export type IntervalStrategy = 'no' | 'steps' | 'epoch';

/** Optimizers that {@link TrainingArguments.optim} names. */
export type OptimizerName = 'adamw' | 'adamw_torch' | 'adam' | 'sgd' | 'rmsprop' | 'adagrad';

/** Arguments of a {@link Trainer}; all have defaults, those of Hugging Face unless said otherwise. */
export interface TrainingArguments {
  /** Where checkpoints go. Without one nothing is saved. */
  readonly outputDir?: string | null;
  /** Default 3. */
  readonly numTrainEpochs?: number;
  /** Optimizer steps in all; set, it decides instead of the epochs. Default -1. */
  readonly maxSteps?: number;
  /** Default 8. */
  readonly perDeviceTrainBatchSize?: number;
  /** Default 8. */
  readonly perDeviceEvalBatchSize?: number;
  /** Batches whose gradients make one step. Default 1. */
  readonly gradientAccumulationSteps?: number;
  /** Default 5e-5. */
  readonly learningRate?: number;
  /** Not applied to biases and norms. Default 0. */
  readonly weightDecay?: number;
  readonly adamBeta1?: number;
  readonly adamBeta2?: number;
  readonly adamEpsilon?: number;
  /** The norm that gradients are clipped to; 0 for none. Default 1. */
  readonly maxGradNorm?: number;
  /** Default adamw, which is Hugging Face's adamw_torch. */
  readonly optim?: OptimizerName;
  /** Default linear: falls to 0 over the run, after the warm-up. */
  readonly lrSchedulerType?: SchedulerName;
  /** Share of all steps in which the rate rises from 0. Default 0. */
  readonly warmupRatio?: number;
  /** Steps in which the rate rises from 0; above 0 it decides instead of the ratio. Default 0. */
  readonly warmupSteps?: number;
  /** Default steps. */
  readonly loggingStrategy?: IntervalStrategy;
  /** Default 500. */
  readonly loggingSteps?: number;
  /** Also log the first step. Default false. */
  readonly loggingFirstStep?: boolean;
  /** Default no; with `evalSteps` alone, steps. */
  readonly evalStrategy?: IntervalStrategy;
  /** The name that `evalStrategy` had before. */
  readonly evaluationStrategy?: IntervalStrategy;
  /** Default `loggingSteps`. */
  readonly evalSteps?: number;
  /** Default steps, where there is an `outputDir`. */
  readonly saveStrategy?: IntervalStrategy;
  /** Default 500. */
  readonly saveSteps?: number;
  /** How many of the newest checkpoints stay, beside the best; null for all. Default null. */
  readonly saveTotalLimit?: number | null;
  /** End with the weights of the best checkpoint; evaluation and saving must then coincide. Default false. */
  readonly loadBestModelAtEnd?: boolean;
  /** A name among the metrics, with or without `eval`. Default loss. */
  readonly metricForBestModel?: string;
  /** Default: only if the metric's name does not end with loss. */
  readonly greaterIsBetter?: boolean;
  /** Stop after so many evaluations in which the metric did not get better; null for never. Default null. */
  readonly earlyStoppingPatience?: number | null;
  /** Seeds the default generator when the trainer is made, and the order of the data. Default 42. */
  readonly seed?: number;
  /** The order of the data alone. Default `seed`. */
  readonly dataSeed?: number;
  /** Put rows of similar length together, so that little is padded. Default false. */
  readonly groupByLength?: boolean;
  /** Leave out a last batch that is not full. Default false. */
  readonly dataloaderDropLast?: boolean;
  /** Compute the inner values of blocks again in the backward pass: memory for time. Default false. */
  readonly gradientCheckpointing?: boolean;
  /** Share of certainty that is taken from each label and spread over all classes; the trainer then computes the loss. Default 0. */
  readonly labelSmoothingFactor?: number;
  /** Mixed precision: float16 in the products, losses scaled by a `GradScaler`. Default false. */
  readonly fp16?: boolean;
  /**
   * Read every loss and gradient norm before the step that they decide, and stop at one that is not finite. Default true; false
   * lets a GPU run ahead, losses are then read when they are logged.
   */
  readonly stopOnNan?: boolean;
  /** No progress bar and no lines. Default false. */
  readonly disableTqdm?: boolean;
}

/** {@link TrainingArguments} with all defaults filled in. */
export type FilledArguments = Required<Omit<TrainingArguments, 'evaluationStrategy'>>;

const DEFAULTS = {
  outputDir: null,
  numTrainEpochs: 3,
  maxSteps: -1,
  perDeviceTrainBatchSize: 8,
  perDeviceEvalBatchSize: 8,
  gradientAccumulationSteps: 1,
  learningRate: 5e-5,
  weightDecay: 0,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  maxGradNorm: 1,
  optim: 'adamw',
  lrSchedulerType: 'linear',
  warmupRatio: 0,
  warmupSteps: 0,
  loggingStrategy: 'steps',
  loggingSteps: 500,
  loggingFirstStep: false,
  saveSteps: 500,
  saveTotalLimit: null,
  loadBestModelAtEnd: false,
  metricForBestModel: 'loss',
  earlyStoppingPatience: null,
  seed: 42,
  groupByLength: false,
  dataloaderDropLast: false,
  gradientCheckpointing: false,
  labelSmoothingFactor: 0,
  fp16: false,
  stopOnNan: true,
  disableTqdm: false,
} as const satisfies TrainingArguments;

const STRATEGIES: readonly IntervalStrategy[] = ['no', 'steps', 'epoch'];
const COUNTS = [
  'perDeviceTrainBatchSize',
  'perDeviceEvalBatchSize',
  'gradientAccumulationSteps',
  'loggingSteps',
  'evalSteps',
  'saveSteps',
] as const;

/**
 * Fills in defaults and checks that the arguments fit each other.
 *
 * @throws ArgumentError that names the argument and what it may be.
 */
export function completeArguments(given: TrainingArguments): FilledArguments {
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as TrainingArguments;
  const { evaluationStrategy, ...named } = set;
  const base = { ...DEFAULTS, ...named };
  const args: FilledArguments = {
    ...base,
    evalStrategy: set.evalStrategy ?? evaluationStrategy ?? (set.evalSteps === undefined ? 'no' : 'steps'),
    evalSteps: set.evalSteps ?? base.loggingSteps,
    saveStrategy: set.saveStrategy ?? (base.outputDir === null ? 'no' : 'steps'),
    dataSeed: set.dataSeed ?? base.seed,
    greaterIsBetter: set.greaterIsBetter ?? !/loss$/i.test(base.metricForBestModel),
  };
  const fail = (message: string): never => {
    throw new ArgumentError(`TrainingArguments: ${message}`);
  };
  for (const name of COUNTS)
    if (!(Number.isInteger(args[name]) && args[name] >= 1))
      fail(`${name} must be a whole number of at least 1, got ${args[name]}`);
  for (const name of ['loggingStrategy', 'evalStrategy', 'saveStrategy'] as const)
    if (!STRATEGIES.includes(args[name])) fail(`${name} may be no, steps or epoch, got '${args[name]}'`);
  for (const name of ['learningRate', 'weightDecay', 'maxGradNorm', 'warmupSteps'] as const)
    if (!(args[name] >= 0)) fail(`${name} must not be negative, got ${args[name]}`);
  if (!(args.warmupRatio >= 0 && args.warmupRatio <= 1))
    fail(`warmupRatio must lie in [0, 1], got ${args.warmupRatio}`);
  if (!(args.labelSmoothingFactor >= 0 && args.labelSmoothingFactor < 1))
    fail(`labelSmoothingFactor must be at least 0 and below 1, got ${args.labelSmoothingFactor}`);
  if (!(args.numTrainEpochs > 0) && args.maxSteps <= 0)
    fail(`numTrainEpochs must be above 0, got ${args.numTrainEpochs}`);
  if (args.saveTotalLimit !== null && !(Number.isInteger(args.saveTotalLimit) && args.saveTotalLimit >= 1))
    fail(`saveTotalLimit must be null or a whole number of at least 1, got ${args.saveTotalLimit}`);
  if (args.saveStrategy !== 'no' && args.outputDir === null) fail('saveStrategy needs an outputDir');
  if (args.loadBestModelAtEnd && (args.saveStrategy === 'no' || args.saveStrategy !== args.evalStrategy))
    fail(
      `loadBestModelAtEnd requires the save and eval strategy to match, got ${args.saveStrategy} and ${args.evalStrategy}`,
    );
  if (args.loadBestModelAtEnd && args.saveStrategy === 'steps' && args.saveSteps % args.evalSteps !== 0)
    fail(`loadBestModelAtEnd requires saveSteps (${args.saveSteps}) to be a multiple of evalSteps (${args.evalSteps})`);
  if (args.earlyStoppingPatience !== null && args.evalStrategy === 'no')
    fail('earlyStoppingPatience needs an evalStrategy');
  return args;
}

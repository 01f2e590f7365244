/**
 * Optimizers and learning-rate schedules, by the names of `torch.optim`.
 *
 * @packageDocumentation
 */
export { Adagrad, type AdagradSettings } from './adagrad.js';
export { Adam, type AdamSettings, AdamW } from './adam.js';
export { CosineAnnealingLR, CosineAnnealingWarmRestarts, OneCycleLR, type OneCycleOptions } from './annealing.js';
export { type EmaOptions, type EmaState, ExponentialMovingAverage } from './ema.js';
export {
  type BaseSettings,
  type FilledGroup,
  type GradientPair,
  Optimizer,
  type OptimizerState,
  type ParameterGroup,
  type ParameterState,
} from './optimizer.js';
export { type PlateauOptions, type PlateauState, ReduceLROnPlateau } from './plateau.js';
export { RMSprop, type RmspropSettings } from './rmsprop.js';
export {
  ConstantLR,
  ExponentialLR,
  LambdaLR,
  LinearLR,
  MultiStepLR,
  PolynomialLR,
  type Scheduled,
  Scheduler,
  type SchedulerState,
  SequentialLR,
  StepLR,
} from './scheduler.js';
export { SGD, type SgdSettings } from './sgd.js';
export {
  ConstantWarmup,
  CosineWarmup,
  getScheduler,
  LinearWarmup,
  type SchedulerName,
  type WarmupOptions,
} from './warmup.js';

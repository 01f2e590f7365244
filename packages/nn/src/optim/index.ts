/**
 * Optimizers and learning-rate schedules, by the names of `torch.optim`.
 *
 * @packageDocumentation
 */
export { Adam, type AdamSettings, AdamW } from './adam.js';
export {
  type BaseSettings,
  type FilledGroup,
  Optimizer,
  type OptimizerState,
  type ParameterGroup,
  type ParameterState,
} from './optimizer.js';
export { CosineWarmup, LambdaLR, LinearWarmup, type Scheduled, type WarmupOptions } from './scheduler.js';
export { SGD, type SgdSettings } from './sgd.js';

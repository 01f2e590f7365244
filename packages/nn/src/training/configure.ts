/** What `configureOptimizers` returned, in any of Lightning's forms, as one optimizer and at most one schedule. */
import { ArgumentError } from '@course/tensor';
import type { Module } from '../module.js';
import { type AnyOptimizer, LightningModule, type SchedulerConfig, type SchedulerLike } from './lightning.js';

/** The optimizer of a run, null for the trainer's own, and its schedule. */
export interface Configured {
  readonly optimizer: AnyOptimizer | null;
  readonly scheduler: SchedulerConfig | null;
}

/**
 * What a module configures; nothing for one that is not Lightning's.
 *
 * @throws ArgumentError for several optimizers or schedules: a step is one optimizer's.
 */
export function configured(model: Module): Configured {
  if (!(model instanceof LightningModule)) return { optimizer: null, scheduler: null };
  const config = model.configureOptimizers();
  if (!Array.isArray(config)) {
    if (!('optimizer' in config)) return { optimizer: config as AnyOptimizer, scheduler: null };
    return { optimizer: config.optimizer, scheduler: config.lrScheduler ? asConfig(config.lrScheduler) : null };
  }
  const [first, second = []] = config as readonly [AnyOptimizer | readonly AnyOptimizer[], (readonly SchedulerLike[])?];
  const optimizers = Array.isArray(first) ? (first as readonly AnyOptimizer[]) : (config as readonly AnyOptimizer[]);
  const schedulers = Array.isArray(first) ? second : [];
  const [optimizer, ...others] = optimizers;
  if (!optimizer || others.length > 0 || schedulers.length > 1)
    throw new ArgumentError(
      `${model.constructor.name}: configureOptimizers may return one optimizer and one schedule, got ${optimizers.length} and ${schedulers.length}; parameters with settings of their own are groups of one optimizer, and SequentialLR is a schedule of several`,
    );
  const [scheduler] = schedulers;
  return { optimizer, scheduler: scheduler ? asConfig(scheduler) : null };
}

function asConfig(scheduler: SchedulerLike): SchedulerConfig {
  return 'scheduler' in scheduler ? scheduler : { scheduler };
}

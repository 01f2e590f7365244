/** The optimizer and schedule that training arguments ask for. */
import { ArgumentError, type Tensor } from '@course/tensor';
import { LayerNorm } from '../layers/normalization.js';
import type { Module } from '../module.js';
import { Adagrad } from '../optim/adagrad.js';
import { Adam, AdamW } from '../optim/adam.js';
import { RMSprop } from '../optim/rmsprop.js';
import type { Scheduler } from '../optim/scheduler.js';
import { SGD } from '../optim/sgd.js';
import { getScheduler } from '../optim/warmup.js';
import type { FilledArguments } from './arguments.js';
import type { AnyOptimizer } from './lightning.js';

/**
 * The parameters that learn in two groups for an optimizer: weights decay, biases and the parameters of norms do not, as in Hugging Face's
 * Trainer. {@link Trainer} makes them itself; this is for a loop written by hand.
 *
 * @example
 * const adam = new AdamW(decayGroups(model, 0.01), { lr: 5e-5 });
 */
export function decayGroups(model: Module, weightDecay: number): { params: Tensor[]; weightDecay: number }[] {
  const norms = new Set([...model.modules()].filter(isNorm).flatMap((module) => [...module.parameters()]));
  const [decayed, others]: [Tensor[], Tensor[]] = [[], []];
  for (const [name, parameter] of model.namedParameters()) {
    if (!parameter.requiresGrad) continue;
    const isBias = /(^|[._])bias/.test(name);
    (isBias || norms.has(parameter) ? others : decayed).push(parameter);
  }
  return [
    { params: decayed, weightDecay },
    { params: others, weightDecay: 0 },
  ].filter(({ params }) => params.length > 0);
}

function isNorm(module: Module): boolean {
  return module instanceof LayerNorm || /norm/i.test(module.constructor.name);
}

export function makeOptimizer(model: Module, args: FilledArguments): AnyOptimizer {
  const groups = decayGroups(model, args.weightDecay);
  const lr = args.learningRate;
  const adam = { lr, betas: [args.adamBeta1, args.adamBeta2] as const, eps: args.adamEpsilon };
  switch (args.optim) {
    case 'adamw':
    case 'adamw_torch':
      return new AdamW(groups, adam);
    case 'adam':
      return new Adam(groups, adam);
    case 'sgd':
      return new SGD(groups, { lr });
    case 'rmsprop':
      return new RMSprop(groups, { lr });
    case 'adagrad':
      return new Adagrad(groups, { lr });
    default:
      throw new ArgumentError(
        `TrainingArguments: optim may be adamw, adam, sgd, rmsprop or adagrad, got '${String(args.optim)}'`,
      );
  }
}

export function makeScheduler(optimizer: AnyOptimizer, args: FilledArguments, totalSteps: number): Scheduler {
  const warmupSteps = args.warmupSteps > 0 ? args.warmupSteps : Math.ceil(totalSteps * args.warmupRatio);
  return getScheduler(args.lrSchedulerType, optimizer, { warmupSteps, totalSteps });
}

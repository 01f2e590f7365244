// The page about PyTorch says that a name it lacks does not exist: so it has every name that does.
import { readFileSync } from 'node:fs';
import * as nn from '@course/nn';
import * as F from '@course/nn/functional';
import * as optim from '@course/nn/optim';
import * as core from '@course/tensor';
import { expect, it } from 'vitest';
import { at } from '../../scripts/paths.mjs';

const page = readFileSync(at('docs/from-pytorch.md'), 'utf8');

/** What PyTorch has no counterpart of, or what serves the packages alone. */
const own = new Set([
  ...['constructor', 'isDisposed', 'dispose', 'toString', 'describe', 'newFull', 'newArange'],
  ...['adopt', 'compute', 'checkAlive', 'checkInPlace'],
  ...[
    'init',
    'device',
    'memory',
    'scope',
    'tidy',
    'keep',
    'explain',
    'isFloating',
    'numel',
    'adamStep',
    'adamSteps',
    'descentSteps',
    'formatTensor',
  ],
  ...Object.keys(core).filter((name) => name.endsWith('Error')),
]);

function methodsOf(prototype: object | null): string[] {
  if (prototype === null || prototype === Object.prototype) return [];
  return [...Object.getOwnPropertyNames(prototype), ...methodsOf(Object.getPrototypeOf(prototype))];
}

it.each([
  ['methods of Tensor', methodsOf(core.Tensor.prototype)],
  ['@course/tensor', Object.keys(core)],
  ['@course/nn', Object.keys(nn)],
  ['@course/nn/optim', Object.keys(optim)],
  ['@course/nn/functional', Object.keys(F)],
])('the page has all names of %s', (_, names) => {
  const has = (name: string): boolean => new RegExp(`\\b${name}(?!\\w)`).test(page);
  // The page says of in-place methods that they are there, without naming each.
  const missing = names.filter(
    (name) => !own.has(name) && !has(name) && !(name.endsWith('_') && has(name.slice(0, -1))),
  );
  expect(missing).toEqual([]);
});

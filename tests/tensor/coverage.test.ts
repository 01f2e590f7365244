// That nothing goes untested: every op has golden cases in every layout, every method and function that makes a tensor of tensors is an op
// of some golden file, and whatever has a derivative has golden gradients.
import * as core from '@course/tensor';
import { describe, expect, it } from 'vitest';
import type { Layout } from '../support/golden-files.js';
import { golden } from '../support/goldens.js';

const files = ['ops', 'indexing', 'reductions', 'networks'] as const;
const layouts: readonly Layout[] = ['turned', 'repeated', 'empty', 'scalar'];
const all = files.map(golden);
const cases = all.flatMap((file) => file.cases);
const known = new Set([...cases, ...golden('creation').cases].map(({ op }) => op));

describe.each(files)('%s', (file) => {
  const { cases: own, refused } = golden(file);
  const ops = [...new Set(own.map(({ op }) => op))];
  it.each(ops)('%s is compared in every layout that PyTorch takes', (op) => {
    const has = (layout: Layout): boolean =>
      [...own.filter((each) => each.op === op), ...refused.filter((each) => each.op === op)].some(
        (each) => each.layout === layout,
      );
    expect(layouts.filter((layout) => !has(layout))).toEqual([]);
  });
});

/** Names of goldens that differ from those of methods and functions. */
const others: Readonly<Record<string, string>> = {
  isnan: 'isNan',
  isfinite: 'isFinite',
  amax: 'max',
  amin: 'min',
  square: 'pow',
  view: 'reshape',
  narrow: 'slice',
  split: 'slice',
  chunk: 'slice',
  unbind: 'select',
  attention: 'scaledDotProductAttention',
  T: 'transpose',
};

/** What is no op of tensors, and what is tested elsewhere because PyTorch cannot be compared with it (and where). */
const elsewhere = new Set([
  // A tensor as a thing, its life and its gradient: memory.test.ts, autograd.test.ts, format.test.ts, api.test.ts.
  ...'constructor shape dtype device ndim size numel isContiguous dispose isDisposed adopt compute checkAlive checkInPlace'.split(
    ' ',
  ),
  ...'data item toArray format describe print toString requiresGrad requiresGrad_ isLeaf grad retainGrad registerHook'.split(
    ' ',
  ),
  ...'backward detach to cpu replaceData newFull newArange contiguous clone'.split(' '),
  // Philox masks: random.test.ts and dropout in layers; the host: indexing.property.test.ts.
  ...'dropout unique'.split(' '),
  // Autograd, devices, memory, random streams.
  ...'Tensor Generator manualSeed defaultGenerator initialSeed seed init device withDevice memory scope tidy keep explain'.split(
    ' ',
  ),
  ...'detectAnomaly checkpoint defineFunction gradcheck gradgradcheck enableGrad noGrad isGradEnabled'.split(' '),
  ...'isFloating promoteTypes formatTensor setPrintOptions broadcastShapes broadcastTensors adamStep adamSteps'.split(
    ' ',
  ),
  // autocast.test.ts; optimizers.test.ts.
  ...'autocast isAutocastEnabled descentSteps totalNorm clipToNorm_'.split(' '),
  // capture.test.ts, profile.test.ts.
  ...'capture eachTime resetCaptures profile Profile warmup'.split(' '),
  // What `@course/nn` builds on: summary.test.ts, bad-input.test.ts there.
  ...'countFlops setPlaceTeller'.split(' '),
  // What is made of a shape: creation.golden.test.ts, random.test.ts.
  ...'tensor empty emptyLike zeros zerosLike ones onesLike full fullLike arange meshgrid'.split(' '),
  ...'rand randn randint randperm randLike randnLike'.split(' '),
]);

function methodsOf(prototype: object | null): string[] {
  if (prototype === null || prototype === Object.prototype) return [];
  return [...Object.getOwnPropertyNames(prototype), ...methodsOf(Object.getPrototypeOf(prototype))];
}

it.each([
  ['methods', methodsOf(core.Tensor.prototype)],
  ['functions', Object.keys(core)],
])('all %s are ops of the goldens, or tested elsewhere', (_, names) => {
  // In-place methods end in `_` and are their twins, written over what they are called on.
  const missing = names.filter(
    (name) => !known.has(others[name] ?? name) && !elsewhere.has(name) && !/_$|Error$/.test(name),
  );
  expect(missing).toEqual([]);
});

it('whatever has a derivative has golden gradients', () => {
  const without = [...new Set(cases.map(({ op }) => op))].filter(
    (op) => !cases.some((each) => each.op === op && each.gradients?.some((gradient) => gradient !== null)),
  );
  expect(without.sort()).toEqual([
    ...[
      'all',
      'any',
      'argmax',
      'argmin',
      'argsort',
      'bitwiseAnd',
      'bitwiseLeftShift',
      'bitwiseNot',
      'bitwiseOr',
      'bitwiseRightShift',
    ],
    ...[
      'bitwiseXor',
      'countNonzero',
      'eq',
      'ge',
      'gt',
      'isFinite',
      'isNan',
      'isinf',
      'le',
      'logicalAnd',
      'logicalNot',
      'logicalOr',
      'logicalXor',
      'lt',
      'ne',
      'nonzero',
    ],
  ]);
});

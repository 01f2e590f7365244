// docs/names.md is made here: every public name of the packages beside PyTorch's, with the differences that docs/from-pytorch.md tells.
// `npm test -- tests/docs/names -u` writes the page anew.
import { readFileSync } from 'node:fs';
import * as nn from '@course/nn';
import * as F from '@course/nn/functional';
import * as optim from '@course/nn/optim';
import * as core from '@course/tensor';
import { expect, it } from 'vitest';
import { at } from '../../scripts/paths.mjs';

const { modules } = JSON.parse(readFileSync(at('tests/goldens/names.json'), 'utf8')) as {
  readonly modules: Readonly<Record<string, readonly string[]>>;
};
const known = new Map(Object.entries(modules).map(([module, names]) => [module, new Set(names)]));

/** Where PyTorch calls it something else than our name in snake case. */
const otherwise: Readonly<Record<string, string>> = {
  adaptiveAvgPool1d: 'torch.nn.functional.adaptive_avg_pool1d',
  adaptiveMaxPool1d: 'torch.nn.functional.adaptive_max_pool1d',
  bceLoss: 'torch.nn.functional.binary_cross_entropy',
  bceWithLogits: 'torch.nn.functional.binary_cross_entropy_with_logits',
  binaryCrossEntropy: 'torch.nn.functional.binary_cross_entropy',
  binaryCrossEntropyWithLogits: 'torch.nn.functional.binary_cross_entropy_with_logits',
  clipGradNorm_: 'torch.nn.utils.clip_grad_norm_',
  clipGradValue_: 'torch.nn.utils.clip_grad_value_',
  data: 'torch.Tensor.numpy',
  defaultGenerator: 'torch.default_generator',
  defineFunction: 'torch.autograd.Function',
  detectAnomaly: 'torch.autograd.detect_anomaly',
  enableGrad: 'torch.enable_grad',
  floorDivide: 'torch.Tensor.floor_divide',
  toString: '',
  format: 'torch.Tensor.__repr__',
  klDiv: 'torch.nn.functional.kl_div',
  klDivLoss: 'torch.nn.functional.kl_div',
  layerNorm: 'torch.nn.functional.layer_norm',
  maxPool1dWithIndices: 'torch.nn.functional.max_pool1d_with_indices',
  newFull: 'torch.Tensor.new_full',
  noGrad: 'torch.no_grad',
  numParameters: '',
  print: 'print',
  setPrintOptions: 'torch.set_printoptions',
  slice: 'torch.Tensor.__getitem__',
  toArray: 'torch.Tensor.tolist',
  requiresGrad: 'torch.Tensor.requires_grad',
  broadcastTo: 'torch.Tensor.broadcast_to',
  // The same word for another thing.
  seed: 'torch.seed',
  // In the module, not of a tensor.
  'torch:device': '',
  isFloating: 'torch.is_floating_point',
  Scheduler: 'torch.optim.lr_scheduler._LRScheduler',
  GradScaler: 'torch.cuda.amp.GradScaler',
  memory: '',
  scope: '',
  keep: '',
};

/** `crossEntropy` → `cross_entropy`, `isNaN` → `is_nan`; digits belong to the word before them. */
function snake(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
}

/** PyTorch's name, looked for in modules in their order. */
function torchName(name: string, places: readonly string[]): string {
  for (const key of [`${places[0]}:${name}`, name]) if (Object.hasOwn(otherwise, key)) return otherwise[key] ?? '';
  for (const place of places) {
    const found = [name, snake(name), snake(name).replaceAll('_', '')].find((each) => known.get(place)?.has(each));
    if (found !== undefined) return `${place}.${found}`;
  }
  return '';
}

/**
 * The last column of docs/from-pytorch.md, by what it is about: the name that it begins with, or the only thing that its row calls. What
 * is called of a tensor or a module (`x.sum`) is told from a function or a class of the same name (`grad`, `nn.Linear`, `F.relu`).
 */
function differences(): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of readFileSync(at('docs/from-pytorch.md'), 'utf8').split('\n')) {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    const [, , here = '', note = ''] = cells;
    if (cells.length !== 5 || note === '' || note === 'differences' || note.startsWith('---')) continue;
    const pieces = Array.from(here.matchAll(/`(?:await )?(?:String\()?(?:new )?([^`]+)`/g), ([, code = '']) => code);
    const first = /^`(\w+)`/.exec(note)?.[1];
    const about = pieces.filter((code) => (first === undefined ? pieces.length === 1 : calls(code).name === first));
    for (const code of about.slice(0, 1)) {
      const { name, isMember } = calls(code);
      found.set(isMember ? `.${name}` : name, note);
    }
  }
  return found;
}

/** What an expression calls first: `x.sum()` is a member, `F.relu(x)` and `grad(y, [x])` are not. */
function calls(code: string): { readonly name: string; readonly isMember: boolean } {
  const [, owner, name = ''] = /^(?:(\w+)\.)?(\w+)/.exec(code) ?? [];
  return { name, isMember: owner !== undefined && !['F', 'nn', 'optim', 'safetensors'].includes(owner) };
}

const notes = differences();

function methodsOf(prototype: object | null): string[] {
  if (prototype === null || prototype === Object.prototype) return [];
  return [...Object.getOwnPropertyNames(prototype), ...methodsOf(Object.getPrototypeOf(prototype))];
}

/** What serves the packages alone. */
const internal = new Set(['constructor', 'adopt', 'compute', 'checkAlive', 'checkInPlace']);

interface Section {
  readonly title: string;
  readonly names: readonly string[];
  readonly places: readonly string[];
  /** Whether they are called of something. */
  readonly members?: boolean;
}

const functions = ['torch', 'torch.autograd', 'torch.nn.functional', 'torch.utils.checkpoint', 'torch.Tensor'];
const sections: readonly Section[] = [
  {
    title: 'Methods and properties of `Tensor`',
    names: methodsOf(core.Tensor.prototype),
    places: ['torch.Tensor', 'torch', 'torch.nn.functional'],
    members: true,
  },
  { title: '`@course/tensor`', names: Object.keys(core), places: functions },
  { title: '`@course/nn`', names: Object.keys(nn), places: ['torch.nn', 'torch.nn.utils', 'torch.nn.utils.rnn'] },
  {
    title: 'Methods of `nn.Module`',
    names: methodsOf(nn.Module.prototype),
    places: ['torch.nn.Module'],
    members: true,
  },
  { title: '`@course/nn/functional`', names: Object.keys(F), places: ['torch.nn.functional', 'torch'] },
  { title: '`@course/nn/optim`', names: Object.keys(optim), places: ['torch.optim', 'torch.optim.lr_scheduler'] },
];

it('every public name stands in the page beside its name in PyTorch', async () => {
  const tables = sections.map(({ title, names, places, members = false }) => {
    const rows = [...new Set(names)]
      .filter((name) => !internal.has(name) && !name.endsWith('Error'))
      .sort((a, b) => a.localeCompare(b, 'en'))
      .map((name) => {
        const theirs = torchName(name, places);
        return `| \`${name}\` | ${theirs === '' ? '' : `\`${theirs}\``} | ${notes.get(members ? `.${name}` : name) ?? ''} |`;
      });
    return `## ${title}\n\n| here | PyTorch | differences |\n|---|---|---|\n${rows.join('\n')}\n`;
  });
  const head = `---
title: Names
---

# Names

Every public name of the packages beside PyTorch's. An empty second column says that PyTorch has no counterpart; in-place methods do what
those without \`_\` do. [From PyTorch](from-pytorch.md) shows how things are written, and tells what is systematically different. The tests
make these tables from the exports.

`;
  await expect(head + tables.join('\n')).toMatchFileSnapshot(at('docs/names.md'));
});

it("names that are said to be PyTorch's are there", () => {
  const missing = Object.values(otherwise).filter((name) => {
    const cut = name.lastIndexOf('.');
    const [place, last] = [name.slice(0, cut), name.slice(cut + 1)];
    return cut > 0 && known.has(place) && !last.startsWith('_') && !known.get(place)?.has(last);
  });
  expect(missing).toEqual([]);
});

// docs/errors.md is made here: every call of tests/goldens/errors.py fails as the table says, in the words of PyTorch where both have
// an error. `npm test -- tests/docs/errors -u` writes the page anew; what changed is then to be read like any other change.
import { readdirSync, readFileSync } from 'node:fs';
import * as core from '@course/tensor';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { at } from '../../scripts/paths.mjs';

interface Failure {
  readonly group: string;
  /** The program that fails. */
  readonly here: string;
  /** What PyTorch says to its twin. */
  readonly torch?: string;
  /** What both messages have to contain. */
  readonly words?: string;
}

const { errors } = JSON.parse(readFileSync(at('tests/goldens/errors.json'), 'utf8')) as { readonly errors: Failure[] };

const AsyncFunction: FunctionConstructor = Object.getPrototypeOf(async () => undefined).constructor;
const atHand: Readonly<Record<string, unknown>> = core;

/** The error that a program throws. */
async function failureOf(code: string): Promise<Error> {
  try {
    await new AsyncFunction(...Object.keys(atHand), code)(...Object.values(atHand));
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new TypeError(`${code} does not throw an error`);
}

beforeAll(async () => {
  process.env.COURSE_DEVICE = 'cpu';
  await core.init();
  delete process.env.COURSE_DEVICE;
});

describe('errors', () => {
  it.each(errors.map((each) => [each.here, each] as const))('%s', async (_, { here, torch = '', words }) => {
    const error = await failureOf(here);
    expect(error).toBeInstanceOf(core.CourseError);
    // The op comes first, by the name that it is called by.
    expect(error.message).toMatch(/^(\w+( options)?: |\w+_ expects |\w+ expects |no device|unknown dtype)/);
    if (words === undefined) return;
    expect(torch).toContain(words);
    expect(error.message).toContain(words);
  });

  it('stand in the page that this test makes', async () => {
    await expect(await page()).toMatchFileSnapshot(at('docs/errors.md'));
  });

  it('leave the target of an in-place method as it was', async () => {
    const { noGrad, tensor, zeros } = core;
    const target = tensor([1, 2]);
    const wrong: (() => unknown)[] = [
      () => target.add_(zeros([3])),
      () => target.add_(zeros([2, 2])),
      () => target.copy_(zeros([3])),
      () => target.maskedFill_(zeros([2]), 0),
      () => target.uniform_(1, 0),
      () => target.normal_(0, -1),
      () => target.clamp_({}),
      () => target.mul_(tensor([1], { requiresGrad: true })),
      () => target.scatter_(0, zeros([2]), 1),
    ];
    for (const call of wrong) expect(call).toThrow(core.CourseError);
    expect(() => noGrad(() => tensor([1, 2], { dtype: 'int32' }).div_(2))).toThrow(core.DTypeError);
    expect(await target.toArray()).toEqual([1, 2]);
  });

  it('leave nothing behind', async () => {
    for (const { here } of errors) {
      if (/await|scope\(/.test(here)) continue;
      const before = core.memory();
      const code = new Function(...Object.keys(atHand), here);
      expect(() => core.scope(() => code(...Object.values(atHand)))).toThrow();
      expect({ here, tensors: core.memory().tensors, bytes: core.memory().bytes }).toEqual({
        here,
        tensors: before.tensors,
        bytes: before.bytes,
      });
    }
  });
});

/** Where errors are made that no call of a few words brings about, or that have tests of their own (files, lost devices). */
const elsewhere = /\/(safetensors|backend|platform)\/|\/(files|construct|storage|mt19937)\.ts$/;
/** The same, by their words: before `init`, on two devices, in dtypes that this device lacks, from host arrays that no op passes on. */
const hardly =
  /no device is open|is not open|was not opened by|from another device|on the same device|are not available on|bernoulli: |at least one operand must be a tensor/;

it('the page has every error that the sources can throw', async () => {
  const messages: string[] = [];
  // One after the other: profiles do not overlap.
  for (const { here } of errors) messages.push((await failureOf(here)).message);
  const missing = throwsOf().filter(({ pattern }) => !messages.some((message) => pattern.test(message)));
  expect(missing.map(({ where }) => where)).toEqual([]);
});

/** The errors in the sources, each as a pattern of its message. */
function throwsOf(): { readonly where: string; readonly pattern: RegExp }[] {
  const root = at('packages/tensor/src');
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  return files.flatMap((file) => {
    if (elsewhere.test(`/${file}`)) return [];
    const source = ts.createSourceFile(file, readFileSync(`${root}/${file}`, 'utf8'), ts.ScriptTarget.ES2022, true);
    const found: { where: string; pattern: RegExp }[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isThrowStatement(node) && ts.isNewExpression(node.expression)) {
        const [message] = node.expression.arguments ?? [];
        const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
        const where = `${file}:${line}: ${message?.getText().slice(0, 90)}`;
        if (message && !hardly.test(message.getText()))
          found.push({ where, pattern: new RegExp(`^${patternOf(message)}$`, 's') });
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
  });
}

const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

function patternOf(message: ts.Expression): string {
  if (ts.isStringLiteralLike(message)) return literally(message.text);
  if (ts.isTemplateExpression(message))
    return (
      literally(message.head.text) + message.templateSpans.map(({ literal }) => `.*${literally(literal.text)}`).join('')
    );
  if (ts.isBinaryExpression(message)) return patternOf(message.left) + patternOf(message.right);
  return '.*';
}

const head = `---
title: Errors
---

# Errors

What goes wrong is said at the call, before anything is computed or changed: the message names the operation and the operands, says
what would fit, and uses PyTorch's words where PyTorch has them, so that what is known about the one is found for the other. Every
error is a \`CourseError\`:

| class | says |
|---|---|
| \`ShapeError\` | shapes that do not fit |
| \`DTypeError\` | a dtype that an operation does not take, or a device cannot hold |
| \`ArgumentError\` | an argument or option outside of its domain |
| \`AutogradError\` | no graph, a freed graph, a saved value that was changed |
| \`DisposedError\` | a tensor whose memory was released |
| \`DeviceError\` | no usable device, a lost one, memory used up, operands on different devices |
| \`FormatError\` | a file that is not what its format promises |

An index in a tensor that points outside is seen by the kernel: on the CPU the call throws an \`ArgumentError\` that names it; on
WebGPU the element is 0, and the next value read back throws that error.

The tests make these tables by running every line of them, and miss every error of the sources that no line brings about.
`;

async function page(): Promise<string> {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const sections: string[] = [];
  for (const group of new Set(errors.map((each) => each.group))) {
    const rows: string[] = [];
    for (const { here } of errors.filter((each) => each.group === group)) {
      const { name, message } = await failureOf(here);
      rows.push(`| \`${cell(here)}\` | \`${name}\` | ${cell(escaped(message))} |`);
    }
    sections.push(`\n## ${group}\n\n| call | throws | message |\n|---|---|---|\n${rows.join('\n')}\n`);
  }
  return head + sections.join('');
}

/** What Markdown would take for something else than text. */
function escaped(message: string): string {
  return message.replace(/[\\*_<[\]`]/g, '\\$&');
}

/**
 * What a kernel is made of, and how it becomes a WGSL module. A kernel file states its buffers, its parameters and its body; the
 * declarations around them are the same for all and are written here. Workgroups are counted in one line: the dispatch folds
 * counts past the limit of a dimension into a second one, and `group` is the number in that line.
 */
import { type DType, isFloating } from '../../../../dtype.js';
import type { Access } from '../../bindings.js';
import type { ParameterType } from '../../params.js';

export type Scalar = 'f32' | 'i32' | 'u32' | 'f16';
/** Element of a storage array. */
export type Element = Scalar | `vec${2 | 4}<${Scalar}>` | 'atomic<u32>';

/** How a dtype's elements are read: bytes and truth values take a word each. float16 is written as f32 here; `halves.ts` makes it f16. */
export function storedAs(dtype: DType): 'f32' | 'i32' | 'u32' {
  return isFloating(dtype) ? 'f32' : dtype === 'bool' ? 'u32' : 'i32';
}

/** A number as a parameter that stands for a value of a dtype: bytes wrap, and every number but 0 is true. */
export function parameterOf(dtype: DType | undefined, value: number): number {
  if (dtype === 'bool') return Number(value !== 0);
  return dtype === 'uint8' ? value & 255 : value;
}

export interface BindingSource {
  readonly name: string;
  readonly access: Access;
  readonly element: Element;
}

/** What the number of an invocation is called, and how many have one: those beyond leave at once. */
export type Each = readonly [name: string, count: string];

export interface KernelSource {
  /** Names the kernel in error messages and profiles. */
  readonly label: string;
  /** Two or three lines for whoever reads the WGSL: what a workgroup owns, what an invocation computes. */
  readonly about: string;
  readonly bindings: readonly BindingSource[];
  readonly params: Readonly<Record<string, ParameterType>>;
  /** Invocations of a workgroup. */
  readonly workgroupSize: number;
  /** Whether `main` sees `subgroupLane`, the invocation in its subgroup, and may call subgroup functions. */
  readonly usesSubgroups?: boolean;
  /** Where every invocation has work of its own; the body sees its number. */
  readonly each?: Each;
  /** Functions and workgroup variables. */
  readonly declarations?: string;
  /** The body of `main`. It sees `group` (u32), `lane` (u32, the invocation in its workgroup) and `p`, the parameters. */
  readonly main: string;
}

export function read(name: string, element: Element = 'f32'): BindingSource {
  return { name, access: 'read', element };
}

export function write(name: string, element: Element = 'f32'): BindingSource {
  return { name, access: 'read_write', element };
}

/** Parameters of one type by name. */
export function u32(...names: string[]): Record<string, 'u32'> {
  return Object.fromEntries(names.map((name) => [name, 'u32' as const]));
}

export function f32(...names: string[]): Record<string, 'f32'> {
  return Object.fromEntries(names.map((name) => [name, 'f32' as const]));
}

/** Indents every line that is not empty. */
export function indent(text: string, by = '  '): string {
  return text.replace(/^(?=.)/gm, by);
}

/** Text without the blank lines and the common indentation that a template literal brings along. */
export function dedent(text: string): string {
  const lines = text
    .replace(/^\s*\n/, '')
    .trimEnd()
    .split('\n');
  const depths = lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/));
  const depth = Math.min(...depths);
  return lines.map((line) => line.slice(depth)).join('\n');
}

/** `count` pieces of text, one line each. */
export function lines(count: number, piece: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => piece(i)).join('\n');
}

/** Finds the number of an invocation, where `group` is its workgroup among those that share the work. */
export function openInvocation([name, count]: Each, workgroupSize: number, group = 'group'): string {
  return `let ${name} = ${group} * ${workgroupSize}u + lane;
if (${name} >= ${count}) {
  return;
}`;
}

/** The whole WGSL module of a kernel. */
export function moduleText(kernel: KernelSource): string {
  const fields = Object.entries(kernel.params).map(([name, type]) => `  ${name}: ${type},`);
  const bindings = kernel.bindings.map(
    ({ name, access, element }, i) => `@group(0) @binding(${i}) var<storage, ${access}> ${name}: array<${element}>;`,
  );
  const usesHalves = /\bf16\b/.test(bindings.join() + (kernel.declarations ?? '') + kernel.main);
  return [
    ...`${kernel.label}\n${dedent(kernel.about)}`.split('\n').map((line) => `// ${line}`.trimEnd()),
    '',
    ...(usesHalves ? ['enable f16;'] : []),
    ...(kernel.usesSubgroups ? ['enable subgroups;'] : []),
    ...(usesHalves || kernel.usesSubgroups ? [''] : []),
    'struct Parameters {',
    ...fields,
    '}',
    ...bindings,
    `@group(0) @binding(${bindings.length}) var<uniform> p: Parameters;`,
    '',
    ...(kernel.declarations ? [kernel.declarations, ''] : []),
    `@compute @workgroup_size(${kernel.workgroupSize})`,
    'fn main(',
    '  @builtin(workgroup_id) workgroup: vec3<u32>,',
    '  @builtin(num_workgroups) workgroups: vec3<u32>,',
    '  @builtin(local_invocation_index) lane: u32,',
    ...(kernel.usesSubgroups ? ['  @builtin(subgroup_invocation_id) subgroupLane: u32,'] : []),
    ') {',
    '  let group = workgroup.x + workgroup.y * workgroups.x;',
    ...(kernel.each ? [indent(openInvocation(kernel.each, kernel.workgroupSize))] : []),
    indent(dedent(kernel.main)),
    '}',
    '',
  ].join('\n');
}

/** The source with line numbers, as it stands below a compiler's message. */
export function numbered(text: string): string {
  const all = text.split('\n');
  const width = String(all.length).length;
  return all.map((line, i) => `${String(i + 1).padStart(width)} | ${line}`.trimEnd()).join('\n');
}

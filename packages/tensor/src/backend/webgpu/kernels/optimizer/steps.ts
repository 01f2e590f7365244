/**
 * Steps of optimizers over many parameters. Every parameter brings buffers of its own and a kernel binds few, so a dispatch takes as many
 * parameters as it can bind, buffers that several lie in (moments do) counted once. A workgroup works on one parameter: the groups of the
 * first, then those of the second, and so on. What a step computes is a function that is written once, over single elements or over four.
 */
import { wordBytes } from '../../../../dtype.js';
import type { Dense, DeviceBuffer } from '../../../requests.js';
import { groupsOf, type KernelContext } from '../../context.js';
import type { ParameterType } from '../../params.js';
import { type Element, f32, indent, type KernelSource, lines, read, u32, write } from '../wgsl/source.js';

/** What a step reads of each parameter, and whether it writes it too. */
export interface Role {
  readonly name: string;
  readonly isWritten: boolean;
}

/** One parameter: its elements in each role, in the order of these. */
export interface Member {
  readonly count: number;
  readonly operands: readonly Dense[];
}

/** What all parameters of a step have in common. */
export interface StepRule {
  readonly label: string;
  /** Everything that the text depends on. */
  readonly key: string;
  readonly roles: readonly Role[];
  /** What all parameters read: the text finds `total` as `total[p.totalAt]`. */
  readonly shared?: Readonly<Record<string, Dense>>;
  /** Numbers that the text finds in `p`. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Statements over one element of every role, by name, and the new element of every role that is written, as expressions. */
  text(element: Element): { readonly body: string; readonly results: Readonly<Record<string, string>> };
  /** Helpers that the text calls. */
  helpers?(element: Element): string;
}

/** A buffer of a dispatch: the first operand that lies in it, its role and its parameter's number, give it its name. */
interface Binding {
  readonly role: Role;
  readonly member: number;
  isWritten: boolean;
}

/** Has all parameters stepped. */
export function dispatchSteps(context: KernelContext, rule: StepRule, members: readonly Member[]): void {
  const spare = Object.keys(rule.shared ?? {}).length;
  for (const { chunk, unit } of chunksOf(context, members, { spare })) dispatchChunk(context, rule, chunk, unit);
}

/** Members that one dispatch can bind, beside `spare` buffers of other use. */
export interface Chunk {
  readonly chunk: readonly Member[];
  /** Elements at a time. */
  readonly unit: 1 | 4;
}

/** Members in turn, as many together as can be bound; `isTailFree` says that a vector may reach past the end of a buffer's last member. */
export function chunksOf(
  { limits }: KernelContext,
  members: readonly Member[],
  { spare, isTailFree = true }: { readonly spare: number; readonly isTailFree?: boolean },
): Chunk[] {
  const most = limits.maxStorageBuffersPerShaderStage - spare;
  const byWidth: Readonly<Record<1 | 4, Member[]>> = { 1: [], 4: [] };
  for (const member of members) if (member.count > 0) byWidth[widthOf(member, isTailFree)].push(member);
  const chunks: Chunk[] = [];
  for (const unit of [4, 1] as const) {
    let chunk: Member[] = [];
    const buffers = new Set<DeviceBuffer>();
    for (const member of byWidth[unit]) {
      for (const { buffer } of member.operands) buffers.add(buffer);
      if (chunk.length > 0 && buffers.size > most) {
        chunks.push({ chunk, unit });
        chunk = [];
        buffers.clear();
        for (const { buffer } of member.operands) buffers.add(buffer);
      }
      chunk.push(member);
    }
    if (chunk.length > 0) chunks.push({ chunk, unit });
  }
  return chunks;
}

/** Four elements at a time where everything is aligned. */
function widthOf({ count, operands }: Member, isTailFree: boolean): 1 | 4 {
  for (const { offset } of operands) if (offset % 4 !== 0) return 1;
  if (count % 4 === 0) return 4;
  // A tail of fewer than four is only written where nothing follows it.
  const endsBuffer = ({ buffer, offset, dtype }: Dense) =>
    Math.ceil(((offset + count) * wordBytes(dtype)) / 4) * 4 === buffer.byteLength;
  return isTailFree && operands.every(endsBuffer) ? 4 : 1;
}

function dispatchChunk(context: KernelContext, rule: StepRule, members: readonly Member[], unit: 1 | 4): void {
  const { workgroupSize } = context.tuning.pointwise;
  const element: Element = unit === 4 ? 'vec4<f32>' : 'f32';
  const buffers: DeviceBuffer[] = [];
  const shared = Object.values(rule.shared ?? {});
  // In the order of the source's.
  const params = Object.values(rule.numbers);
  for (const { offset } of shared) params.push(offset);
  let groups = 0;
  // Of each operand, its buffer's: those of the first parameter in the order of the roles, then those of the second, and so on.
  const places: number[] = [];
  for (const { count, operands } of members) {
    const units = Math.ceil(count / unit);
    groups += groupsOf(units, workgroupSize);
    params.push(units, groups);
    for (const { buffer, offset } of operands) {
      params.push(offset / unit);
      const known = buffers.indexOf(buffer);
      places.push(known < 0 ? buffers.push(buffer) - 1 : known);
    }
  }
  for (const { buffer } of shared) buffers.push(buffer);
  const key = `${rule.key}|${element}|${places.join()}`;
  const kernel = context.kernel(key, () => stepSource(rule, element, places, workgroupSize));
  context.dispatch(kernel, buffers, params, groups);
}

/** The buffers at the places of operands. */
function bindingsAt(places: readonly number[], roles: readonly Role[]): Binding[] {
  const bindings: Binding[] = [];
  for (const [i, place] of places.entries()) {
    const role = roles[i % roles.length] as Role;
    bindings[place] ??= { role, member: Math.floor(i / roles.length), isWritten: false };
    (bindings[place] as Binding).isWritten ||= role.isWritten;
  }
  return bindings;
}

function stepSource(rule: StepRule, element: Element, places: readonly number[], workgroupSize: number): KernelSource {
  const { roles, numbers } = rule;
  const { body, results } = rule.text(element);
  const written = roles.filter(({ isWritten }) => isWritten);
  const shared = Object.keys(rule.shared ?? {});
  const params: Record<string, ParameterType> = {
    ...f32(...Object.keys(numbers)),
    ...u32(...shared.map((name) => `${name}At`)),
  };
  const members = places.length / roles.length;
  const bindings = bindingsAt(places, roles);
  for (let i = 0; i < members; i++)
    Object.assign(params, u32(`count${i}`, `end${i}`, ...roles.map(({ name }) => `${name}At${i}`)));
  const nameOf = ({ role, member }: Binding) => `${role.name}${member}`;
  /** The element of a role of parameter i that an invocation works on. */
  const at = (role: number, i: number) =>
    `${nameOf(bindings[places[i * roles.length + role] ?? 0] as Binding)}[p.${roles[role]?.name}At${i} + i]`;
  const branch = (i: number): string => {
    const reads = roles.map((_, role) => at(role, i)).join(', ');
    const writes = roles.flatMap(({ name, isWritten }, role) => (isWritten ? [`${at(role, i)} = next.${name};`] : []));
    return [
      `let i = (group - ${i === 0 ? '0u' : `p.end${i - 1}`}) * ${workgroupSize}u + lane;`,
      `if (i < p.count${i}) {`,
      `  let next = advance(${reads});`,
      ...writes.map((line) => `  ${line}`),
      '}',
    ].join('\n');
  };
  return {
    label: rule.label,
    about: `A workgroup steps ${workgroupSize} elements (${element}) of one of ${members} parameters.`,
    bindings: [
      ...bindings.map((each) => (each.isWritten ? write(nameOf(each), element) : read(nameOf(each), element))),
      ...shared.map((name) => read(name)),
    ],
    params,
    workgroupSize,
    declarations: [
      ...(rule.helpers ? [rule.helpers(element)] : []),
      `// What a step leaves.\nstruct Stepped {\n${written.map(({ name }) => `  ${name}: ${element},`).join('\n')}\n}`,
      `fn advance(${roles.map(({ name }) => `${name}: ${element}`).join(', ')}) -> Stepped {`,
      indent(body.trim()),
      `  return Stepped(${written.map(({ name }) => results[name]).join(', ')});\n}`,
    ].join('\n'),
    main: lines(members, (i) =>
      [
        i === 0 ? `if (group < p.end0) {` : i < members - 1 ? `else if (group < p.end${i}) {` : 'else {',
        indent(branch(i)),
        '}',
      ].join('\n'),
    ),
  };
}

/**
 * Fused pointwise kernels: a program and the layout of its operands become WGSL that a person can read, one line a step. Sizes,
 * strides, offsets and scalar values are parameters, so one kernel serves every shape of the same rank and layout.
 *
 * An invocation handles four elements at a time where the innermost dim allows it: all operands contiguous there (or constant)
 * and aligned. Operands dense in the order of the output, or constant, need no index arithmetic at all.
 */
import { type DType, isFloating, wordBytes } from '../../../dtype.js';
import type { Program } from '../../../fuse/program.js';
import type { WgslContext } from '../../../ops/pointwise/record.js';
import { pointwiseTable } from '../../../ops/pointwise/table.js';
import { contiguousStrides, numel } from '../../../shape.js';
import type { DeviceBuffer, PointwiseRequest, Strided } from '../../requests.js';
import { groupsOf, type KernelContext } from '../context.js';
import type { ParameterType } from '../params.js';
import { withHalves } from './halves.js';
import { helperName, prelude, type Width } from './prelude.js';
import {
  type BindingSource,
  type Element,
  indent,
  type KernelSource,
  moduleText,
  type Scalar,
  storedAs,
  u32,
} from './source.js';

/** How an operand is addressed: `dense` by the linear index; `constant` one element; `strided` by coordinates. */
type Walk = 'dense' | 'constant' | 'strided';

interface Operand {
  readonly name: string;
  readonly dtype: DType;
  readonly walk: Walk;
  /** Whether a vector of the kernel's width lies in one piece; otherwise one element is repeated. */
  readonly isVector: boolean;
  /** The binding it is reached through. */
  readonly binding: number;
}

interface Binding {
  readonly buffer: DeviceBuffer;
  readonly source: BindingSource;
}

interface Plan {
  readonly width: Width;
  /** Dims the kernel takes coordinates of; 0 if no operand is strided. */
  readonly rank: number;
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
  readonly bindings: readonly Binding[];
}

/** The WGSL type that values of a dtype are computed in: uint8 as i32, truth values as bool. */
function valueType(dtype: DType): 'f32' | 'i32' | 'bool' {
  return isFloating(dtype) ? 'f32' : dtype === 'bool' ? 'bool' : 'i32';
}

export function pointwise(context: KernelContext, request: PointwiseRequest): void {
  const { program, shape, inputs, outputs } = request;
  const count = numel(shape);
  if (count === 0) return;
  const plan = planAccess(request, count);
  const { workgroupSize, perInvocation } = context.tuning.pointwise;
  const kernel = context.kernel(planKey(program, plan), () => pointwiseSource(program, plan, context.tuning.pointwise));

  const params: Record<string, number> = { count: Math.ceil(count / plan.width) };
  request.scalars.forEach((value, i) => {
    params[`scalar${i}`] = program.scalars[i] === 'bool' ? Number(value !== 0) : value;
  });
  for (let d = 1; d < plan.rank; d++) {
    const size = shape[d] ?? 1;
    params[`size${d}`] = d === plan.rank - 1 ? size / plan.width : size;
  }
  const address = (operand: Operand, { offset, strides }: Strided): void => {
    const unit = operand.isVector ? plan.width : 1;
    params[`${operand.name}Offset`] = offset / unit;
    if (operand.walk !== 'strided') return;
    for (let d = 0; d < plan.rank; d++) {
      const stride = strides[d] ?? 0;
      // One step along the innermost dim is a whole vector.
      params[`${operand.name}Stride${d}`] =
        d === plan.rank - 1 ? (operand.isVector ? 1 : stride * plan.width) : stride / unit;
    }
  };
  plan.inputs.forEach((operand, i) => {
    const input = inputs[i];
    if (input) address(operand, input);
  });
  plan.outputs.forEach((operand, i) => {
    const output = outputs[i];
    if (output) address(operand, output);
  });

  const buffers = Object.fromEntries(plan.bindings.map(({ source, buffer }) => [source.name, buffer]));
  const units = Math.ceil(count / plan.width);
  context.dispatch(kernel, buffers, params, groupsOf(units, workgroupSize * perInvocation));
}

function planAccess({ shape, inputs, outputs }: PointwiseRequest, count: number): Plan {
  const dense = contiguousStrides(shape);
  const walkOf = ({ strides }: Strided): Walk => {
    if (strides.every((stride, d) => stride === 0 || shape[d] === 1)) return count === 1 ? 'dense' : 'constant';
    return strides.every((stride, d) => stride === dense[d] || shape[d] === 1) ? 'dense' : 'strided';
  };
  const inputWalks = inputs.map(walkOf);
  const outputWalks = outputs.map(walkOf);
  const isFlat = ![...inputWalks, ...outputWalks].includes('strided');
  const rank = isFlat ? 0 : shape.length;
  const width = widthOf(shape, count, inputs, outputs, inputWalks, outputWalks, isFlat);

  const bindings: Binding[] = [];
  const bind = (name: string, { buffer, dtype }: Strided, isVector: boolean, access: 'read' | 'read_write'): number => {
    const scalar = storedAs(dtype);
    const element: Element = isVector && width === 4 ? `vec4<${scalar}>` : scalar;
    bindings.push({ buffer, source: { name, access, element } });
    return bindings.length - 1;
  };
  const outputOperands = outputs.map((output, i): Operand => {
    const name = `out${i}`;
    const isVector = width === 4;
    // Memory may be bound for writing once only: outputs that share a buffer share the binding.
    const shared = bindings.findIndex(({ buffer }) => buffer === output.buffer);
    const binding = shared >= 0 ? shared : bind(name, output, isVector, 'read_write');
    return { name, dtype: output.dtype, walk: outputWalks[i] ?? 'dense', isVector, binding };
  });
  const written = bindings.length;
  const inputOperands = inputs.map((input, i): Operand => {
    const name = `in${i}`;
    const walk = inputWalks[i] ?? 'dense';
    const isVector = width === 4 && walk !== 'constant' && (walk === 'dense' || input.strides.at(-1) === 1);
    const shared = bindings.findIndex(({ buffer }, j) => j < written && buffer === input.buffer);
    const binding = shared >= 0 ? shared : bind(name, input, isVector, 'read');
    return { name, dtype: input.dtype, walk, isVector, binding };
  });
  return { width, rank, inputs: inputOperands, outputs: outputOperands, bindings };
}

/** Four elements at a time, if every operand can. */
function widthOf(
  shape: readonly number[],
  count: number,
  inputs: readonly Strided[],
  outputs: readonly Strided[],
  inputWalks: readonly Walk[],
  outputWalks: readonly Walk[],
  isFlat: boolean,
): Width {
  const last = shape.length - 1;
  const inner = shape[last] ?? 1;
  const fits = (operand: Strided, walk: Walk): boolean => {
    if (walk === 'constant') return true;
    const isSplat = walk === 'strided' && operand.strides[last] === 0;
    if (isSplat) return true;
    if (operand.offset % 4 !== 0) return false;
    return (
      walk === 'dense' ||
      (operand.strides[last] === 1 && operand.strides.every((stride, d) => d === last || stride % 4 === 0))
    );
  };
  // A tail of fewer than four may only be written where nothing follows it in the buffer.
  const endsBuffer = ({ offset, buffer, dtype }: Strided) =>
    Math.ceil(((offset + count) * wordBytes(dtype)) / 4) * 4 === buffer.byteLength;
  const tail = isFlat ? count % 4 === 0 || (count >= 4 && outputs.every(endsBuffer)) : inner % 4 === 0;
  if (!tail) return 1;
  const all =
    inputs.every((input, i) => fits(input, inputWalks[i] ?? 'dense')) &&
    outputs.every((output, i) => fits(output, outputWalks[i] ?? 'dense'));
  // An output with elements apart along the innermost dim, or two uses of one buffer in different steps, go one by one.
  const written = outputs.every((output, i) => outputWalks[i] === 'dense' || output.strides[last] === 1);
  return all && written ? 4 : 1;
}

function planKey(program: Program, { width, rank, inputs, outputs, bindings }: Plan): string {
  const operand = ({ walk, isVector, binding }: Operand) => `${walk[0]}${isVector ? 'v' : 's'}${binding}`;
  return `pointwise|${width}|${rank}|${inputs.map(operand).join()}|${outputs.map(operand).join()}|${bindings.length}|${program.key}`;
}

/** The WGSL of a fused kernel, for people. */
export function pointwiseText({ tuning }: Pick<KernelContext, 'tuning'>, request: PointwiseRequest): string {
  const plan = planAccess(request, numel(request.shape));
  const halves = [...plan.inputs, ...plan.outputs].filter(({ dtype }) => dtype === 'float16');
  const names = halves.map(({ binding }) => plan.bindings[binding]?.source.name ?? '');
  return moduleText(withHalves(pointwiseSource(request.program, plan, tuning.pointwise), new Set(names)));
}

export function pointwiseSource(
  program: Program,
  plan: Plan,
  { workgroupSize, perInvocation }: { readonly workgroupSize: number; readonly perInvocation: number },
): KernelSource {
  const { width, rank } = plan;
  const used = new Set<string>();
  const printer = new ProgramPrinter(program, plan, used);
  const strided = [...plan.inputs, ...plan.outputs].filter(({ walk }) => walk === 'strided');

  const params: Record<string, ParameterType> = u32('count');
  program.scalars.forEach((dtype, i) => {
    params[`scalar${i}`] = dtype === 'bool' ? 'u32' : isFloating(dtype) ? 'f32' : 'i32';
  });
  for (let d = 1; d < rank; d++) params[`size${d}`] = 'u32';
  for (const { name } of [...plan.inputs, ...plan.outputs]) params[`${name}Offset`] = 'u32';
  for (const { name } of strided) for (let d = 0; d < rank; d++) params[`${name}Stride${d}`] = 'u32';

  const body = [
    ...printer.place(),
    ...printer.coordinates(),
    ...printer.loads(),
    ...printer.steps(),
    ...printer.stores(),
  ].join('\n');
  const helpers = prelude(used, width);
  const main =
    perInvocation === 1
      ? `let i = group * ${workgroupSize}u + lane;\nif (i >= p.count) {\n  return;\n}\n${body}`
      : [
          `for (var step = 0u; step < ${perInvocation}u; step++) {`,
          `  let i = (group * ${perInvocation}u + step) * ${workgroupSize}u + lane;`,
          '  if (i >= p.count) {',
          '    return;',
          '  }',
          indent(body),
          '}',
        ].join('\n');
  const ops = program.steps.map(({ op }) => op).join(' ');
  return {
    label: `pointwise ${ops || 'copy'}`,
    about: `Each invocation computes ${width === 4 ? 'vectors of four elements' : 'single elements'}, ${perInvocation} of them.`,
    bindings: plan.bindings.map(({ source }) => source),
    params,
    workgroupSize,
    declarations: [
      ...(printer.usesPlace ? ['// The linear index of the first element.\nvar<private> place: u32;'] : []),
      helpers,
    ]
      .filter((text) => text !== '')
      .join('\n\n'),
    main,
  };
}

/** Prints the parts of the body. */
class ProgramPrinter {
  readonly usesPlace: boolean;
  readonly #width: Width;

  constructor(
    private readonly program: Program,
    private readonly plan: Plan,
    private readonly used: Set<string>,
  ) {
    this.#width = plan.width;
    this.usesPlace = program.steps.some(({ op }) => op === 'index' || op === 'uniform');
  }

  place(): string[] {
    return this.usesPlace ? [this.#width === 4 ? 'place = i * 4u;' : 'place = i;'] : [];
  }

  /** `c0`, `c1`, …: the coordinates of the element, the innermost one in vectors. */
  coordinates(): string[] {
    const { rank } = this.plan;
    const text: string[] = [];
    let rest = 'i';
    for (let d = rank - 1; d > 0; d--) {
      text.push(`let c${d} = ${rest} % p.size${d};`);
      const outer = d === 1 ? 'c0' : `rest${d}`;
      text.push(`let ${outer} = ${rest} / p.size${d};`);
      rest = outer;
    }
    if (rank === 1) text.push('let c0 = i;');
    return text;
  }

  loads(): string[] {
    const { inputs } = this.plan;
    return inputs.map((operand, i) => {
      const stored = this.#stored(operand.binding);
      const loaded = `${this.#bindingName(operand.binding)}[${this.#address(operand)}]`;
      const wanted = storedAs(operand.dtype);
      const typed =
        stored === wanted ? loaded : `bitcast<${operand.isVector ? this.#vector(wanted) : wanted}>(${loaded})`;
      const value =
        operand.dtype === 'bool' ? `${typed} != ${operand.isVector ? this.#vector('u32') : 'u32'}(0u)` : typed;
      return `let v${i} = ${operand.isVector || this.#width === 1 ? value : `${this.#vector(valueType(operand.dtype))}(${value})`};`;
    });
  }

  steps(): string[] {
    const { inputs, scalars, steps } = this.program;
    const scalarLines = scalars.map((dtype, i) => {
      const value = dtype === 'bool' ? `p.scalar${i} != 0u` : `p.scalar${i}`;
      return `let v${inputs.length + i} = ${this.#vector(valueType(dtype))}(${value});`;
    });
    const first = inputs.length + scalars.length;
    return [...scalarLines, ...steps.map((step, i) => `let v${first + i} = ${this.#rounded(step)}; // ${step.op}`)];
  }

  stores(): string[] {
    return this.plan.outputs.map((operand, i) => {
      const value = `v${this.program.outputs[i] ?? 0}`;
      const words = operand.dtype === 'bool' ? `${this.#vector('u32')}(${value})` : value;
      const stored = this.#stored(operand.binding);
      const typed = stored === storedAs(operand.dtype) ? words : `bitcast<${this.#vector(stored)}>(${words})`;
      return `${this.#bindingName(operand.binding)}[${this.#address(operand)}] = ${typed};`;
    });
  }

  /** Steps compute in float32; a float16 value is rounded after each, so that fusing changes no bit. */
  #rounded(step: Program['steps'][number]): string {
    const text = this.#step(step);
    return step.dtype === 'float16' ? this.#round(text) : text;
  }

  #round(value: string): string {
    return this.#context('f32').call('roundHalf', value);
  }

  #step({ op, type, dtype, args }: Program['steps'][number]): string {
    // A number beside a float16 keeps its digits in arithmetic, and loses them in comparisons, as in PyTorch.
    const isRounded = type === 'float16' && dtype === 'bool';
    const names = args.map((value) => (isRounded ? this.#round(`v${value}`) : `v${value}`));
    if (op === 'cast') return this.#cast(names[0] ?? '', type, dtype);
    const [left, right] = args;
    if (isFloating(type) && left === right && (op === 'sub' || op === 'div'))
      return this.#withItself(op, names[0] ?? '');
    const text = pointwiseTable[op].wgsl(names, this.#context(valueType(op === 'uniform' ? 'int32' : type)));
    // Bytes are computed in i32 and wrap at 256.
    return dtype === 'uint8' ? `(${text}) & ${this.#vector('i32')}(255)` : text;
  }

  /** x - x and x / x: compilers fold them to 0 and 1, which they are not for NaN, infinities and 0 / 0. */
  #withItself(op: 'sub' | 'div', value: string): string {
    const { call, type } = this.#context('f32');
    const regular = op === 'sub' ? call('isFinite', value) : `${call('isFinite', value)} & ${call('truth', value)}`;
    return `select(${call('nan')}, ${type}(${op === 'sub' ? '0.0' : '1.0'}), ${regular})`;
  }

  #cast(value: string, from: DType, to: DType): string {
    if (from === to) return value;
    const context = this.#context(valueType(to));
    if (isFloating(from) && to === 'bool') return context.call('truth', value);
    const isCut = isFloating(from) && (to === 'int32' || to === 'uint8');
    const converted = isCut ? context.call('truncated', value) : pointwiseTable.cast.wgsl([value], context);
    const text = valueType(from) === valueType(to) ? value : converted;
    return to === 'uint8' && from !== 'bool' ? `${text} & ${this.#vector('i32')}(255)` : text;
  }

  #context(type: 'f32' | 'i32' | 'bool'): WgslContext {
    return {
      width: this.#width,
      type: this.#vector(type),
      vector: (scalar) => this.#vector(scalar),
      call: (helper, ...args) => {
        this.used.add(helper);
        return `${helperName(helper, this.#width)}(${args.join(', ')})`;
      },
    };
  }

  #vector(scalar: string): string {
    return this.#width === 1 ? scalar : `vec4<${scalar}>`;
  }

  #bindingName(binding: number): string {
    return this.plan.bindings[binding]?.source.name ?? '';
  }

  /** The scalar type that a binding's elements have. */
  #stored(binding: number): Scalar {
    const element = this.plan.bindings[binding]?.source.element ?? 'f32';
    return element.replace(/vec4<(.*)>/, '$1') as Scalar;
  }

  #address({ name, walk }: Operand): string {
    if (walk === 'constant') return `p.${name}Offset`;
    if (walk === 'dense') return `p.${name}Offset + i`;
    const terms = Array.from({ length: this.plan.rank }, (_, d) => `c${d} * p.${name}Stride${d}`);
    return [`p.${name}Offset`, ...terms].join(' + ');
  }
}

/**
 * The body of a fused pointwise kernel: how its operands are walked, and a printer that makes WGSL of that and of a program, one line a step.
 * What the steps need from the prelude is noted as they are printed.
 */
import { type DType, isFloating } from '../../../../dtype.js';
import type { Program } from '../../../../fuse/program.js';
import type { WgslContext } from '../../../../ops/pointwise/record.js';
import { pointwiseTable } from '../../../../ops/pointwise/table.js';
import type { DeviceBuffer } from '../../../requests.js';
import { helperName, type Width } from '../wgsl/prelude.js';
import { type BindingSource, type Scalar, storedAs } from '../wgsl/source.js';

/**
 * How an operand is addressed: `dense` by the linear index; `constant` one element; `strided` by coordinates; `row` by the column. What is
 * `given` lies in the variable of the operand's name.
 */
export type Walk = 'dense' | 'constant' | 'strided' | 'row' | 'given';

export interface Operand {
  readonly name: string;
  readonly dtype: DType;
  readonly walk: Walk;
  /** Whether a vector of the kernel's width lies in one piece; otherwise one element is repeated. */
  readonly isVector: boolean;
  /** The binding it is reached through. */
  readonly binding: number;
}

export interface Binding {
  readonly buffer: DeviceBuffer;
  readonly source: BindingSource;
}

/** How the body of a kernel finds its operands. */
export interface BodyPlan {
  readonly width: Width;
  /** Dims the kernel takes coordinates of; 0 if no operand is strided. */
  readonly rank: number;
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
  readonly bindings: readonly Pick<Binding, 'source'>[];
}

export interface Plan extends BodyPlan {
  readonly bindings: readonly Binding[];
}

/** The WGSL type that values of a dtype are computed in: uint8 as i32, truth values as bool. */
export function valueType(dtype: DType): 'f32' | 'i32' | 'bool' {
  return isFloating(dtype) ? 'f32' : dtype === 'bool' ? 'bool' : 'i32';
}

/** Prints the parts of the body. */
export class ProgramPrinter {
  readonly usesPlace: boolean;
  readonly #width: Width;

  constructor(
    private readonly program: Program,
    private readonly plan: BodyPlan,
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
    if (rank > 0)
      text.push(`// Where in the shape of the output${this.#width === 4 ? ', the last dim in fours' : ''}.`);
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
      if (operand.walk === 'given')
        return `let v${i} = ${operand.dtype === 'float16' ? this.#round(operand.name) : operand.name};`;
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
    if (walk === 'row') return `p.${name}Offset + column${this.#width === 4 ? ' / 4u' : ''}`;
    const terms = Array.from({ length: this.plan.rank }, (_, d) => `c${d} * p.${name}Stride${d}`);
    return [`p.${name}Offset`, ...terms].join(' + ');
  }
}

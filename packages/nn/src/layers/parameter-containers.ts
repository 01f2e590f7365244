/** Lists and dicts of parameters, for modules whose number of them is not known beforehand. */
import { ArgumentError, type DType, type Tensor } from '@course/tensor';
import { Module } from '../module.js';
import { Parameter } from '../parameter.js';

/** Parameters in a list, as `torch.nn.ParameterList`: their keys are their numbers. */
export class ParameterList extends Module {
  readonly items: Parameter[];

  constructor(items: Iterable<Tensor> = []) {
    super();
    this.items = [...items].map(asParameter);
  }

  override *namedOwnTensors(): Generator<[name: string, value: Parameter]> {
    for (const [i, item] of this.items.entries()) yield [String(i), item];
  }

  /** The number of parameters. */
  get length(): number {
    return this.items.length;
  }

  /** The parameter at a place; negative counts from the end. */
  at(index: number): Parameter {
    const item = this.items.at(index);
    if (!item)
      throw new ArgumentError(`ParameterList: index ${index} is out of range for ${this.items.length} parameters`);
    return item;
  }

  /** Adds a parameter at the end; returns the list. */
  append(item: Tensor): this {
    this.items.push(asParameter(item));
    return this;
  }

  /** The parameters, in order. */
  [Symbol.iterator](): Iterator<Parameter> {
    return this.items[Symbol.iterator]();
  }

  override extraRepr(): string {
    return describe(this.namedOwnTensors(), (dtype) => `torch.${dtype}`);
  }
}

/** Parameters by name, as `torch.nn.ParameterDict`: the names are their keys as they are. */
export class ParameterDict extends Module {
  readonly #items: Map<string, Parameter>;

  constructor(items: Readonly<Record<string, Tensor>> = {}) {
    super();
    this.#items = new Map(Object.entries(items).map(([name, item]) => [name, asParameter(item)]));
  }

  override *namedOwnTensors(): Generator<[name: string, value: Parameter]> {
    yield* this.#items;
  }

  /** The number of parameters. */
  get length(): number {
    return this.#items.size;
  }

  /**
   * The parameter of a name.
   *
   * @throws ArgumentError if there is none.
   */
  get(name: string): Parameter {
    const item = this.#items.get(name);
    if (!item)
      throw new ArgumentError(
        `ParameterDict: there is no parameter '${name}', only ${[...this.#items.keys()].join(', ')}`,
      );
    return item;
  }

  /** Adds a parameter, or puts it in the place of another; returns the dict. */
  set(name: string, item: Tensor): this {
    this.#items.set(name, asParameter(item));
    return this;
  }

  /** Whether there is a parameter of a name. */
  has(name: string): boolean {
    return this.#items.has(name);
  }

  /** Names and parameters, in order. */
  [Symbol.iterator](): Iterator<[name: string, parameter: Parameter]> {
    return this.#items[Symbol.iterator]();
  }

  override extraRepr(): string {
    return describe(this.namedOwnTensors(), (dtype) => `torch.${LEGACY_NAMES[dtype] ?? dtype}`);
  }
}

const asParameter = (item: Tensor): Parameter => (item instanceof Parameter ? item : new Parameter(item));

/** PyTorch prints dicts with the names that dtypes had before. */
const LEGACY_NAMES: Readonly<Partial<Record<DType, string>>> = {
  float16: 'HalfTensor',
  float32: 'FloatTensor',
  float64: 'DoubleTensor',
};

/** Parameters as PyTorch prints them. */
function describe(
  items: Iterable<readonly [name: string, value: Parameter]>,
  nameOf: (dtype: DType) => string,
): string {
  return [...items]
    .map(([key, { dtype, shape }]) => `  (${key}): Parameter containing: [${nameOf(dtype)} of size ${shape.join('x')}]`)
    .join('\n');
}

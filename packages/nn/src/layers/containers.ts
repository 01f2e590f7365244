/** Modules made of modules. */
import { ArgumentError, type Tensor } from '@course/tensor';
import { Module } from '../module.js';

/** A module that maps one tensor to one tensor. */
export type Layer = Module & {
  /** What the module makes of x. */
  forward(x: Tensor): Tensor;
};

function checkModule(container: string, key: string, value: unknown): void {
  if (!(value instanceof Module)) throw new ArgumentError(`${container}: '${key}' is no Module, got ${String(value)}`);
}

/** Layers one behind the other, as `torch.nn.Sequential`: state-dict keys start with their numbers. */
export class Sequential extends Module {
  readonly layers: readonly Layer[];

  constructor(...layers: readonly Layer[]) {
    super();
    for (const [i, layer] of layers.entries()) checkModule('Sequential', String(i), layer);
    this.layers = layers;
  }

  override *namedChildren(): Generator<[name: string, child: Module]> {
    for (const [i, layer] of this.layers.entries()) yield [String(i), layer];
  }

  /** The number of layers. */
  get length(): number {
    return this.layers.length;
  }

  /** The layer at a place; negative counts from the end. */
  at(index: number): Layer {
    const layer = this.layers.at(index);
    if (!layer) throw new ArgumentError(`Sequential: index ${index} is out of range for ${this.layers.length} layers`);
    return layer;
  }

  /** The layers, in order. */
  [Symbol.iterator](): Iterator<Layer> {
    return this.layers[Symbol.iterator]();
  }

  /** Passes x through all layers. */
  forward(x: Tensor): Tensor {
    return this.layers.reduce((value, layer) => layer.forward(value), x);
  }
}

/** A list of modules that counts as children, as `torch.nn.ModuleList`. */
export class ModuleList<M extends Module = Module> extends Module {
  readonly items: M[];

  constructor(items: Iterable<M> = []) {
    super();
    this.items = [...items];
    for (const [i, item] of this.items.entries()) checkModule('ModuleList', String(i), item);
  }

  override *namedChildren(): Generator<[name: string, child: Module]> {
    for (const [i, item] of this.items.entries()) yield [String(i), item];
  }

  /** The number of modules. */
  get length(): number {
    return this.items.length;
  }

  /** The module at a place; negative counts from the end. */
  at(index: number): M {
    const item = this.items.at(index);
    if (!item) throw new ArgumentError(`ModuleList: index ${index} is out of range for ${this.items.length} modules`);
    return item;
  }

  /** Adds a module at the end; returns the list. */
  append(item: M): this {
    checkModule('ModuleList', String(this.items.length), item);
    this.items.push(item);
    return this;
  }

  /** The modules, in order. */
  [Symbol.iterator](): Iterator<M> {
    return this.items[Symbol.iterator]();
  }
}

/** Modules by name that count as children, as `torch.nn.ModuleDict`: the names are their keys as they are. */
export class ModuleDict<M extends Module = Module> extends Module {
  readonly #items: Map<string, M>;

  constructor(items: Readonly<Record<string, M>> | Iterable<readonly [name: string, module: M]> = []) {
    super();
    this.#items = new Map(Symbol.iterator in items ? items : Object.entries(items));
    for (const [name, item] of this.#items) checkModule('ModuleDict', name, item);
  }

  override *namedChildren(): Generator<[name: string, child: Module]> {
    yield* this.#items;
  }

  /** The number of modules. */
  get length(): number {
    return this.#items.size;
  }

  /**
   * The module of a name.
   *
   * @throws ArgumentError if there is none.
   */
  get(name: string): M {
    const item = this.#items.get(name);
    if (!item)
      throw new ArgumentError(`ModuleDict: there is no module '${name}', only ${[...this.#items.keys()].join(', ')}`);
    return item;
  }

  /** Adds a module, or puts it in the place of another; returns the dict. */
  set(name: string, module: M): this {
    checkModule('ModuleDict', name, module);
    this.#items.set(name, module);
    return this;
  }

  /** Whether there is a module of a name. */
  has(name: string): boolean {
    return this.#items.has(name);
  }

  /** The names, in order. */
  keys(): Iterable<string> {
    return this.#items.keys();
  }

  /** Names and modules, in order. */
  [Symbol.iterator](): Iterator<[name: string, module: M]> {
    return this.#items[Symbol.iterator]();
  }
}

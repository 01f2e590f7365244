/**
 * The base of everything with parameters, as `torch.nn.Module`. A module is a plain class: its parameters, buffers and children are
 * the fields that hold them, in the order in which they were assigned, so nothing has to be registered.
 */
import { noGrad, type Shape, ShapeError, type Tensor } from '@course/tensor';
import { Buffer, Parameter } from './parameter.js';

/** What `loadStateDict` found. */
export interface StateReport {
  /** Keys of the module that the state dict lacks. */
  readonly missingKeys: readonly string[];
  /** Keys of the state dict that the module lacks. */
  readonly unexpectedKeys: readonly string[];
}

const same = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((size, i) => size === b[i]);

/** `toOut` as `to_out`: state-dict keys are those that a PyTorch twin has. A field that starts upper-case keeps its name. */
function keyOf(field: string): string {
  return /^[A-Z]/.test(field) ? field : field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * Base class of layers and models. Subclasses assign parameters and modules to fields and define `forward`.
 *
 * @example
 * class Classifier extends Module {
 *   readonly hidden = new Linear(4, 8);
 *   readonly out = new Linear(8, 2);
 *   forward(x: Tensor): Tensor { return this.out.forward(this.hidden.forward(x).relu()); }
 * }
 */
export abstract class Module {
  /** Whether layers behave as in training (dropout draws masks). Set by {@link Module.train} and {@link Module.eval}. */
  training = true;

  /** Direct children by field name. */
  *namedChildren(): Generator<[name: string, child: Module]> {
    for (const [name, value] of Object.entries(this)) if (value instanceof Module) yield [keyOf(name), value];
  }

  *children(): Generator<Module> {
    for (const [, child] of this.namedChildren()) yield child;
  }

  /** This module and all below it, by path; the module itself has the empty path. */
  *namedModules(prefix = ''): Generator<[path: string, module: Module]> {
    yield [prefix, this];
    for (const [name, child] of this.namedChildren()) yield* child.namedModules(join(prefix, name));
  }

  *modules(): Generator<Module> {
    for (const [, module] of this.namedModules()) yield module;
  }

  /** Parameters by path, each once even if it is shared. */
  *namedParameters(): Generator<[path: string, parameter: Parameter]> {
    const seen = new Set<Parameter>();
    for (const [path, value] of this.#namedTensors()) {
      if (!(value instanceof Parameter) || seen.has(value)) continue;
      seen.add(value);
      yield [path, value];
    }
  }

  /** Parameters in order, each once: what an optimizer takes. */
  *parameters(): Generator<Parameter> {
    for (const [, parameter] of this.namedParameters()) yield parameter;
  }

  *namedBuffers(): Generator<[path: string, buffer: Buffer]> {
    for (const [path, value] of this.#namedTensors()) if (value instanceof Buffer) yield [path, value];
  }

  *#namedTensors(): Generator<[path: string, value: Parameter | Buffer]> {
    for (const [path, module] of this.namedModules()) {
      for (const [name, value] of Object.entries(module))
        if (value instanceof Parameter || value instanceof Buffer) yield [join(path, keyOf(name)), value];
    }
  }

  /** The number of learned numbers. */
  numParameters({ onlyTrainable = false }: { readonly onlyTrainable?: boolean } = {}): number {
    let count = 0;
    for (const parameter of this.parameters()) if (!onlyTrainable || parameter.requiresGrad) count += parameter.numel();
    return count;
  }

  /** Switches the whole tree to training, or out of it; returns itself. */
  train(mode = true): this {
    for (const module of this.modules()) module.training = mode;
    return this;
  }

  /** Switches the whole tree to evaluation: no dropout. */
  eval(): this {
    return this.train(false);
  }

  /** Calls `fn` with every module below and then this one, as PyTorch does; returns itself. */
  apply(fn: (module: Module) => void): this {
    for (const child of this.children()) child.apply(fn);
    fn(this);
    return this;
  }

  /** Sets `requiresGrad` of every parameter: `requiresGrad_(false)` freezes a module. */
  requiresGrad_(value = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad_(value);
    return this;
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = null;
  }

  /** Parameters and persistent buffers by key: live tensors, not copies. Keys are the snake_case of the field path, as a PyTorch twin has them. */
  stateDict(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const [path, value] of this.#namedTensors())
      if (value instanceof Parameter || value.persistent) state.set(path, value);
    return state;
  }

  /**
   * Copies a state dict into this module's tensors. Nothing is changed unless everything fits.
   *
   * @throws ShapeError if `strict` (default) and keys are missing or unexpected, or if a shape differs.
   */
  loadStateDict(
    state: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>,
    { strict = true }: { readonly strict?: boolean } = {},
  ): StateReport {
    const given =
      state instanceof Map
        ? (state as ReadonlyMap<string, Tensor>)
        : new Map(Object.entries(state as Readonly<Record<string, Tensor>>));
    const own = this.stateDict();
    const missingKeys = [...own.keys()].filter((key) => !given.has(key));
    const unexpectedKeys = [...given.keys()].filter((key) => !own.has(key));
    const problems: string[] = [];
    if (strict && missingKeys.length > 0) problems.push(`Missing key(s) in state dict: ${missingKeys.join(', ')}`);
    if (strict && unexpectedKeys.length > 0)
      problems.push(`Unexpected key(s) in state dict: ${unexpectedKeys.join(', ')}`);
    for (const [key, target] of own) {
      const source = given.get(key);
      if (source && !same(source.shape, target.shape))
        problems.push(
          `size mismatch for ${key}: copying a tensor of shape [${source.shape.join(', ')}], the shape in the module is [${target.shape.join(', ')}]`,
        );
    }
    if (problems.length > 0)
      throw new ShapeError(
        `loadStateDict: Error(s) in loading state dict for ${this.constructor.name}:\n  ${problems.join('\n  ')}`,
      );
    noGrad(() => {
      for (const [key, target] of own) {
        const source = given.get(key);
        if (source) target.copy_(source);
      }
    });
    return { missingKeys, unexpectedKeys };
  }

  /** Releases the memory of all parameters and buffers; the module cannot be used afterwards. */
  dispose(): void {
    for (const [, value] of this.#namedTensors()) {
      value.grad?.dispose();
      value.dispose();
    }
  }

  /** What stands between the parentheses when the module is printed. */
  extraRepr(): string {
    return '';
  }

  /** The text that PyTorch prints for a module. */
  toString(): string {
    const children = [...this.namedChildren()].map(
      ([name, child]) => `(${name}): ${String(child).replaceAll('\n', '\n  ')}`,
    );
    const extra = this.extraRepr();
    if (children.length === 0) return `${this.constructor.name}(${extra})`;
    const lines = extra ? [extra, ...children] : children;
    return `${this.constructor.name}(\n  ${lines.join('\n  ')}\n)`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

function join(prefix: string, name: string): string {
  return prefix ? `${prefix}.${name}` : name;
}

/**
 * The base of everything with parameters, as `torch.nn.Module`. A module is a plain class: its parameters, buffers and children are
 * the fields that hold them, in the order in which they were assigned, so nothing has to be registered. What happens around
 * `forward` (hooks, checkpointing, errors that name the module) is in `call.ts`.
 */
import {
  ArgumentError,
  type DeviceKind,
  type DType,
  resetCaptures,
  Tensor,
  type TransferOptions,
} from '@course/tensor';
import type { BackwardHook } from './backward-hooks.js';
import {
  addBackwardHook,
  addHook,
  addPreHook,
  type ForwardHook,
  type ForwardPreHook,
  instrument,
  isHooked,
} from './call.js';
import { Buffer, notePath, Parameter } from './parameter.js';
import { loadState, type StateDict, type StateReport } from './state-dict.js';
import { moveTensors } from './transfer.js';
import { keyOf, once, tensorFields, walk, walkTensors } from './tree.js';

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

  /**
   * Whether `forward` keeps nothing for the backward pass, which computes it again (Chen et al. 2016): memory for time. It works in
   * training, on modules whose `forward` returns one tensor. See {@link Module.gradientCheckpointingEnable}.
   */
  gradientCheckpointing = false;

  constructor() {
    instrument(new.target.prototype as object, Module.prototype);
  }

  /** Assigns a parameter to a field by name, for names that are made at run time. Null holds the place of one that is switched off. */
  registerParameter(field: string, parameter: Parameter | null): void {
    this.#register(field, parameter);
  }

  /** Assigns a buffer to a field by name. */
  registerBuffer(field: string, buffer: Buffer | null): void {
    this.#register(field, buffer);
  }

  /** Assigns a module to a field by name, as `add_module`. */
  registerModule(field: string, module: Module | null): void {
    this.#register(field, module);
  }

  #register(field: string, value: Parameter | Buffer | Module | null): void {
    if (field in this)
      throw new ArgumentError(`${this.constructor.name}: there is a field '${field}' already, it cannot be registered`);
    Object.defineProperty(this, field, { value, enumerable: true, configurable: true, writable: true });
  }

  /**
   * Calls `hook(module, args)` before every `forward` of this module, as `register_forward_pre_hook`; arguments that it returns take the
   * place of those given. Returns a function that removes it.
   *
   * @example
   * const remove = model.registerForwardPreHook((_, [x]) => [(x as Tensor).mul(2)]);
   */
  registerForwardPreHook(hook: ForwardPreHook<this>): () => void {
    return addPreHook(this, hook as ForwardPreHook);
  }

  /**
   * Calls `hook(module, args, output)` after every `forward` of this module, as `register_forward_hook`; anything but undefined that it
   * returns takes the output's place. Returns a function that removes it.
   *
   * @example
   * const outputs: unknown[] = [];
   * const remove = model.registerForwardHook((_module, _args, output) => void outputs.push(output));
   */
  registerForwardHook(hook: ForwardHook<this>): () => void {
    return addHook(this, hook as ForwardHook);
  }

  /**
   * Calls `hook(module, gradInput, gradOutput)` in the backward pass, when the gradients of this module's inputs are there, as
   * [register_full_backward_hook](https://pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.register_full_backward_hook):
   * those of the tensors among the arguments of `forward`, and those of its results. What it returns takes the place of the gradients of the
   * inputs. Returns a function that removes it.
   *
   * @example
   * const norms: Tensor[] = [];
   * const remove = model.registerFullBackwardHook((_module, _gradInput, [gradOutput]) => {
   *   if (gradOutput) norms.push(keep(gradOutput.norm()));
   *   return undefined;
   * });
   */
  registerFullBackwardHook(hook: BackwardHook<this>): () => void {
    return addBackwardHook(this, hook as BackwardHook);
  }

  /** Whether this module, or one inside it, has hooks of any kind. */
  hasHooks(): boolean {
    for (const module of this.modules()) if (isHooked(module)) return true;
    return false;
  }

  /** Parameters and buffers of this module alone, by key: those in its fields. */
  *namedOwnTensors(): Generator<[name: string, value: Parameter | Buffer]> {
    yield* tensorFields(this);
  }

  /** Direct children by field name. */
  *namedChildren(): Generator<[name: string, child: Module]> {
    for (const name of Object.keys(this)) {
      const value: unknown = this[name as keyof this];
      if (value instanceof Module) yield [keyOf(name), value];
    }
  }

  /** Direct children. */
  *children(): Generator<Module> {
    for (const [, child] of this.namedChildren()) yield child;
  }

  /** This module and all below it, by path, each once even if it is shared; the module itself has the empty path. */
  *namedModules(prefix = ''): Generator<[path: string, module: Module]> {
    yield* once(walk(this, prefix));
  }

  /** This module and all below it. */
  *modules(): Generator<Module> {
    for (const [, module] of this.namedModules()) yield module;
  }

  /** Parameters by path, each once even if it is shared. */
  *namedParameters(): Generator<[path: string, parameter: Parameter]> {
    for (const [path, value] of once(walkTensors(this))) {
      if (!(value instanceof Parameter)) continue;
      notePath(value, path);
      yield [path, value];
    }
  }

  /** Parameters in order, each once: what an optimizer takes. */
  *parameters(): Generator<Parameter> {
    for (const [, parameter] of this.namedParameters()) yield parameter;
  }

  /** Buffers by path, each once even if it is shared, those that are not persistent too. */
  *namedBuffers(): Generator<[path: string, buffer: Buffer]> {
    for (const [path, value] of once(walkTensors(this))) if (value instanceof Buffer) yield [path, value];
  }

  /** Buffers in order, each once. */
  *buffers(): Generator<Buffer> {
    for (const [, buffer] of this.namedBuffers()) yield buffer;
  }

  /**
   * The module at a path, as `get_submodule`: `model.getSubmodule('blocks.1.attention')`.
   *
   * @throws ArgumentError if there is none.
   */
  getSubmodule(path: string): Module {
    for (const [each, module] of walk(this)) if (each === path) return module;
    throw new ArgumentError(`getSubmodule: ${this.constructor.name} has no module '${path}'`);
  }

  /** The number of learned numbers. */
  numParameters({ onlyTrainable = false }: { readonly onlyTrainable?: boolean } = {}): number {
    let count = 0;
    for (const parameter of this.parameters()) if (!onlyTrainable || parameter.requiresGrad) count += parameter.numel();
    return count;
  }

  /** Switches the whole tree to training, or out of it; returns itself. */
  train(mode = true): this {
    for (const module of this.modules()) {
      if (module.training === mode) continue;
      module.training = mode;
      resetCaptures();
    }
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

  /** Keeps all parameters as they are: they get no gradients, and optimizers pass them over. */
  freeze(): this {
    return this.requiresGrad_(false);
  }

  /** Lets all parameters learn again. */
  unfreeze(): this {
    return this.requiresGrad_(true);
  }

  /**
   * Switches {@link Module.gradientCheckpointing} on for every module below that is made for it (the blocks and layers of transformers).
   *
   * @throws ArgumentError if there is none.
   */
  gradientCheckpointingEnable(): this {
    const blocks = [...this.modules()].filter((module) => module.isCheckpointable());
    if (blocks.length === 0)
      throw new ArgumentError(
        `gradientCheckpointingEnable: ${this.constructor.name} has no block that is made for it; set gradientCheckpointing on modules of your choice`,
      );
    for (const block of blocks) block.gradientCheckpointing = true;
    return this;
  }

  /** Switches {@link Module.gradientCheckpointing} off everywhere below. */
  gradientCheckpointingDisable(): this {
    for (const module of this.modules()) module.gradientCheckpointing = false;
    return this;
  }

  /** Whether {@link Module.gradientCheckpointingEnable} takes this module as a unit: not, unless a class says so. */
  isCheckpointable(): boolean {
    return false;
  }

  /**
   * Floating-point operations of this module's own work in one `forward`, those of its children not counted; a multiply-add is two.
   * `summary` asks for it. A layer that does not say otherwise does one an element of its output, a module with children none.
   */
  flops(_args: readonly unknown[], output: unknown): number {
    const isLeaf = this.children().next().done === true;
    return isLeaf && output instanceof Tensor ? output.numel() : 0;
  }

  /**
   * Moves all parameters and buffers, with their gradients: floats to another dtype, or all to another device, which is awaited because
   * a GPU is read asynchronously. Parameters stay the same objects, so optimizers keep them; make an optimizer after moving to a
   * device, as in PyTorch. As [torch.nn.Module.to](https://pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.to).
   *
   * @throws DTypeError for a dtype that is no float, or that the device lacks; DeviceError if there is no such device. Nothing has moved then.
   * @example
   * const layer = new Linear(2, 2).to('float64');
   * await layer.to({ device: 'cpu', dtype: 'float32' });
   */
  to(dtype: DType): this;
  to(target: DeviceKind | TransferOptions): Promise<this>;
  to(target: DType | DeviceKind | TransferOptions): this | Promise<this> {
    const moved = moveTensors(
      [...once(walkTensors(this))].map(([, value]) => value),
      target,
    );
    return moved === undefined ? this : moved.then(() => this);
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = null;
  }

  /** Parameters and persistent buffers by key: live tensors, not copies. Keys are the snake_case of the field path, as a PyTorch twin has them. */
  stateDict(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const [path, value] of walkTensors(this))
      if (value instanceof Parameter || value.persistent) state.set(path, value);
    return state;
  }

  /**
   * Copies a state dict into this module's tensors. Nothing is changed unless everything fits.
   *
   * @throws ShapeError if `strict` (default) and keys are missing or unexpected, or if a shape differs.
   */
  loadStateDict(state: StateDict, { strict = true }: { readonly strict?: boolean } = {}): StateReport {
    return loadState(this.constructor.name, this.stateDict(), state, strict);
  }

  /** Releases the memory of all parameters and buffers; the module cannot be used afterwards. */
  dispose(): void {
    for (const [, value] of walkTensors(this)) {
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
    const extra = this.extraRepr() === '' ? [] : this.extraRepr().split('\n');
    const lines = [...extra, ...children];
    if (children.length === 0 && extra.length <= 1) return `${this.constructor.name}(${extra.join('')})`;
    return `${this.constructor.name}(\n  ${lines.join('\n  ')}\n)`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

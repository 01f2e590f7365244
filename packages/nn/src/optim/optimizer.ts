/**
 * What optimizers share: parameter groups with their own settings, the step over parameters that have a gradient, and state that
 * can be saved. State tensors belong to the optimizer and outlive every scope.
 */
import {
  ArgumentError,
  DeviceError,
  type DType,
  eachTime,
  full,
  keep,
  noGrad,
  ShapeError,
  scope,
  Tensor,
} from '@course/tensor';
import { describeParameter } from '../parameter.js';

/** Settings that every optimizer has and schedulers change. */
export interface BaseSettings {
  lr: number;
  /** Go up the gradient instead of down. Default false. */
  maximize?: boolean;
}

/** Parameters with settings of their own; what is left out comes from the defaults. */
export type ParameterGroup<S extends BaseSettings> = { readonly params: Iterable<Tensor> } & Partial<S>;

/** A group with all its settings. Schedulers write `lr`. */
export type FilledGroup<S extends BaseSettings> = S & { readonly params: readonly Tensor[]; initialLr: number };

/** State of one parameter: tensors and numbers by name. */
export type ParameterState = Record<string, Tensor | number>;

/** What `stateDict` gives: settings and state by the parameter's number over all groups. */
export interface OptimizerState<S extends BaseSettings> {
  readonly groups: readonly (S & { readonly initialLr: number; readonly params: readonly number[] })[];
  readonly state: ReadonlyMap<number, ParameterState>;
}

/** A parameter that has a gradient. */
export interface GradientPair {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
}

/** Base class of optimizers, as `torch.optim.Optimizer`: parameter groups, state, and a step over all parameters that have a gradient. */
export abstract class Optimizer<S extends BaseSettings> {
  /** Groups with their settings; `group.lr` may be changed between steps. */
  readonly paramGroups: FilledGroup<S>[];
  protected readonly state = new Map<Tensor, ParameterState>();
  protected readonly defaults: S;

  constructor(params: Iterable<Tensor> | Iterable<ParameterGroup<S>>, defaults: S) {
    const list = [...params] as (Tensor | ParameterGroup<S>)[];
    if (list.length === 0) throw new ArgumentError('optimizer got an empty parameter list');
    this.defaults = defaults;
    this.paramGroups = [];
    if (list.every((each) => 'params' in each)) for (const group of list) this.addParamGroup(group);
    else this.addParamGroup({ params: list as Tensor[] } as unknown as ParameterGroup<S>);
  }

  /**
   * Adds parameters with settings of their own, as `add_param_group`: layers that are unfrozen later.
   *
   * @throws ArgumentError for a parameter that is in a group already or was computed from others, or a setting out of range.
   */
  addParamGroup(group: ParameterGroup<S>): void {
    const own = [...group.params];
    const seen = new Set(this.paramGroups.flatMap(({ params }) => params));
    for (const parameter of own) {
      if (!(parameter instanceof Tensor))
        throw new ArgumentError(`optimizer: can only optimize Tensors, but one of the params is ${String(parameter)}`);
      if (!parameter.isLeaf)
        throw new ArgumentError(`optimizer: can't optimize a non-leaf Tensor, ${describeParameter(parameter)}`);
      if (seen.has(parameter))
        throw new ArgumentError(
          `optimizer: some parameters appear in more than one parameter group: ${describeParameter(parameter)}`,
        );
      seen.add(parameter);
    }
    const settings = { ...this.defaults, ...group, params: own };
    if (!(settings.lr >= 0)) throw new ArgumentError(`optimizer: Invalid learning rate: ${settings.lr}`);
    this.check(settings);
    this.paramGroups.push({ ...settings, initialLr: settings.lr } as FilledGroup<S>);
  }

  /** Throws for settings that this optimizer does not take. */
  protected check(_settings: S): void {
    // Every number is fine, unless a subclass says otherwise.
  }

  /** Updates every parameter that has a gradient; part of a captured function, it runs at every call. */
  step(): void {
    eachTime(() => this.#step());
  }

  #step(): void {
    noGrad(() =>
      scope(() => {
        for (const group of this.paramGroups) {
          const pairs: GradientPair[] = [];
          for (const parameter of group.params) {
            const { grad } = parameter;
            if (!grad) continue;
            this.#follow(parameter);
            pairs.push({ parameter, gradient: group.maximize ? grad.neg() : grad });
          }
          this.updateAll(pairs, group);
        }
      }),
    );
  }

  /** State takes the dtype that a parameter has been moved to. To another device it could follow only by waiting. */
  #follow(parameter: Tensor): void {
    const own = this.state.get(parameter);
    for (const name in own) {
      const value = own[name];
      if (value === undefined || typeof value === 'number') continue;
      if (value.device !== parameter.device)
        throw new DeviceError(
          `optimizer: Expected all tensors to be on the same device, but found a parameter on ${parameter.device} and its ${name} on ${value.device}: move a module before making its optimizer`,
        );
      if (value.dtype === parameter.dtype) continue;
      own[name] = keep(value.to(parameter.dtype));
      value.dispose();
    }
  }

  /** Gives states of these names to parameters that have none yet, all of one value, beside numbers of the optimizer's own. */
  protected begin(
    pairs: readonly GradientPair[],
    names: readonly string[],
    { value = 0, numbers = {} }: { readonly value?: number; readonly numbers?: Readonly<Record<string, number>> } = {},
  ): void {
    const fresh: Tensor[] = [];
    for (const { parameter } of pairs) if (!this.state.has(parameter)) fresh.push(parameter);
    if (fresh.length === 0) return;
    for (const parameter of fresh) this.state.set(parameter, { ...numbers });
    for (const name of names)
      for (const [i, state] of statesLike(fresh, value).entries())
        Object.assign(this.state.get(fresh[i] as Tensor) as ParameterState, { [name]: state });
  }

  /** Updates the parameters of a group in place, together. */
  protected abstract updateAll(pairs: readonly GradientPair[], settings: FilledGroup<S>): void;

  /** Forgets all gradients. */
  zeroGrad(): void {
    for (const group of this.paramGroups) for (const parameter of group.params) parameter.grad = null;
  }

  /** Settings and state, for saving. Tensors are live, not copies. */
  stateDict(): OptimizerState<S> {
    const numbers = new Map(this.paramGroups.flatMap((group) => group.params).map((parameter, i) => [parameter, i]));
    const groups = this.paramGroups.map((group) => ({
      ...group,
      params: group.params.map((parameter) => numbers.get(parameter) ?? -1),
    }));
    const state = new Map([...this.state].map(([parameter, own]) => [numbers.get(parameter) ?? -1, own]));
    return { groups, state };
  }

  /**
   * Takes over settings, and copies of the state's tensors, in the parameters' dtypes: what there was is forgotten, as in PyTorch.
   *
   * @throws ArgumentError, or ShapeError, if groups or states are not those of this optimizer's parameters. Nothing has changed then.
   */
  loadStateDict({ groups, state }: OptimizerState<S>): void {
    if (groups.length !== this.paramGroups.length)
      throw new ArgumentError(
        `optimizer: loaded state dict has a different number of parameter groups: ${groups.length} instead of ${this.paramGroups.length}`,
      );
    const parameters = this.paramGroups.flatMap((group) => group.params);
    for (const [i, group] of groups.entries()) {
      if (group.params.length !== this.paramGroups[i]?.params.length)
        throw new ArgumentError(
          `optimizer: loaded state dict contains a parameter group that doesn't match the size of group ${i}`,
        );
    }
    const loaded = new Map<Tensor, ParameterState>();
    for (const [number, saved] of state) {
      const parameter = parameters[number];
      if (!parameter)
        throw new ArgumentError(
          `optimizer: loaded state dict has state for parameter ${number}, there are ${parameters.length}`,
        );
      for (const [name, value] of Object.entries(saved))
        if (typeof value !== 'number' && value.shape.join() !== parameter.shape.join())
          throw new ShapeError(
            `optimizer: loaded state dict has ${name} of shape [${value.shape.join(', ')}] for parameter ${number}, ${describeParameter(parameter)}`,
          );
      loaded.set(parameter, saved);
    }
    // Copied before anything goes: what is loaded may be this optimizer's own state.
    noGrad(() => {
      for (const [parameter, saved] of loaded)
        loaded.set(
          parameter,
          Object.fromEntries(
            Object.entries(saved).map(([name, value]) => [
              name,
              typeof value === 'number' ? value : own(value, parameter.dtype),
            ]),
          ),
        );
    });
    for (const before of this.state.values())
      for (const old of Object.values(before)) if (typeof old !== 'number') old.dispose();
    this.state.clear();
    for (const [parameter, each] of loaded) this.state.set(parameter, each);
    for (const [i, group] of groups.entries()) {
      const own = this.paramGroups[i];
      if (own) Object.assign(own, { ...group, params: own.params });
    }
  }
}

/** Elements of states that lie in one piece of memory, at most: fewer than the smallest binding of a GPU holds. */
const PIECE = 2 ** 24;
/** Each state begins at a multiple of so many elements: a cache line. */
const APART = 16;

/**
 * A tensor like each parameter, of one value, that outlives every scope. They lie one behind the other in few pieces of memory, so that a GPU's step
 * binds the states of many parameters at once.
 */
export function statesLike(parameters: readonly Tensor[], value: number): Tensor[] {
  const states: Tensor[] = [];
  for (let first = 0; first < parameters.length; ) {
    const { dtype, device } = parameters[first] as Tensor;
    const starts: number[] = [];
    let size = 0;
    for (const parameter of parameters.slice(first)) {
      if (parameter.dtype !== dtype || parameter.device !== device) break;
      if (size > 0 && size + parameter.numel() > PIECE) break;
      starts.push(size);
      size += Math.ceil(parameter.numel() / APART) * APART;
    }
    const piece = full([size], value, { dtype, device });
    for (const [i, start] of starts.entries()) {
      const like = parameters[first + i] as Tensor;
      states.push(keep(piece.narrow(0, start, like.numel()).view(like.shape)));
    }
    first += starts.length;
  }
  return states;
}

/** A copy that outlives every scope. */
function own(value: Tensor, dtype: DType): Tensor {
  return keep(value.dtype === dtype ? value.detach().clone() : value.detach().to(dtype));
}

/**
 * Lifetimes. Inside a scope every new tensor, and all that autograd saved, is released when the scope ends, except what it returns or
 * keeps. Outside of any scope a tensor lives until `dispose`, `using`, or the garbage collector finds it unreachable.
 * Scopes are synchronous: across an `await` other code would run inside them.
 */

import type { Operation, Vertex } from './autograd/vertex.js';
import { ArgumentError } from './errors.js';
import type { Tensor } from './tensor.js';

/** The tensors of a scope. Each knows its place in the list: most leave before the scope ends, and sets take longer. */
class TensorList {
  readonly #list: Tensor[] = [];

  add(tensor: Tensor): void {
    if (this.#list[tensor.place] !== tensor) tensor.place = this.#list.push(tensor) - 1;
  }

  delete(tensor: Tensor): void {
    const { place } = tensor;
    if (this.#list[place] !== tensor) return;
    const last = this.#list.pop();
    if (!last || last === tensor) return;
    this.#list[place] = last;
    last.place = place;
  }

  takeLast(): Tensor | undefined {
    return this.#list.pop();
  }
}

export interface Scope {
  readonly tensors: TensorList;
  readonly operations: { readonly vertex: Vertex; readonly operation: Operation }[];
  readonly parent: Scope | null;
  isOver: boolean;
}

let current: Scope | null = null;

export function currentScope(): Scope | null {
  return current;
}

/** Called for every operation recorded: the scope frees what it saved, or else the garbage collector. */
export function trackOperation(vertex: Vertex, operation: Operation): void {
  if (current) current.operations.push({ vertex, operation });
  else operation.watch();
}

/** Moves a tensor to another scope's care, or to the garbage collector's; from a scope that is over it goes to the one around that. */
export function moveTo(tensor: Tensor, scope: Scope | null): void {
  let home = scope;
  while (home?.isOver) home = home.parent;
  tensor.scope?.tensors.delete(tensor);
  tensor.adopt(home);
  if (current && tensor.vertex) escaped.add(tensor);
}

/**
 * Runs `fn` and releases every tensor made inside it that it neither returns (also within arrays, plain objects, maps and sets) nor
 * {@link keep}s. What autograd saved is released too, unless the graph of a surviving tensor needs it. As `tf.tidy`, but aware of gradients.
 *
 * @throws ArgumentError if `fn` is asynchronous.
 * @example
 * const loss = scope(() => model.forward(x).sub(y).square().mean());
 */
export function scope<T>(fn: () => T): T {
  return run(fn, (survivors) => {
    // A pending value would hold on to everything it is made of.
    for (const tensor of survivors) tensor.compute();
  });
}

/** As {@link scope}, but what survives may go on waiting: for callers who see to it that it is used soon. */
export function pendingScope<T>(fn: () => T): T {
  return run(fn, () => undefined);
}

function run<T>(fn: () => T, settle: (survivors: readonly Tensor[]) => void): T {
  const own: Scope = { tensors: new TensorList(), operations: [], parent: current, isOver: false };
  current = own;
  let result: T;
  try {
    result = fn();
  } catch (error) {
    current = own.parent;
    end(own, []);
    throw error;
  }
  current = own.parent;
  const survivors: Tensor[] = [];
  collect(result, survivors);
  try {
    settle(survivors);
  } catch (error) {
    // What cannot be computed (too large for the device) does not keep what it was to be made of.
    end(own, []);
    throw error;
  }
  end(own, survivors);
  if (result instanceof Promise) {
    throw new ArgumentError(
      'scope: the function must not be asynchronous: tensors made by other code during an await would be released; await outside of it',
    );
  }
  return result;
}

/** The same as {@link scope}, by TensorFlow.js's name. */
export const tidy = scope;

/** Takes tensors (also within arrays, plain objects, maps and sets) out of the care of every scope around; returns its argument. */
export function keep<T>(value: T): T {
  const found: Tensor[] = [];
  collect(value, found);
  for (const tensor of found) moveTo(tensor, null);
  return value;
}

function end(own: Scope, survivors: readonly Tensor[]): void {
  own.isOver = true;
  // Those that survive leave first, so that all that is left goes: every rule of a backward pass has a scope, and sets take longer.
  for (const tensor of survivors) {
    if (tensor.scope !== own) continue;
    own.tensors.delete(tensor);
    tensor.adopt(own.parent);
  }
  for (let tensor = own.tensors.takeLast(); tensor; tensor = own.tensors.takeLast()) tensor.dispose();
  if (own.operations.length > 0) endGraph(own, survivors);
}

/** Keeps the operations that the graphs of survivors lead to, and frees the rest. */
function endGraph(own: Scope, survivors: readonly Tensor[]): void {
  const first = own.operations[0]?.vertex.id ?? 0;
  const reached = new Set<Vertex>();
  const pending: Vertex[] = [];
  const reach = (vertex: Vertex | null): void => {
    if (!vertex || vertex.id < first || reached.has(vertex)) return;
    reached.add(vertex);
    pending.push(vertex);
  };
  for (const tensor of survivors) reach(tensor.vertex);
  // Nobody holds those any more that went with another scope, as the gradient of a leaf goes with the leaf's.
  for (const tensor of escaped) if (!tensor.isDisposed) reach(tensor.vertex);
  for (let vertex = pending.pop(); vertex; vertex = pending.pop())
    for (const parent of vertex.operation?.parents ?? []) reach(parent);
  for (const each of own.operations) {
    if (!reached.has(each.vertex)) each.operation.release();
    else if (own.parent) own.parent.operations.push(each);
    else each.operation.watch();
  }
  if (!current) escaped.clear();
}

/** The tensors in a value: itself, or within arrays, plain objects, maps and sets. */
export function tensorsIn(value: unknown): ReadonlySet<Tensor> {
  const found: Tensor[] = [];
  collect(value, found);
  return new Set(found);
}

/** Tensors with a graph that were kept while scopes were open: their operations must survive these scopes. */
const escaped = new Set<Tensor>();

/** Lists them, those that a value holds several times as often. */
function collect(value: unknown, into: Tensor[]): void {
  if (typeof value !== 'object' || value === null) return;
  if ('storage' in value && 'adopt' in value) into.push(value as Tensor);
  else if (Array.isArray(value) || value instanceof Set) for (const each of value) collect(each, into);
  else if (value instanceof Map) for (const each of value.values()) collect(each, into);
  else if (Object.getPrototypeOf(value) === Object.prototype)
    for (const each of Object.values(value)) collect(each, into);
}

/**
 * The backward pass: gradients flow from the roots through the recorded operations, newest first. Gradients of leaves are
 * accumulated into `.grad` (or handed out, for `grad`); all else that the pass makes is released when it ends, and what operations
 * saved is released as it walks, unless the graph is retained.
 */
import { outsideAutocast } from '../autocast.js';
import { makeTensor } from '../construct.js';
import { AutogradError, ShapeError } from '../errors.js';
import { assign } from '../fuse/assign.js';
import { pendingStorage } from '../fuse/build.js';
import { moveTo, pendingScope, scope } from '../scope.js';
import { formatShape, numel, sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { View } from '../view.js';
import { observe } from './anomaly.js';
import { withGradMode } from './mode.js';
import { gradients as leafGradients, type Operation, type Vertex } from './vertex.js';

/** Options of a backward pass. */
export interface BackwardOptions {
  /** The gradient of the root; by default 1 for a root of one element. */
  readonly gradient?: Tensor;
  /** Keep what the operations saved, for another pass. By default the value of `createGraph`. */
  readonly retainGraph?: boolean;
  /** Record the pass itself, so that gradients can be differentiated again. */
  readonly createGraph?: boolean;
}

/** Accumulates the gradient of `root` into the `.grad` of every leaf it depends on, as `torch.Tensor.backward`. */
export function backward(root: Tensor, options: BackwardOptions = {}): void {
  const start = rootGradient('backward', root, options.gradient);
  scope(() => walk([[start.vertex, start.gradient()]], null, options));
}

/** {@link backward} from a place in the graph, whatever its value is. */
export function backwardFrom(start: Tensor, gradient: Tensor, options: Omit<BackwardOptions, 'gradient'>): void {
  const { vertex } = start;
  if (vertex) scope(() => walk([[vertex, options.createGraph ? gradient : gradient.detach()]], null, options));
}

/** The gradients that `grad` returns: one for each input, in a tuple of the same length. */
export type Gradients<I extends readonly Tensor[], G = Tensor> = { [K in keyof I]: G };

/** Options of {@link grad}. */
export interface GradOptions extends Omit<BackwardOptions, 'gradient'> {
  /** The gradient of each output; by default 1 for outputs of one element. */
  readonly gradients?: readonly (Tensor | undefined)[];
  /** Give null for inputs that the outputs were not made from, instead of an error. */
  readonly allowUnused?: boolean;
}

/**
 * The gradients of the sum of `outputs` with respect to each of `inputs`, without touching `.grad`; as `torch.autograd.grad`.
 *
 * @throws AutogradError if an output has no graph or an input was not used to make the outputs.
 * @example
 * const [dx] = grad(x.pow(3).sum(), [x], { createGraph: true });
 */
export function grad<const I extends readonly Tensor[]>(
  outputs: Tensor | readonly Tensor[],
  inputs: I,
  options: GradOptions & { readonly allowUnused: true },
): Gradients<I, Tensor | null>;
export function grad<const I extends readonly Tensor[]>(
  outputs: Tensor | readonly Tensor[],
  inputs: I,
  options?: GradOptions,
): Gradients<I>;
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradOptions = {},
): (Tensor | null)[] {
  const roots = 'storage' in outputs ? [outputs] : outputs;
  for (const input of inputs)
    if (!input.vertex)
      throw new AutogradError(
        `grad: One of the differentiated Tensors does not require grad: an input of shape ${formatShape(input.shape)}`,
      );
  return scope(() => {
    const starts = roots.map((root, i): [Vertex, Tensor] => {
      const start = rootGradient('grad', root, options.gradients?.[i]);
      return [start.vertex, start.gradient()];
    });
    const found = new Map<Vertex, Tensor>();
    const targets = new Map(inputs.map((input) => [input.vertex as Vertex, found]));
    walk(starts, targets, options);
    return inputs.map((input) => {
      const gradient = found.get(input.vertex as Vertex);
      if (!gradient && !options.allowUnused)
        throw new AutogradError(
          `grad: One of the differentiated Tensors appears to not have been used in the graph: an input of shape ${formatShape(input.shape)}. Set allowUnused: true if this is the desired behavior`,
        );
      return gradient ?? null;
    });
  });
}

function rootGradient(op: string, root: Tensor, given: Tensor | undefined): { vertex: Vertex; gradient: () => Tensor } {
  const { vertex } = root;
  if (!vertex) throw new AutogradError(`${op}: element 0 of tensors does not require grad and does not have a grad_fn`);
  if (given && !sameShape(given.shape, root.shape))
    throw new ShapeError(
      `${op}: Mismatch in shape: the gradient has shape ${formatShape(given.shape)} and the output ${formatShape(root.shape)}`,
    );
  if (!given && numel(root.shape) !== 1)
    throw new AutogradError(
      `${op}: grad can be implicitly created only for scalar outputs, this one has shape ${formatShape(root.shape)}; pass a gradient of that shape`,
    );
  return { vertex, gradient: () => given?.detach().to(root.dtype) ?? root.newFull(root.shape, 1) };
}

let retaining = false;

/** Whether the backward pass that is running keeps what operations saved: for rules that start a pass of their own. */
export function isGraphRetained(): boolean {
  return retaining;
}

function walk(
  starts: readonly (readonly [Vertex, Tensor])[],
  targets: ReadonlyMap<Vertex, Map<Vertex, Tensor>> | null,
  options: BackwardOptions,
): void {
  const { createGraph = false, retainGraph = createGraph } = options;
  const wanted = targets && findWanted(starts, targets);
  const gradients = new Map<Vertex, Tensor>();
  const queue = new VertexQueue();
  const flow = (vertex: Vertex, gradient: Tensor): void => {
    const before = gradients.get(vertex);
    gradients.set(vertex, before ? before.add(gradient) : gradient);
    if (!before) queue.push(vertex);
    // The sum alone is needed from here on: a term that becomes part of its kernel lets go of what it is made of.
    else if (!createGraph) for (const term of [before, gradient]) if (term.scope) term.dispose();
  };
  // Sums that nobody but this pass holds, so that parts may be added in place.
  const own = new Set<Tensor>();
  const flowPart = (vertex: Vertex, gradient: Tensor, before: Tensor, part: (whole: View) => View): void => {
    const sum = own.has(before) ? before : before.clone();
    own.add(sum);
    gradients.set(vertex, sum);
    const view = part(sum.layout);
    const { backend, dtype } = sum.storage;
    const added = pendingStorage(backend, 'add', dtype, dtype, gradient.shape, [
      { storage: sum.storage, view },
      { storage: gradient.storage, view: gradient.layout },
    ]);
    assign(sum.storage, view, added);
  };
  const pass = (): void => {
    for (const [vertex, gradient] of starts) if (isWanted(vertex, wanted)) flow(vertex, gradient);
    for (let vertex = queue.pop(); vertex; vertex = queue.pop()) {
      const gradient = runHooks(vertex, gradients.get(vertex) as Tensor);
      gradients.delete(vertex);
      const target = targets?.get(vertex);
      if (target) {
        target.set(vertex, gradient);
        gradient.storage.isNeeded = true;
      }
      const { operation } = vertex;
      if (!targets && (!operation || vertex.retainsGrad)) accumulate(vertex, gradient, createGraph);
      if (!operation) continue;
      const parents = operation.parents;
      if (operation.always && targets)
        throw new AutogradError(
          `grad: cannot pass through ${operation.name}, which accumulates into .grad; use backward()`,
        );
      const [whole = null] = parents;
      const before = whole && operation.part && !createGraph ? gradients.get(whole) : undefined;
      if (whole && operation.part && before) flowPart(whole, gradient, before, operation.part);
      else if (operation.always || parents.some((parent) => isWanted(parent, wanted))) {
        retaining = retainGraph;
        // Temporaries of one rule go as soon as its gradients are out; gradients themselves live until they are consumed.
        // They may wait to become part of the next rule's kernel; those of leaves would wait for the end, and hold what they are made of.
        const results = createGraph
          ? evaluate(vertex, operation, gradient, wanted)
          : pendingScope(() => {
              const found = evaluate(vertex, operation, gradient, wanted);
              for (let i = 0; i < found.length; i++) if (!parents[i]?.operation) found[i]?.compute();
              return found;
            });
        for (let i = 0; i < results.length; i++) {
          const [parent, result] = [parents[i], results[i]];
          if (parent && result) flow(parent, result);
        }
      }
      // A pass that is still to come through here needs what was saved.
      if (!retainGraph && vertex.arriving === 0) operation.release();
      if (!createGraph && !target && gradient.scope) gradient.dispose();
    }
  };
  outsideAutocast(() => withGradMode(createGraph, pass));
}

/** The gradients of an operation's parents, in their order; null for those that nobody wants. */
function evaluate(
  vertex: Vertex,
  operation: Operation,
  gradient: Tensor,
  wanted: ReadonlySet<Vertex> | null,
): (Tensor | null)[] {
  const thunks = operation.apply(gradient, vertex);
  const results: (Tensor | null)[] = [];
  for (let i = 0; i < thunks.length; i++) {
    const parent = operation.parents[i];
    const thunk = thunks[i];
    if (!parent || !thunk || !isWanted(parent, wanted)) {
      results.push(null);
      continue;
    }
    const result = thunk();
    observe(`${operation.name}'s backward`, result);
    // A rule may pass the gradient on as it is, or give one to several parents; another handle keeps lifetimes apart.
    let isShared = result === gradient;
    for (const other of results) {
      isShared ||= other === result;
      if (other?.storage === result.storage) result.storage.isNeeded = true;
    }
    results.push(isShared ? makeTensor(result.storage.retain(), result.layout, result.vertex) : result);
  }
  return results;
}

function runHooks(vertex: Vertex, gradient: Tensor): Tensor {
  let current = gradient;
  for (const hook of vertex.hooks ?? []) {
    const replaced = hook(current);
    if (!replaced) continue;
    if (!sameShape(replaced.shape, current.shape))
      throw new ShapeError(
        `backward: a hook returned a gradient of shape ${formatShape(replaced.shape)} for one of ${formatShape(current.shape)}`,
      );
    current = replaced;
  }
  return current;
}

/** Whether a gradient is wanted that comes through a vertex; `wanted` is null where all are. */
function isWanted(vertex: Vertex | null, wanted: ReadonlySet<Vertex> | null): boolean {
  return vertex !== null && (wanted === null || wanted.has(vertex));
}

/** The vertices that lead from a target to what is differentiated. */
function findWanted(
  starts: readonly (readonly [Vertex, Tensor])[],
  targets: ReadonlyMap<Vertex, unknown>,
): ReadonlySet<Vertex> {
  const seen = new Set<Vertex>();
  const stack = starts.map(([vertex]) => vertex);
  for (let vertex = stack.pop(); vertex; vertex = stack.pop()) {
    if (seen.has(vertex)) continue;
    seen.add(vertex);
    for (const parent of vertex.operation?.parents ?? []) if (parent) stack.push(parent);
  }
  const wanted = new Set<Vertex>();
  // Parents are older than what they made: going by rising id settles them first.
  for (const vertex of [...seen].sort((a, b) => a.id - b.id)) {
    if (targets.has(vertex) || vertex.operation?.parents.some((parent) => parent && wanted.has(parent)))
      wanted.add(vertex);
  }
  return wanted;
}

function accumulate(vertex: Vertex, gradient: Tensor, createGraph: boolean): void {
  leafGradients.watcher?.(vertex);
  // That of a leaf whose scope is over went with it, though the graph of what the scope returned still leads here.
  if (vertex.grad && !vertex.grad.isDisposed) {
    if (createGraph) vertex.grad = vertex.grad.add(gradient);
    else vertex.grad.add_(gradient);
  } else
    vertex.grad =
      gradient.storage.isShared || !gradient.isContiguous()
        ? gradient.clone()
        : makeTensor(gradient.storage.retain(), gradient.layout, gradient.vertex);
  vertex.grad.compute();
  moveTo(vertex.grad, vertex.home);
}

/** A binary heap that yields the newest vertex. */
class VertexQueue {
  readonly #heap: Vertex[] = [];

  push(vertex: Vertex): void {
    const heap = this.#heap;
    let at = heap.push(vertex) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as Vertex;
      if (parent.id >= vertex.id) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = vertex;
  }

  pop(): Vertex | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (heap.length === 0 || !last) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Vertex).id > (heap[child] as Vertex).id) child++;
      const below = heap[child] as Vertex;
      if (below.id <= last.id) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

/**
 * The graph of a backward pass. A tensor that takes part has a vertex; a vertex that an operation made knows the operation's name, its
 * parents, what it saved and the rule that turns the gradient of its value into those of its parents. Ids grow with time,
 * so going by falling id visits every vertex after all that used it.
 */

import { makeTensor } from '../construct.js';
import { AutogradError } from '../errors.js';
import type { Scope } from '../scope.js';
import type { Storage } from '../storage.js';
import type { Tensor } from '../tensor.js';
import type { View } from '../view.js';

/** Gradients of the parents, in their order; each is made only if somebody needs it. */
export type Rule = (grad: Tensor, saved: readonly Tensor[]) => readonly ((() => Tensor) | null)[];

let lastId = 0;

/** The id that the next vertex will get. */
export function nextVertexId(): number {
  return lastId + 1;
}

/** Told before the gradient of a leaf is set or added to, while a captured function is recorded. */
export const gradients: { watcher: ((vertex: Vertex) => void) | null } = { watcher: null };

export class Vertex {
  readonly id = ++lastId;
  /** The accumulated gradient of a leaf (or of a vertex that retains it). */
  grad: Tensor | null = null;
  retainsGrad = false;
  /** Backward passes that will come through here when a gradient has arrived from another device. */
  arriving = 0;
  /** See `Tensor.registerHook`. */
  hooks: Set<(grad: Tensor) => Tensor | undefined> | null = null;

  constructor(
    readonly shape: readonly number[],
    /** What made the value; null for a leaf. */
    public operation: Operation | null,
    /** The scope in which a leaf was made: its gradient lives as long as it does. */
    public home: Scope | null,
  ) {}
}

/** A value kept for the backward pass: it holds its storage, whatever becomes of the user's handle, and knows if it was changed. */
class SavedTensor {
  readonly #version: number;

  constructor(
    private readonly storage: Storage,
    private readonly view: View,
    /** Null for the operation's own output, which finds its vertex on unpacking: a cycle would outlive its use. */
    private readonly vertex: Vertex | null,
    private readonly isOutput: boolean,
  ) {
    storage.retain();
    this.#version = storage.version;
  }

  unpack(operation: string, own: Vertex): Tensor {
    if (this.storage.version !== this.#version)
      throw new AutogradError(
        `${operation}: one of the variables needed for gradient computation has been modified by an inplace operation: ` +
          `a tensor of shape [${this.view.shape.join(', ')}] is at version ${this.storage.version}; expected version ${this.#version} instead`,
      );
    return makeTensor(this.storage.retain(), this.view, this.isOutput ? own : this.vertex);
  }

  release(): void {
    this.storage.release();
  }
}

/** What is left to release of an operation that was collected as garbage. */
const abandoned = new FinalizationRegistry<SavedTensor[]>((saved) => {
  for (const each of saved.splice(0)) each.release();
});

export class Operation {
  #saved: SavedTensor[] | null;
  #isWatched = false;
  /**
   * Of an op whose output is a part of its one input: where in the input's layout. Gradients of further parts are then added at their
   * place, instead of each in a tensor of the size of the whole.
   */
  part: ((whole: View) => View) | null = null;

  constructor(
    readonly name: string,
    readonly parents: readonly (Vertex | null)[],
    saved: readonly Tensor[],
    output: Tensor,
    private readonly rule: Rule,
    /** Whether the rule must run even if no parent wants a gradient: it reaches leaves by itself. */
    readonly always = false,
  ) {
    this.#saved = saved.map(
      (tensor) =>
        new SavedTensor(tensor.storage, tensor.layout, tensor === output ? null : tensor.vertex, tensor === output),
    );
  }

  /** Hands the saved values to the garbage collector's care, for operations that no scope will release. */
  watch(): void {
    if (!this.#saved || this.#saved.length === 0) return;
    abandoned.register(this, this.#saved, this);
    this.#isWatched = true;
  }

  apply(grad: Tensor, own: Vertex): readonly ((() => Tensor) | null)[] {
    if (!this.#saved)
      throw new AutogradError(
        `backward: Trying to backward through the graph a second time (at ${this.name}): saved values are freed as the first pass walks; pass { retainGraph: true } to it`,
      );
    const saved = this.#saved.map((each) => each.unpack(this.name, own));
    return this.rule(grad, saved);
  }

  /** Frees the saved values; a later `apply` throws. */
  release(): void {
    const saved = this.#saved;
    if (!saved) return;
    this.#saved = null;
    if (this.#isWatched) abandoned.unregister(this);
    for (const each of saved.splice(0)) each.release();
  }
}

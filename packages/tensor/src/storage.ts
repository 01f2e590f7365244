/**
 * Storage: reference-counted device memory that may not have been computed yet. A pending storage holds a recipe, one pointwise
 * step over other storages, or a matrix product; recipes that feed each other become one kernel when somebody needs the value. Every
 * tensor handle, saved value and pending recipe holds one reference; at zero the memory goes back to the backend's pool at once.
 *
 * Two rules keep laziness invisible: before memory is written in place, everything that is still going to read it is
 * computed (or, if it most likely never will be read, is given a copy of the old content); and the version counts such writes, so
 * that autograd can tell that a saved value has changed.
 */
import type { Backend } from './backend/backend.js';
import type { DeviceBuffer, MatmulRequest, Matrices } from './backend/requests.js';
import type { DType } from './dtype.js';
import { DisposedError } from './errors.js';
import { lower } from './fuse/lower.js';
import type { PointwiseName } from './ops/pointwise/table.js';
import { bytesOf, checkRoom, type Wanted, withoutRoom } from './room.js';
import type { Shape } from './shape.js';
import { contiguousView, type View } from './view.js';

/** What a pending step reads: elements of a storage in the step's shape, or a number. */
export type RecipeArgument =
  | { readonly storage: Storage; readonly view: View }
  | { readonly scalar: number; readonly dtype: DType };

/** One pointwise step; `copy` gives the argument's elements in row-major order. */
export interface Recipe {
  readonly op: PointwiseName | 'copy';
  /** The dtype the step computes in. */
  readonly type: DType;
  readonly shape: Shape;
  readonly args: readonly RecipeArgument[];
  /** Upper bounds of the steps and inputs of the kernel that would compute this, pending arguments included. */
  readonly steps: number;
  readonly inputs: number;
}

/** One side of a pending product: a stack of matrices in a computed storage. */
export type Factor = Omit<Matrices, 'buffer' | 'dtype'> & { readonly storage: Storage };

/** A matrix product that is computed when somebody needs it: until then, what follows it may become its epilogue (`fuse/products.ts`). */
export interface PendingProduct
  extends Pick<MatmulRequest, 'batch' | 'm' | 'n' | 'k' | 'biasRows' | 'activation' | 'windows'> {
  readonly a: Factor;
  readonly b: Factor;
  readonly bias: { readonly storage: Storage; readonly offset: number } | null;
  /** Whether no gradient flows through it. What one flows through is most likely needed later, and weights are written to before. */
  readonly isConstant: boolean;
}

/** Who gives and takes the memory of storages while a captured function is recorded, and is told which of them it reads. */
export interface StorageWatcher {
  created(storage: Storage): void;
  allocate(storage: Storage): DeviceBuffer;
  free(storage: Storage, buffer: DeviceBuffer): void;
  /** Calls `lower`, which computes a pending storage. */
  computes(storage: Storage, lower: () => void): void;
  uses(storage: Storage, buffer: DeviceBuffer): void;
}

/** The watcher of the recording at hand. */
export const watch: { storages: StorageWatcher | null } = { storages: null };

/** Live storages, pending ones included, and the bytes of those that have memory: what `memory()` reports. */
export const ledger = { bytes: 0, storages: 0, allocatedSinceCollection: 0 };

/** Storages that nobody holds any more, to be let go after the one that is being let go now. */
const unheld: Storage[] = [];
let isLettingGo = false;

/** The readers of a storage that has none. */
const NONE: ReadonlySet<Storage> = new Set();

export class Storage {
  /** Counts writes in place. */
  version = 0;
  /** Whether a kernel has computed this pending value on the way to another: the next one keeps it. */
  wasInlined = false;
  /** Whether somebody who does not wait for it yet is going to ask for it: the next kernel that computes it on its way writes it too. */
  isNeeded = false;
  /** Whether a captured function was recorded that reads it from outside. */
  isCaptured = false;
  /** Its place in the order of the values that are composed to a program at this moment: sets and maps of them would take longer. */
  place = -1;
  #readers: Set<Storage> | null = null;
  #references = 1;
  #buffer: DeviceBuffer | null = null;
  #recipe: Recipe | null;
  #product: PendingProduct | null;
  /** Whether the memory belongs to somebody else: it is not freed here. */
  #isLent = false;

  constructor(
    readonly backend: Backend,
    readonly dtype: DType,
    readonly size: number,
    /** What its memory is for. */
    private readonly wanted: Wanted,
    pending: Recipe | PendingProduct | null = null,
    /** Memory that its owner lends for as long as he likes. */
    lent: DeviceBuffer | null = null,
  ) {
    // Before anybody hears of it, so that nothing has happened where it is refused.
    if (!lent) checkRoom(backend, dtype, size, wanted, pending !== null);
    this.#recipe = pending && 'op' in pending ? pending : null;
    this.#product = pending && 'm' in pending ? pending : null;
    watch.storages?.created(this);
    if (lent) {
      this.#buffer = lent;
      this.#isLent = true;
      ledger.bytes += this.byteLength;
    } else if (pending) {
      eachSource(this.#recipe, this.#product, (source) => {
        source.retain();
        source.#addReader(this);
      });
    } else this.#buffer = this.#allocate();
    ledger.storages++;
  }

  /** Whole words. */
  get byteLength(): number {
    return bytesOf(this.dtype, this.size);
  }

  /** Pending storages whose recipes read this one. */
  get readers(): ReadonlySet<Storage> {
    return this.#readers ?? NONE;
  }

  get isReleased(): boolean {
    return this.#references === 0;
  }

  get isShared(): boolean {
    return this.#references > 1;
  }

  /** How many handles, saved values and pending recipes hold it. */
  get references(): number {
    return this.#references;
  }

  /** The recipe of a pending pointwise value; null once computed. */
  get recipe(): Recipe | null {
    return this.#recipe;
  }

  /** The product that a pending storage will hold; null once computed. */
  get product(): PendingProduct | null {
    return this.#product;
  }

  get isPending(): boolean {
    return this.#recipe !== null || this.#product !== null;
  }

  /** Whether it is pending and made of no other storage. */
  get isConstant(): boolean {
    return this.#recipe?.args.every((arg) => !('storage' in arg)) ?? false;
  }

  /** The memory, computed now if it is still pending. */
  get buffer(): DeviceBuffer {
    const { storages } = watch;
    if (this.isPending) {
      if (storages) storages.computes(this, () => lower(this));
      else lower(this);
    }
    if (!this.#buffer) throw new DisposedError('the memory of this tensor was released');
    storages?.uses(this, this.#buffer);
    return this.#buffer;
  }

  /** Memory for the value that a kernel is about to write; the recipe stays until `settle`. */
  reserve(): DeviceBuffer {
    this.#buffer ??= this.#allocate();
    return this.#buffer;
  }

  /** Called when the kernel that writes this value has been requested: the recipe and what it held go. */
  settle(): void {
    const [recipe, product] = [this.#recipe, this.#product];
    if (!recipe && !product) return;
    this.#recipe = null;
    this.#product = null;
    eachSource(recipe, product, (source) => {
      source.#readers?.delete(this);
      source.release();
    });
  }

  /** To be called before a write in place: computes what still reads the old content, except for the writer itself. */
  beforeWrite(writer?: Storage): void {
    void this.buffer;
    this.#copyForInlined(writer);
    if (this.readers.size > 0) for (const reader of [...this.readers]) if (reader !== writer) void reader.buffer;
    this.version++;
  }

  /** To be called before all of it is written from outside: as {@link beforeWrite}, but content that nobody reads is never computed. */
  beforeOverwrite(): void {
    if (this.isPending && this.readers.size === 0) {
      this.reserve();
      this.settle();
    }
    this.beforeWrite();
  }

  retain(): this {
    if (this.#references === 0) throw new DisposedError('the memory of this tensor was released');
    this.#references++;
    return this;
  }

  release(): void {
    if (--this.#references > 0) return;
    // One after the other, not each inside the one that held it: an expression may be thousands of values deep.
    if (isLettingGo) {
      unheld.push(this);
      return;
    }
    isLettingGo = true;
    try {
      this.#drop();
      for (let next = unheld.pop(); next; next = unheld.pop()) next.#drop();
    } finally {
      isLettingGo = false;
    }
  }

  #addReader(reader: Storage): void {
    this.#readers ??= new Set();
    this.#readers.add(reader);
  }

  #drop(): void {
    ledger.storages--;
    this.settle();
    if (!this.#buffer) return;
    ledger.bytes -= this.byteLength;
    if (!this.#isLent) {
      if (watch.storages) watch.storages.free(this, this.#buffer);
      else this.backend.free(this.#buffer);
    }
    this.#buffer = null;
  }

  /** From now on the memory belongs to somebody else. */
  lend(): void {
    this.#isLent = true;
  }

  /** Takes memory of its own: that which it holds, or another with the same content in place of what was lent. */
  own(buffer = this.#buffer): void {
    this.#buffer = buffer;
    this.#isLent = false;
  }

  #allocate(): DeviceBuffer {
    const buffer = this.#ask();
    ledger.bytes += this.byteLength;
    ledger.allocatedSinceCollection += this.byteLength;
    return buffer;
  }

  #ask(): DeviceBuffer {
    try {
      return watch.storages?.allocate(this) ?? this.backend.allocate(this.byteLength);
    } catch (error) {
      // One that is pending may be asked for again when there is more room; one that is not never comes to be.
      if (!this.isPending) this.#references = 0;
      throw withoutRoom(error, this.backend, this.dtype, this.size, this.wanted);
    }
  }

  /**
   * Products that have become part of another kernel are there for whoever still holds their handle, most likely nobody: instead of
   * computing them before a write, they get the old content.
   */
  #copyForInlined(writer: Storage | undefined): void {
    if (this.readers.size === 0) return;
    const inlined = [...this.readers].filter((reader) => reader !== writer && reader.#product && reader.wasInlined);
    if (inlined.length === 0) return;
    const { backend, dtype, size } = this;
    const whole = { storage: this as Storage, view: contiguousView([size]) };
    const recipe: Recipe = { op: 'copy', type: dtype, shape: [size], args: [whole], steps: 1, inputs: 1 };
    const copy = new Storage(backend, dtype, size, { name: 'copy', shape: [size] }, recipe);
    void copy.buffer;
    for (const reader of inlined) reader.#replaceSource(this, copy);
    copy.release();
  }

  #replaceSource(before: Storage, now: Storage): void {
    const product = this.#product;
    if (!product) return;
    const replaced = <T extends { readonly storage: Storage }>(operand: T): T => {
      if (operand.storage !== before) return operand;
      now.retain();
      before.release();
      return { ...operand, storage: now };
    };
    const { a, b, bias } = product;
    this.#product = { ...product, a: replaced(a), b: replaced(b), bias: bias && replaced(bias) };
    before.#readers?.delete(this);
    now.#addReader(this);
  }
}

/** Visits what a pending value is made of, each storage as often as it is retained. */
function eachSource(recipe: Recipe | null, product: PendingProduct | null, visit: (source: Storage) => void): void {
  if (recipe) for (const arg of recipe.args) if ('storage' in arg) visit(arg.storage);
  if (!product) return;
  visit(product.a.storage);
  visit(product.b.storage);
  if (product.bias) visit(product.bias.storage);
}

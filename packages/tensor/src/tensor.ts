/**
 * The tensor: a view of a storage, and its place in the autograd graph. Everything that computes lives in `ops/`, and the methods that
 * call it in `methods/`; here is only what a handle is and how it lives and dies.
 */
import type { BackwardOptions } from './autograd/backward.js';
import { backward } from './autograd/backward.js';
import { isGradEnabled, noGrad } from './autograd/mode.js';
import { record } from './autograd/record.js';
import { gradients, Vertex } from './autograd/vertex.js';
import type { DeviceKind } from './backend/backend.js';
import { resetCaptures } from './capture/epoch.js';
import { registerTensor } from './construct.js';
import { type Description, describe } from './describe.js';
import { isDeviceKind } from './device.js';
import { checkDType, type DType, type HostArrays, isFloating, wordBytes } from './dtype.js';
import { AutogradError, DeviceError, DisposedError, DTypeError, ShapeError } from './errors.js';
import { formatTensor, type PrintOptions } from './format.js';
import { pendingStorage } from './fuse/build.js';
import { checkSupported, fromWords } from './host.js';
import { FillMethods } from './methods/fill.js';
import { castStorage } from './ops/pointwise/apply.js';
import { type TransferOptions, transfer } from './ops/transfer.js';
import { handles, relievePressure } from './pressure.js';
import { currentScope, moveTo, type Scope } from './scope.js';
import { checkShape, formatShape, normalizeDim, numel, type Shape } from './shape.js';
import type { Storage } from './storage.js';
import { contiguousView, isContiguous, type View } from './view.js';

/** Nested arrays of numbers (or truth values), as deep as the tensor has dims. */
export type Nested = number | boolean | Nested[];

/** @throws DTypeError for a dtype of tensors that have no gradient. */
export function checkDifferentiable(dtype: DType): void {
  if (!isFloating(dtype))
    throw new DTypeError(`requiresGrad: only Tensors of floating point dtype can require gradients, got ${dtype}`);
}

/** Releases the storages of handles that became unreachable without having been disposed. */
const collected = new FinalizationRegistry<Storage>((storage) => {
  handles.live--;
  storage.release();
});

/**
 * A multi-dimensional array on a device, as `torch.Tensor`. Operations return at once: shapes and errors are known, values are
 * computed when needed, and only reading them back ({@link Tensor.item}, {@link Tensor.data}, {@link Tensor.toArray}, {@link Tensor.print}) is asynchronous.
 * Its type tells the dtype where an op fixes it: `Tensor<'bool'>` of a comparison, `Tensor<'int32'>` of `argmax` or `to('int32')`; a plain `Tensor` is of any.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4]], { requiresGrad: true });
 * x.pow(3).sum().backward();
 * await x.grad?.toArray(); // [[3, 12], [27, 48]]
 */
export class Tensor<D extends DType = DType> extends FillMethods {
  /** @internal Only {@link Tensor.replaceData} changes it. */
  storage: Storage;
  /** @internal How the elements lie in the storage. */
  layout: View;
  /** @internal The place in the graph; null where no gradient is recorded. */
  vertex: Vertex | null = null;
  /** @internal The scope that releases this handle; null where the garbage collector does. */
  scope: Scope | null = null;
  /** @internal Its place among the tensors of the scope. */
  place = -1;
  #state: 'new' | 'watched' | 'disposed' = 'new';

  /** @internal Takes over the caller's reference to the storage. */
  constructor(storage: Storage, layout: View, vertex: Vertex | null = null) {
    super();
    this.storage = storage;
    this.layout = layout;
    handles.live++;
    this.adopt(currentScope());
    // Of a leaf that an operation saved this is one handle more, made in some inner scope: the leaf's gradient does not live there.
    this.vertex = vertex;
  }

  // --- What it is -------------------------------------------------------------------------------------------------

  /** Sizes of the dims, outermost first; `[]` for a scalar. */
  get shape(): readonly number[] {
    return this.layout.shape;
  }

  get dtype(): D {
    return this.storage.dtype as D;
  }

  get device(): DeviceKind {
    return this.storage.backend.kind;
  }

  /** The number of dims. */
  get ndim(): number {
    return this.layout.shape.length;
  }

  /** All sizes, or that of one dim (negative counts from the end). */
  size(): readonly number[];
  size(dim: number): number;
  size(dim?: number): number | readonly number[] {
    return dim === undefined ? this.shape : (this.shape[normalizeDim('size', dim, this.ndim)] ?? 1);
  }

  /** The number of elements. */
  numel(): number {
    return numel(this.layout.shape);
  }

  /** The matrix transposed. */
  get T(): Tensor {
    if (this.ndim > 2)
      throw new ShapeError(
        `T: expects a tensor of at most 2 dims, got ${formatShape(this.shape)}; use transpose(-2, -1)`,
      );
    return this.ndim < 2 ? this : this.transpose(0, 1);
  }

  /** Whether the elements lie in row-major order without gaps. */
  isContiguous(): boolean {
    return isContiguous(this.layout);
  }

  // --- Lifetime ---------------------------------------------------------------------------------------------------

  /** Releases this handle; memory goes when the last handle, saved value or pending computation lets go of it. */
  dispose(): void {
    if (this.#state === 'disposed') return;
    if (this.#state === 'watched') collected.unregister(this);
    this.#state = 'disposed';
    this.scope?.tensors.delete(this);
    handles.live--;
    this.storage.release();
  }

  /** `using` calls `dispose` at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  get isDisposed(): boolean {
    return this.#state === 'disposed';
  }

  /** @internal Puts the handle into the care of a scope, or of the garbage collector. */
  adopt(scope: Scope | null): void {
    if (this.#state === 'disposed') return;
    const { scope: before, vertex } = this;
    this.scope = scope;
    if (vertex && vertex.home === before) {
      vertex.home = scope;
      if (vertex.grad?.scope === before) moveTo(vertex.grad, scope);
    }
    if (scope) {
      scope.tensors.add(this);
      if (this.#state === 'watched') collected.unregister(this);
      this.#state = 'new';
    } else if (this.#state === 'new') {
      collected.register(this, this.storage, this);
      this.#state = 'watched';
    }
  }

  /**
   * Takes over the elements of another tensor of this shape, its dtype and device included; what this was is released. The gradient is
   * left alone. How a module moves under its parameters: as PyTorch's `x.data = y`. Not recorded.
   *
   * @throws ShapeError if the shapes differ, unless they may: a table of embeddings that grows.
   */
  replaceData(value: Tensor, { allowResize = false }: { readonly allowResize?: boolean } = {}): this {
    this.checkAlive('replaceData');
    value.checkAlive('replaceData');
    if (!allowResize && formatShape(value.shape) !== formatShape(this.shape))
      throw new ShapeError(
        `replaceData: expected a tensor of shape ${formatShape(this.shape)}, got ${formatShape(value.shape)}`,
      );
    // A pending value would hold on to what it is made of, which may be this; a constant is made of nothing.
    if (!value.storage.isConstant) value.compute();
    const before = this.storage;
    if (before.isCaptured) resetCaptures();
    this.storage = value.storage.retain();
    this.layout = value.layout;
    if (this.#state === 'watched') {
      collected.unregister(this);
      collected.register(this, this.storage, this);
    }
    before.release();
    return this;
  }

  /** @internal Computes a pending value now, so that it lets go of what it is made of. */
  compute(): void {
    if (this.#state !== 'disposed') void this.storage.buffer;
  }

  /** @internal Throws if the handle was released. */
  checkAlive(op: string): void {
    if (this.#state === 'disposed')
      throw new DisposedError(
        `${op}: this tensor of shape ${formatShape(this.shape)} was released; keep() it, or return it from the scope that made it`,
      );
  }

  // --- Reading ----------------------------------------------------------------------------------------------------

  /** The elements in row-major order, in a host array of their own. */
  async data(): Promise<HostArrays[D]> {
    this.checkAlive('data');
    if (this.numel() === 0) return fromWords(new ArrayBuffer(0), this.dtype);
    const source = this.isContiguous() ? this.detach() : noGrad(() => this.clone());
    const { storage, layout } = source;
    const bytes = wordBytes(this.dtype);
    const words = await storage.backend.read(storage.buffer, layout.offset * bytes, this.numel() * bytes);
    source.dispose();
    await relievePressure();
    return fromWords(words, this.dtype);
  }

  /** The value of a tensor of one element. */
  async item(): Promise<number> {
    if (this.numel() !== 1)
      throw new ShapeError(`item: a Tensor with ${this.numel()} elements cannot be converted to Scalar`);
    const [value = Number.NaN] = await this.data();
    return value;
  }

  /** The elements as nested arrays; bool elements are true and false. A scalar gives its value. */
  async toArray(): Promise<Nested> {
    const flat = await this.data();
    const value = (at: number): number | boolean => (this.dtype === 'bool' ? flat[at] !== 0 : (flat[at] ?? Number.NaN));
    const nest = (dim: number, at: number): Nested => {
      const size = this.shape[dim];
      if (size === undefined) return value(at);
      const step = numel(this.shape.slice(dim + 1));
      return Array.from({ length: size }, (_, i) => nest(dim + 1, at + i * step));
    };
    return nest(0, 0);
  }

  /** The text that PyTorch would print. */
  async format(options?: PrintOptions): Promise<string> {
    const operation = this.vertex?.operation;
    return formatTensor(
      {
        data: await this.data(),
        shape: this.shape,
        dtype: this.dtype,
        ...(operation
          ? { gradFn: `${operation.name.charAt(0).toUpperCase()}${operation.name.slice(1)}Backward` }
          : { requiresGrad: this.requiresGrad }),
      },
      options,
    );
  }

  /** Shape, dtype, extremes, mean, deviation, and how many elements are NaN or infinite: `console.log(String(await x.describe()))`. */
  describe(): Promise<Description> {
    this.checkAlive('describe');
    return describe(this);
  }

  /** Prints it to the console as PyTorch does. */
  async print(options?: PrintOptions): Promise<void> {
    console.log(await this.format(options));
  }

  override toString(): string {
    return `Tensor(shape=${formatShape(this.shape)}, dtype=${this.dtype}, device=${this.device})`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  // --- Autograd ---------------------------------------------------------------------------------------------------

  /** Whether operations on it are recorded. Settable on leaves. */
  get requiresGrad(): boolean {
    return this.vertex !== null;
  }

  set requiresGrad(value: boolean) {
    this.requiresGrad_(value);
  }

  /** Sets `requiresGrad` of a leaf and returns it. */
  requiresGrad_(value = true): this {
    if (value === this.requiresGrad) return this;
    if (!value && this.vertex?.operation)
      throw new AutogradError('requiresGrad: you can only change requiresGrad flags of leaf variables; use detach()');
    if (value) checkDifferentiable(this.dtype);
    this.vertex = value ? new Vertex(this.shape, null, this.scope) : null;
    if (this.storage.isCaptured) resetCaptures();
    return this;
  }

  /** Whether no recorded operation made it. */
  get isLeaf(): boolean {
    return !this.vertex?.operation;
  }

  /** The accumulated gradient of a leaf, after `backward`. */
  get grad(): Tensor | null {
    if (this.vertex && this.vertex.arriving > 0)
      throw new DeviceError(
        `grad: the gradient of a tensor of shape ${formatShape(this.shape)} is on its way from another device: call \`await device.synchronize()\` after backward()`,
      );
    return this.vertex?.grad ?? null;
  }

  set grad(value: Tensor | null) {
    if (!this.vertex) {
      if (value) throw new AutogradError('grad: this tensor does not require grad');
      return;
    }
    if (value && formatShape(value.shape) !== formatShape(this.shape))
      throw new ShapeError(
        `grad: assigned grad has data of a different size: expected ${formatShape(this.shape)}, got ${formatShape(value.shape)}`,
      );
    gradients.watcher?.(this.vertex);
    if (this.vertex.grad !== value) this.vertex.grad?.dispose();
    this.vertex.grad = value;
    if (value) moveTo(value, this.vertex.home);
  }

  /** Also keeps the gradient of a tensor that is no leaf. */
  retainGrad(): void {
    if (!this.vertex) throw new AutogradError("retainGrad: can't retain_grad on Tensor that has requiresGrad=false");
    this.vertex.retainsGrad = true;
  }

  /**
   * Calls `hook` with the gradient of this tensor whenever it has been computed; what it returns takes the gradient's place. Returns a
   * function that removes it.
   *
   * @throws AutogradError if the tensor does not require grad.
   */
  registerHook(hook: (grad: Tensor) => Tensor | undefined): () => void {
    const { vertex } = this;
    if (!vertex)
      throw new AutogradError("registerHook: cannot register a hook on a tensor that doesn't require gradient");
    vertex.hooks ??= new Set();
    const { hooks } = vertex;
    hooks.add(hook);
    return () => void hooks.delete(hook);
  }

  /** Accumulates the gradient of this tensor into the `.grad` of the leaves it was made from. */
  backward(options: BackwardOptions = {}): void {
    this.checkAlive('backward');
    backward(this, options);
  }

  /** The same elements outside of the graph. */
  detach(): Tensor<D> {
    this.checkAlive('detach');
    return new Tensor(this.storage.retain(), this.layout);
  }

  // --- Dtype -----------------------------------------------------------------------------------------------------

  /**
   * The elements in another dtype, on another device, or in the dtype and on the device of another tensor; the tensor itself where nothing
   * changes. Floats lose their fraction towards int, anything but 0 is true. What names a device gives a promise, because a GPU is
   * read asynchronously. Differentiable: gradients come back in the dtype and on the device of the source. As
   * [torch.Tensor.to](https://pytorch.org/docs/stable/generated/torch.Tensor.to.html).
   *
   * @throws DTypeError if the device lacks the dtype, DeviceError if there is no such device.
   * @example
   * tensor([1.7]).to('int32'); // [1]
   * await tensor([1.7]).to('cpu'); // [1.7]
   * await tensor([1.7]).to({ device: 'cpu', dtype: 'int32' }); // [1]
   */
  to<To extends DType>(dtype: To): Tensor<To>;
  to<To extends DType>(options: { readonly dtype: To; readonly device?: undefined }): Tensor<To>;
  to<To extends DType = D>(target: DeviceKind | TransferOptions<To> | Tensor<To>): Promise<Tensor<To>>;
  to(
    target: DType | DeviceKind | { readonly dtype?: DType; readonly device?: DeviceKind | undefined },
  ): Tensor | Promise<Tensor> {
    const { dtype, device } =
      typeof target !== 'string' ? target : isDeviceKind(target) ? { device: target } : { dtype: target };
    if (dtype) checkDType(dtype);
    if (device) return transfer(this, { device, ...(dtype && { dtype }) });
    return cast(this, dtype ?? this.dtype);
  }
  /** A copy on the CPU, or itself if it is there: `to('cpu')`. */
  cpu(): Promise<Tensor<D>> {
    return transfer(this, { device: 'cpu' }) as Promise<Tensor<D>>;
  }

  // --- In place ---------------------------------------------------------------------------------------------------

  /** @internal Throws where a write in place would falsify the graph. */
  checkInPlace(op: string, others: readonly Tensor[]): void {
    this.checkAlive(op);
    if (this.layout.strides.some((stride, d) => stride === 0 && (this.shape[d] ?? 1) > 1))
      throw new ShapeError(
        `${op}: unsupported operation: more than one element of the written-to tensor of shape ${formatShape(this.shape)} refers to a single memory location (it is expanded). Please clone() the tensor before performing the operation`,
      );
    if (!isGradEnabled()) return;
    if (this.vertex && !this.vertex.operation)
      throw new AutogradError(
        `${op}: a leaf Variable that requires grad is being used in an in-place operation; do it inside noGrad()`,
      );
    if (this.vertex || others.some((other) => other.vertex))
      throw new AutogradError(
        `${op}: in-place operations are not recorded: use the form without _, or noGrad() if no gradient is meant`,
      );
  }

  // --- Of the same kind -------------------------------------------------------------------------------------------

  /** A tensor of one value with this dtype and device. */
  newFull(shape: Shape, value: number, { dtype = this.dtype }: { readonly dtype?: DType } = {}): Tensor {
    const sizes = checkShape('newFull', shape);
    checkSupported('newFull', this.storage.backend, dtype);
    return new Tensor(
      pendingStorage(this.storage.backend, 'copy', dtype, dtype, sizes, [{ scalar: value, dtype }], 'newFull'),
      contiguousView(sizes),
    );
  }
  /** `0 … n - 1`, int32, on this device. */
  newArange(n: number): Tensor<'int32'> {
    const [size = 0] = checkShape('newArange', [n]);
    return new Tensor(
      pendingStorage(this.storage.backend, 'index', 'int32', 'int32', [size], [], 'newArange'),
      contiguousView([size]),
    );
  }
}

registerTensor((storage, layout, vertex) => new Tensor(storage, layout, vertex));

function cast(x: Tensor, dtype: DType): Tensor {
  if (dtype === x.dtype) return x;
  checkSupported('to', x.storage.backend, dtype);
  const result = new Tensor(castStorage(x.storage, x.layout, dtype), contiguousView(x.shape));
  const own = x.dtype;
  return isFloating(dtype) && isFloating(own) ? record('to', result, [x], [], (grad) => [() => grad.to(own)]) : result;
}

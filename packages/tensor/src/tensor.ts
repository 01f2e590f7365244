/**
 * The tensor: a view of a storage, its place in the autograd graph, and one-line methods. Everything that computes lives in `ops/`;
 * here is only what a handle is and how it lives and dies.
 */
import type { BackwardOptions } from './autograd/backward.js';
import { backward } from './autograd/backward.js';
import { isGradEnabled, noGrad } from './autograd/mode.js';
import { record } from './autograd/record.js';
import { gradients, Vertex } from './autograd/vertex.js';
import type { DeviceKind } from './backend/backend.js';
import type { Draw } from './backend/draw.js';
import { resetCaptures } from './capture/epoch.js';
import { registerTensor } from './construct.js';
import { type Description, describe } from './describe.js';
import { isDeviceKind } from './device.js';
import { checkDType, type DType, type HostArrays, isFloating, wordBytes } from './dtype.js';
import { ArgumentError, AutogradError, DeviceError, DisposedError, DTypeError, ShapeError } from './errors.js';
import { formatTensor, type PrintOptions } from './format.js';
import { pendingStorage } from './fuse/build.js';
import { checkSupported, fromWords } from './host.js';
import { InPlaceMethods } from './methods/in-place.js';
import { dropout } from './ops/dropout.js';
import { linear, matmul } from './ops/matmul.js';
import { layerNorm } from './ops/normalization.js';
import { castStorage, write } from './ops/pointwise/apply.js';
import * as products from './ops/products.js';
import * as reduction from './ops/reduce.js';
import * as shaping from './ops/shape.js';
import { type Index, select, slice } from './ops/slice.js';
import { logSoftmax, type SoftmaxOptions, softmax } from './ops/softmax.js';
import { type TransferOptions, transfer } from './ops/transfer.js';
import { handles, relievePressure } from './pressure.js';
import { defaultGenerator } from './random/default.js';
import { drawnStorage } from './random/draw.js';
import type { Generator } from './random/generator.js';
import { currentScope, moveTo, type Scope } from './scope.js';
import { checkShape, formatShape, normalizeDim, numel, type Shape } from './shape.js';
import type { Storage } from './storage.js';
import { contiguousView, expandView, isContiguous, type View } from './view.js';

/** Nested arrays of numbers (or truth values), as deep as the tensor has dims. */
export type Nested = number | boolean | Nested[];

type Dims = number | Shape | null;
type ReduceOptions = reduction.ReduceOptions;

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
export class Tensor<D extends DType = DType> extends InPlaceMethods {
  /** @internal Only {@link Tensor.replaceData} changes it. */
  storage: Storage;
  /** @internal How the elements lie in the storage. */
  layout: View;
  /** @internal The place in the graph; null where no gradient is recorded. */
  vertex: Vertex | null;
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
    this.vertex = vertex;
    handles.live++;
    this.adopt(currentScope());
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
    this.scope = scope;
    if (this.vertex && !this.vertex.operation) this.vertex.home = scope;
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
    if (value && !isFloating(this.dtype))
      throw new DTypeError(
        `requiresGrad: only Tensors of floating point dtype can require gradients, got ${this.dtype}`,
      );
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
   * Calls `hook` with the gradient of this tensor whenever it has been computed; what it returns takes the gradient's place. Returns a function that removes it.
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

  /** Overwrites the elements with those of another tensor, broadcast and cast to this dtype. */
  copy_(source: Tensor): this {
    this.checkInPlace('copy_', [source]);
    const view = expandView(source.layout, this.shape);
    if (
      source.ndim > this.ndim ||
      source.shape.some((size, d) => size !== 1 && size !== this.shape[d + this.ndim - source.ndim])
    )
      throw new ShapeError(
        `copy_: a tensor of shape ${formatShape(source.shape)} cannot be broadcast to ${formatShape(this.shape)}`,
      );
    write(
      this,
      source.dtype === this.dtype
        ? pendingStorage(this.storage.backend, 'copy', this.dtype, this.dtype, this.shape, [
            { storage: source.storage, view },
          ])
        : castStorage(source.storage, view, this.dtype),
      'copy_',
    );
    return this;
  }
  /** Overwrites all elements with a number; not recorded. */
  fill_(value: number): this {
    this.checkInPlace('fill_', []);
    write(
      this,
      pendingStorage(this.storage.backend, 'copy', this.dtype, this.dtype, this.shape, [
        { scalar: value, dtype: this.dtype },
      ]),
      'fill_',
    );
    return this;
  }
  /** Overwrites all elements with 0; not recorded. */
  zero_(): this {
    return this.fill_(0);
  }
  /** Fills with uniform numbers of PyTorch's CPU stream. */
  uniform_(from = 0, to = 1, { generator }: { readonly generator?: Generator } = {}): this {
    return this.#fillDrawn('uniform_', { kind: 'uniform', from, to }, generator);
  }
  /** Fills with normal numbers of PyTorch's CPU stream. */
  normal_(mean = 0, std = 1, { generator }: { readonly generator?: Generator } = {}): this {
    return this.#fillDrawn('normal_', { kind: 'normal', mean, std }, generator);
  }
  /** Fills with 1 at the probability `p`, else 0, from PyTorch's CPU stream. */
  bernoulli_(p = 0.5, { generator }: { readonly generator?: Generator } = {}): this {
    return this.#fillDrawn('bernoulli_', { kind: 'bernoulli', p }, generator);
  }
  /** Fills with exponential numbers of a rate, from PyTorch's CPU stream. */
  exponential_(rate = 1, { generator }: { readonly generator?: Generator } = {}): this {
    return this.#fillDrawn('exponential_', { kind: 'exponential', rate }, generator);
  }

  #fillDrawn(op: string, draw: Draw, generator = defaultGenerator()): this {
    this.checkInPlace(op, []);
    const dtype: DType = this.dtype;
    if (dtype !== 'float32' && dtype !== 'float64') throw new DTypeError(`${op}: not implemented for '${dtype}'`);
    const storage = drawnStorage(this.storage.backend, dtype, this.numel(), draw, generator);
    write(
      this,
      pendingStorage(this.storage.backend, 'copy', dtype, dtype, this.shape, [
        { storage, view: contiguousView(this.shape) },
      ]),
      op,
    );
    storage.release();
    return this;
  }

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

  // --- Reductions -------------------------------------------------------------------------------------------------

  /** The sum over all elements, or over dims; bool and integers give int32. */
  sum(dims?: Dims, options?: ReduceOptions): Tensor {
    return reduction.sum(this, dims, options);
  }
  /** The mean over all elements, or over dims. */
  mean(dims?: Dims, options?: ReduceOptions): Tensor {
    return reduction.mean(this, dims, options);
  }
  /** The product over all elements, or over dims. */
  prod(dims?: Dims, options?: ReduceOptions): Tensor {
    return reduction.prod(this, dims, options);
  }
  /** The variance over all elements, or over dims; unbiased unless `correction` says otherwise. */
  var(dims?: Dims, options?: reduction.VarianceOptions): Tensor {
    return reduction.variance(this, dims, options);
  }
  /** The standard deviation, as `var`. */
  std(dims?: Dims, options?: reduction.VarianceOptions): Tensor {
    return reduction.variance(this, dims, options).sqrt();
  }
  /** The norm over dims, Euclidean unless `p` says otherwise. */
  norm(dims?: Dims, options?: reduction.NormOptions): Tensor {
    return reduction.norm(this, dims, options);
  }
  /** The largest element; along a dim, values and their places, as `torch.max`. */
  max(): Tensor;
  max(dim: number, options?: ReduceOptions): { values: Tensor; indices: Tensor<'int32'> };
  max(dim?: number, options?: ReduceOptions): Tensor | { values: Tensor; indices: Tensor<'int32'> } {
    return dim === undefined
      ? reduction.extreme('max', this, null)
      : reduction.extremeWithIndices('max', this, dim, options);
  }
  /** The smallest element; along a dim, values and their places, as `torch.min`. */
  min(): Tensor;
  min(dim: number, options?: ReduceOptions): { values: Tensor; indices: Tensor<'int32'> };
  min(dim?: number, options?: ReduceOptions): Tensor | { values: Tensor; indices: Tensor<'int32'> } {
    return dim === undefined
      ? reduction.extreme('min', this, null)
      : reduction.extremeWithIndices('min', this, dim, options);
  }
  /** The largest element of all, or along dims; where several are, the gradient is shared evenly. */
  amax(dims?: Dims, options?: ReduceOptions): Tensor {
    return reduction.extreme('max', this, dims, options);
  }
  /** The smallest element of all, or along dims; where several are, the gradient is shared evenly. */
  amin(dims?: Dims, options?: ReduceOptions): Tensor {
    return reduction.extreme('min', this, dims, options);
  }
  /** The first place of the largest element (int32), of all or along a dim. Not differentiable. */
  argmax(dim?: number | null, options?: ReduceOptions): Tensor<'int32'> {
    return reduction.argExtreme('argmax', this, dim, options) as Tensor<'int32'>;
  }
  /** The first place of the smallest element (int32), of all or along a dim. Not differentiable. */
  argmin(dim?: number | null, options?: ReduceOptions): Tensor<'int32'> {
    return reduction.argExtreme('argmin', this, dim, options) as Tensor<'int32'>;
  }
  /** Whether any element is true (not 0): bool, of all or along dims. */
  any(dims?: Dims, options?: ReduceOptions): Tensor<'bool'> {
    return reduction.truth('any', this, dims, options) as Tensor<'bool'>;
  }
  /** Whether all elements are true (not 0): bool, of all or along dims. */
  all(dims?: Dims, options?: ReduceOptions): Tensor<'bool'> {
    return reduction.truth('all', this, dims, options) as Tensor<'bool'>;
  }
  /** `log(sum(exp(x)))` along dims, without overflow. */
  logsumexp(dims: Dims, options?: ReduceOptions): Tensor {
    return reduction.logSumExp(this, dims, options);
  }
  /** Softmax over a dim; see {@link softmax}. */
  softmax(dim: number, options?: SoftmaxOptions): Tensor {
    return softmax(this, dim, options);
  }
  /** The logarithm of the softmax over a dim; see {@link logSoftmax}. */
  logSoftmax(dim: number): Tensor {
    return logSoftmax(this, dim);
  }

  // --- Shape ------------------------------------------------------------------------------------------------------

  /** Another shape over the same memory. */
  view(shape: Shape): Tensor {
    return shaping.viewAs(this, shape);
  }
  /** Another shape, copied only if memory order forces it. */
  reshape(shape: Shape): Tensor {
    return shaping.reshape(this, shape);
  }
  /** Merges the dims from `start` to `end`. */
  flatten(start = 0, end = -1): Tensor {
    if (this.ndim === 0) return this.reshape([1]);
    const [from, to] = [normalizeDim('flatten', start, this.ndim), normalizeDim('flatten', end, this.ndim)];
    if (from > to)
      throw new ShapeError(
        `flatten: has invalid args: start_dim cannot come after end_dim: ${start} and ${end} of ${formatShape(this.shape)}`,
      );
    return this.reshape([
      ...this.shape.slice(0, from),
      numel(this.shape.slice(from, to + 1)),
      ...this.shape.slice(to + 1),
    ]);
  }
  /** The dims in another order: a view. */
  permute(dims: Shape): Tensor {
    return shaping.permute(this, dims);
  }
  /** Two dims exchanged: a view. */
  transpose(dim0: number, dim1: number): Tensor {
    return shaping.transpose(this, dim0, dim1);
  }
  /** The matrix transposed. */
  get T(): Tensor {
    if (this.ndim > 2)
      throw new ShapeError(
        `T: expects a tensor of at most 2 dims, got ${formatShape(this.shape)}; use transpose(-2, -1)`,
      );
    return this.ndim < 2 ? this : this.transpose(0, 1);
  }
  /** Dims of size 1 repeated to a larger shape, -1 leaving a size as it is: a view. */
  expand(shape: Shape): Tensor {
    return shaping.expand(this, shape);
  }
  /** Without its dims of size 1, or without the given ones where their size is 1: a view. */
  squeeze(dims?: number | Shape): Tensor {
    return shaping.squeeze(this, dims);
  }
  /** With a new dim of size 1 at a place: a view. */
  unsqueeze(dim: number): Tensor {
    return shaping.unsqueeze(this, dim);
  }
  /** `length` elements of a dim from `start` on: a view. */
  narrow(dim: number, start: number, length: number): Tensor {
    return shaping.narrow(this, dim, start, length);
  }
  /** One element of a dim, which disappears: a view. */
  select(dim: number, index: number): Tensor {
    return select(this, dim, index);
  }
  /**
   * Reads like Python's brackets: `x.slice(':', [1, 3], null, -1)` is `x[:, 1:3, None, -1]`, a view. Tensors of whole numbers pick places:
   * `x.slice(rows, columns)` is `x[rows, columns]`, a copy.
   */
  slice(...indices: readonly Index[]): Tensor {
    return slice(this, indices);
  }
  /** Pieces of one size, or of given sizes, along a dim: views. */
  split(size: number | readonly number[], dim = 0): Tensor[] {
    return shaping.split(this, size, dim);
  }
  /** At most `count` pieces of equal size (the last may be smaller). */
  chunk(count: number, dim = 0): Tensor[] {
    if (!(Number.isInteger(count) && count > 0))
      throw new ArgumentError(`chunk: expects chunks to be greater than 0, got ${count}`);
    return shaping.split(this, Math.max(1, Math.ceil(this.size(dim) / count)), dim);
  }
  /** The slices along a dim. */
  unbind(dim = 0): Tensor[] {
    return Array.from({ length: this.size(dim) }, (_, i) => select(this, dim, i));
  }
  /** The same elements in row-major order: itself if they are, else a copy. */
  contiguous(): Tensor {
    return shaping.contiguous(this);
  }
  /** A copy in memory of its own, with the same gradient. */
  clone(): Tensor {
    return shaping.clone(this);
  }

  // --- Products and layers ----------------------------------------------------------------------------------------

  /** The matrix product of the last two dims, the others broadcast; see {@link matmul}. */
  matmul(other: Tensor): Tensor {
    return matmul(this, other);
  }
  /** See {@link bmm}. */
  bmm(other: Tensor): Tensor {
    return products.bmm(this, other);
  }
  /** See {@link mm}. */
  mm(other: Tensor): Tensor {
    return products.mm(this, other);
  }
  /** See {@link mv}. */
  mv(vector: Tensor): Tensor {
    return products.mv(this, vector);
  }
  /** See {@link dot}. */
  dot(other: Tensor): Tensor {
    return products.dot(this, other);
  }
  /** See {@link outer}. */
  outer(other: Tensor): Tensor {
    return products.outer(this, other);
  }
  /** `this @ weightᵀ + bias`. */
  linear(weight: Tensor, bias?: Tensor | null): Tensor {
    return linear(this, weight, bias);
  }
  /** Layer norm over the last dims; see {@link layerNorm}. */
  layerNorm(normalizedShape: Shape, options?: Parameters<typeof layerNorm>[2]): Tensor {
    return layerNorm(this, normalizedShape, options);
  }
  /** Dropout; see {@link dropout}. */
  dropout(p?: number, options?: Parameters<typeof dropout>[2]): Tensor {
    return dropout(this, p, options);
  }

  // --- Of the same kind -------------------------------------------------------------------------------------------

  /** A tensor of one value with this dtype and device. */
  newFull(shape: Shape, value: number, { dtype = this.dtype }: { readonly dtype?: DType } = {}): Tensor {
    const sizes = checkShape('newFull', shape);
    checkSupported('newFull', this.storage.backend, dtype);
    return new Tensor(
      pendingStorage(this.storage.backend, 'copy', dtype, dtype, sizes, [{ scalar: value, dtype }]),
      contiguousView(sizes),
    );
  }
  /** `0 … n - 1`, int32, on this device. */
  newArange(n: number): Tensor<'int32'> {
    const [size = 0] = checkShape('newArange', [n]);
    return new Tensor(
      pendingStorage(this.storage.backend, 'index', 'int32', 'int32', [size], []),
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

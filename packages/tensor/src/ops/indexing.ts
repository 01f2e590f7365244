/**
 * Picking and placing elements by index tensors along one dim. Reading is one kernel, `gather`; its return way, `scatter`, takes
 * repeated indices in an order that depends on nothing but them, so that they give the same bits at every run. Indices are int32, never negative.
 */
import { record } from '../autograd/record.js';
import type { Strided } from '../backend/requests.js';
import { DTypeError, ShapeError } from '../errors.js';
import { assign } from '../fuse/assign.js';
import { pendingStorage } from '../fuse/build.js';
import { placeOfCall } from '../place.js';
import { broadcastShapes, formatShape, normalizeDim, numel, type Shape, sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { contiguousView, type View } from '../view.js';
import { checkDTypes, commonBackend, dense, emptyOn, FLOATS } from './operands.js';
import { clone, expand, narrow, reshape } from './shape.js';

/** The stride by which the dims `from` … `to - 1` are walked as one, or null if memory order forbids that. */
function runStride({ shape, strides }: View, from: number, to: number): number | null {
  let step: number | null = null;
  let run = 1;
  // Where there is no element none is far from another, whatever the strides say.
  if (shape.includes(0)) return 0;
  for (let d = to - 1; d >= from; d--) {
    const size = shape[d] ?? 1;
    if (size === 1) continue;
    const stride = strides[d] ?? 0;
    if (step === null) step = stride;
    else if (stride !== step * run) return null;
    run *= size;
  }
  return step ?? 0;
}

/** An index with the dims of its table as the kernels walk it: outer, place, inner. Repeated indices are not copied. */
function fullIndex(index: Tensor, at: number): Strided {
  const rank = index.shape.length;
  const strides = [
    runStride(index.layout, 0, at),
    index.layout.strides[at] ?? 1,
    runStride(index.layout, at + 1, rank),
  ];
  const known = strides.filter((stride) => stride !== null);
  if (known.length < strides.length) return fullIndex(index.contiguous(), at);
  const { buffer, dtype } = index.storage;
  return { buffer, dtype, offset: index.layout.offset, strides: known };
}

/** An index of one dim, the same for all rows and columns. */
function vectorIndex(index: Tensor): Strided {
  const { buffer, dtype } = index.storage;
  return { buffer, dtype, offset: index.layout.offset, strides: [0, index.layout.strides[0] ?? 1, 0] };
}

interface Sizes {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
}

const sizesAround = (shape: Shape, at: number): Sizes => ({
  outer: numel(shape.slice(0, at)),
  size: shape[at] ?? 1,
  inner: numel(shape.slice(at + 1)),
});

function runGather(name: string, x: Tensor, at: number, index: Strided, shape: Shape): Tensor {
  const backend = x.storage.backend;
  const table = dense(x);
  const { tensor, operand: out } = emptyOn(backend, x.dtype, { name, shape, from: [x.shape] });
  const sizes = { ...sizesAround(x.shape, at), count: shape[at] ?? 1 };
  backend.run({ kind: 'gather', name, dim: at, ...sizes, table, index, out, ...placeOfCall() });
  return tensor;
}

/** Changes `target`, which nobody else holds, in place. */
function runScatter(name: string, target: Tensor, at: number, index: Strided, values: Tensor, add: boolean): Tensor {
  const backend = target.storage.backend;
  const operands = { values: dense(values), table: dense(target), index };
  target.storage.beforeWrite();
  const sizes = { ...sizesAround(target.shape, at), count: values.shape[at] ?? 1 };
  backend.run({ kind: 'scatter', name, dim: at, add, ...sizes, ...operands, ...placeOfCall() });
  return target;
}

function checkIndex(name: string, index: Tensor): void {
  checkDTypes(name, 'index', index, ['int32', 'uint8']);
}

/** Sizes of the index may be smaller than those of the tensor, except along `at`. */
function checkCovers(name: string, whole: Tensor, index: Tensor, at: number | null, what: string): void {
  if (whole.shape.length !== index.shape.length)
    throw new ShapeError(
      `${name}: Index tensor must have the same number of dimensions as ${what} tensor: index ${formatShape(index.shape)}, ${what} ${formatShape(whole.shape)}`,
    );
  const wrong = index.shape.findIndex((size, d) => d !== at && size > (whole.shape[d] ?? 0));
  if (wrong >= 0)
    throw new ShapeError(
      `${name}: Size does not match at dimension ${wrong} expected index ${formatShape(index.shape)} to be smaller than ${what} ${formatShape(whole.shape)}${at === null ? '' : ` apart from dimension ${at}`}`,
    );
}

/** The part of a tensor that an index of a smaller shape reaches. */
function covered(x: Tensor, shape: Shape, except: number | null): Tensor {
  return shape.reduce((part, size, d) => (d === except || part.shape[d] === size ? part : narrow(part, d, 0, size)), x);
}

/**
 * The elements that `index` names along `dim`: `out[i][j] = x[index[i][j]][j]` for dim 0; the result has the shape of the index.
 * Where it names an element more than once its gradients are added up. As [torch.gather](https://pytorch.org/docs/stable/generated/torch.gather.html).
 *
 * @throws ShapeError unless the index has as many dims, none larger than that of `x` except `dim`.
 * @throws ArgumentError for an index outside the dim: at the call on the CPU, at the next read on a GPU.
 * @example
 * gather(tensor([[1, 2], [3, 4]]), 1, tensor([[0, 0], [1, 0]], { dtype: 'int32' })); // [[1, 1], [4, 3]]
 */
export function gather(x: Tensor, dim: number, index: Tensor): Tensor {
  return gatherAs('gather', x, dim, index);
}

/** {@link gather} under the name of the op that is made of it. */
export function gatherAs(name: string, x: Tensor, dim: number, index: Tensor): Tensor {
  commonBackend(name, x, index);
  checkIndex(name, index);
  const at = normalizeDim(name, dim, x.shape.length);
  checkCovers(name, x, index, at, 'input');
  if (x.shape.length === 0) return reshape(gatherAs(name, reshape(x, [1]), 0, reshape(index, [1])), []);
  const { shape } = x;
  const part = covered(x.detach(), index.shape, at);
  const output = runGather(name, part, at, fullIndex(index, at), index.shape);
  return record(name, output, [x], [index], (grad, [places]) => [
    () => scatterAdd(grad.newFull(shape, 0), at, places, grad),
  ]);
}

/** As {@link gather}, with `x` and the index broadcast together except along `dim`; without a dim both are flattened. As `torch.take_along_dim`. */
export function takeAlongDim(x: Tensor, index: Tensor, dim?: number | null): Tensor {
  if (dim === undefined || dim === null) return gatherAs('takeAlongDim', reshape(x, [-1]), 0, reshape(index, [-1]));
  const at = normalizeDim('takeAlongDim', dim, x.shape.length);
  if (x.shape.length !== index.shape.length)
    throw new ShapeError(
      `takeAlongDim: input and indices should have the same number of dimensions, but got ${x.shape.length} dimensions for input, and ${index.shape.length} dimensions for indices`,
    );
  const shape = broadcastShapes('takeAlongDim', x.shape.with(at, 1), index.shape.with(at, 1));
  return gatherAs(
    'takeAlongDim',
    expand(x, shape.with(at, x.shape[at] ?? 1)),
    at,
    expand(index, shape.with(at, index.shape[at] ?? 1)),
  );
}

/** A copy of `x` with `values` put, or added, where the index says. */
function scattered(name: string, x: Tensor, at: number, index: Tensor, values: Tensor, add: boolean): Tensor {
  const target = clone(x.detach());
  const places = fullIndex(index, at);
  if (sameShape(x.shape.with(at, 0), index.shape.with(at, 0))) return runScatter(name, target, at, places, values, add);
  // The index reaches a corner only: changed in a copy, and put back.
  const corner = covered(target, index.shape, at);
  const part = runScatter(name, clone(corner), at, places, values, add);
  const copy = pendingStorage(x.storage.backend, 'copy', x.dtype, x.dtype, part.shape, [
    { storage: part.storage, view: contiguousView(part.shape) },
  ]);
  assign(target.storage, corner.layout, copy);
  return target;
}

function checkScatter(name: string, x: Tensor, dim: number, index: Tensor, values: Tensor): number {
  commonBackend(name, x, index, values);
  checkIndex(name, index);
  const at = normalizeDim(name, dim, x.shape.length);
  checkCovers(name, x, index, at, 'self');
  checkCovers(name, values, index, null, 'src');
  if (values.dtype !== x.dtype)
    throw new DTypeError(`${name}: Expected self.dtype to be equal to src.dtype, got ${x.dtype} and ${values.dtype}`);
  return at;
}

/**
 * `x` with `values` (or one number) put where the index says: `out[index[i][j]][j] = values[i][j]` for dim 0. Of several values for one
 * place the last one stays. As [torch.Tensor.scatter](https://pytorch.org/docs/stable/generated/torch.Tensor.scatter_.html).
 *
 * @throws ShapeError unless the index fits into both, DTypeError unless both have one dtype.
 * @example
 * scatter(zeros([2, 3]), 1, tensor([[2], [0]], { dtype: 'int32' }), 1); // [[0, 0, 1], [1, 0, 0]]
 */
export function scatter(x: Tensor, dim: number, index: Tensor, values: Tensor | number): Tensor {
  const source = typeof values === 'number' ? x.newFull(index.shape, values) : values;
  const at = checkScatter('scatter', x, dim, index, source);
  if (x.shape.length === 0) return reshape(scatter(reshape(x, [1]), 0, reshape(index, [1]), reshape(source, [1])), []);
  const part = covered(source, index.shape, null);
  const output = scattered('scatter', x, at, index, part.detach(), false);
  return record('scatter', output, [x, part], [index], (grad, [places]) => [
    () => scatter(grad, at, places, 0),
    () => gather(grad, at, places),
  ]);
}

/**
 * `x` with `values` added where the index says: `out[index[i][j]][j] += values[i][j]` for dim 0. As
 * [torch.Tensor.scatter_add](https://pytorch.org/docs/stable/generated/torch.Tensor.scatter_add_.html), with the same bits at every run.
 *
 * @throws ShapeError unless the index fits into both, DTypeError unless both are float32 or both int32.
 * @example
 * scatterAdd(zeros([3]), 0, tensor([1, 1], { dtype: 'int32' }), tensor([2, 3])); // [0, 5, 0]
 */
export function scatterAdd(x: Tensor, dim: number, index: Tensor, values: Tensor): Tensor {
  const at = checkScatter('scatterAdd', x, dim, index, values);
  checkDTypes('scatterAdd', 'self', x, [...FLOATS, 'int32']);
  if (x.shape.length === 0)
    return reshape(scatterAdd(reshape(x, [1]), 0, reshape(index, [1]), reshape(values, [1])), []);
  const part = covered(values, index.shape, null);
  const output = scattered('scatterAdd', x, at, index, part.detach(), true);
  return record('scatterAdd', output, [x, part], [index], (grad, [places]) => [
    () => grad,
    () => gather(grad, at, places),
  ]);
}

function checkVector(name: string, index: Tensor): Tensor {
  checkIndex(name, index);
  if (index.shape.length > 1)
    throw new ShapeError(`${name}: Index is supposed to be a vector, got ${formatShape(index.shape)}`);
  return index.shape.length === 0 ? reshape(index, [1]) : index;
}

/**
 * The slices of `dim` that a vector of indices names, in its order. As [torch.index_select](https://pytorch.org/docs/stable/generated/torch.index_select.html).
 *
 * @throws ShapeError unless the index is a vector, ArgumentError for one outside the dim (on a GPU at the next read).
 * @example
 * indexSelect(tensor([[1, 2], [3, 4]]), 1, tensor([1, 1], { dtype: 'int32' })); // [[2, 2], [4, 4]]
 */
export function indexSelect(x: Tensor, dim: number, index: Tensor): Tensor {
  return selectAs('indexSelect', x, dim, index);
}

/** {@link indexSelect} under the name of the op that is made of it. */
export function selectAs(name: string, x: Tensor, dim: number, index: Tensor): Tensor {
  commonBackend(name, x, index);
  const vector = checkVector(name, index);
  const at = normalizeDim(name, dim, x.shape.length);
  if (x.shape.length === 0) return reshape(selectAs(name, reshape(x, [1]), 0, vector), []);
  const { shape } = x;
  const output = runGather(name, x.detach(), at, vectorIndex(vector), shape.with(at, vector.shape[0] ?? 0));
  return record(name, output, [x], [vector], (grad, [places]) => [
    () => indexAdd(grad.newFull(shape, 0), at, places, grad),
  ]);
}

/**
 * `x` with the slices of `source` times `alpha` added to the slices of `dim` that a vector of indices names. As
 * [torch.Tensor.index_add](https://pytorch.org/docs/stable/generated/torch.Tensor.index_add_.html), with the same bits at every run.
 *
 * @throws ShapeError unless `source` has the shape of `x` with as many slices as there are indices.
 */
export function indexAdd(
  x: Tensor,
  dim: number,
  index: Tensor,
  source: Tensor,
  { alpha = 1 }: { readonly alpha?: number } = {},
): Tensor {
  commonBackend('indexAdd', x, index, source);
  const vector = checkVector('indexAdd', index);
  const at = normalizeDim('indexAdd', dim, x.shape.length);
  checkDTypes('indexAdd', 'self', x, [...FLOATS, 'int32']);
  if (source.dtype !== x.dtype)
    throw new DTypeError(`indexAdd: self (${x.dtype}) and source (${source.dtype}) must have the same scalar type`);
  const expected = x.shape.length === 0 ? vector.shape : x.shape.with(at, vector.shape[0] ?? 0);
  const given = x.shape.length === 0 && source.shape.length === 0 ? [1] : source.shape;
  if (!sameShape(given, expected))
    throw new ShapeError(
      `indexAdd: source of shape ${formatShape(source.shape)} must have shape ${formatShape(expected)}: that of self with one slice an index`,
    );
  if (x.shape.length === 0) return reshape(indexAdd(reshape(x, [1]), 0, vector, reshape(source, [-1]), { alpha }), []);
  const scaled = alpha === 1 ? source : source.mul(alpha);
  const output = runScatter('indexAdd', clone(x.detach()), at, vectorIndex(vector), scaled.detach(), true);
  return record('indexAdd', output, [x, scaled], [vector], (grad, [places]) => [
    () => grad,
    () => indexSelect(grad, at, places),
  ]);
}

/** `x` with the slices of `source` put at the slices of `dim` that a vector of indices names; of equal indices the last one stays. As `torch.index_copy`. */
export function indexCopy(x: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
  const vector = checkVector('indexCopy', index);
  const at = normalizeDim('indexCopy', dim, x.shape.length);
  if (!sameShape(source.shape, x.shape.with(at, vector.shape[0] ?? 0)))
    throw new ShapeError(
      `indexCopy: Source/destination tensor must have same slice shapes: source ${formatShape(source.shape)}, destination ${formatShape(x.shape)} at dimension ${at} with ${vector.shape[0]} indices`,
    );
  const places = vector.view(source.shape.map((size, d) => (d === at ? size : 1)));
  return scatter(x, at, expand(places, source.shape), source);
}

/** Matrix products: one kernel request for `matmul` with full batch broadcasting and for `linear` with its bias. */
import { autocasted } from '../autocast.js';
import { needsGrad, record } from '../autograd/record.js';
import type { Activation } from '../backend/requests.js';
import { makeTensor } from '../construct.js';
import { ShapeError } from '../errors.js';
import { noteFlops } from '../flops.js';
import { broadcastShapes, formatShape, numel, type Shape } from '../shape.js';
import { type Factor, Storage } from '../storage.js';
import type { Tensor } from '../tensor.js';
import { collapseDims, contiguousView } from '../view.js';
import { checkFloats, commonBackend } from './operands.js';
import { sumTo } from './pointwise/sum-to.js';

const pair = (shape: Shape): string => shape.slice(-2).join('x');

/** The product of the last two dims, the others broadcast; vectors as in `torch.matmul`. */
export function matmul(left: Tensor, right: Tensor): Tensor {
  const [a, b] = autocasted('matmul', left, right);
  commonBackend('matmul', a, b);
  if (a.shape.length === 0 || b.shape.length === 0)
    throw new ShapeError(
      `matmul: both arguments to matmul need to be at least 1D, but they are ${a.shape.length}D and ${b.shape.length}D`,
    );
  checkFloats('matmul', { mat1: a, mat2: b });
  if (a.shape.length === 1 && b.shape.length === 1) return matmul(a.unsqueeze(0), b.unsqueeze(1)).view([]);
  if (a.shape.length === 1) return matmul(a.unsqueeze(0), b).squeeze(-2);
  if (b.shape.length === 1) return matmul(a, b.unsqueeze(1)).squeeze(-1);
  if (a.shape.at(-1) !== b.shape.at(-2))
    throw new ShapeError(
      `matmul: mat1 and mat2 shapes cannot be multiplied (${pair(a.shape)} and ${pair(b.shape)})${a.shape.length + b.shape.length > 4 ? ` in ${formatShape(a.shape)} and ${formatShape(b.shape)}` : ''}`,
    );
  return record('matmul', product(a, b, { isConstant: !needsGrad([a, b]) }), [a, b], [a, b], (grad, [x, y]) => [
    () => sumTo(matmul(grad, y.transpose(-2, -1)), x.shape),
    () => gradientOfRight(x, y.shape, grad),
  ]);
}

/** `xᵀ @ grad`; a right side without batch takes all rows of the batch in one product instead of a sum of many. */
function gradientOfRight(x: Tensor, shape: Shape, grad: Tensor): Tensor {
  if (shape.length === 2 && x.shape.length > 2) return matmul(rowsOf(x).transpose(0, 1), rowsOf(grad));
  return sumTo(matmul(x.transpose(-2, -1), grad), shape);
}

/** All dims but the last as one; rows of no element cannot be told from their number by a size of -1. */
function rowsOf(x: Tensor): Tensor {
  return x.shape.length === 2 ? x : x.reshape([numel(x.shape.slice(0, -1)), x.shape.at(-1) ?? 0]);
}

/**
 * `activation(x @ weightᵀ + bias)` over the last dim, weight [out, in], as `torch.nn.functional.linear`. The activation
 * rides on the kernel when no gradient is recorded; otherwise its input is kept for the backward pass.
 */
export function linear(input: Tensor, matrix: Tensor, added?: Tensor | null, activation: Activation = 'none'): Tensor {
  const [x, weight, bias] = autocasted('linear', input, matrix, added);
  const [outFeatures = 0, inFeatures = 0] = weight.shape;
  if (weight.shape.length !== 2 || x.shape.length === 0 || x.shape.at(-1) !== inFeatures)
    throw new ShapeError(
      `linear: mat1 and mat2 shapes cannot be multiplied (${formatShape(x.shape)} and weight ${formatShape(weight.shape)}: the last dim of the input must be ${inFeatures})`,
    );
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outFeatures))
    throw new ShapeError(`linear: bias must have shape [${outFeatures}], got ${formatShape(bias.shape)}`);
  checkFloats('linear', { input: x, weight, bias });
  const inputs = bias ? [x, weight, bias] : [x, weight];
  commonBackend('linear', x, weight, ...(bias ? [bias] : []));
  const isConstant = !needsGrad(inputs);
  if (x.shape.length === 1) return linear(x.unsqueeze(0), weight, bias, activation).squeeze(0);
  const output = product(x, weight, {
    isConstant,
    isTransposed: true,
    bias: bias ?? null,
    activation: isConstant ? activation : 'none',
  });
  const linearOutput = record('linear', output, inputs, [x, weight], (grad, [rows, columns]) => {
    let flat: Tensor | null = null;
    const gradRows = (): Tensor => {
      flat ??= rowsOf(grad);
      return flat;
    };
    return [
      () => matmul(grad, columns),
      () => matmul(gradRows().transpose(0, 1), rowsOf(rows)),
      () => gradRows().sum(0),
    ];
  });
  if (isConstant || activation === 'none') return linearOutput;
  return activation === 'relu'
    ? linearOutput.relu()
    : linearOutput.gelu({ approximate: activation === 'geluTanh' ? 'tanh' : 'none' });
}

interface ProductOptions {
  readonly isConstant: boolean;
  /** Whether the right side is given as its transpose. */
  readonly isTransposed?: boolean;
  readonly bias?: Tensor | null;
  readonly activation?: Activation;
}

/** The pending product of matrices whose inner sizes agree. */
function product(
  a: Tensor,
  b: Tensor,
  { isConstant, isTransposed = false, bias, activation = 'none' }: ProductOptions,
): Tensor {
  const batchOfA = a.shape.slice(0, -2);
  const batchShape = b.shape.length === 2 ? batchOfA : broadcastShapes('matmul', batchOfA, b.shape.slice(0, -2));
  const k = a.shape.at(-1) ?? 0;
  const n = b.shape.at(isTransposed ? -2 : -1) ?? 0;
  let m = a.shape.at(-2) ?? 0;
  const left = factor(a, batchShape, false);
  const right = factor(b, batchShape, isTransposed);
  const row = bias?.contiguous();
  row?.compute();
  const collapsed = collapseDims(batchShape, [left.batchStrides, right.batchStrides]);
  const batch = collapsed.shape;
  const leftBatch = collapsed.strides[0] ?? [];
  const rightBatch = collapsed.strides[1] ?? [];
  // One matrix for the whole batch, rows of the other one behind the other: a single taller product.
  while (
    batch.length > 0 &&
    rightBatch.at(-1) === 0 &&
    left.columnStride === 1 &&
    leftBatch.at(-1) === m * left.rowStride
  ) {
    m *= batch.pop() ?? 1;
    leftBatch.pop();
    rightBatch.pop();
  }
  const shape = [...batchShape, a.shape.at(-2) ?? 0, n];
  noteFlops(2 * numel(shape) * k);
  const storage = new Storage(
    a.storage.backend,
    a.dtype,
    numel(shape),
    { name: 'matmul', shape, from: [a.shape, b.shape] },
    {
      batch,
      m,
      n,
      k,
      a: { ...left, batchStrides: leftBatch },
      b: { ...right, batchStrides: rightBatch },
      bias: row ? { storage: row.storage, offset: row.layout.offset } : null,
      activation,
      isConstant,
    },
  );
  return makeTensor(storage, contiguousView(shape));
}

/** A tensor, or its transpose, as a stack of matrices, computed; copied only if neither rows nor columns are contiguous. */
function factor(x: Tensor, batchShape: Shape, isTransposed: boolean): Factor {
  const lines = [x.shape.length - 2, x.shape.length - 1] as const;
  const [row, column] = isTransposed ? [lines[1], lines[0]] : lines;
  const [rows, columns] = [x.shape[row] ?? 1, x.shape[column] ?? 1];
  const { strides: own } = x.layout;
  const source = own[row] === 1 || own[column] === 1 || rows <= 1 || columns <= 1 ? x : x.contiguous();
  source.compute();
  const { strides, offset } = source.layout;
  const lead = batchShape.length - lines[0];
  return {
    storage: source.storage,
    offset,
    rowStride: rows <= 1 ? columns : (strides[row] ?? columns),
    columnStride: columns <= 1 ? 1 : (strides[column] ?? 1),
    // Broadcast: dims that it does not have, and those of size 1, are repeated.
    batchStrides: batchShape.map((size, d) =>
      d < lead || (x.shape[d - lead] === 1 && size !== 1) ? 0 : (strides[d - lead] ?? 0),
    ),
  };
}

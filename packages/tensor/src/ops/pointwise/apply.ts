/**
 * From a pointwise record to a tensor: promotes and casts, broadcasts, makes the pending value, and records the derivative.
 */

import { autocasted } from '../../autocast.js';
import { record } from '../../autograd/record.js';
import { makeTensor } from '../../construct.js';
import { categoryOf, type DType, isFloating, promoteTypes, promoteWithNumber } from '../../dtype.js';
import { ArgumentError, DTypeError } from '../../errors.js';
import { assign } from '../../fuse/assign.js';
import { pendingStorage } from '../../fuse/build.js';
import { broadcastShapes, type Shape } from '../../shape.js';
import type { RecipeArgument, Storage } from '../../storage.js';
import type { Tensor } from '../../tensor.js';
import { contiguousView, expandView } from '../../view.js';
import { commonBackend } from '../operands.js';
import type { ApplySlope, Operand } from './record.js';
import { sumTo } from './sum-to.js';
import { type PointwiseName, pointwiseTable } from './table.js';

const slope: ApplySlope = (name, x) => pointwise(name, [x]);

const isTensor = (operand: Operand): operand is Tensor => typeof operand !== 'number';

/** `op(operands…)` with PyTorch's promotion and broadcasting; the op is named `name` in errors and graphs. */
export function pointwise(op: PointwiseName, given: readonly Operand[], name: string = op): Tensor {
  const operands = autocasted(op, ...given);
  const tensors = operands.filter(isTensor);
  const { storage, shape } = build(op, operands, tensors, name);
  const output = makeTensor(storage, contiguousView(shape));
  const { derivative } = pointwiseTable[op];
  if (!derivative || !isFloating(output.dtype)) return output;
  const saved = derivative.saves === 'inputs' ? tensors : derivative.saves === 'output' ? [output] : [];
  return record(name, output, tensors, saved, (grad, kept) => {
    let next = 0;
    const inputs =
      derivative.saves === 'inputs'
        ? operands.map((operand) => (isTensor(operand) ? (kept[next++] as Tensor) : operand))
        : operands;
    const result = derivative.saves === 'output' ? kept[0] : undefined;
    const gradients: ((() => Tensor) | null)[] = [];
    for (const [i, operand] of operands.entries()) {
      if (!isTensor(operand)) continue;
      const rule = derivative.rules[i];
      const { shape: own, dtype } = operand;
      gradients.push(rule && isFloating(dtype) ? () => sumTo(rule(grad, inputs, result, slope), own).to(dtype) : null);
    }
    return gradients;
  });
}

/** Writes a pending value over a tensor's elements. */
export function write(target: Tensor, source: Storage, name: string): void {
  let value = source;
  if (value.dtype !== target.dtype) {
    if (categoryOf(value.dtype) === 'float' && categoryOf(target.dtype) !== 'float') {
      value.release();
      throw new DTypeError(
        `${name}: result type ${value.dtype} can't be cast to the desired output type ${target.dtype}`,
      );
    }
    value = castStorage(source, contiguousView(target.shape), target.dtype);
    source.release();
  }
  assign(target.storage, target.layout, value);
}

function build(
  op: PointwiseName,
  operands: readonly Operand[],
  tensors: readonly Tensor[],
  name: string,
): { storage: Storage; shape: Shape } {
  const [first, ...rest] = tensors;
  if (!first) throw new ArgumentError(`${name}: at least one operand must be a tensor`);
  const backend = commonBackend(name, first, ...rest);
  const type = computeType(op, operands, name);
  const shapes = tensors.map((tensor) => tensor.shape);
  const shape = tensors.length === 1 ? first.shape : broadcastShapes(name, ...shapes);
  const casts: Storage[] = [];
  const { result } = pointwiseTable[op];
  try {
    const args = operands.map((operand, i): RecipeArgument => {
      if (!isTensor(operand)) return { scalar: checkScalar(operand, type, name), dtype: type };
      const wanted = op === 'where' && i === 0 ? 'bool' : type;
      if (operand.dtype === wanted) return { storage: operand.storage, view: expandView(operand.layout, shape) };
      const cast = castStorage(operand.storage, operand.layout, wanted);
      casts.push(cast);
      return { storage: cast, view: expandView(contiguousView(operand.shape), shape) };
    });
    const storage = pendingStorage(backend, op, type, result === 'same' ? type : result, shape, args, name, shapes);
    return { storage, shape };
  } finally {
    for (const cast of casts) cast.release();
  }
}

/** The dtype the op computes in: that of the operands together, lifted into the op's domain. */
function computeType(op: PointwiseName, operands: readonly Operand[], name: string): DType {
  const list = op === 'where' ? operands.slice(1) : operands;
  let dimensioned: DType | null = null;
  let scalar: DType | null = null;
  for (const operand of list) {
    if (!isTensor(operand)) continue;
    if (operand.shape.length > 0) dimensioned = dimensioned ? promoteTypes(dimensioned, operand.dtype) : operand.dtype;
    else scalar = scalar ? promoteTypes(scalar, operand.dtype) : operand.dtype;
  }
  // A scalar tensor lifts the category of the others but not their width, as in PyTorch.
  let type = dimensioned ?? scalar;
  if (
    dimensioned &&
    scalar &&
    promoteTypes(categoryDType(dimensioned), categoryDType(scalar)) !== categoryDType(dimensioned)
  )
    type = scalar;
  for (const operand of list)
    if (!isTensor(operand)) type = type ? promoteWithNumber(type, operand) : promoteWithNumber('bool', operand);
  if (!type) throw new ArgumentError(`${name}: at least one operand must be a tensor`);
  const { domain } = pointwiseTable[op];
  const category = categoryOf(type);
  if (domain.includes(category)) return type;
  if (category === 'bool' && domain.includes('int')) return 'int32';
  if (domain.includes('float')) return 'float32';
  return domain.includes('int') ? 'int32' : 'bool';
}

function categoryDType(dtype: DType): DType {
  const category = categoryOf(dtype);
  return category === 'bool' ? 'bool' : category === 'int' ? 'int32' : 'float32';
}

function checkScalar(value: number, type: DType, name: string): number {
  if (type === 'int32' && (value < -(2 ** 31) || value >= 2 ** 31))
    throw new ArgumentError(`${name}: value ${value} cannot be converted to type int32 without overflow`);
  return value;
}

/** A pending cast; `bool` is "not 0". */
export function castStorage(storage: Storage, view: Parameters<typeof expandView>[0], dtype: DType): Storage {
  return pendingStorage(storage.backend, 'cast', storage.dtype, dtype, view.shape, [{ storage, view }], 'to');
}

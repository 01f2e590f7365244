/**
 * Matrix products that wait to be computed, and what is gained by it. When pointwise steps need one for the first time and are no more than an
 * epilogue (a scale, a bias, an activation, a residual), they are stored by the product's kernel and the product itself never reaches
 * memory. When several of the same left operand wait (queries, keys and values), they are computed in one launch.
 *
 * Laziness stays invisible: a product that became part of another kernel can still be computed for whoever asks for it.
 */
import type { Activation, Dense, Matrices, ProductOperands, ProductSteps } from '../backend/requests.js';
import { numel, type Shape } from '../shape.js';
import type { Factor, PendingProduct, Recipe, Storage } from '../storage.js';
import { isContiguous } from '../view.js';
import { type Composition, compose, type Input } from './compose.js';
import { type Following, isRowOf } from './product-steps.js';

const ACTIVATIONS: Readonly<Record<string, Activation>> = { relu: 'relu', gelu: 'gelu', geluTanh: 'geluTanh' };

/** What follows a product in its kernel. */
export interface Epilogue {
  /** The storage whose value would be the product itself. */
  readonly product: Storage;
  readonly alpha: number;
  readonly bias: Input | null;
  readonly activation: Activation;
  readonly residual: Input | null;
}

/** The epilogue that a program over `shape` is to a product among its inputs; null where it is not. */
export function findEpilogue(shape: Shape, composition: Composition): Epilogue | null {
  const { program, inputs, written, inlined } = composition;
  // Most programs read no product: this is looked at for each small op.
  for (let i = 0; i < inputs.length; i++) {
    const { storage, view } = inputs[i] as Input;
    if (!storage.product?.isConstant || storage.wasInlined || !isWhole(storage, view)) continue;
    if (written.length !== 1 || program.steps.length === 0 || numel(shape) === 0) return null;
    let isAlone = !storage.isNeeded;
    for (const reader of storage.readers) if (reader !== written[0] && !inlined.includes(reader)) isAlone = false;
    const epilogue = isAlone ? asEpilogue(shape, composition, i) : null;
    if (epilogue) return epilogue;
  }
  return null;
}

/**
 * Of a sum of a product and something that another product takes as its epilogue, the latter is computed first: then it is the first
 * one's residual. So a sum of several products, as the gradient of what several layers read is, takes no kernel but theirs.
 */
export function lowerAddend({ op, args }: Recipe): void {
  if (op !== 'add') return;
  const [x, y] = args;
  if (!x || !y || !('storage' in x) || !('storage' in y)) return;
  lowerBeside(x.storage, y.storage);
  lowerBeside(y.storage, x.storage);
}

function lowerBeside({ product, wasInlined, isNeeded, readers }: Storage, other: Storage): void {
  if (!product?.isConstant || wasInlined || isNeeded || readers.size > 1) return;
  if (other.recipe && findEpilogue(other.recipe.shape, compose(other))) void other.buffer;
}

/** Follows the steps from a product on: each must take what the last one gave, in the order in which a kernel applies them. */
function asEpilogue(shape: Shape, { program, inputs, scalars }: Composition, first: number): Epilogue | null {
  const storage = inputs[first]?.storage;
  const product = storage?.product;
  // The steps of an epilogue are not rounded one by one; a program's are (`product-steps.ts`), and float16 shows it.
  if (!storage || !product || storage.dtype === 'float16') return null;
  let [alpha, bias, residual] = [1, null as Input | null, null as Input | null];
  let { activation } = product;
  let at = first;
  for (const [i, { op, args }] of program.steps.entries()) {
    const [other, ...others] = args.filter((arg) => arg !== at);
    if (!args.includes(at) || args.length > 2 || others.length > 0 || residual) return null;
    if (other === undefined) {
      const next = args.length === 1 ? ACTIVATIONS[op] : undefined;
      if (!next || activation !== 'none') return null;
      activation = next;
    } else {
      const input = inputs[other];
      const scalar = scalars[other - inputs.length];
      const isFresh = activation === 'none' && !product.bias && !bias;
      if (op === 'mul' && scalar !== undefined && isFresh && alpha === 1) alpha = scalar;
      else if (op !== 'add' || !input || other === first || input.storage.dtype !== storage.dtype) return null;
      else if (isFresh && isRowOf(input, shape, product.n)) bias = input;
      else if (isContiguous(input.view)) residual = input;
      else return null;
    }
    at = inputs.length + scalars.length + i;
  }
  return program.outputs[0] === at ? { product: storage, alpha, bias, activation, residual } : null;
}

function isWhole(storage: Storage, view: Input['view']): boolean {
  return view.offset === 0 && isContiguous(view) && numel(view.shape) === storage.size;
}

/** Computes a product together with the steps that follow it, and settles it if it was written too. */
export function lowerFollowing(following: Following, written: readonly Storage[]): void {
  const { product: storage, program, scalars, keepsProduct } = following;
  const { product } = storage;
  const [first] = written;
  if (!product || !first) return;
  const inputs = following.inputs.map(({ storage: source, view, isRow }) => ({
    buffer: source.buffer,
    dtype: source.dtype,
    offset: view.offset,
    isRow,
  }));
  const place = placeOf(keepsProduct ? storage : first);
  const outputs = written.map(placeOf);
  request(storage, product, place, null, { program, scalars, inputs, outputs, keepsProduct }, null);
  if (keepsProduct) storage.settle();
  else storage.wasInlined = true;
}

/** Computes a product into memory of its own, together with others that wait; or, with an epilogue, into `out`. */
export function lowerProduct(storage: Storage, epilogue?: Omit<Epilogue, 'product'> & { readonly out: Storage }): void {
  const { product } = storage;
  if (!product) return;
  const others = epilogue ? [] : siblings(storage, product);
  const more = others.flatMap((each) => (each.product ? [operands(each.product, each)] : []));
  request(storage, product, placeOf(epilogue?.out ?? storage), epilogue ?? null, null, more.length > 0 ? more : null);
  if (epilogue) storage.wasInlined = true;
  else {
    storage.settle();
    for (const each of others) each.settle();
  }
}

/** Asks for a product and what goes with it. */
function request(
  { backend }: Storage,
  { batch, m, n, k, a, b, bias, biasRows, activation, windows }: PendingProduct,
  out: Dense,
  epilogue: Omit<Epilogue, 'product'> | null,
  steps: ProductSteps | null,
  more: readonly ProductOperands[] | null,
): void {
  const added = epilogue?.bias ? denseInput(epilogue.bias) : denseOf(bias);
  backend.run({
    kind: 'matmul',
    batch,
    m,
    n,
    k,
    a: matrices(a),
    b: matrices(b),
    alpha: epilogue?.alpha ?? 1,
    ...(added && { bias: added }),
    ...(biasRows !== undefined && { biasRows }),
    activation: epilogue?.activation ?? activation,
    ...(epilogue?.residual && { residual: denseInput(epilogue.residual) }),
    out,
    ...(steps && { steps }),
    ...(more && { more }),
    ...(windows && { windows }),
  });
}

/** Products of the same left operand that wait too and that nothing pointwise waits for: what could become an epilogue is left alone. */
function siblings(storage: Storage, product: PendingProduct): Storage[] {
  const found: Storage[] = [];
  if (product.windows || product.a.storage.readers.size === 1) return found;
  for (const other of product.a.storage.readers) {
    const { product: own } = other;
    if (other === storage || !own || own.windows || other.wasInlined || other.readers.size > 0) continue;
    // Among the readers are products that have it on their right, or as their bias.
    const fits =
      own.a.storage === product.a.storage &&
      own.m === product.m &&
      own.n === product.n &&
      own.k === product.k &&
      sameNumbers(own.batch, product.batch) &&
      sameLayout(own.a, product.a) &&
      own.a.offset === product.a.offset &&
      sameLayout(own.b, product.b) &&
      (own.bias === null) === (product.bias === null) &&
      own.activation === product.activation;
    if (fits) found.push(other);
  }
  return found;
}

function sameLayout(a: Factor, b: Factor): boolean {
  return (
    a.rowStride === b.rowStride && a.columnStride === b.columnStride && sameNumbers(a.batchStrides, b.batchStrides)
  );
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}

function operands({ b, bias }: PendingProduct, out: Storage): ProductOperands {
  const added = denseOf(bias);
  return { b: matrices(b), ...(added && { bias: added }), out: placeOf(out) };
}

// Field by field: copying the rest of an object takes longer than a small product does.
function matrices({ storage, offset, rowStride, columnStride, batchStrides }: Factor): Matrices {
  return { buffer: storage.buffer, dtype: storage.dtype, offset, rowStride, columnStride, batchStrides };
}

function denseOf(operand: PendingProduct['bias']): Dense | undefined {
  return operand ? { buffer: operand.storage.buffer, dtype: operand.storage.dtype, offset: operand.offset } : undefined;
}

function denseInput({ storage, view }: Input): Dense {
  return { buffer: storage.buffer, dtype: storage.dtype, offset: view.offset };
}

function placeOf(storage: Storage): Dense {
  return { buffer: storage.reserve(), dtype: storage.dtype, offset: 0 };
}

/**
 * Attention as one kernel request, forward and backward. What the backward pass keeps is the result and one number a query, the
 * logarithm of its sum of exponentials; weights and dropout masks are computed again. A pass that is recorded to be
 * differentiated again forms the same gradients in tensor ops.
 */
import { isGradEnabled } from '../autograd/mode.js';
import { needsGrad, record } from '../autograd/record.js';
import type { AttentionDropout, AttentionOperands, Strided } from '../backend/requests.js';
import { makeTensor } from '../construct.js';
import { attentionFlops, noteFlops } from '../flops.js';
import { contiguousStrides, numel, type Shape } from '../shape.js';
import { Storage } from '../storage.js';
import type { Tensor } from '../tensor.js';
import { collapseDims, expandView } from '../view.js';
import { matmul } from './matmul.js';
import { emptyOn } from './operands.js';
import { sumTo } from './pointwise/sum-to.js';

/** What is settled of an attention beside its operands, and the words in which its formula is written in tensor ops. */
export interface AttentionSettings {
  readonly scale: number;
  readonly isCausal: boolean;
  readonly dropout: AttentionDropout | null;
  weightsOf(q: Tensor, k: Tensor, mask: Tensor | null): Tensor;
  drop(x: Tensor, dropout: AttentionDropout | null): Tensor;
}

/** The result [...batch, query, valueWidth] of float32 or float16 operands without a size of zero. */
export function fusedAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask: Tensor | null,
  batch: Shape,
  settings: AttentionSettings,
): Tensor {
  const { backend } = q.storage;
  const inputs = [q, k, v];
  const recording = needsGrad(inputs);
  const queries = q.shape.at(-2) ?? 1;
  const output = emptyInOrderOf(q, [...batch, queries, v.shape.at(-1) ?? 1]);
  const logSumExp = recording
    ? emptyOn(backend, 'float32', { name: 'scaledDotProductAttention', shape: [...batch, queries] })
    : null;
  const operands = collapse(batch, { ...operandsOf(q, k, v, mask, batch), out: stridedOf(output) });
  const sizes = sizesOf(q, k, v, settings);
  noteFlops(attentionFlops({ ...sizes, batch }));
  backend.run({
    kind: 'attention',
    ...sizes,
    ...operands,
    ...(logSumExp && { logSumExp: logSumExp.operand }),
  });
  if (!logSumExp) return output;
  const saved: readonly Tensor[] = [q, k, v, output, logSumExp.tensor, ...(mask ? [mask] : [])];
  const wanted = inputs.map((input) => input.vertex !== null);
  const result = record('scaledDotProductAttention', output, inputs, saved, (grad, kept) => {
    const [query, key, value, out, sums, added = null] = kept as readonly Tensor[] as readonly [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor?,
    ];
    if (isGradEnabled()) return composedGradients(grad, query, key, value, added, settings);
    return fusedGradients(grad, { query, key, value, output: out, logSumExp: sums, mask: added }, settings, wanted);
  });
  logSumExp.tensor.dispose();
  return result;
}

interface Saved {
  readonly query: Tensor;
  readonly key: Tensor;
  readonly value: Tensor;
  readonly output: Tensor;
  readonly logSumExp: Tensor;
  readonly mask: Tensor | null;
}

/** One request for all gradients that are wanted, made when the first is asked for. */
function fusedGradients(
  grad: Tensor,
  { query, key, value, output, logSumExp, mask }: Saved,
  settings: AttentionSettings,
  wanted: readonly boolean[],
): (() => Tensor)[] {
  const batch = output.shape.slice(0, -2);
  const inputs = [query, key, value];
  let gradients: readonly (Tensor | null)[] | null = null;
  const compute = (): readonly (Tensor | null)[] => {
    const made = inputs.map((input, i) =>
      wanted[i] ? emptyInOrderOf(input, [...batch, ...input.shape.slice(-2)]) : null,
    );
    const [gradQuery, gradKey, gradValue] = made.map((each) => each && stridedOf(each));
    const operands = collapse(batch, {
      ...operandsOf(query, key, value, mask, batch),
      output: stridedOf(output),
      grad: columnsDense(grad),
      ...(gradQuery && { gradQuery }),
      ...(gradKey && { gradKey }),
      ...(gradValue && { gradValue }),
    });
    const { buffer } = logSumExp.storage;
    query.storage.backend.run({
      kind: 'attentionBackward',
      ...sizesOf(query, key, value, settings),
      ...operands,
      logSumExp: { buffer, dtype: 'float32', offset: logSumExp.layout.offset },
    });
    return made;
  };
  return inputs.map((input, i) => () => {
    gradients ??= compute();
    return sumTo(gradients[i] as Tensor, input.shape);
  });
}

/** The same gradients in tensor ops. */
function composedGradients(
  grad: Tensor,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask: Tensor | null,
  { scale, dropout, weightsOf, drop }: AttentionSettings,
): (() => Tensor)[] {
  const weights = weightsOf(q, k, mask);
  const gradScores = (): Tensor => {
    const gradWeights = drop(matmul(grad, v.transpose(-2, -1)), dropout);
    const product = weights.mul(gradWeights);
    return product.sub(weights.mul(product.sum(-1, { keepDim: true }))).mul(scale);
  };
  return [
    () => sumTo(matmul(gradScores(), k), q.shape),
    () => sumTo(matmul(gradScores().transpose(-2, -1), q), k.shape),
    () => sumTo(matmul(drop(weights, dropout).transpose(-2, -1), grad), v.shape),
  ];
}

function sizesOf(q: Tensor, k: Tensor, v: Tensor, { scale, isCausal, dropout }: AttentionSettings) {
  return {
    queries: q.shape.at(-2) ?? 1,
    keys: k.shape.at(-2) ?? 1,
    width: q.shape.at(-1) ?? 1,
    valueWidth: v.shape.at(-1) ?? 1,
    scale,
    isCausal,
    ...(dropout && { dropout }),
  };
}

type Operands = Pick<AttentionOperands, 'query' | 'key' | 'value' | 'mask'>;

function operandsOf(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | null, batch: Shape): Operands {
  const queries = q.shape.at(-2) ?? 1;
  const keys = k.shape.at(-2) ?? 1;
  return {
    query: columnsDense(q, batch),
    key: columnsDense(k, batch),
    value: columnsDense(v, batch),
    ...(mask && { mask: stridedOf(mask, [...batch, queries, keys]) }),
  };
}

/** A tensor's elements by its strides, broadcast to a shape. */
function stridedOf(x: Tensor, shape: Shape = x.shape): Strided {
  // The storage first: computing a pending tensor gives it memory.
  const { buffer } = x.storage;
  const { strides, offset } = expandView(x.layout, shape);
  return { buffer, dtype: x.dtype, offset, strides };
}

/** The same for matrices whose columns must follow each other: copied if they do not. */
function columnsDense(x: Tensor, batch: Shape = x.shape.slice(0, -2)): Strided {
  const shape = [...batch, ...x.shape.slice(-2)];
  if (x.shape.at(-1) === 1) {
    const operand = stridedOf(x, shape);
    return { ...operand, strides: operand.strides.with(-1, 1) };
  }
  return stridedOf(x.layout.strides.at(-1) === 1 ? x : x.contiguous(), shape);
}

/** Merges dims of the batch that every operand walks in one go. */
function collapse<T extends Readonly<Record<string, Strided>>>(
  batch: Shape,
  operands: T,
): T & { readonly batch: readonly number[] } {
  const strides: (readonly number[])[] = [];
  for (const name in operands) strides.push((operands[name] as Strided).strides);
  // The logarithms, the order of the stream and the batch's numbers are row-major.
  strides.push(contiguousStrides(batch));
  const merged = collapseDims(batch, strides);
  const collapsed: Record<string, Strided> = {};
  let i = 0;
  for (const name in operands) {
    const { buffer, dtype, offset, strides: own } = operands[name] as Strided;
    collapsed[name] = { buffer, dtype, offset, strides: [...(merged.strides[i++] ?? []), ...own.slice(-2)] };
  }
  return { ...(collapsed as T), batch: merged.shape };
}

/** A fresh tensor whose leading dims lie in memory in the order of another's, as far as shapes agree; columns follow each other. */
function emptyInOrderOf(like: Tensor, shape: Shape): Tensor {
  const storage = new Storage(like.storage.backend, like.dtype, numel(shape), {
    name: 'scaledDotProductAttention',
    shape,
    from: [like.shape],
  });
  const strides = contiguousStrides(shape);
  const own = like.layout.strides;
  const last = shape.length - 1;
  const comparable =
    like.shape.length === shape.length && shape.every((size, d) => d === last || size === like.shape[d]);
  if (comparable && own.every((stride) => stride > 0)) {
    const order = shape.map((_, d) => d).slice(0, last);
    order.sort((a, b) => (own[b] ?? 0) - (own[a] ?? 0) || a - b);
    let step = shape[last] ?? 1;
    for (const d of order.reverse()) {
      strides[d] = step;
      step *= shape[d] ?? 1;
    }
  }
  return makeTensor(storage, { shape, strides, offset: 0 });
}

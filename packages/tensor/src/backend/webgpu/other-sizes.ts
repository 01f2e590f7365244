/**
 * A request as it would be for other sequence lengths and batches. Kernels take sizes as parameters, but which of its kernels a request needs
 * (a tile, vectors or single elements, work in slices) follows from them. So when a request is the first to need a kernel, the backend asks here
 * for its like at other sizes and has what they need compiled beside: later lengths find their kernels there. Nothing of it is ever computed;
 * only sizes, strides and offsets count.
 *
 * Which sizes of a request are lengths it does not say. Each is taken for one that can be: not the width of a layer's weights. Dims of size 1 are gone
 * from a request; a pointwise one tells of the first, so that from a batch of one the kernels of larger ones are known. Convolutions are taken at
 * other lengths only: those of other batches may still need a kernel that the first step did not.
 */
import { Program } from '../../fuse/program.js';
import { contiguousStrides } from '../../shape.js';
import { collapseDims } from '../../view.js';
import type { KernelKind, KernelRequest, Matrices, RequestOf, Strided, Windows } from '../requests.js';

type OtherSizes = { readonly [K in KernelKind]: (request: RequestOf<K>) => readonly OtherOf<K>[] };
/** Requests of its kind; for a loss, of what goes before it too. */
type OtherOf<K extends KernelKind> = K extends 'crossEntropyBackward' ? KernelRequest : RequestOf<K>;

/** One size at least between any two at which a kernel is left for another: powers of two, and odd numbers. */
const LENGTHS: readonly number[] = Array.from({ length: 14 }, (_, i) => 2 ** i).flatMap((size) =>
  size > 1 ? [size, size + 1] : [size],
);

const fixed = (): readonly never[] => [];

const others: OtherSizes = {
  pointwise(request) {
    const larger = withBatch(request);
    if (larger) return [larger, ...others.pointwise(larger), ...others.pointwise(alone(request))];
    // Without strides a kernel goes through memory from end to end, whatever the shape.
    if (request.shape.length < 2) return [];
    const choices = 2 ** request.shape.length - 1;
    const whole = Array.from({ length: choices }, (_, ones) => withOnes(request, ones));
    return whole.flatMap((each) => [4, 5].map((inner) => withInner(each, inner)));
  },

  matmul(request) {
    const { batch, a, windows } = request;
    if (windows) return convolved(request, windows);
    if (isLayer(request)) {
      // What varies is the number of rows that go through the layer.
      if (!isGradient(request)) return LENGTHS.map((m) => ({ ...request, m }));
      return LENGTHS.map((k) => ({ ...request, k, a: { ...a, rowStride: 1, columnStride: request.m } }));
    }
    const names: Size[][] = [['m'], ['n'], ['k'], ['m', 'n'], ['m', 'k']];
    return [request, { ...request, batch: batch.with(0, 1) }].flatMap((each) =>
      names.flatMap((those) =>
        LENGTHS.flatMap((length) => {
          const sizes = Object.fromEntries(those.map((name) => [name, length]));
          // Whether lines and matrices lie as far apart as they are long is not to be seen where sizes happen to be equal.
          return [{ ...each, ...sizes }, restrided(each, those, length)];
        }),
      ),
    );
  },

  reduce(request) {
    const { inner } = request;
    const inners = inner === 1 ? [1] : [inner, 4, 5];
    return inners.flatMap((each) =>
      LENGTHS.flatMap((size) => [
        { ...request, inner: each, length: size },
        { ...request, inner: each, outer: size },
      ]),
    );
  },

  softmax(request) {
    const { shape, mask } = request;
    return LENGTHS.flatMap((width) => {
      const of = (rows: readonly number[]) => ({
        ...request,
        shape: [...rows, width],
        ...(mask && {
          mask: { ...mask, strides: mask.strides.map((stride) => scaled(stride, shape.at(-1) ?? 1, width)) },
        }),
      });
      const rows = shape.slice(0, -1);
      return rows.length > 1 ? [of(rows), of(rows.with(0, 1))] : [of(rows)];
    });
  },
  softmaxBackward: (request) => LENGTHS.map((width) => ({ ...request, width })),

  attention: attended,
  attentionBackward: attended,

  layerNorm: fixed,
  layerNormBackward: (request) => LENGTHS.map((rows) => ({ ...request, rows })),

  gatherRows: fixed,
  scatterAddRows: (request) => LENGTHS.map((rows) => ({ ...request, rows })),
  gather: fixed,
  scatter: (request) => LENGTHS.map((count) => ({ ...request, count })),
  scan: (request) => LENGTHS.map((length) => ({ ...request, length })),
  sort: (request) => LENGTHS.map((length) => ({ ...request, length })),
  crossEntropy: fixed,
  crossEntropyBackward: repeatedGradient,

  // Parameters keep their sizes.
  adam: fixed,
  descend: fixed,
  norm: fixed,
  clip: fixed,
};

/** The request at other sizes. */
export function otherSizes(request: KernelRequest): readonly KernelRequest[] {
  const list = others[request.kind] as (request: KernelRequest) => readonly KernelRequest[];
  return list(request);
}

/**
 * The sizes of a request that stay as they are, as one number: the same kernel may have to be left for another at other lengths where these
 * are others.
 */
export function fixedSizes(request: KernelRequest): number {
  if (request.kind === 'layerNormBackward') return request.width;
  if (request.kind === 'pointwise') return request.uncollapsed ? repeated(request.uncollapsed) : 0;
  if (request.kind !== 'matmul') return 0;
  const { m, n, k, windows } = request;
  // Of a convolution the channels, whose taps are behind one another.
  if (windows) return m * 2 ** 26 + (windows.of === 'weight' ? n : k);
  if (!isLayer(request)) return 0;
  return (isGradient(request) ? m : k) * 2 ** 26 + n;
}

/** Whether a product's right operand, or in its gradient the result, is a layer's. */
function isLayer({ batch }: Product): boolean {
  return batch.every((size) => size === 1);
}

/** Whether it is the gradient of a layer's weights: rows of its left operand are columns in memory, also where it has but one. */
function isGradient({ a }: Product): boolean {
  return a.columnStride >= a.rowStride;
}

/** A stride as it becomes when a size that it is a multiple of changes; neighbours stay neighbours. */
function scaled(stride: number, from: number, to: number): number {
  return stride !== 1 && stride % from === 0 ? (stride / from) * to : stride;
}

// --- Fused steps ------------------------------------------------------------------------------------------------------

type Pointwise = RequestOf<'pointwise'>;

/** The request of a batch of one as it would be for a batch of four; undefined if its first dim is none of size 1. */
function withBatch({ uncollapsed, inputs, outputs, ...request }: Pointwise): Pointwise | undefined {
  if (!uncollapsed) return undefined;
  const collapsed = collapseDims(uncollapsed.shape.with(0, 4), uncollapsed.strides);
  const all = [...inputs, ...outputs].map((operand, i) => ({ ...operand, strides: collapsed.strides[i] ?? [] }));
  const [before, after] = [all.slice(0, inputs.length), all.slice(inputs.length)];
  return { ...request, shape: collapsed.shape, inputs: before, outputs: after };
}

/** The copy of one number for each row of a batch, as the gradient of a mean is: a batch of one row needs none. */
function repeatedGradient({ rows, gradRows, out }: RequestOf<'crossEntropyBackward'>): Pointwise[] {
  if (rows !== 1) return [];
  const program = new Program({ inputs: [gradRows.dtype], scalars: [], steps: [], outputs: [0] });
  const outputs = [{ buffer: out.buffer, dtype: gradRows.dtype, offset: 0, strides: [1] }];
  return [{ kind: 'pointwise', program, shape: [4], inputs: [{ ...gradRows, strides: [0] }], scalars: [], outputs }];
}

/** The request without what it tells of a batch. */
function alone({ uncollapsed: _, ...request }: Pointwise): Pointwise {
  return request;
}

/**
 * Which operands of a batch of one each dim repeats, as one number: kernels that are one without a batch are several with it. Not 0, which stands for
 * requests without a batch of one.
 */
function repeated({ shape, strides }: NonNullable<Pointwise['uncollapsed']>): number {
  let bits = 1;
  for (const operand of strides)
    for (let d = 0; d < shape.length; d++) bits = (bits * 2 + Number(operand[d] === 0)) % 2 ** 50;
  return bits * 8 + shape.length;
}

/** The request with some dims of size 1, as single sequences and words leave them: those whose bits are set in `ones`. */
function withOnes({ shape, inputs, outputs, ...request }: Pointwise, ones: number): Pointwise {
  const operands = [...inputs, ...outputs];
  const collapsed = collapseDims(
    shape.map((size, d) => ((ones >> d) & 1 ? 1 : size)),
    operands.map(({ strides }) => strides),
  );
  const all = operands.map((operand, i) => ({ ...operand, strides: collapsed.strides[i] ?? [] }));
  return {
    ...request,
    shape: collapsed.shape,
    inputs: all.slice(0, inputs.length),
    outputs: all.slice(inputs.length),
  };
}

/** The request over rows of another length. */
function withInner(request: Pointwise, inner: number): Pointwise {
  const before = request.shape;
  const shape = before.with(-1, inner);
  const dense = contiguousStrides(before);
  const restride = (operand: Strided): Strided => ({
    ...operand,
    strides: operand.strides.every((stride, d) => stride === dense[d])
      ? contiguousStrides(shape)
      : operand.strides.map((stride) => scaled(stride, before.at(-1) ?? 1, inner)),
  });
  return { ...request, shape, inputs: request.inputs.map(restride), outputs: request.outputs.map(restride) };
}

// --- Products and attention -------------------------------------------------------------------------------------------

type Product = RequestOf<'matmul'>;
type Size = 'm' | 'n' | 'k';

/** The request with sizes of another length, and with lines and matrices whose distance is a multiple of these further apart, or closer. */
function restrided(request: Product, names: readonly Size[], length: number): Product {
  let { a, b } = request;
  for (const name of names) {
    const of = <M extends Matrices>(matrices: M): M => {
      const { rowStride, columnStride, batchStrides } = matrices;
      const [row = 1, column = 1, ...rest] = [rowStride, columnStride, ...batchStrides].map((stride) =>
        scaled(stride, request[name], length),
      );
      return { ...matrices, rowStride: row, columnStride: column, batchStrides: rest };
    };
    if (name !== 'n') a = of(a);
    if (name !== 'm') b = of(b);
  }
  return { ...request, ...Object.fromEntries(names.map((name) => [name, length])), a, b };
}

/** Signals of other lengths, some of them a vector or a quarter longer than whole tiles; the layer's channels and taps stay. */
function convolved(request: Product, windows: Windows): Product[] {
  const between = LENGTHS.filter((length) => length % 16 === 0).flatMap((length) => [length + 4, 1.25 * length]);
  return [...LENGTHS, ...between].map((count) => {
    if (windows.of !== 'weight') return { ...request, n: count };
    const a = { ...request.a, rowStride: count };
    return { ...request, a, windows: { ...windows, count, itemStrides: [count, windows.itemStrides[1]] } };
  });
}

type Attended = RequestOf<'attention'> | RequestOf<'attentionBackward'>;

/** Queries and keys of one text grow together; those of two, or of a text and what is cached of it, on their own. */
function attended<R extends Attended>(request: R): R[] {
  const lengths = LENGTHS.slice(1);
  if (request.queries === request.keys) return lengths.map((length) => ({ ...request, queries: length, keys: length }));
  return lengths.flatMap((length) => [
    { ...request, keys: length },
    { ...request, queries: length },
  ]);
}

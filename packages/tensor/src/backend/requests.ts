/**
 * What ops ask of a backend: a closed set of kernel requests, each a plain record of operands and numbers. Ops have
 * checked shapes and dtypes before they make one, so a backend only computes. A request says nothing of autograd, WGSL or
 * WASM; to add a structured op is to add one record here, one file in `ops/` and one file in each backend.
 *
 * Words used below: a *dense* operand is row-major without gaps from its offset on; offsets and strides count elements.
 * Sizes may be zero: a backend then does nothing (a reduction over nothing yields its neutral element).
 */
import type { Program } from '../fuse/program.js';
import type { Dense, Strided } from './operands.js';
import type { AdamRequest, ClipRequest, DescendRequest, NormRequest } from './step-requests.js';

export type { Dense, DeviceBuffer, Strided } from './operands.js';
export type {
  AdamOperands,
  AdamRequest,
  ClipRequest,
  DescendRequest,
  DescentNumbers,
  DescentOperands,
  NormRequest,
  Run,
} from './step-requests.js';

/**
 * One pass over memory: evaluates a fused expression for every index of `shape` and writes its values.
 * An output may share its buffer with an input only if both have the same offset and strides (an update in place);
 * outputs are never broadcast (no stride 0 on a size above 1) and never overlap each other.
 */
export interface PointwiseRequest {
  readonly kind: 'pointwise';
  readonly program: Program;
  /** Already collapsed: dims that every operand walks in one go are merged, sizes of 1 are gone. */
  readonly shape: readonly number[];
  /** Where the first dim has size 1, as of a batch of one: the shape before, and the strides of inputs and outputs. Nothing is computed by it. */
  readonly uncollapsed?:
    | { readonly shape: readonly number[]; readonly strides: readonly (readonly number[])[] }
    | undefined;
  readonly inputs: readonly Strided[];
  /** Values of the program's scalars, in order; each is stored in the scalar's dtype. */
  readonly scalars: readonly number[];
  readonly outputs: readonly Strided[];
}

/** A stack of matrices. At least one of the two strides is 1 (or its size is at most 1); batch strides may be 0. */
export interface Matrices extends Dense {
  readonly rowStride: number;
  readonly columnStride: number;
  readonly batchStrides: readonly number[];
}

/** What a product may apply to its sums; `geluTanh` is GELU by tanh. */
export type Activation = 'none' | 'relu' | 'gelu' | 'geluTanh';

/**
 * What a product goes through in its own kernel: a pointwise program over [...batch, m, n] whose first input is the product, with its scale, bias
 * and activation. Where the program draws (`uniform`), n is a multiple of four.
 */
export interface ProductSteps {
  readonly program: Program;
  readonly scalars: readonly number[];
  /** The program's other inputs: [...batch, m, n], dense, or a row [n] for all. */
  readonly inputs: readonly (Dense & { readonly isRow: boolean })[];
  /** [...batch, m, n] each, dense. */
  readonly outputs: readonly Dense[];
  /** Whether `out` is to hold the product itself; otherwise it names the place of the first output, and holds that. */
  readonly keepsProduct: boolean;
}

/**
 * That the right operand of a product is windows of a signal: a convolution, or one of its gradients. Windows of `taps` places, `dilation` apart,
 * begin every `stride` places from `-padding` on, `count` of them; what lies past the ends of the `length` places counts as zeros. The product is
 * - `output`, over (channel, tap): `a` has rows [channel][tap], element (channel, tap; window) of `b` is place `window * stride + tap * dilation -
 *   padding` of the channel;
 * - `input`, over (channel, tap): `a` is taps of row r at `channel * columnStride + r * rowStride`, element (channel, tap; place) of `b` is that
 *   window of the channel whose tap lies at the place, where there is one; the stride is 1;
 * - `weight`, over (item, window): `a` has rows [window], and element (item, window; channel, tap) of `b` is the place as in `output`.
 * `b.rowStride` leads from channel to channel; places and windows follow each other.
 */
export interface Windows {
  readonly of: 'output' | 'input' | 'weight';
  readonly taps: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padding: number;
  readonly length: number;
  readonly count: number;
  /** What `weight` sums over besides windows: how many items, and how far they are apart in `a` and in `b`. */
  readonly items: number;
  readonly itemStrides: readonly [a: number, b: number];
}

/** `out[b] = activation(alpha * a[b] @ b[b] + bias) + residual[b]`, accumulated in float32; `out` is dense [...batch, m, n]. */
export interface MatmulRequest {
  readonly kind: 'matmul';
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** [...batch, m, k] */
  readonly a: Matrices;
  /** [...batch, k, n] */
  readonly b: Matrices;
  readonly alpha: number;
  /** [n], dense; with `biasRows` [biasRows], one for each row of so many that lie behind one another, of one or several products of the batch. */
  readonly bias?: Dense;
  readonly biasRows?: number;
  readonly activation: Activation;
  /** [...batch, m, n], dense. */
  readonly residual?: Dense;
  readonly out: Dense;
  /** Then there is no residual, and there are no further products. */
  readonly steps?: ProductSteps;
  /** Further products of the same `a` without residuals, in the same launch where the backend can. */
  readonly more?: readonly ProductOperands[];
  /** Only for backends that read windows; there are no further products then. */
  readonly windows?: Windows;
}

/** What a further product brings: a right operand that lies as `b` does, a bias if the first has one, a place. */
export type ProductOperands = Pick<MatmulRequest, 'b' | 'bias' | 'out'>;

/**
 * Reduces the middle dim of a dense [outer, length, inner] to [outer, inner], blocked or pairwise so that errors grow like
 * log(length). `sum` and `sumOfSquares` are multiplied by `scale` (1/length makes a mean). `argmax`/`argmin` give the first
 * index (int32) of the extreme value, where NaN counts as extreme, as in PyTorch; `max`/`min` propagate NaN. `any`/`all` give bool.
 */
export interface ReduceRequest {
  readonly kind: 'reduce';
  readonly op: 'sum' | 'sumOfSquares' | 'prod' | 'max' | 'min' | 'argmax' | 'argmin' | 'any' | 'all';
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  readonly scale: number;
  readonly input: Dense;
  readonly out: Dense;
}

/**
 * Softmax of `scale * input` over the last dim of the dense `shape`, or its logarithm. Where `mask` (bool) is false
 * the entry counts as -infinity. A row with no entry left gives zeros (log: -infinity).
 */
export interface SoftmaxRequest {
  readonly kind: 'softmax';
  readonly log: boolean;
  readonly shape: readonly number[];
  readonly scale: number;
  readonly input: Dense;
  /** Strides for every dim of `shape`. */
  readonly mask?: Strided;
  readonly out: Dense;
}

/** With y the forward's output: `scale * y * (grad - Σ grad*y)` a row; log: `scale * (grad - exp(y) * Σ grad)`. */
export interface SoftmaxBackwardRequest {
  readonly kind: 'softmaxBackward';
  readonly log: boolean;
  readonly rows: number;
  readonly width: number;
  readonly scale: number;
  readonly grad: Dense;
  readonly output: Dense;
  readonly out: Dense;
}

/**
 * Dropout of attention weights: the weight at row-major index i (modulo 2^32) of [...batch, queries, keys] goes where `uniform(i) < p`, the
 * others grow by 1 / (1 - p).
 */
export interface AttentionDropout {
  readonly p: number;
  /** Seed low, seed high and offset of Philox, as the pointwise op `uniform` takes them. */
  readonly key: readonly [number, number, number];
}

/**
 * What attention and its backward read. Strides are those of [...batch, row, column]; batch strides may be 0, columns of query, key and
 * value follow each other.
 */
export interface AttentionOperands {
  readonly batch: readonly number[];
  readonly queries: number;
  readonly keys: number;
  /** Of a query and a key, and of a value: each from 1 to 256. */
  readonly width: number;
  readonly valueWidth: number;
  readonly scale: number;
  /** No query sees a key of a higher number. */
  readonly isCausal: boolean;
  /** [...batch, queries, width] */
  readonly query: Strided;
  /** [...batch, keys, width] */
  readonly key: Strided;
  /** [...batch, keys, valueWidth] */
  readonly value: Strided;
  /** [...batch, queries, keys]: bool, true = see; or float32, added to the scores, where -infinity takes the key away. Any strides. */
  readonly mask?: Strided;
  readonly dropout?: AttentionDropout;
}

/**
 * `dropout(softmax(scale * query @ keyᵀ + mask)) @ value`, in memory that does not grow with the scores. A query without a key
 * left gets zeros. No size is zero.
 */
export interface AttentionRequest extends AttentionOperands {
  readonly kind: 'attention';
  /** [...batch, queries, valueWidth], columns dense, never overlapping. */
  readonly out: Strided;
  /** [...batch, queries], dense: the logarithm of each row's sum of exponentials, to a base of the backend's choice; for its backward alone. */
  readonly logSumExp?: Dense;
}

/** The gradients of `attention`; those that nobody needs are left out. The weights are computed again from `logSumExp`. */
export interface AttentionBackwardRequest extends AttentionOperands {
  readonly kind: 'attentionBackward';
  /** [...batch, queries, valueWidth], columns dense. */
  readonly grad: Strided;
  /** What the forward wrote. */
  readonly output: Strided;
  readonly logSumExp: Dense;
  /** As query, key and value without broadcasting: [...batch, rows, columns], columns dense, never overlapping. */
  readonly gradQuery?: Strided;
  readonly gradKey?: Strided;
  readonly gradValue?: Strided;
}

/** `(x - mean) * rstd * weight + bias` a row, with mean and rstd = 1/sqrt(var + eps) (biased variance) kept for the backward. */
export interface LayerNormRequest {
  readonly kind: 'layerNorm';
  /** Whether rows are brought to mean 0 (default), or divided by the root of their mean square as they are; `mean` is then 0. */
  readonly centered?: boolean;
  readonly rows: number;
  readonly width: number;
  readonly eps: number;
  readonly input: Dense;
  readonly weight?: Dense;
  readonly bias?: Dense;
  readonly out: Dense;
  /** [rows] each. */
  readonly mean: Dense;
  readonly rstd: Dense;
}

/** The gradients of `layerNorm`; those that nobody needs are left out. */
export interface LayerNormBackwardRequest {
  readonly kind: 'layerNormBackward';
  readonly centered?: boolean;
  readonly rows: number;
  readonly width: number;
  readonly grad: Dense;
  readonly input: Dense;
  readonly weight?: Dense;
  readonly mean: Dense;
  readonly rstd: Dense;
  readonly gradInput?: Dense;
  /** [width] each. */
  readonly gradWeight?: Dense;
  readonly gradBias?: Dense;
}

/** A request whose indices may be out of range. */
export interface Placed {
  /** Where in a model it was made, for an error that comes at the next read. */
  readonly place?: string;
}

/**
 * `out[i] = table[indices[i]]`, rows of `width`. An index outside `tableRows` is an `ArgumentError`: at the call (CPU), or of the next
 * read, and a row of zeros until then.
 */
export interface GatherRowsRequest extends Placed {
  readonly kind: 'gatherRows';
  readonly rows: number;
  readonly width: number;
  readonly tableRows: number;
  readonly table: Dense;
  /** [rows], int32. */
  readonly indices: Dense;
  readonly out: Dense;
}

/** The gradient of `gatherRows`: `out[v] = Σ grad[i]` over the i with `indices[i] = v`, zeros elsewhere. Same bits at every run. */
export interface ScatterAddRowsRequest {
  readonly kind: 'scatterAddRows';
  readonly rows: number;
  readonly width: number;
  readonly tableRows: number;
  /** Rows of this index are left out; -1 for none. */
  readonly paddingIndex: number;
  readonly grad: Dense;
  readonly indices: Dense;
  /** [tableRows, width], wholly written. */
  readonly out: Dense;
}

/**
 * Elements by an index along the middle dim of a table [outer, size, inner]: `out[o][p][i] = table[o][index(o, p, i)][i]` for
 * out [outer, count, inner], where `index(o, p, i)` is read at `offset + o * strides[0] + p * strides[1] + i * strides[2]`. An index
 * outside the dim is an `ArgumentError`: at the call (CPU), or of the next read, and gives zero until then. Words are copied as they are.
 */
export interface GatherRequest extends Placed {
  readonly kind: 'gather';
  /** The op and the dim that an error names. */
  readonly name: string;
  readonly dim: number;
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
  readonly count: number;
  readonly table: Dense;
  /** int32, with three strides. */
  readonly index: Strided;
  readonly out: Dense;
}

/**
 * The return way of `gather`, in place: `table[o][index(o, p, i)][i]` becomes `values[o][p][i]`, or grows by it, for every p. Of
 * several values for one element the last one stays. Same bits at every run. A faulty index changes nothing beside the error.
 */
export interface ScatterRequest extends Placed {
  readonly kind: 'scatter';
  readonly name: string;
  readonly dim: number;
  readonly add: boolean;
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
  readonly count: number;
  /** float32 or int32 where `add`. */
  readonly table: Dense;
  readonly index: Strided;
  readonly values: Dense;
}

/**
 * The linear recurrence `y[k] = factors[k] * y[k-1] + terms[k]` along the middle dim of dense [outer, length, inner], from the end
 * where `reverse`. Without factors they are 1 (a cumulative sum); without terms they are 0 and y starts from 1 (a cumulative product).
 * Rounding errors grow like log(length), not like length. float32, or int32 modulo 2^32.
 */
export interface ScanRequest {
  readonly kind: 'scan';
  readonly reverse: boolean;
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  readonly factors?: Dense;
  readonly terms?: Dense;
  readonly out: Dense;
}

/**
 * The places (int32) that put each row of dense [rows, length] in order; equal elements stay in theirs, NaN counts as the largest.
 * Where only the first `most` of a row are wanted, those after may be anything.
 */
export interface SortRequest {
  readonly kind: 'sort';
  readonly descending: boolean;
  readonly rows: number;
  readonly length: number;
  /** From 1 to `length`; all when left out. */
  readonly most?: number;
  readonly input: Dense;
  readonly out: Dense;
}

/** `losses[i] = logSumExp(logits[i]) - logits[i][targets[i]]`, 0 where the target is `ignoreIndex`. */
export interface CrossEntropyRequest extends Placed {
  readonly kind: 'crossEntropy';
  readonly rows: number;
  readonly classes: number;
  readonly ignoreIndex: number;
  readonly logits: Dense;
  /** [rows], int32. */
  readonly targets: Dense;
  /** [rows] each. */
  readonly losses: Dense;
  readonly logSumExp: Dense;
}

/** `out[i][c] = gradRows[i] * (softmax(logits[i])[c] - (c == targets[i]))`, zeros where the target is `ignoreIndex`. */
export interface CrossEntropyBackwardRequest {
  readonly kind: 'crossEntropyBackward';
  readonly rows: number;
  readonly classes: number;
  readonly ignoreIndex: number;
  readonly logits: Dense;
  readonly targets: Dense;
  readonly logSumExp: Dense;
  readonly gradRows: Dense;
  readonly out: Dense;
}

/** Every request a backend answers. */
export type KernelRequest =
  | PointwiseRequest
  | MatmulRequest
  | ReduceRequest
  | SoftmaxRequest
  | SoftmaxBackwardRequest
  | AttentionRequest
  | AttentionBackwardRequest
  | LayerNormRequest
  | LayerNormBackwardRequest
  | GatherRowsRequest
  | ScatterAddRowsRequest
  | GatherRequest
  | ScatterRequest
  | ScanRequest
  | SortRequest
  | CrossEntropyRequest
  | CrossEntropyBackwardRequest
  | AdamRequest
  | DescendRequest
  | NormRequest
  | ClipRequest;

export type KernelKind = KernelRequest['kind'];

/** The request of one kind. */
export type RequestOf<K extends KernelKind> = Extract<KernelRequest, { kind: K }>;

/** One function a kind: how a backend lists its kernels, complete or it does not compile. */
export type KernelTable<Context> = { readonly [K in KernelKind]: (context: Context, request: RequestOf<K>) => void };

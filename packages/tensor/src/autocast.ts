/**
 * Mixed precision (Micikevicius et al. 2018): inside a region, products compute on float16 and what would lose by it on float32, whatever the
 * dtypes of their operands; the rest goes by promotion. One table says which op does what; an op of the table passes its operands
 * through `autocasted`. Casts are ops like any other, so gradients pass through them, back to the parameters' own dtype.
 */
import { isGradEnabled } from './autograd/mode.js';
import type { DType } from './dtype.js';
import { DeviceError, DTypeError } from './errors.js';
import { keep } from './scope.js';
import type { Tensor } from './tensor.js';

/** Options of {@link autocast}. */
export interface AutocastOptions {
  /** What products compute on. Default, and all there is: float16. */
  readonly dtype?: 'float16';
  /** False leaves dtypes alone, also inside another region. Default true. */
  readonly enabled?: boolean;
}

/** What ops do in a region, as in [PyTorch](https://pytorch.org/docs/stable/amp.html#cuda-op-specific-behavior). */
const POLICY = {
  matmul: 'float16',
  linear: 'float16',
  conv1d: 'float16',
  scaledDotProductAttention: 'float16',
  pow: 'float32',
  exp: 'float32',
  expm1: 'float32',
  log: 'float32',
  log2: 'float32',
  log10: 'float32',
  log1p: 'float32',
  reciprocal: 'float32',
  rsqrt: 'float32',
  sinh: 'float32',
  cosh: 'float32',
  tan: 'float32',
  asin: 'float32',
  acos: 'float32',
  softplus: 'float32',
  softmax: 'float32',
  logSoftmax: 'float32',
  layerNorm: 'float32',
  rmsNorm: 'float32',
  sum: 'float32',
  prod: 'float32',
  norm: 'float32',
  cumsum: 'float32',
  cumprod: 'float32',
  crossEntropy: 'float32',
  nllLoss: 'float32',
  mseLoss: 'float32',
  l1Loss: 'float32',
  huberLoss: 'float32',
  smoothL1Loss: 'float32',
  bceLoss: 'float32',
  bceWithLogits: 'float32',
  klDiv: 'float32',
  cosineSimilarity: 'float32',
  normalize: 'float32',
} as const satisfies Record<string, 'float16' | 'float32'>;

/** The dtype that an op computes on in a region; null where it goes by promotion. */
function policyOf(op: string): 'float16' | 'float32' | null {
  return Object.hasOwn(POLICY, op) ? POLICY[op as keyof typeof POLICY] : null;
}

/** The float16 copy of a parameter, and what it was made of. */
interface Copy {
  readonly value: Tensor;
  readonly storage: Tensor['storage'];
  readonly version: number;
  readonly isRecorded: boolean;
}

/** A region: copies of parameters, each made once for all its uses. */
interface Region {
  readonly copies: Map<Tensor, Copy>;
}

let current: Region | null = null;

/** Whether ops choose their dtypes now, as `torch.is_autocast_enabled`. */
export function isAutocastEnabled(): boolean {
  return current !== null;
}

/**
 * Runs `fn` in mixed precision, as [torch.autocast](https://pytorch.org/docs/stable/amp.html#autocasting): `matmul`, `linear`, `conv1d` and
 * attention compute on float16; softmax, normalisations, losses, sums and what has a wide range (`exp`, `log`, `pow`, …) on float32;
 * all else on the wider dtype of its operands. Parameters stay as they are, and so do their gradients; each is copied to float16 once a
 * region. Call `backward()` outside, on a scaled loss (`GradScaler` of `@course/nn`). The region ends when `fn` returns: code after an
 * `await` inside it is not part of it.
 *
 * @throws DeviceError from the first product on a device without float16 (the CPU, or a GPU without `shader-f16`).
 * @example
 * const loss = autocast(() => model.forward(x).square().mean(), { enabled: device.info().features.includes('shader-f16') });
 * loss.backward();
 */
export function autocast<T>(fn: () => T, { dtype = 'float16', enabled = true }: AutocastOptions = {}): T {
  if (dtype !== 'float16') throw new DTypeError(`autocast: dtype must be float16, got ${String(dtype)}`);
  return within(enabled ? { copies: current?.copies ?? new Map() } : null, fn);
}

/** Runs `fn` without a region: backward passes, whose dtypes the forward pass has settled. */
export function outsideAutocast<T>(fn: () => T): T {
  return current ? within(null, fn) : fn();
}

/** What runs a function as it would run here: for parts of a forward pass that are repeated later. */
export function captureAutocast(): <T>(fn: () => T) => T {
  const enabled = current !== null;
  return (fn) => autocast(fn, { enabled });
}

function within<T>(region: Region | null, fn: () => T): T {
  const before = current;
  current = region;
  try {
    return fn();
  } finally {
    current = before;
    // Graphs hold the memory of what they saved; these handles are for reuse inside the region only.
    if (region && region.copies !== before?.copies) for (const { value } of region.copies.values()) value.dispose();
  }
}

type Given = Tensor | number | null | undefined;

/** The operands of an op as the region wants them; outside of regions, themselves. */
export function autocasted<T extends readonly Given[]>(op: string, ...operands: T): T {
  if (!current) return operands;
  const region = current;
  const wanted = policyOf(op);
  if (!wanted) return operands;
  return operands.map((each) =>
    typeof each === 'object' && each !== null ? convert(op, region, each, wanted) : each,
  ) as readonly Given[] as T;
}

/** float64 and whole numbers are left alone, as in PyTorch. */
function convert(op: string, region: Region, x: Tensor, wanted: 'float16' | 'float32'): Tensor {
  const from: DType = wanted === 'float16' ? 'float32' : 'float16';
  if (x.dtype !== from) return x;
  if (wanted === 'float32') return x.to(wanted);
  if (!x.storage.backend.supports('float16'))
    throw new DeviceError(
      `autocast: ${op} would compute on float16, which ${x.device} does not have: it takes a WebGPU adapter with the feature 'shader-f16'; pass enabled: false to compute in float32`,
    );
  return x.isLeaf && x.requiresGrad ? copyOf(region, x) : x.to('float16');
}

function copyOf({ copies }: Region, parameter: Tensor): Tensor {
  const before = copies.get(parameter);
  const { storage } = parameter;
  if (
    before &&
    before.storage === storage &&
    before.version === storage.version &&
    (before.isRecorded || !isGradEnabled())
  )
    return before.value;
  before?.value.dispose();
  const value = keep(parameter.to('float16'));
  copies.set(parameter, { value, storage, version: storage.version, isRecorded: isGradEnabled() });
  return value;
}

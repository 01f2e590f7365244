/**
 * The kernels of requests with float64 in them, in TypeScript: float64 is there for checking (derivatives, sums, whole models), so
 * these are written to be read, and doubles are JavaScript's own numbers. They work on the same linear memory as the others.
 */
import type { KernelKind, KernelRequest, KernelTable, RequestOf } from '../../requests.js';
import type { Launcher } from '../launch.js';
import { gather, gatherRows, scatter, scatterAddRows } from './indexing.js';
import { matmul } from './matmul.js';
import { adam, clip, descend, norm } from './optimizer.js';
import { pointwise } from './pointwise.js';
import { reduce, scan, sort } from './reduce.js';
import { crossEntropy, crossEntropyBackward, layerNorm, layerNormBackward, softmax, softmaxBackward } from './rows.js';

/** One function a kind of request; attention in float64 is composed of others by its op. */
export const float64Kernels: Omit<KernelTable<Launcher>, 'attention' | 'attentionBackward'> = {
  pointwise,
  matmul,
  reduce,
  softmax,
  softmaxBackward,
  layerNorm,
  layerNormBackward,
  gatherRows,
  scatterAddRows,
  gather,
  scatter,
  scan,
  sort,
  crossEntropy,
  crossEntropyBackward,
  adam,
  descend,
  norm,
  clip,
};

/** The operand of each kind whose dtype decides which kernel computes it: ops see to it that all floats of a request agree. */
const DECIDING: { readonly [K in KernelKind]: (request: RequestOf<K>) => boolean } = {
  pointwise: ({ program }) =>
    program.inputs.includes('float64') ||
    program.scalars.includes('float64') ||
    program.steps.some(({ type, dtype }) => type === 'float64' || dtype === 'float64'),
  matmul: ({ out }) => out.dtype === 'float64',
  reduce: ({ input }) => input.dtype === 'float64',
  softmax: ({ input }) => input.dtype === 'float64',
  softmaxBackward: ({ grad }) => grad.dtype === 'float64',
  attention: () => false,
  attentionBackward: () => false,
  layerNorm: ({ input }) => input.dtype === 'float64',
  layerNormBackward: ({ input }) => input.dtype === 'float64',
  gatherRows: ({ table }) => table.dtype === 'float64',
  scatterAddRows: ({ grad }) => grad.dtype === 'float64',
  gather: ({ table }) => table.dtype === 'float64',
  scatter: ({ table }) => table.dtype === 'float64',
  scan: ({ out }) => out.dtype === 'float64',
  sort: ({ input }) => input.dtype === 'float64',
  crossEntropy: ({ logits }) => logits.dtype === 'float64',
  crossEntropyBackward: ({ logits }) => logits.dtype === 'float64',
  adam: ({ param }) => param.dtype === 'float64',
  descend: ({ param }) => param.dtype === 'float64',
  norm: ({ out }) => out.dtype === 'float64',
  clip: ({ norm: { dtype } }) => dtype === 'float64',
};

/** Whether a request computes in float64. */
export function isFloat64(request: KernelRequest): boolean {
  const decide = DECIDING[request.kind] as (request: KernelRequest) => boolean;
  return decide(request);
}

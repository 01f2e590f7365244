/** The kernels of the CPU backend, one a kind of request. */
import type { KernelTable } from '../../requests.js';
import type { Launcher } from '../launch.js';
import { attention, attentionBackward } from './attention.js';
import { clip, norm } from './clip.js';
import { Expressions } from './expression.js';
import { gather, scatter } from './indexing.js';
import { layerNorm, layerNormBackward } from './layer-norm.js';
import { crossEntropy, crossEntropyBackward } from './loss.js';
import { matmul } from './matmul.js';
import { adam, descend } from './optimizer.js';
import { pointwise } from './pointwise.js';
import { reduce } from './reduce.js';
import { gatherRows, scatterAddRows } from './rows.js';
import { scan } from './scan.js';
import { softmax, softmaxBackward } from './softmax.js';
import { sort } from './sort.js';

/** A table of its own for every backend: compiled expressions belong to the memory they lie in. */
export function cpuKernels(): KernelTable<Launcher> {
  const expressions = new Expressions();
  return {
    pointwise: (launcher, request) => pointwise(launcher, request, expressions),
    matmul: (launcher, request) => matmul(launcher, request, expressions),
    reduce,
    softmax,
    softmaxBackward,
    attention,
    attentionBackward,
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
}

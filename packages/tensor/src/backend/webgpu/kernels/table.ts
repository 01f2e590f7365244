/** Every kernel kind and the function that requests it: complete, or it does not compile. */
import type { KernelTable } from '../../requests.js';
import type { KernelContext } from '../context.js';
import { adam } from './adam.js';
import { attention } from './attention.js';
import { attentionBackward } from './attention-backward.js';
import { clip, norm } from './clip.js';
import { crossEntropy, crossEntropyBackward } from './cross-entropy.js';
import { descend } from './descend.js';
import { gather } from './gather.js';
import { gatherRows } from './gather-rows.js';
import { layerNorm } from './layer-norm.js';
import { layerNormBackward } from './layer-norm-backward.js';
import { matmul } from './matmul.js';
import { pointwise } from './pointwise.js';
import { reduce } from './reduce.js';
import { scan } from './scan.js';
import { scatter } from './scatter.js';
import { scatterAddRows } from './scatter-rows.js';
import { softmax, softmaxBackward } from './softmax.js';
import { sort } from './sort.js';

export const kernelTable: KernelTable<KernelContext> = {
  pointwise,
  matmul,
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

/** Every kernel kind and the function that requests it: complete, or it does not compile. */
import type { KernelTable } from '../../requests.js';
import type { KernelContext } from '../context.js';
import { attention } from './attention/attention.js';
import { attentionBackward } from './attention/backward.js';
import { gather } from './indexing/gather.js';
import { gatherRows } from './indexing/gather-rows.js';
import { scatter } from './indexing/scatter.js';
import { scatterAddRows } from './indexing/scatter-rows.js';
import { sort } from './indexing/sort.js';
import { matmul } from './matmul/matmul.js';
import { adam } from './optimizer/adam.js';
import { clip, norm } from './optimizer/clip.js';
import { descend } from './optimizer/descend.js';
import { pointwise } from './pointwise/pointwise.js';
import { reduce } from './reduce/reduce.js';
import { crossEntropy, crossEntropyBackward } from './rows/cross-entropy.js';
import { layerNorm } from './rows/layer-norm.js';
import { layerNormBackward } from './rows/layer-norm-backward.js';
import { softmax, softmaxBackward } from './rows/softmax.js';
import { scan } from './scan.js';

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

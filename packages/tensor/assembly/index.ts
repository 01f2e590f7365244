/** All exports of the kernel module: kernels by name, primitives as `op_<record>_<dtype>`, and the address of free memory. */
export * from './primitives/arithmetic';
export * from './primitives/bits';
export * from './primitives/elementary';
export * from './primitives/functions';
export * from './primitives/logic';
export {
  op_cast_bool_bool, op_cast_bool_float32, op_cast_bool_int32, op_cast_bool_uint8,
  op_cast_float32_bool, op_cast_float32_float32, op_cast_float32_int32, op_cast_float32_uint8,
  op_cast_int32_bool, op_cast_int32_float32, op_cast_int32_int32, op_cast_int32_uint8,
  op_cast_uint8_bool, op_cast_uint8_float32, op_cast_uint8_int32, op_cast_uint8_uint8,
  op_index_int32, op_spread, op_uniform_int32,
} from './primitives/sources';
export { attentionBackward } from './attention/backward';
export { attention, attentionThin } from './attention/forward';
export { pack } from './gemm/pack';
export { matmul } from './gemm/matmul';
export { matmulThin } from './gemm/thin';
export { gather, scatter } from './indexing';
export { layerNorm, layerNormBackward } from './layernorm';
export { line } from './line';
export { crossEntropy, crossEntropyBackward } from './loss';
export { setScratch } from './memory';
export { scale, squares } from './clip';
export { adam, descend } from './optimizer';
export { pointwise } from './pointwise';
export { fork, join, serve } from './pool';
export { draw, shuffle, twist } from './random';
export { reduce } from './reduce';
export { clear, gatherRows, scatterAddRows } from './rows';
export { scan, segmentScan, segmentSums } from './scan';
export { selectFirst } from './select';
export { softmax, softmaxBackward } from './softmax';
export { mergeRuns, sort, sortRuns } from './sort';
export { transpose } from './transpose';

/** Where the module's own data ends. */
export const heapBase: usize = __heap_base;

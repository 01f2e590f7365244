/**
 * Attention of a few queries to many keys, as in decoding word by word: tiles of queries alone would leave most of an adapter idle, so the keys
 * of a matrix are cut into slices, each a workgroup's (Flash-Decoding: Dao et al. 2023). Each slice leaves its own result and the
 * logarithm of its sum of exponentials; the kernel here weighs them.
 */
import type { Strided } from '../../../requests.js';
import { BELOW_SCALE } from '../wgsl/exponential.js';
import { prelude } from '../wgsl/prelude.js';
import { type KernelSource, read, u32, write } from '../wgsl/source.js';

/** Results of slices lie as [...batch, slices, queries, valueWidth]; this is the first of them as the kernel's result. */
export function partialOut(
  buffer: Strided['buffer'],
  batch: readonly number[],
  slices: number,
  queries: number,
  valueWidth: number,
): Strided {
  const strides = batch.map(
    (_, d) => batch.slice(d + 1).reduce((product, size) => product * size, 1) * slices * queries * valueWidth,
  );
  return { buffer, dtype: 'float32', offset: 0, strides: [...strides, valueWidth, 1] };
}

/** One element of the result an invocation; `hasSums`: the first of a row also writes its logarithm. */
export function sumOfSlicesSource(batchRank: number, hasSums: boolean, workgroupSize: number): KernelSource {
  const dims = Array.from({ length: batchRank }, (_, i) => batchRank - 1 - i);
  const main = [
    `let wanted = group * ${workgroupSize}u + lane;`,
    'if (wanted >= p.elements) {',
    '  return;',
    '}',
    'let column = wanted % p.valueWidth;',
    'let row = (wanted / p.valueWidth) % p.queries;',
    'let matrix = wanted / (p.valueWidth * p.queries);',
    'var place = p.outOffset + row * p.outRow + column;',
    ...(batchRank > 0 ? ['var rest = matrix;'] : []),
    ...dims.flatMap((d) => [`place += (rest % p.batch${d}) * p.outBatch${d};`, `rest /= p.batch${d};`]),
    'let first = matrix * p.slices * p.queries + row;',
    '// A slice of which the row sees no key has no logarithm; nor does it count, unless all are so.',
    'var highest = LOWEST;',
    'for (var slice = 0u; slice < p.slices; slice++) {',
    '  highest = max(highest, logs[first + slice * p.queries]);',
    '}',
    'var total = 0.0;',
    'var sum = 0.0;',
    'for (var slice = 0u; slice < p.slices; slice++) {',
    '  let at = first + slice * p.queries;',
    '  let share = expBelowIeee(max(logs[at], LOWEST) - highest);',
    '  total += share;',
    '  sum += share * partial[at * p.valueWidth + column];',
    '}',
    'out[place] = sum / total;',
    ...(hasSums
      ? [
          'if (column == 0u) {',
          `  logSumExp[p.sumsOffset + matrix * p.queries + row] = highest + logIeee(total * ${BELOW_SCALE});`,
          '}',
        ]
      : []),
  ].join('\n');
  return {
    label: 'attention, sum of slices',
    about: 'An invocation weighs the results of all slices of keys for one element.',
    bindings: [read('partial'), read('logs'), write('out'), ...(hasSums ? [write('logSumExp')] : [])],
    params: {
      ...u32('elements', 'queries', 'valueWidth', 'slices', 'sumsOffset', 'outOffset', 'outRow'),
      ...u32(...dims.flatMap((d) => [`batch${d}`, `outBatch${d}`])),
    },
    workgroupSize,
    declarations: ['const LOWEST = -3.4028234e38;', prelude(['expBelowIeee', ...(hasSums ? ['logIeee'] : [])], 1)].join(
      '\n\n',
    ),
    main,
  };
}

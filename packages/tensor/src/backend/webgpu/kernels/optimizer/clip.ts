/**
 * The norm of many tensors together, and scaling them by it: clipping of gradients without a readback. Invocations sum strips of squares, of as
 * many tensors a dispatch as the adapter binds; a reduction adds the strips up.
 */
import type { ClipRequest, Dense, DeviceBuffer, NormRequest } from '../../../requests.js';
import { groupsOf, type KernelContext } from '../../context.js';
import { reduce } from '../reduce/reduce.js';
import { prelude } from '../wgsl/prelude.js';
import { dedent, type Element, indent, type KernelSource, lines, read, u32, write } from '../wgsl/source.js';
import { chunksOf, dispatchSteps, type Member } from './steps.js';

/** Elements, or vectors of four, that an invocation squares and adds up. */
const STRIP = 16;

export function norm(context: KernelContext, { inputs, out }: NormRequest): void {
  const { workgroupSize } = context.tuning.pointwise;
  const members = inputs.map(({ count, data }): Member => ({ count, operands: [data] }));
  // What lies behind a tail may be anything: only whole vectors are summed.
  const chunks = chunksOf(context, members, { spare: 1, isTailFree: false });
  const groupsIn = (chunk: readonly Member[], unit: number): number =>
    chunk.reduce((sum, { count }) => sum + groupsOf(count / unit, workgroupSize * STRIP), 0);
  let length = 0;
  for (const { chunk, unit } of chunks) length += groupsIn(chunk, unit) * workgroupSize;
  const sums = context.temporary(Math.max(1, length) * 4);
  let sumsAt = 0;
  for (const { chunk, unit } of chunks) {
    const params = [sumsAt];
    const buffers: DeviceBuffer[] = [];
    const places: number[] = [];
    let groups = 0;
    for (const { count, operands } of chunk) {
      const [{ buffer, offset }] = operands as readonly [Dense];
      groups += groupsOf(count / unit, workgroupSize * STRIP);
      params.push(count / unit, groups, offset / unit);
      // Tensors that share a buffer share its binding.
      const known = buffers.indexOf(buffer);
      places.push(known < 0 ? buffers.push(buffer) - 1 : known);
    }
    const element: Element = unit === 4 ? 'vec4<f32>' : 'f32';
    const bound = buffers.length;
    const kernel = context.kernel(`squares|${element}|${places.join()}`, () =>
      squaresSource(element, places, bound, workgroupSize),
    );
    buffers.push(sums);
    context.dispatch(kernel, buffers, params, groups);
    sumsAt += groups * workgroupSize;
  }
  const total: Dense = { buffer: context.temporary(4), dtype: 'float32', offset: 0 };
  const input: Dense = { buffer: sums, dtype: 'float32', offset: 0 };
  reduce(context, { kind: 'reduce', op: 'sum', outer: 1, length, inner: 1, scale: 1, input, out: total });
  const kernel = context.kernel('norm', rootSource);
  context.dispatch(kernel, { sum: total.buffer, out: out.buffer }, { outAt: out.offset }, 1);
}

function squaresSource(
  element: Element,
  places: readonly number[],
  buffers: number,
  workgroupSize: number,
): KernelSource {
  const branch = (i: number): string => `
    let first = (group - ${i === 0 ? '0u' : `p.end${i - 1}`}) * ${workgroupSize * STRIP}u + lane;
    for (var step = 0u; step < ${STRIP}u; step++) {
      let i = first + step * ${workgroupSize}u;
      if (i < p.count${i}) {
        let x = x${places[i]}[p.at${i} + i];
        sum += x * x;
      }
    }`;
  return {
    label: 'squares',
    about: `Each invocation sums the squares of ${STRIP} elements (${element}) of one of ${places.length} tensors.`,
    bindings: [...Array.from({ length: buffers }, (_, i) => read(`x${i}`, element)), write('sums')],
    params: u32('sumsAt', ...places.flatMap((_, i) => [`count${i}`, `end${i}`, `at${i}`])),
    workgroupSize,
    main: [
      `var sum = ${element}(0.0);`,
      lines(places.length, (i) =>
        [`${i === 0 ? '' : 'else '}if (group < p.end${i}) {`, indent(dedent(branch(i))), '}'].join('\n'),
      ),
      `if (group < p.end${places.length - 1}) {`,
      `  sums[p.sumsAt + group * ${workgroupSize}u + lane] = ${element === 'f32' ? 'sum' : '(sum.x + sum.y) + (sum.z + sum.w)'};`,
      '}',
    ].join('\n'),
  };
}

function rootSource(): KernelSource {
  return {
    label: 'norm',
    about: 'The root of one number.',
    bindings: [read('sum'), write('out')],
    params: u32('outAt'),
    workgroupSize: 1,
    main: 'out[p.outAt] = sqrt(sum[0]);',
  };
}

export function clip(context: KernelContext, { norm: total, maxNorm, targets }: ClipRequest): void {
  dispatchSteps(
    context,
    {
      label: 'clip',
      key: 'clip',
      roles: [{ name: 'x', isWritten: true }],
      shared: { total },
      numbers: { maxNorm },
      text: () => ({
        body: 'let factor = minimum(1.0, p.maxNorm / (total[p.totalAt] + 1e-6));',
        results: { x: 'x * factor' },
      }),
      helpers: () => prelude(['minimum'], 1),
    },
    targets.map(({ count, data }) => ({ count, operands: [data] })),
  );
}

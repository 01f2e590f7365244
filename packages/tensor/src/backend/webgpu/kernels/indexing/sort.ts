/**
 * The stable order of rows. Blocks of 32 elements are put in order by counting: an element's place is the number of elements that come
 * before it. Then sorted runs are merged in pairs, again without any exchange between invocations: an element's place in the merged run
 * is its place in its own plus the number of elements of the other run that come before it, found by bisection.
 */
import { type DType, isFloating } from '../../../../dtype.js';
import type { DeviceBuffer, SortRequest } from '../../../requests.js';
import { groupsOf, type KernelContext } from '../../context.js';
import { prelude } from '../wgsl/prelude.js';
import { type KernelSource, read, type Scalar, u32, write } from '../wgsl/source.js';

const BLOCK = 32;

interface Run {
  readonly keys: DeviceBuffer;
  readonly places: DeviceBuffer;
}

export function sort(context: KernelContext, request: SortRequest): void {
  const { rows, length, descending, input, out } = request;
  const total = rows * length;
  if (total === 0) return;
  const { workgroupSize } = context.tuning.pointwise;
  const groups = groupsOf(total, workgroupSize);
  const passes = Math.max(0, Math.ceil(Math.log2(length / BLOCK)));
  // The last pass writes to the output; between passes the runs go back and forth.
  const temporary = (): Run => ({ keys: context.temporary(total * 4), places: context.temporary(total * 4) });
  const last: Run = { keys: context.temporary(total * 4), places: out.buffer };
  const spare = passes > 0 ? [temporary(), ...(passes > 1 ? [temporary()] : [])] : [];
  const targetOf = (pass: number): Run => (pass === passes ? last : (spare[pass % 2] ?? last));
  const offsetOf = (pass: number): number => (pass === passes ? out.offset : 0);

  const blocks = context.kernel(`sortBlocks|${input.dtype}|${descending}`, () =>
    blockSource(input.dtype, descending, workgroupSize),
  );
  const first = targetOf(0);
  context.dispatch(
    blocks,
    { x: input.buffer, keys: first.keys, places: first.places },
    { total, length, xOffset: input.offset, outOffset: offsetOf(0) },
    groups,
  );
  for (let pass = 1; pass <= passes; pass++) {
    const source = targetOf(pass - 1);
    const target = targetOf(pass);
    const kernel = context.kernel('sortMerge', () => mergeSource(workgroupSize));
    context.dispatch(
      kernel,
      { keys: source.keys, places: source.places, mergedKeys: target.keys, mergedPlaces: target.places },
      { total, length, width: BLOCK * 2 ** (pass - 1), outOffset: offsetOf(pass) },
      groups,
    );
  }
}

function blockSource(dtype: DType, descending: boolean, workgroupSize: number): KernelSource {
  const isFloat = isFloating(dtype);
  const element: Scalar = isFloat ? 'f32' : 'i32';
  const key = isFloat ? 'select(order(v), 2147483647, isNan(v))' : 'v';
  return {
    label: 'sort: blocks',
    about: `Each invocation finds the place of one element among the ${BLOCK} of its block.`,
    bindings: [read('x', element), write('keys', 'i32'), write('places', 'i32')],
    params: u32('total', 'length', 'xOffset', 'outOffset'),
    workgroupSize,
    declarations: [
      prelude(isFloat ? ['order', 'isNan'] : [], 1),
      `// Grows with the element; NaN is above all.
fn keyAt(at: u32) -> i32 {
  let v = x[p.xOffset + at];
  return ${descending ? '~' : ''}(${key});
}`,
    ]
      .filter((text) => text !== '')
      .join('\n\n'),
    each: ['at', 'p.total'],
    main: `
      let place = at % p.length;
      let row = at - place;
      let begin = place - place % ${BLOCK}u;
      let end = min(begin + ${BLOCK}u, p.length);
      let key = keyAt(at);
      var rank = 0u;
      for (var other = begin; other < end; other++) {
        let otherKey = keyAt(row + other);
        rank += u32(otherKey < key || (otherKey == key && other < place));
      }
      keys[row + begin + rank] = key;
      places[p.outOffset + row + begin + rank] = i32(place);`,
  };
}

function mergeSource(workgroupSize: number): KernelSource {
  return {
    label: 'sort: merge',
    about: 'Each invocation moves one element of a run of p.width to its place in the merged run of twice that.',
    bindings: [read('keys', 'i32'), read('places', 'i32'), write('mergedKeys', 'i32'), write('mergedPlaces', 'i32')],
    params: u32('total', 'length', 'width', 'outOffset'),
    workgroupSize,
    each: ['at', 'p.total'],
    main: `
      let place = at % p.length;
      let row = at - place;
      let run = place / p.width;
      let isLeft = run % 2u == 0u;
      let begin = run * p.width;
      let pair = begin - select(p.width, 0u, isLeft);
      // The other run: how many of its elements come before this one? Of equal ones those on the left.
      let other = min(select(begin - p.width, begin + p.width, isLeft), p.length);
      var low = other;
      var high = min(other + p.width, p.length);
      let key = keys[at];
      while (low < high) {
        let middle = (low + high) / 2u;
        let otherKey = keys[row + middle];
        if (otherKey < key || (!isLeft && otherKey == key)) {
          low = middle + 1u;
        } else {
          high = middle;
        }
      }
      let merged = row + pair + (place - begin) + (low - other);
      mergedKeys[merged] = key;
      mergedPlaces[p.outOffset + merged] = places[at];`,
  };
}

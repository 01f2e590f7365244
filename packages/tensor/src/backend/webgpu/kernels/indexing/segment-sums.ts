/**
 * Sums of rows that share a key, for rows in the order of their keys (`sorted-places.ts`). An invocation walks one column of a strip of rows: a key
 * that begins and ends inside of it is summed up and written, since no other strip has it. What a strip's first and last key come to is left
 * to the next pass, as a list of the same kind but much shorter, until one strip holds all. Strips depend on sizes alone, so the same
 * bits come out every time, and however often a key is repeated its sum is shared out, with errors that grow like a pairwise sum's.
 */
import type { Dense, DeviceBuffer } from '../../../requests.js';
import { groupsOf, type KernelContext } from '../../context.js';
import type { Width } from '../wgsl/prelude.js';
import { type Element, type KernelSource, read, type Scalar, storedAs, u32, write } from '../wgsl/source.js';
import type { SortedPlaces } from './sorted-places.js';

/** Rows of a strip. */
const SHORTEST_STRIP = 32;
const LONGEST_STRIP = 128;

/** Values [outer, count, inner] whose middle dim is added into a table [outer, size, inner] by key. */
export interface SegmentSums {
  readonly values: Dense;
  readonly table: Dense;
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
  readonly count: number;
  /** Whether places are [outer, inner, count], and keys [outer, inner, size]: each column has rows of its own. */
  readonly hasColumns: boolean;
  /** Whether sums are added to what the table holds. */
  readonly adds: boolean;
}

interface Variant {
  readonly element: Scalar;
  readonly unit: Width;
  readonly hasColumns: boolean;
  readonly adds: boolean;
  /** Whether rows are values by the order of places, or sums that an earlier pass left, one after the other. */
  readonly isFirst: boolean;
  /** Whether one strip holds all. */
  readonly isLast: boolean;
}

export function segmentSums(context: KernelContext, request: SegmentSums, sorted: SortedPlaces): void {
  const { values, table, outer, size, inner, count, hasColumns, adds } = request;
  const { workgroupSize, invocations } = context.tuning.reduce;
  const unit = !hasColumns && inner % 4 === 0 && values.offset % 4 === 0 && table.offset % 4 === 0 ? 4 : 1;
  const width = hasColumns ? 1 : (outer * inner) / unit;
  const element = storedAs(table.dtype);
  let keys = sorted.keys;
  let rows: DeviceBuffer | undefined;
  let length = hasColumns ? outer * inner * count : count;
  for (;;) {
    const even = Math.ceil((length * width) / invocations);
    const stripLength = Math.min(Math.max(even, SHORTEST_STRIP), LONGEST_STRIP);
    const strips = length <= 2 * SHORTEST_STRIP ? 1 : Math.ceil(length / stripLength);
    const [isFirst, isLast] = [rows === undefined, strips === 1];
    const variant: Variant = { element, unit, hasColumns, adds, isFirst, isLast };
    // Two of each strip: its first key, and its last.
    const restKeys = isLast ? undefined : context.temporary(strips * 2 * 4);
    const rest = isLast ? undefined : context.temporary(strips * 2 * width * unit * 4);
    const kernel = context.kernel(`segmentSums|${element}|${unit}|${hasColumns}|${adds}|${isFirst}|${isLast}`, () =>
      segmentSource(variant, workgroupSize),
    );
    context.dispatch(
      kernel,
      {
        values: rows ?? values.buffer,
        keys,
        order: isFirst ? sorted.order : undefined,
        out: table.buffer,
        rest,
        restKeys,
      },
      {
        length,
        strips,
        stripLength: isLast ? length : stripLength,
        width,
        size,
        inner: inner / unit,
        count,
        keyCount: hasColumns ? outer * inner * size : size,
        valuesOffset: isFirst ? values.offset / unit : 0,
        outOffset: table.offset / unit,
      },
      groupsOf(strips * width, workgroupSize),
    );
    if (rest === undefined || restKeys === undefined) return;
    [rows, keys, length] = [rest, restKeys, strips * 2];
  }
}

function segmentSource(variant: Variant, workgroupSize: number): KernelSource {
  const { element, unit, hasColumns, adds, isFirst, isLast } = variant;
  const V: Element = unit === 4 ? `vec4<${element}>` : element;
  // Where columns have rows of their own, a row's number tells the column; else the invocation's column is found once, ahead of the loop.
  const starts = hasColumns
    ? ''
    : `
      let o = c / p.inner;
      let i = c % p.inner;
      let valueStart = p.valuesOffset + o * p.count * p.inner + i;
      let outStart = p.outOffset + o * p.size * p.inner + i;`;
  const inColumn = (name: string, length: string) =>
    `let column = ${name} / p.${length};
  return ((column / p.inner) * p.${length} + ${name} % p.${length}) * p.inner + column % p.inner;`;
  const declarations = hasColumns
    ? `fn valueAt(place: u32) -> u32 {
  ${inColumn('place', 'count')}
}

fn outAt(key: u32) -> u32 {
  ${inColumn('key', 'size')}
}`
    : '';
  const value = isFirst
    ? `values[${hasColumns ? 'p.valuesOffset + valueAt(order[j])' : 'valueStart + order[j] * p.inner'}]`
    : 'values[j * p.width + c]';
  const at = hasColumns ? 'p.outOffset + outAt(key)' : 'outStart + key * p.inner';
  const finish = (indentation: string) =>
    ['if (key < p.keyCount) {', `  out[${at}] ${adds ? '+=' : '='} sum;`, '}']
      .map((line) => `\n${indentation}${line}`)
      .join('');
  const leave = isLast
    ? finish('      ')
    : `
      // A key that fills the strip is its first and its last.
      let place = strip * 2u;
      if (isFirst) {
        rest[place * p.width + c] = sum;
        sum = ${V}();
      }
      rest[(place + 1u) * p.width + c] = sum;
      if (c == 0u) {
        restKeys[place] = keys[begin];
        restKeys[place + 1u] = key;
      }`;
  const turn = isLast
    ? finish('          ')
    : `
          if (isFirst) {
            rest[strip * 2u * p.width + c] = sum;
            isFirst = false;
          } else {${finish('            ')}
          }`;
  return {
    label: `sums by key${isFirst ? '' : ', what strips left'}`,
    about: `Each invocation sums one column of ${V} over one strip of rows, key by key.`,
    bindings: [
      read('values', V),
      read('keys', 'u32'),
      ...(isFirst ? [read('order', 'u32')] : []),
      write('out', V),
      ...(isLast ? [] : [write('rest', V), write('restKeys', 'u32')]),
    ],
    params: u32(
      ...['length', 'strips', 'stripLength', 'width', 'size', 'inner', 'count', 'keyCount'],
      ...['valuesOffset', 'outOffset'],
    ),
    workgroupSize,
    ...(declarations === '' ? {} : { declarations }),
    each: ['at', 'p.strips * p.width'],
    main: `
      let c = at % p.width;
      let strip = at / p.width;${starts}
      let begin = strip * p.stripLength;
      let end = min(begin + p.stripLength, p.length);
      var key = keys[begin];
      var sum = ${V}();${isLast ? '' : '\n      var isFirst = true;'}
      for (var j = begin; j < end; j++) {
        let next = keys[j];
        if (next != key) {${turn}
          key = next;
          sum = ${V}();
        }
        sum += ${value};
      }${leave}`,
  };
}

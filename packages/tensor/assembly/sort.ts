/**
 * The stable order of the elements of rows. Key and place are packed into one 64-bit word, so that comparing words compares
 * keys and, where these are equal, places; the words are merge-sorted from short runs that are sorted by insertion.
 */
import { SortField } from './layout';
import { int, pointer } from './memory';

const RUN: i32 = 16;

export function sort(record: usize, begin: i32, end: i32): void {
  const count = int(record, SortField.count);
  const flip: i32 = int(record, SortField.descending) != 0 ? -1 : 0;
  const float = int(record, SortField.float) != 0;
  const bytes = <usize>count << 3;
  for (let row = begin; row < end; row++) {
    const input = pointer(record, SortField.input) + ((<usize>row * <usize>count) << 2);
    const out = pointer(record, SortField.out) + ((<usize>row * <usize>count) << 2);
    let source = pointer(record, SortField.space) + <usize>row * 2 * bytes;
    let target = source + bytes;
    for (let i = 0; i < count; i++) {
      const word = load<i32>(input + (<usize>i << 2));
      const key = (float ? keyOf(word) : word) ^ flip;
      store<i64>(source + (<usize>i << 3), (<i64>key << 32) | <i64>i);
    }
    for (let first = 0; first < count; first += RUN) insertionSort(source, first, min(first + RUN, count));
    for (let width = RUN; width < count; width *= 2) {
      for (let first = 0; first < count; first += 2 * width) {
        merge(target, source, first, min(first + width, count), min(first + 2 * width, count));
      }
      const sorted = target;
      target = source;
      source = sorted;
    }
    for (let i = 0; i < count; i++) store<i32>(out + (<usize>i << 2), load<i32>(source + (<usize>i << 3)));
  }
}

/** An integer that grows with the float whose bits these are: the two zeros equal, NaN above all. */
// @ts-ignore: decorator
@inline
function keyOf(bits: i32): i32 {
  if ((bits & 0x7fffffff) > 0x7f800000) return i32.MAX_VALUE;
  return bits < 0 ? i32.MIN_VALUE - bits : bits;
}

function insertionSort(words: usize, first: i32, end: i32): void {
  for (let i = first + 1; i < end; i++) {
    const word = load<i64>(words + (<usize>i << 3));
    let j = i;
    while (j > first && load<i64>(words + (<usize>(j - 1) << 3)) > word) {
      store<i64>(words + (<usize>j << 3), load<i64>(words + (<usize>(j - 1) << 3)));
      j--;
    }
    store<i64>(words + (<usize>j << 3), word);
  }
}

function merge(target: usize, source: usize, first: i32, middle: i32, end: i32): void {
  let a = source + (<usize>first << 3);
  const aEnd = source + (<usize>middle << 3);
  let b = aEnd;
  const bEnd = source + (<usize>end << 3);
  let out = target + (<usize>first << 3);
  while (a < aEnd && b < bEnd) {
    const left = load<i64>(a);
    const right = load<i64>(b);
    const isLeft = left < right;
    store<i64>(out, isLeft ? left : right);
    a += isLeft ? 8 : 0;
    b += isLeft ? 0 : 8;
    out += 8;
  }
  memory.copy(out, a, aEnd - a);
  memory.copy(out + (aEnd - a), b, bEnd - b);
}

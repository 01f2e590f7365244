/**
 * The stable order of the elements of rows. Key and place are packed into one 64-bit word, so that comparing words compares
 * keys and, where these are equal, places; the words are merge-sorted from short runs that are sorted by insertion. No two words
 * are equal, so there is one order, however the work is cut: a long row is sorted in runs, which are then merged by pairs, each
 * work item making its part of the result (merge path: Odeh, Green et al. 2012).
 */
import { ItemSize, SortField } from './layout';
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
    const words = pointer(record, SortField.space) + <usize>row * 2 * bytes;
    for (let i = 0; i < count; i++) store<i64>(words + (<usize>i << 3), wordOf(input, i, float, flip));
    writePlaces(out, sortWords(words, words + bytes, count), count);
  }
}

/** The key of an element above, its place below. */
// @ts-ignore: decorator
@inline
export function wordOf(input: usize, place: i32, float: bool, flip: i32): i64 {
  const word = load<i32>(input + (<usize>place << 2));
  return (<i64>((float ? keyOf(word) : word) ^ flip) << 32) | <i64>place;
}

/** The places of words. */
export function writePlaces(out: usize, words: usize, count: i32): void {
  for (let i = 0; i < count; i++) store<i32>(out + (<usize>i << 2), load<i32>(words + (<usize>i << 3)));
}

/** Sorts words with as much space beside them, and says where of both they came to lie. */
export function sortWords(words: usize, space: usize, count: i32): usize {
  let source = words;
  let target = space;
  for (let first = 0; first < count; first += RUN) insertionSort(source, first, min(first + RUN, count));
  for (let width = RUN; width < count; width *= 2) {
    for (let first = 0; first < count; first += 2 * width) {
      const middle = source + (<usize>min(first + width, count) << 3);
      const last = source + (<usize>min(first + 2 * width, count) << 3);
      merge(target + (<usize>first << 3), source + (<usize>first << 3), middle, middle, last);
    }
    const sorted = target;
    target = source;
    source = sorted;
  }
  return source;
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

/** Merges [a, aEnd) with [b, bEnd). */
function merge(target: usize, aStart: usize, aEnd: usize, bStart: usize, bEnd: usize): void {
  let a = aStart;
  let b = bStart;
  let out = target;
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

/** Sorts runs of long rows; the result lies in the first half of the space. */
export function sortRuns(record: usize, begin: i32, end: i32): void {
  const count = int(record, SortField.count);
  const flip: i32 = int(record, SortField.descending) != 0 ? -1 : 0;
  const float = int(record, SortField.float) != 0;
  const runs = (count + ItemSize.sortRun - 1) / ItemSize.sortRun;
  for (let item = begin; item < end; item++) {
    const row = item / runs;
    const first = (item - row * runs) * ItemSize.sortRun;
    const length = min(ItemSize.sortRun, count - first);
    const input = pointer(record, SortField.input) + ((<usize>row * <usize>count) << 2);
    const offset = (<usize>row * <usize>count + <usize>first) << 3;
    const words = pointer(record, SortField.source) + offset;
    for (let i = 0; i < length; i++) store<i64>(words + (<usize>i << 3), wordOf(input, first + i, float, flip));
    const sorted = sortWords(words, pointer(record, SortField.target) + offset, length);
    if (sorted != words) memory.copy(words, sorted, <usize>length << 3);
  }
}

/** Of the first `taken` words of two merged runs, how many come from the first. */
function fromFirst(a: usize, aCount: i32, b: usize, bCount: i32, taken: i32): i32 {
  let low = max(0, taken - bCount);
  let high = min(taken, aCount);
  while (low < high) {
    const i = (low + high) >> 1;
    if (load<i64>(a + (<usize>i << 3)) < load<i64>(b + (<usize>(taken - 1 - i) << 3))) low = i + 1;
    else high = i;
  }
  return low;
}

/** Merges runs of `width` words by pairs; an item makes as many words of the result as a run had at first. Writes the places if it is the last pass. */
export function mergeRuns(record: usize, begin: i32, end: i32): void {
  const count = int(record, SortField.count);
  const width = int(record, SortField.width);
  const last = int(record, SortField.last) != 0;
  const parts = (count + ItemSize.sortRun - 1) / ItemSize.sortRun;
  for (let item = begin; item < end; item++) {
    const row = item / parts;
    const start = (item - row * parts) * ItemSize.sortRun;
    const length = min(ItemSize.sortRun, count - start);
    const pair = start - (start % (2 * width));
    const aCount = min(width, count - pair);
    const bCount = min(width, count - pair - aCount);
    const rowBytes = (<usize>row * <usize>count) << 3;
    const a = pointer(record, SortField.source) + rowBytes + (<usize>pair << 3);
    const b = a + (<usize>aCount << 3);
    const i = fromFirst(a, aCount, b, bCount, start - pair);
    const iEnd = fromFirst(a, aCount, b, bCount, start - pair + length);
    const target = pointer(record, SortField.target) + rowBytes + (<usize>start << 3);
    merge(
      target,
      a + (<usize>i << 3),
      a + (<usize>iEnd << 3),
      b + (<usize>(start - pair - i) << 3),
      b + (<usize>(start - pair + length - iEnd) << 3),
    );
    if (last) writePlaces(pointer(record, SortField.out) + ((<usize>row * <usize>count + <usize>start) << 2), target, length);
  }
}

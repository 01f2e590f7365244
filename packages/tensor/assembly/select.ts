/**
 * The first few of the order that sort.ts makes, without making the rest of it: a heap holds the best words so far with the worst of
 * them on top, and elements are compared with its key four at a time, which few of them pass.
 */
import { SortField } from './layout';
import { int, pointer } from './memory';
import { sortWords, wordOf, writePlaces } from './sort';

export function selectFirst(record: usize, begin: i32, end: i32): void {
  const count = int(record, SortField.count);
  const most = int(record, SortField.most);
  const flip: i32 = int(record, SortField.descending) != 0 ? -1 : 0;
  const float = int(record, SortField.float) != 0;
  const heapBytes = <usize>most << 3;
  for (let row = begin; row < end; row++) {
    const input = pointer(record, SortField.input) + ((<usize>row * <usize>count) << 2);
    const out = pointer(record, SortField.out) + ((<usize>row * <usize>count) << 2);
    const heap = pointer(record, SortField.space) + <usize>row * 2 * heapBytes;
    for (let i = 0; i < most; i++) store<i64>(heap + (<usize>i << 3), wordOf(input, i, float, flip));
    for (let i = (most >> 1) - 1; i >= 0; i--) sink(heap, i, most, load<i64>(heap + (<usize>i << 3)));
    if (float) scanFloats(heap, most, input, count, flip);
    else scanInts(heap, most, input, count, flip);
    writePlaces(out, sortWords(heap, heap + heapBytes, most), most);
  }
}

/** Puts a word at a place of the heap and lets it sink below those that are worse. */
function sink(heap: usize, place: i32, count: i32, word: i64): void {
  let at = place;
  while (true) {
    let child = 2 * at + 1;
    if (child >= count) break;
    let worse = load<i64>(heap + (<usize>child << 3));
    if (child + 1 < count) {
      const other = load<i64>(heap + (<usize>(child + 1) << 3));
      if (other > worse) {
        worse = other;
        child++;
      }
    }
    if (worse <= word) break;
    store<i64>(heap + (<usize>at << 3), worse);
    at = child;
  }
  store<i64>(heap + (<usize>at << 3), word);
}

/** The keys of sort.ts, four at a time. */
// @ts-ignore: decorator
@inline
function keysOf(bits: v128, float: bool, flip: v128): v128 {
  if (!float) return v128.xor(bits, flip);
  const sign = i32x4.shr_s(bits, 31);
  const keys = i32x4.sub(v128.xor(bits, i32x4.shr_u(sign, 1)), sign);
  const largest = i32x4.splat(i32.MAX_VALUE);
  const isNaN = i32x4.gt_s(v128.and(bits, largest), i32x4.splat(0x7f800000));
  return v128.xor(v128.bitselect(largest, keys, isNaN), flip);
}

/** Later elements with the key of the worst come behind it, so only smaller keys matter. */
// @ts-ignore: decorator
@inline
function scan(heap: usize, most: i32, input: usize, count: i32, flip: i32, float: bool): void {
  const flips = i32x4.splat(flip);
  let worst = i32x4.splat(<i32>(load<i64>(heap) >> 32));
  for (let i = most; i < count; i += 4) {
    const keys = keysOf(v128.load(input + (<usize>i << 2)), float, flips);
    let better = i32x4.bitmask(i32x4.lt_s(keys, worst));
    if (better == 0) continue;
    for (let place = i; better != 0 && place < count; place++, better >>= 1) {
      if ((better & 1) == 0) continue;
      const word = wordOf(input, place, float, flip);
      if (word < load<i64>(heap)) sink(heap, 0, most, word);
    }
    worst = i32x4.splat(<i32>(load<i64>(heap) >> 32));
  }
}

function scanFloats(heap: usize, most: i32, input: usize, count: i32, flip: i32): void {
  scan(heap, most, input, count, flip, true);
}

function scanInts(heap: usize, most: i32, input: usize, count: i32, flip: i32): void {
  scan(heap, most, input, count, flip, false);
}

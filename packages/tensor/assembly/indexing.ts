/**
 * Elements by an index along one dim of [outer, size, inner]: `gather` reads them, `scatter` writes or adds them back. An index
 * outside the dim is reported to the host, never followed. Scatter owns columns of its output for all places, so that every
 * element is changed by one thread in ascending order.
 */
import { IndexField } from './layout';
import { copyWords, int, pointer } from './memory';
import { reportFault } from './rows';

export function gather(record: usize, begin: i32, end: i32): void {
  const count = int(record, IndexField.count);
  const inner = int(record, IndexField.inner);
  const size = int(record, IndexField.size);
  const innerStride = <usize>int(record, IndexField.innerStride) << 2;
  if (inner == 1) {
    gatherColumns(record, begin, end);
    return;
  }
  const rowBytes = <usize>inner << 2;
  let out = pointer(record, IndexField.values) + <usize>begin * rowBytes;
  for (let item = begin; item < end; item++) {
    const outer = item / count;
    const table = pointer(record, IndexField.table) + <usize>outer * <usize>size * rowBytes;
    let index = indexOf(record, outer, item - outer * count);
    if (innerStride == 0) {
      const at = load<i32>(index);
      if (<u32>at < <u32>size) copyWords(out, table + <usize>at * rowBytes, inner);
      else reportFault(record, IndexField.fault, item * inner);
      out += rowBytes;
      continue;
    }
    let column = table;
    for (let i = 0; i < inner; i++) {
      const at = load<i32>(index);
      if (<u32>at < <u32>size) store<u32>(out, load<u32>(column + <usize>at * rowBytes));
      else reportFault(record, IndexField.fault, item * inner + i);
      index += innerStride;
      column += 4;
      out += 4;
    }
  }
}

/** The same along the last dim: one word an item, whose index lies at a fixed distance from the one before. */
function gatherColumns(record: usize, begin: i32, end: i32): void {
  const count = int(record, IndexField.count);
  const size = int(record, IndexField.size);
  const step = <usize>int(record, IndexField.placeStride) << 2;
  let out = pointer(record, IndexField.values) + (<usize>begin << 2);
  for (let item = begin; item < end; ) {
    const outer = item / count;
    const place = item - outer * count;
    const stop = min(item + count - place, end);
    const table = pointer(record, IndexField.table) + ((<usize>outer * <usize>size) << 2);
    let index = indexOf(record, outer, place);
    for (; item < stop; item++) {
      const at = load<i32>(index);
      if (<u32>at < <u32>size) store<u32>(out, load<u32>(table + (<usize>at << 2)));
      else reportFault(record, IndexField.fault, item);
      index += step;
      out += 4;
    }
  }
}

export function scatter(record: usize, begin: i32, end: i32): void {
  const count = int(record, IndexField.count);
  const inner = int(record, IndexField.inner);
  const size = int(record, IndexField.size);
  const group = int(record, IndexField.columnGroup);
  const groups = int(record, IndexField.columnGroups);
  const mode = int(record, IndexField.mode);
  const innerStride = <usize>int(record, IndexField.innerStride) << 2;
  const rowBytes = <usize>inner << 2;
  for (let item = begin; item < end; item++) {
    const outer = item / groups;
    const first = (item - outer * groups) * group;
    const last = min(first + group, inner);
    const table = pointer(record, IndexField.table) + <usize>outer * <usize>size * rowBytes;
    let value = pointer(record, IndexField.values) + <usize>outer * <usize>count * rowBytes;
    if (inner == 1) {
      if (mode == 0) scatterColumn(record, outer, table, value, 0);
      else if (mode == 1) scatterColumn(record, outer, table, value, 1);
      else scatterColumn(record, outer, table, value, 2);
      continue;
    }
    for (let place = 0; place < count; place++) {
      let index = indexOf(record, outer, place) + <usize>first * innerStride;
      if (innerStride == 0) {
        const at = load<i32>(index);
        const offset = <usize>first << 2;
        if (<u32>at < <u32>size) changeRun(table + <usize>at * rowBytes + offset, value + offset, last - first, mode);
        else reportFault(record, IndexField.fault, (outer * count + place) * inner + first);
        value += rowBytes;
        continue;
      }
      for (let i = first; i < last; i++) {
        const at = load<i32>(index);
        const offset = <usize>i << 2;
        if (<u32>at < <u32>size) change(table + <usize>at * rowBytes + offset, value + offset, mode);
        else reportFault(record, IndexField.fault, (outer * count + place) * inner + i);
        index += innerStride;
      }
      value += rowBytes;
    }
  }
}

/** The same along the last dim. */
// @ts-ignore: decorator
@inline
function scatterColumn(record: usize, outer: i32, table: usize, values: usize, mode: i32): void {
  const count = int(record, IndexField.count);
  const size = int(record, IndexField.size);
  const step = <usize>int(record, IndexField.placeStride) << 2;
  let index = indexOf(record, outer, 0);
  let value = values;
  for (let place = 0; place < count; place++) {
    const at = load<i32>(index);
    if (<u32>at < <u32>size) change(table + (<usize>at << 2), value, mode);
    else reportFault(record, IndexField.fault, outer * count + place);
    index += step;
    value += 4;
  }
}

// @ts-ignore: decorator
@inline
function indexOf(record: usize, outer: i32, place: i32): usize {
  const at = outer * int(record, IndexField.outerStride) + place * int(record, IndexField.placeStride);
  return pointer(record, IndexField.index) + (<usize>at << 2);
}

// @ts-ignore: decorator
@inline
function change(target: usize, source: usize, mode: i32): void {
  if (mode == 0) store<u32>(target, load<u32>(source));
  else if (mode == 1) store<f32>(target, load<f32>(target) + load<f32>(source));
  else store<i32>(target, load<i32>(target) + load<i32>(source));
}

/** A run of elements that one index sends to the same place. */
function changeRun(target: usize, source: usize, count: i32, mode: i32): void {
  const end = source + (<usize>count << 2);
  while (source + 16 <= end) {
    const x = v128.load(source);
    if (mode == 0) v128.store(target, x);
    else if (mode == 1) v128.store(target, f32x4.add(v128.load(target), x));
    else v128.store(target, i32x4.add(v128.load(target), x));
    target += 16;
    source += 16;
  }
  while (source < end) {
    change(target, source, mode);
    target += 4;
    source += 4;
  }
}

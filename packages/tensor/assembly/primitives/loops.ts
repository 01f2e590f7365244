/**
 * The loops that primitives share. A primitive computes `count` elements, a multiple of 16, from block buffers `a`, `b`, `c` to
 * `target`, which may be one of them. Its arithmetic is a class without state, so that each use compiles to a loop of its own.
 */

@unmanaged
export abstract class Unary {
  abstract apply(x: v128): v128;
}

@unmanaged
export abstract class Binary {
  abstract apply(x: v128, y: v128): v128;
}

/** For short arithmetic: four vectors a turn. */
// @ts-ignore: decorator
@inline
export function map1<F extends Unary>(target: usize, a: usize, count: i32): void {
  const f = changetype<F>(0);
  const end = target + (<usize>count << 2);
  while (target < end) {
    v128.store(target, f.apply(v128.load(a)));
    v128.store(target, f.apply(v128.load(a, 16)), 16);
    v128.store(target, f.apply(v128.load(a, 32)), 32);
    v128.store(target, f.apply(v128.load(a, 48)), 48);
    target += 64;
    a += 64;
  }
}

// @ts-ignore: decorator
@inline
export function map2<F extends Binary>(target: usize, a: usize, b: usize, count: i32): void {
  const f = changetype<F>(0);
  const end = target + (<usize>count << 2);
  while (target < end) {
    v128.store(target, f.apply(v128.load(a), v128.load(b)));
    v128.store(target, f.apply(v128.load(a, 16), v128.load(b, 16)), 16);
    v128.store(target, f.apply(v128.load(a, 32), v128.load(b, 32)), 32);
    v128.store(target, f.apply(v128.load(a, 48), v128.load(b, 48)), 48);
    target += 64;
    a += 64;
    b += 64;
  }
}

/** For long arithmetic: two vectors a turn, so that constants which find no register are fetched half as often. */
// @ts-ignore: decorator
@inline
export function mapLong1<F extends Unary>(target: usize, a: usize, count: i32): void {
  const f = changetype<F>(0);
  const end = target + (<usize>count << 2);
  while (target < end) {
    const y0 = f.apply(v128.load(a));
    const y1 = f.apply(v128.load(a, 16));
    v128.store(target, y0);
    v128.store(target, y1, 16);
    target += 32;
    a += 32;
  }
}

// @ts-ignore: decorator
@inline
export function mapLong2<F extends Binary>(target: usize, a: usize, b: usize, count: i32): void {
  const f = changetype<F>(0);
  const end = target + (<usize>count << 2);
  while (target < end) {
    const z0 = f.apply(v128.load(a), v128.load(b));
    const z1 = f.apply(v128.load(a, 16), v128.load(b, 16));
    v128.store(target, z0);
    v128.store(target, z1, 16);
    target += 32;
    a += 32;
    b += 32;
  }
}

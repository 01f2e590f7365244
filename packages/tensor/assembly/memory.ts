/**
 * Reading parameter records, and the scratch memory of the thread that runs this instance. Linear memory belongs to the host:
 * it places records, operands and scratch; the kernels here keep nothing between calls but the address of their scratch.
 */

// @ts-ignore: decorator
@inline
export function int(record: usize, field: i32): i32 {
  return load<i32>(record + (<usize>field << 2));
}

// @ts-ignore: decorator
@inline
export function pointer(record: usize, field: i32): usize {
  return load<usize>(record + (<usize>field << 2));
}

// @ts-ignore: decorator
@inline
export function real(record: usize, field: i32): f32 {
  return load<f32>(record + (<usize>field << 2));
}

let scratchAddress: usize = 0;

/** Hands this instance its scratch memory, 64-byte aligned; every thread has its own. */
export function setScratch(address: usize): void {
  scratchAddress = address;
}

/** The thread's scratch memory. */
export function scratch(): usize {
  return scratchAddress;
}

/** Copies a short run of words: `count` is mostly below what makes a call of memory.copy worth while. */
export function copyWords(target: usize, source: usize, count: i32): void {
  if (count >= 64) {
    memory.copy(target, source, <usize>count << 2);
    return;
  }
  const end = target + (<usize>count << 2);
  while (target + 16 <= end) {
    v128.store(target, v128.load(source));
    target += 16;
    source += 16;
  }
  while (target < end) {
    store<u32>(target, load<u32>(source));
    target += 4;
    source += 4;
  }
}

/** Stores one word `count` times, rounded up to whole vectors. */
export function fillWords(target: usize, value: u32, count: i32): void {
  const vector = i32x4.splat(<i32>value);
  const end = target + (<usize>count << 2);
  while (target < end) {
    v128.store(target, vector);
    target += 16;
  }
}

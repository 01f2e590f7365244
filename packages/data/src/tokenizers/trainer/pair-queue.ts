/** A binary heap of token pairs: the most frequent first, and of equally frequent ones the pair of the smallest ids. */

/** A pair of tokens with its count when it was queued and the words that it was seen in. */
export interface QueuedPair {
  readonly first: number;
  readonly second: number;
  readonly count: number;
  readonly words: readonly number[];
}

/** Whether `a` comes before `b`. */
function precedes(a: QueuedPair, b: QueuedPair): boolean {
  if (a.count !== b.count) return a.count > b.count;
  return a.first !== b.first ? a.first < b.first : a.second < b.second;
}

/** A priority queue of pairs. */
export class PairQueue {
  readonly #heap: QueuedPair[] = [];

  push(pair: QueuedPair): void {
    const heap = this.#heap;
    let i = heap.push(pair) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent] as QueuedPair;
      if (!precedes(pair, above)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = pair;
  }

  /** Removes the first pair; undefined when the queue is empty. */
  pop(): QueuedPair | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && precedes(heap[child + 1] as QueuedPair, heap[child] as QueuedPair)) child++;
      const below = heap[child] as QueuedPair;
      if (!precedes(below, last)) break;
      heap[i] = below;
      i = child;
    }
    heap[i] = last;
    return top;
  }
}

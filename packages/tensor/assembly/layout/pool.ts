/**
 * What threads share to divide a launch among them. Words that are written while others spin on them have a cache line each.
 */
export enum PoolField {
  /** Pieces of the launch that nobody has taken yet; 0 between launches, -1 when the threads are to end. */
  ticket = 0,
  /** Pieces that are computed. */
  done = 16,
  /** Threads that sleep. */
  sleepers = 32,
  /** 1 while the thread that launched sleeps. */
  waiting = 33,
  /** Threads that have arrived. */
  ready = 34,
  /** 1 once a kernel has failed in a thread. */
  failed = 35,
  /** The launch: table index of its kernel, record, work items, pieces. Written only while no piece is out. */
  kernel = 48,
  record = 49,
  items = 50,
  pieces = 51,
  length = 64,
}

/**
 * Fork and join, in two calls, so that the thread that launches can go on with its program meanwhile. It describes the work and
 * sets the ticket to the number of pieces; whoever takes one counts the ticket down. A piece is taken before the description is
 * read, and no launch begins before every piece of the last one is computed, so no thread ever reads a description that is being
 * written, however late it wakes. Threads that get no time hold nobody up: the others take their pieces.
 */
import { PoolField } from './layout';
import { int, pointer } from './memory';

// @ts-ignore: decorator
@inline
function at(pool: usize, field: i32): usize {
  return pool + (<usize>field << 2);
}

/**
 * Wakes threads if there are any asleep. That costs the waking thread some 10 µs each, so whoever launches wakes one, and those
 * that are woken wake two each. A thread counts itself as asleep before it looks at the ticket for the last time, so none oversleeps.
 */
function wake(pool: usize, count: i32): void {
  if (atomic.load<i32>(at(pool, PoolField.sleepers)) > 0) atomic.notify(at(pool, PoolField.ticket), count);
}

/** Computes pieces until none is left. */
function takePieces(pool: usize): void {
  let ticket = atomic.load<i32>(at(pool, PoolField.ticket));
  while (ticket > 0) {
    const seen = atomic.cmpxchg<i32>(at(pool, PoolField.ticket), ticket, ticket - 1);
    if (seen != ticket) {
      ticket = seen;
      continue;
    }
    const pieces = int(pool, PoolField.pieces);
    const items = <i64>int(pool, PoolField.items);
    const piece = <i64>(pieces - ticket);
    const begin = <i32>((items * piece) / pieces);
    const end = <i32>((items * (piece + 1)) / pieces);
    call_indirect<void>(int(pool, PoolField.kernel), pointer(pool, PoolField.record), begin, end);
    const done = atomic.add<i32>(at(pool, PoolField.done), 1) + 1;
    if (done == pieces) {
      atomic.notify(at(pool, PoolField.done), 1);
    }
    ticket = atomic.load<i32>(at(pool, PoolField.ticket));
  }
}

/** Hands the work items [0, items) of a kernel, in `pieces` pieces, to the threads that serve the pool. The last launch was joined. */
export function fork(pool: usize, kernel: i32, record: usize, items: i32, pieces: i32): void {
  store<i32>(at(pool, PoolField.kernel), kernel);
  store<usize>(at(pool, PoolField.record), record);
  store<i32>(at(pool, PoolField.items), items);
  store<i32>(at(pool, PoolField.pieces), pieces);
  atomic.store<i32>(at(pool, PoolField.done), 0);
  atomic.store<i32>(at(pool, PoolField.ticket), pieces);
  wake(pool, 1);
}

/**
 * Computes what is left of the launch together with the others, and waits for them by spinning, and after `patience` turns, where this
 * thread `maySleep`, asleep: they may need its processor.
 */
export function join(pool: usize, patience: i32, maySleep: bool): void {
  takePieces(pool);
  let turns = patience;
  // Waiting, V8's baseline compiler (in Node 20) writes over the local variable that stands last: that is this one, which is read anew.
  let done = atomic.load<i32>(at(pool, PoolField.done));
  while (done != int(pool, PoolField.pieces) && atomic.load<i32>(at(pool, PoolField.failed)) == 0) {
    if (turns > 0 || !maySleep) {
      turns--;
    } else {
      atomic.store<i32>(at(pool, PoolField.waiting), 1);
      atomic.wait<i32>(at(pool, PoolField.done), done, -1);
      atomic.store<i32>(at(pool, PoolField.waiting), 0);
    }
    done = atomic.load<i32>(at(pool, PoolField.done));
  }
}

/** What a thread of the pool does: waits for pieces, spinning for `patience` turns and then asleep, until the pool is closed. */
export function serve(pool: usize, patience: i32): void {
  atomic.add<i32>(at(pool, PoolField.ready), 1);
  let turns = patience;
  while (true) {
    const ticket = atomic.load<i32>(at(pool, PoolField.ticket));
    if (ticket < 0) return;
    if (ticket > 0) {
      takePieces(pool);
      turns = patience;
    } else if (turns > 0) {
      turns--;
    } else {
      atomic.add<i32>(at(pool, PoolField.sleepers), 1);
      atomic.wait<i32>(at(pool, PoolField.ticket), 0, -1);
      atomic.sub<i32>(at(pool, PoolField.sleepers), 1);
      if (atomic.load<i32>(at(pool, PoolField.ticket)) > 1) wake(pool, 2);
      turns = patience;
    }
  }
}

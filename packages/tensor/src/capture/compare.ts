/**
 * Whether two recordings are of the same program. They are if they request the same kernels over the same places of memory with the same
 * numbers; only where a dropout mask begins may differ, and only as the keys taken from a generator do. So the comparison also finds the
 * places that a replay has to fill with the keys of its own.
 */
import type { KernelRequest } from '../backend/requests.js';
import { numel } from '../shape.js';
import type { Event, Recording } from './recording.js';

/** A number of a request that comes from a key: the index of the request among the events, the place in it, and the number of the key. */
export interface LiveNumber {
  readonly event: number;
  /** The index among the scalars of a pointwise request or of a product's steps, or the offset of an attention's dropout. */
  readonly place: number | 'dropout';
  readonly key: number;
}

/** The live numbers of two recordings of one program, or in words what differs first. */
export type Comparison = { readonly live: readonly LiveNumber[] } | { readonly difference: string };

export function compare(before: Recording, now: Recording): Comparison {
  const live: LiveNumber[] = [];
  const difference =
    differentKeys(before, now) ??
    (before.events.length === now.events.length
      ? undefined
      : `it requested ${before.events.length} kernels, uploads and steps at one call and ${now.events.length} at the next`) ??
    firstOf(now.events, (event, i) => differentEvents(before, now, before.events[i] as Event, event, i, live)) ??
    differentGradients(before, now);
  return difference === undefined ? { live } : { difference };
}

function firstOf<T>(list: readonly T[], difference: (each: T, i: number) => string | undefined): string | undefined {
  for (const [i, each] of list.entries()) {
    const found = difference(each, i);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** How many keys a call takes, and from where, must not depend on the call. */
function differentKeys(before: Recording, now: Recording): string | undefined {
  const same =
    before.keys.length === now.keys.length &&
    now.keys.every(({ generator, offset }, i) => {
      const other = before.keys[i];
      const start = now.keysBefore.get(generator) ?? 0;
      const otherStart = before.keysBefore.get(generator) ?? 0;
      return other?.generator === generator && other.offset - otherStart === offset - start;
    });
  return same ? undefined : 'it drew other dropout masks';
}

function differentEvents(
  before: Recording,
  now: Recording,
  a: Event,
  b: Event,
  event: number,
  live: LiveNumber[],
): string | undefined {
  if (a.kind === 'run' && b.kind === 'run') return differentRequests(before, now, a.request, b.request, event, live);
  if (a.kind === 'upload' && b.kind === 'upload') {
    if (!sameMemory(before, now, a.buffer, b.buffer)) return 'it uploaded to another place';
    return a.words.length === b.words.length && a.words.every((word, i) => word === b.words[i])
      ? undefined
      : `it uploaded other numbers from the host (${b.words.length} words): pass what changes as an argument`;
  }
  if (a.kind === 'each' && b.kind === 'each') return undefined;
  return `step ${event} was of kind ${a.kind} at one call and ${b.kind} at the next`;
}

function differentRequests(
  before: Recording,
  now: Recording,
  a: KernelRequest,
  b: KernelRequest,
  event: number,
  live: LiveNumber[],
): string | undefined {
  const where = `kernel ${event} (${b.kind})`;
  const keyOf = (x: number, y: number): number => {
    const matches = [...now.keys.keys()].filter(
      (i) => before.keys[i]?.offset === x >>> 0 && now.keys[i]?.offset === y >>> 0,
    );
    // Of two generators at the same place it cannot be told which one is meant.
    return new Set(matches.map((i) => now.keys[i]?.generator)).size === 1 ? (matches[0] ?? -1) : -1;
  };
  const walk = (x: unknown, y: unknown, path: readonly string[]): string | undefined => {
    if (Object.is(x, y)) return undefined;
    const name = path.join('.');
    if (typeof x === 'number' && typeof y === 'number') {
      const place =
        path.at(-2) === 'scalars' ? Number(path.at(-1)) : name === 'dropout.key.2' ? ('dropout' as const) : undefined;
      const key = place === undefined ? -1 : keyOf(x, y);
      if (place === undefined || key < 0) return `${where}: ${name} was ${x} at one call and is ${y} at the next`;
      live.push({ event, place, key });
      return undefined;
    }
    if (typeof x !== 'object' || typeof y !== 'object' || x === null || y === null) return `${where}: ${name} differs`;
    if ('byteLength' in x && 'byteLength' in y)
      return sameMemory(before, now, x as { byteLength: number }, y as { byteLength: number })
        ? undefined
        : `${where}: ${name} lies in other memory: a tensor from outside that changes from call to call has to be an argument`;
    if ('key' in x && 'key' in y && 'steps' in x) return x.key === y.key ? undefined : `${where}: other steps`;
    const [xs, ys] = [Object.entries(x), Object.entries(y)];
    if (xs.length !== ys.length) return `${where}: ${name} differs`;
    return firstOf(ys, ([field, value], i) => {
      const other = xs[i];
      return other?.[0] === field ? walk(other[1], value, [...path, field]) : `${where}: ${name} differs`;
    });
  };
  return walk(a, b, []);
}

function sameMemory(before: Recording, now: Recording, a: { byteLength: number }, b: { byteLength: number }): boolean {
  const [slot, other] = [before.slots.get(a), now.slots.get(b)];
  return slot === undefined && other === undefined ? a === b : slot === other;
}

function differentGradients(before: Recording, now: Recording): string | undefined {
  const states = now.finalGradients;
  if (states.size !== before.finalGradients.size) return 'it set other gradients';
  for (const [vertex, state] of states) {
    const other = before.finalGradients.get(vertex);
    const same =
      other !== undefined &&
      (typeof state === 'string' || typeof other === 'string'
        ? state === other
        : sameMemory(before, now, other.buffer, state.buffer));
    if (!same) return `the gradient of a leaf of ${numel(vertex.shape)} elements was another at the end`;
  }
  return undefined;
}

/**
 * A stretch of a recording: requests in a row, with nothing between them that has to happen in JavaScript. Where the device can get them ready
 * once (`Backend.record`) a replay only makes its dispatches again; elsewhere, and while somebody watches requests go by, it requests them anew.
 */
import type { RecordedRequests } from '../backend/backend.js';
import type { KernelRequest } from '../backend/requests.js';
import { type TappedBackend, tap } from '../backend/tap.js';
import type { LiveNumber } from './compare.js';

export class Stretch {
  readonly kind = 'stretch';
  readonly #requests: readonly KernelRequest[];
  readonly #live: ReadonlyMap<number, readonly LiveNumber[]>;
  #recorded: RecordedRequests | undefined;

  constructor(
    private readonly backend: TappedBackend,
    requests: readonly KernelRequest[],
    /** The numbers that each replay fills in, by the place of their request. */
    live: ReadonlyMap<number, readonly LiveNumber[]>,
  ) {
    this.#requests = requests;
    this.#live = live;
  }

  /** Computes the requests; `keyNow` tells a key of this call by its number. */
  run(keyNow: (key: number) => number): void {
    const changed = new Map(
      [...this.#live].map(([place, live]) => [place, filled(this.#requests[place] as KernelRequest, live, keyNow)]),
    );
    if (!tap.interceptor) this.#recorded ??= this.backend.device.record?.(this.#requests);
    if (this.#recorded && !tap.interceptor) this.#recorded.run(changed);
    else for (const [place, request] of this.#requests.entries()) this.backend.run(changed.get(place) ?? request);
  }

  /** Gives back what the device holds for it. */
  release(): void {
    this.#recorded?.release();
    this.#recorded = undefined;
  }
}

/** The request with the keys of this call. */
function filled(request: KernelRequest, live: readonly LiveNumber[], keyNow: (key: number) => number): KernelRequest {
  const withKeys = (scalars: readonly number[]): number[] => {
    const all = [...scalars];
    for (const { place, key } of live) if (typeof place === 'number') all[place] = keyNow(key);
    return all;
  };
  if (request.kind === 'pointwise') return { ...request, scalars: withKeys(request.scalars) };
  if (request.kind === 'matmul' && request.steps)
    return { ...request, steps: { ...request.steps, scalars: withKeys(request.steps.scalars) } };
  const [first] = live;
  if (first && (request.kind === 'attention' || request.kind === 'attentionBackward') && request.dropout) {
    const { p, key } = request.dropout;
    return { ...request, dropout: { p, key: [key[0], key[1], keyNow(first.key)] } };
  }
  return request;
}

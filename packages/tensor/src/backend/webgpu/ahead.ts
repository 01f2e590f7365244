/**
 * Compiling ahead: when a program waits for a result, the kernels that its requests would need at other lengths are compiled beside, so that the
 * first step is the last one to be held up by a compiler. Only for programs of some size: whoever reads after a few kernels, as tests and small
 * sums do, has nothing to gain that is worth a dozen of compiled kernels.
 */
import type { KernelRequest } from '../requests.js';
import { fixedSizes, otherSizes } from './other-sizes.js';
import type { Pipeline } from './pipelines.js';

/** Dispatches between two reads from which on a program is taken for a model: an encoder of two layers makes so many. */
const MODEL = 16;

/** A request with a kernel that it is the first to need, for its fixed sizes. */
interface Fresh {
  readonly request: KernelRequest;
  readonly pipeline: Pipeline;
  readonly fixed: number;
}

export class CompileAhead {
  #request: KernelRequest | null = null;
  #fixed = 0;
  readonly #fresh: Fresh[] = [];
  #dispatches = 0;
  #isTraining = false;

  constructor(private readonly prepare: (requests: readonly KernelRequest[]) => void) {}

  /** To be called before the kernels of a request are dispatched. */
  begin(request: KernelRequest): void {
    this.#request = request;
    this.#fixed = fixedSizes(request);
    this.#isTraining ||= request.kind === 'adam' || request.kind === 'descend';
  }

  /** To be called for each of them. */
  dispatched(pipeline: Pipeline): void {
    this.#dispatches++;
    if (this.#request === null || pipeline.served.has(this.#fixed)) return;
    pipeline.served.add(this.#fixed);
    this.#fresh.push({ request: this.#request, pipeline, fixed: this.#fixed });
  }

  /** To be called when the program waits. */
  pause(): void {
    const isModel = this.#isTraining || this.#dispatches >= MODEL;
    for (const { request, pipeline, fixed } of this.#fresh.splice(0)) {
      if (isModel) this.prepare(otherSizes(request));
      else pipeline.served.delete(fixed);
    }
    this.#request = null;
    this.#dispatches = 0;
    this.#isTraining = false;
  }
}

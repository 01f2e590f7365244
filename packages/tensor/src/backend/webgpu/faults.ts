/**
 * Indices out of range. A kernel cannot throw, so it leaves a record in one small buffer, and the next read fetches that along with
 * its own bytes: the read rejects with the error that the CPU throws at the call. The first faulty dispatch wins, and of its
 * indices the smallest (negative ones last), so the same program tells the same. A read without an indexing kernel before it asks for
 * nothing.
 *
 * The record is four words: the dispatch's number since the last report, the index, the size it exceeds, and the place in `#sites`.
 */
import type { CourseError } from '../../errors.js';
import type { DeviceBuffer } from '../requests.js';
import { dedent, type KernelSource, u32 } from './kernels/wgsl/source.js';

/** Bytes of the record. */
export const FAULT_BYTES = 16;
const NONE = 0xffff_ffff;

/** What an error says of an index and the size it exceeds. */
export type Explanation = (index: number, size: number) => CourseError;

const REPORT_FAULT = dedent(`
  // Keeps the smallest index of the first faulty dispatch for the next read.
  fn reportFault(index: u32, size: u32) {
    if (atomicMin(&faults[0], p.faultNumber) >= p.faultNumber) {
      atomicMin(&faults[1], index);
      atomicStore(&faults[2], size);
      atomicStore(&faults[3], p.faultSite);
    }
  }`);

/** A kernel that may call `reportFault(index, size)`; its dispatches bind `faults` and take the parameters of {@link FaultLog.at}. */
export function reportsFaults(source: KernelSource): KernelSource {
  return {
    ...source,
    bindings: [...source.bindings, { name: 'faults', access: 'read_write', element: 'atomic<u32>' }],
    params: { ...source.params, ...u32('faultNumber', 'faultSite') },
    declarations: [REPORT_FAULT, source.declarations ?? ''].filter((text) => text !== '').join('\n\n'),
  };
}

/** Two parameters of a kernel that reports. */
export interface FaultParameters extends Readonly<Record<string, number>> {
  readonly faultNumber: number;
  readonly faultSite: number;
}

export class FaultLog {
  #buffer: DeviceBuffer | undefined;
  readonly #sites: { readonly explain: Explanation; readonly place: string }[] = [];
  readonly #siteOf = new Map<string, number>();
  /** Dispatches since the last report, and how many of them a read has found without fault. */
  #dispatches = 0;
  #seen = 0;
  #generation = 0;

  constructor(
    private readonly allocate: () => DeviceBuffer,
    private readonly write: (buffer: DeviceBuffer, words: Uint32Array) => void,
  ) {}

  /** The buffer that kernels bind as `faults`. */
  get buffer(): DeviceBuffer {
    if (this.#buffer === undefined) {
      this.#buffer = this.allocate();
      this.#clear();
    }
    return this.#buffer;
  }

  /** The parameters of a dispatch; `key` names the explanation, which is kept, and `place` the module that asked for it. */
  at(key: string, explain: Explanation, place = ''): FaultParameters {
    const own = `${key}|${place}`;
    let faultSite = this.#siteOf.get(own);
    if (faultSite === undefined) {
      faultSite = this.#sites.push({ explain, place }) - 1;
      this.#siteOf.set(own, faultSite);
    }
    this.#dispatches++;
    // Past four thousand million dispatches without a report it only gets less clear which fault was the first.
    return { faultNumber: Math.min(this.#dispatches, NONE - 1), faultSite };
  }

  /** A look at the record as it stands now, or undefined if no kernel could have changed it since the last look. */
  look(): { readonly buffer: DeviceBuffer; check(record: Uint32Array): void } | undefined {
    if (this.#buffer === undefined || this.#seen === this.#dispatches) return undefined;
    const [looked, generation] = [this.#dispatches, this.#generation];
    return {
      buffer: this.#buffer,
      check: (record) => {
        const [number = NONE, index = 0, size = 0, site = 0] = record;
        if (number === NONE) {
          if (generation === this.#generation) this.#seen = Math.max(this.#seen, looked);
          return;
        }
        // Several reads may meet one fault: each rejects, and the first makes room for the next fault.
        if (generation === this.#generation) this.#clear();
        const found = this.#sites[site];
        if (found === undefined) return;
        const error = found.explain(index | 0, size);
        if (found.place !== '') error.message += ` [in ${found.place}]`;
        throw error;
      },
    };
  }

  #clear(): void {
    this.#generation++;
    this.#dispatches = 0;
    this.#seen = 0;
    if (this.#buffer !== undefined) this.write(this.#buffer, Uint32Array.of(NONE, NONE, 0, 0));
  }
}

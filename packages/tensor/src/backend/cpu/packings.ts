/**
 * Copies of right operands in the panels that matmul reads, kept from one product to the next: in inference the same weights are
 * multiplied with again and again, with few rows each time, and copying them would cost as much as a tenth of the product or more.
 * A copy is made when an operand is used for the second time without having been written to in between, so activations and weights
 * in training get none. It goes with its buffer, with the first write to it, and whenever memory runs short.
 */
import type { DeviceBuffer } from '../requests.js';
import { ALIGNMENT, type Block } from './allocator.js';
import type { LinearMemory } from './memory.js';

/** What identifies an operand within its buffer; strides in elements. */
export interface Layout {
  readonly offset: number;
  readonly k: number;
  readonly n: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

interface Packing {
  readonly layout: Layout;
  /** Undefined until the second use. */
  block: Block | undefined;
}

function isSame(a: Layout, b: Layout): boolean {
  return (
    a.offset === b.offset &&
    a.k === b.k &&
    a.n === b.n &&
    a.rowStride === b.rowStride &&
    a.columnStride === b.columnStride
  );
}

export class Packings {
  readonly #memory: LinearMemory;
  readonly #byBuffer = new Map<DeviceBuffer, Packing>();
  #bytes = 0;

  constructor(memory: LinearMemory) {
    this.#memory = memory;
    memory.reclaim = () => this.forgetAll();
  }

  /** Bytes in copies. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The address of an operand's copy, to be filled by the caller if it `isNew`. Undefined on the first use, and where there is no memory for one.
   */
  use(buffer: DeviceBuffer, layout: Layout, bytes: number): { address: number; isNew: boolean } | undefined {
    const known = this.#byBuffer.get(buffer);
    if (known === undefined || !isSame(known.layout, layout)) {
      // A buffer with several operands in it keeps the first copy.
      if (known?.block === undefined) this.#byBuffer.set(buffer, { layout, block: undefined });
      return undefined;
    }
    const isNew = known.block === undefined;
    const block = known.block ?? this.#memory.take(bytes, 'kept weights');
    // Taking memory may have made room by forgetting all copies, this one's record included.
    if (block === undefined) return undefined;
    if (isNew) {
      known.block = block;
      this.#byBuffer.set(buffer, known);
      this.#bytes += block.size * ALIGNMENT;
    }
    return { address: block.start * ALIGNMENT, isNew };
  }

  /** The buffer was written to, or freed. */
  forget(buffer: DeviceBuffer): void {
    const packing = this.#byBuffer.get(buffer);
    if (packing === undefined) return;
    this.#byBuffer.delete(buffer);
    this.#release(packing);
  }

  /** Gives the memory of all copies back. Returns whether there were any. */
  forgetAll(): boolean {
    const had = this.#bytes > 0;
    for (const packing of this.#byBuffer.values()) this.#release(packing);
    this.#byBuffer.clear();
    return had;
  }

  #release({ block }: Packing): void {
    if (block === undefined) return;
    this.#bytes -= block.size * ALIGNMENT;
    this.#memory.give(block);
  }
}

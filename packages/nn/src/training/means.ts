/** Values that are logged in batches and read later, and their means over an epoch. */
import { Tensor } from '@course/tensor';

/** Means of logged values over an epoch, each weighted by its batch. */
export class EpochMeans {
  readonly #sums = new Map<string, { sum: number; weight: number }>();
  readonly #pending: Promise<void>[] = [];

  add(name: string, value: Tensor | number, weight: number): void {
    this.#pending.push(
      read(value).then((number) => {
        const entry = this.#sums.get(name) ?? { sum: 0, weight: 0 };
        this.#sums.set(name, { sum: entry.sum + number * weight, weight: entry.weight + weight });
      }),
    );
  }

  /** Waits for everything added. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
  }

  async means(): Promise<Record<string, number>> {
    await this.settle();
    return Object.fromEntries([...this.#sums].map(([name, { sum, weight }]) => [name, sum / weight]));
  }

  /** The sums so far, as plain data for a checkpoint. */
  async stateDict(): Promise<[name: string, sum: number, weight: number][]> {
    await this.settle();
    return [...this.#sums].map(([name, { sum, weight }]) => [name, sum, weight]);
  }

  loadStateDict(state: readonly (readonly [name: string, sum: number, weight: number])[]): void {
    for (const [name, sum, weight] of state) this.#sums.set(name, { sum, weight });
  }
}

/** The number that is logged; the read is requested now, before the step's tensors are released. */
export function read(value: Tensor | number): Promise<number> {
  return value instanceof Tensor ? value.item() : Promise.resolve(value);
}

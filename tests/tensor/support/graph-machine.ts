// The machine that random programs run on (`random-graphs.ts`): a pool of tensors, scopes around parts of a program, and what was read. What an
// instruction takes from the pool depends on shapes alone, so the same program can be run in several ways (`Mode`) and its reads compared.
import { CourseError, type DType, isFloating, keep, scope, type Tensor, tensor } from '@course/tensor';

/** One instruction: which, and numbers to choose its operands and settings by. */
export interface Instruction {
  readonly op: string;
  readonly picks: readonly [number, number, number, number];
}

export interface Program {
  readonly instructions: readonly Instruction[];
  /** Of most dims. */
  readonly width: number;
  /** Which of the leaves want gradients: one bit each. */
  readonly wants: number;
  /** Which values the leaves have. */
  readonly seed: number;
  /** By what step the pool is read at the end, so that results are asked for in any order. */
  readonly stride: number;
}

export interface Mode {
  readonly dtype: 'float32' | 'float16' | 'float64';
  /** Whether each result is computed as soon as it is there. */
  readonly isStrict?: boolean;
  /** Whether scopes keep only what they return. */
  readonly keepsNothing?: boolean;
  /** A relative error put on leaves and results, with signs of its own: shows how far errors of rounding come in this program. */
  readonly noise?: { readonly size: number; readonly seed: number };
}

/** What was read of one value: its place in the program, its elements, or the name of the error in their place. */
export interface Reading {
  readonly name: string;
  readonly dtype: DType | 'none';
  readonly values: ArrayLike<number>;
}

/** One tensor of the pool. */
interface Entry {
  readonly value: Tensor;
  /** No element is larger, but for gradients, whose size nobody knows. */
  readonly bound: number;
  readonly name: string;
}

export type Picks = Instruction['picks'];
export type Op = (machine: Machine, picks: Picks, name: string) => void;

/** Values beyond this make no further ones: float32 keeps what is said of it well below its ends. */
export const LARGEST = 1e4;
const MOST_ELEMENTS = 2048;

export const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
export const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);

/** Numbers in [0, 1), always the same for a seed. */
function numbers(seed: number): () => number {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

const leafShapes = (n: number): readonly (readonly number[])[] => [
  [n, n],
  [2, n, n],
  [n],
  [1, n],
  [n, n],
  [3, n],
  [n, 2, n],
  [5, 2 * n],
];

/** What a program starts from: multiples of 1/8 between -1 and 1, which every float dtype has. */
export function leafTensors({ seed, width }: Program, dtype: DType): Tensor[] {
  const next = numbers(seed);
  return leafShapes(width).map((shape) =>
    tensor(
      Array.from({ length: count(shape) }, () => Math.round(next() * 16 - 8) / 8),
      { shape, dtype },
    ),
  );
}

/** Runs programs; an instruction that finds no operands that fit does nothing. */
export class Machine {
  pool: Entry[] = [];
  readonly leaves: Tensor[] = [];
  readonly readings: Promise<Reading>[] = [];
  readonly #next: () => number;
  #made = 0;

  constructor(
    /** By the names of instructions. */
    private readonly ops: Readonly<Record<string, Op>>,
    readonly program: Program,
    readonly mode: Mode,
    /** Whether reads in the middle are left out: those of a captured function. */
    readonly readsLater = false,
  ) {
    this.#next = numbers(mode.noise?.seed ?? 1);
  }

  start(given: readonly Tensor[]): void {
    for (const [i, each] of given.entries()) {
      const leaf = this.#disturbed(each, 1).clone();
      if ((this.program.wants >> i) & 1) leaf.requiresGrad_();
      this.leaves.push(leaf);
      this.#put(leaf, 1, `leaf${i}`, false);
    }
    const next = numbers(this.program.seed + 1);
    const { width } = this.program;
    const bits = (shape: readonly number[]): number[] =>
      Array.from({ length: count(shape) }, () => Math.floor(next() * 2));
    this.#put(tensor(bits([width]), { dtype: 'bool' }), 1, 'mask', false);
    for (const shape of [[width, width], [width], [2, width, width]]) {
      const values = bits(shape);
      this.#put(tensor(values, { shape, dtype: 'int32' }), 1, `index${shape.length}`, false);
    }
  }

  /** Runs the instructions from one on, to the end of the list or for so many. */
  run(from: number, to: number): void {
    const { instructions } = this.program;
    for (let i = from; i < to; i++) {
      const instruction = instructions[i];
      if (!instruction) return;
      if (instruction.op === 'scope') {
        this.#scope(instruction, i, to);
        i += 1 + (instruction.picks[0] % 5);
        continue;
      }
      try {
        this.ops[instruction.op]?.(this, instruction.picks, `${i}:${instruction.op}`);
      } catch (error) {
        if (!(error instanceof CourseError)) throw error;
        this.note(`${i}:${instruction.op} ${error.name}`);
      }
    }
  }

  /** Runs some instructions in a scope, and goes on with a part of what they made. */
  #scope({ picks: [length, returned, kept, fails] }: Instruction, i: number, to: number): void {
    const before = this.pool;
    this.pool = [...before];
    const survivors: Entry[] = [];
    try {
      scope(() => {
        this.run(i + 1, Math.min(to, i + 2 + (length % 5)));
        const made = this.pool.filter((each) => !before.includes(each));
        const results = made.filter((_, n) => (returned >> n) & 1);
        survivors.push(...results);
        for (const [n, each] of made.entries())
          if (!this.mode.keepsNothing && (kept >> n) & 1 && !results.includes(each))
            survivors.push({ ...each, value: keep(each.value) });
        if (fails % 16 === 0) {
          survivors.splice(0, survivors.length, ...survivors.filter((each) => !results.includes(each)));
          throw new Abandoned();
        }
        return results.map(({ value }) => value);
      });
    } catch (error) {
      if (!(error instanceof Abandoned)) throw error;
    }
    this.pool = [...before.filter((each) => !each.value.isDisposed), ...survivors];
  }

  /** The entries that fit, and of these the one that a number chooses. */
  choose(pick: number, fits: (entry: Entry) => boolean): Entry | undefined {
    const found = this.pool.filter((each) => fits(each));
    // The newest are read most: what waits meets what waits.
    return found[found.length - 1 - (pick % Math.max(1, found.length))];
  }

  float(pick: number, fits: (shape: readonly number[], entry: Entry) => boolean = () => true): Entry | undefined {
    return this.choose(pick, (each) => isFloating(each.value.dtype) && fits(each.value.shape, each));
  }

  /** Takes a result in; `isView` for one that shares memory, which errors must not part. */
  put(value: Tensor, bound: number, name: string, isView = false): void {
    if (count(value.shape) > MOST_ELEMENTS) {
      value.dispose();
      return;
    }
    this.#put(isView ? value : this.#disturbed(value, bound), bound, name, true);
  }

  #put(value: Tensor, bound: number, name: string, computes: boolean): void {
    if (computes && this.mode.isStrict) value.compute();
    this.pool.push({ value, bound, name: `${this.#made++} ${name} [${value.shape}]` });
  }

  /** Some views are the tensor itself: all entries of a handle go with it. */
  release({ value }: Entry): void {
    value.dispose();
    this.pool = this.pool.filter((each) => !each.value.isDisposed);
  }

  read({ value, name }: Entry, when = ''): void {
    const { dtype } = value;
    this.readings.push(value.data().then((values) => ({ name: name + when, dtype, values })));
  }

  note(name: string): void {
    this.readings.push(Promise.resolve({ name, dtype: 'none', values: [] }));
  }

  #disturbed(value: Tensor, bound: number): Tensor {
    const { noise } = this.mode;
    if (!noise || !isFloating(value.dtype)) return value;
    const signs = Array.from({ length: value.numel() }, () => (this.#next() < 0.5 ? -1 : 1) * noise.size);
    const errors = tensor(signs, { shape: value.shape, dtype: value.dtype });
    return value.mul(errors.add(1)).add(errors.mul(Math.min(1, bound)));
  }

  /** What there is at the end, each value once: by steps through the pool. */
  rest(): Entry[] {
    const left = [...this.pool];
    const ordered: Entry[] = [];
    for (let at = 0; left.length > 0; ) {
      at = (at + this.program.stride) % left.length;
      ordered.push(...left.splice(at, 1));
    }
    return ordered;
  }
}

/** Thrown out of scopes that end in an error. */
class Abandoned extends Error {}

// Random programs as users write them: a pool of tensors (some of them views of each other), and instructions that take operands from it and
// put results into it: products, reductions, rows, indexing, writes in place, gradients, scopes, releases and reads, in any order. What an
// instruction takes depends on shapes alone, so the same program can be run in several ways (`Mode`) and its reads compared one by one.
import {
  attention,
  CourseError,
  cat,
  conv1d,
  type DType,
  dropout,
  enableGrad,
  gather,
  grad,
  indexSelect,
  isFloating,
  keep,
  layerNorm,
  linear,
  maskedFill,
  matmul,
  noGrad,
  scaledDotProductAttention,
  scatterAdd,
  scope,
  stack,
  type Tensor,
  tensor,
  where,
} from '@course/tensor';
import fc from 'fast-check';

/** One instruction: which, and numbers to choose its operands and settings by. */
export interface Instruction {
  readonly op: OpName;
  readonly picks: readonly [number, number, number, number];
}

export interface Program {
  readonly instructions: readonly Instruction[];
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

const LEAVES: readonly (readonly number[])[] = [[4, 4], [2, 4, 4], [4], [1, 4], [4, 4], [3, 4], [4, 2, 4], [5, 8]];
/** Values beyond this make no further ones: float32 keeps what is said of it well below its ends. */
const LARGEST = 1e4;
const MOST_ELEMENTS = 512;

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);

/** Numbers in [0, 1), always the same for a seed. */
function numbers(seed: number): () => number {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

/** The arrays that a program starts from: multiples of 1/8 between -1 and 1, which every float dtype has. */
export function leavesOf({ seed }: Program): number[][] {
  const next = numbers(seed);
  return LEAVES.map((shape) => Array.from({ length: count(shape) }, () => Math.round(next() * 16 - 8) / 8));
}

/** The leaves as tensors. */
export function leafTensors(program: Program, dtype: DType): Tensor[] {
  return leavesOf(program).map((values, i) => tensor(values, { shape: LEAVES[i] ?? [], dtype }));
}

/** Runs programs; an instruction that finds no operands that fit does nothing. */
class Machine {
  pool: Entry[] = [];
  readonly leaves: Tensor[] = [];
  readonly readings: Promise<Reading>[] = [];
  readonly #next: () => number;
  #made = 0;

  constructor(
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
    this.#put(tensor([1, 0, 0, 1], { dtype: 'bool' }), 1, 'mask', false);
    for (const shape of [[4, 4], [4], [2, 4, 4]]) {
      const values = Array.from({ length: count(shape) }, () => Math.floor(next() * 2));
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
        OPS[instruction.op]?.(this, instruction.picks, `${i}:${instruction.op}`);
      } catch (error) {
        if (!(error instanceof CourseError)) throw error;
        this.#note(`${i}:${instruction.op} ${error.name}`);
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

  #note(name: string): void {
    this.readings.push(Promise.resolve({ name, dtype: 'none', values: [] }));
  }

  note(name: string): void {
    this.#note(name);
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

type Picks = Instruction['picks'];
type Op = (machine: Machine, picks: Picks, name: string) => void;

/** The shape of both, broadcast; null where they do not. */
function together(a: readonly number[], b: readonly number[]): number[] | null {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let d = 1; d <= rank; d++) {
    const [x, y] = [a.at(-d) ?? 1, b.at(-d) ?? 1];
    if (x !== y && x !== 1 && y !== 1) return null;
    shape.unshift(Math.max(x, y));
  }
  return shape;
}

const binary: Op = (machine, [a, b, which, alpha], name) => {
  const x = machine.float(a);
  const y = x && machine.float(b, (shape) => together(shape, x.value.shape) !== null);
  if (!x || !y) return;
  const [sum, product] = [x.bound + 2 * y.bound, x.bound * y.bound];
  if (Math.max(sum, product) > LARGEST) return;
  const [v, w] = [x.value, y.value];
  switch (which % 6) {
    case 0:
      return machine.put(v.mul(w), product, `${name} mul`);
    case 1:
      return machine.put(v.sub(w), sum, `${name} sub`);
    case 2:
      return machine.put(v.maximum(w), Math.max(x.bound, y.bound), `${name} maximum`);
    case 3:
      return machine.put(v.add(w, { alpha: [2, 0.5, -1][alpha % 3] ?? 1 }), sum, `${name} alpha`);
    default:
      return machine.put(v.add(w), sum, `${name} add`);
  }
};

const unary: Op = (machine, [a, which], name) => {
  const x = machine.float(a);
  if (!x) return;
  const { value, bound } = x;
  const put = (result: Tensor, most: number, what: string) => machine.put(result, most, `${name} ${what}`);
  switch (which % 10) {
    case 0:
      return put(value.relu(), bound, 'relu');
    case 1:
      return put(value.gelu(), bound, 'gelu');
    case 2:
      return put(value.gelu({ approximate: 'tanh' }), bound, 'geluTanh');
    case 3:
      return put(value.mul(1 / bound).exp(), Math.E, 'exp');
    case 4:
      return put(value.mul(0.5), bound / 2, 'half');
    case 5:
      return put(value.tanh(), 1, 'tanh');
    case 6:
      return put(value.add(0.25), bound + 0.25, 'more');
    case 7:
      return put(value.neg(), bound, 'neg');
    case 8:
      return put(value.sigmoid(), 1, 'sigmoid');
    default:
      return put(value.clamp({ min: -1, max: 1 }), 1, 'clamp');
  }
};

const product: Op = (machine, [a, b, which, c], name) => {
  const isLeft = which % 3 !== 0;
  // Operands are shared on purpose: on the left, on the right and as a bias.
  const x = machine.float(a, (shape) => shape.length >= 1);
  if (!x) return;
  const k = isLeft ? x.value.shape.at(-1) : (x.value.shape.at(-2) ?? x.value.shape.at(-1));
  const y = machine.float(b, (shape) => {
    if (shape.length === 0) return false;
    const [left, right] = isLeft ? [x.value.shape, shape] : [shape, x.value.shape];
    return (
      (isLeft ? (shape.at(-2) ?? shape.at(-1)) : shape.at(-1)) === k &&
      together(left.slice(0, -2), right.slice(0, -2)) !== null
    );
  });
  if (!y || !k || x.bound * y.bound * k > LARGEST) return;
  const [left, right] = isLeft ? [x, y] : [y, x];
  const bound = k * x.bound * y.bound;
  if (c % 2 === 0) return machine.put(matmul(left.value, right.value), bound, name);
  // Several of one left operand, as queries, keys and values are.
  const third = machine.float(c, (shape) => same(shape, right.value.shape));
  machine.put(matmul(left.value, right.value), bound, `${name} 1 of 2`);
  if (third && k * left.bound * third.bound <= LARGEST)
    machine.put(matmul(left.value, third.value), k * left.bound * third.bound, `${name} 2 of 2`);
};

const linearOp: Op = (machine, [a, b, c, which], name) => {
  const w = machine.float(a, (shape) => shape.length === 2);
  const x = w && machine.float(b, (shape) => shape.length >= 1 && shape.at(-1) === w.value.shape[1]);
  if (!w || !x) return;
  const bias = machine.float(c, (shape) => shape.length === 1 && shape[0] === w.value.shape[0]);
  const bound = (w.value.shape[1] ?? 1) * w.bound * x.bound + (bias?.bound ?? 0);
  if (bound > LARGEST) return;
  const out = linear(x.value, w.value, which % 4 === 0 ? null : bias?.value);
  // At once or never: what follows becomes an epilogue.
  if (which % 5 === 0) machine.put(out.relu(), bound, `${name} relu`);
  else if (which % 5 === 1) machine.put(out.gelu(), bound, `${name} gelu`);
  else machine.put(out, bound, name);
};

const convolution: Op = (machine, [a, b, c, which], name) => {
  const x = machine.float(a, (shape) => shape.length === 3);
  if (!x) return;
  const [, channels, length = 0] = x.value.shape;
  const w = machine.float(
    b,
    ([, inputs, size = 0], { value }) => value.ndim === 3 && inputs === channels && size <= length + 2,
  );
  if (!w) return;
  const [outputs, , size = 1] = w.value.shape;
  const bias = which % 2 ? machine.float(c, (shape) => shape.length === 1 && shape[0] === outputs) : undefined;
  const bound = size * (channels ?? 1) * x.bound * w.bound + (bias?.bound ?? 0);
  if (bound > LARGEST) return;
  const out = conv1d(x.value, w.value, bias?.value, {
    padding: 1 + (which % 2),
    stride: 1 + (which % 3 === 0 ? 1 : 0),
  });
  machine.put(out, bound, name);
};

const view: Op = (machine, [a, which, b, c], name) => {
  const x = machine.choose(a, () => true);
  if (!x) return;
  const { value, bound } = x;
  const { shape } = value;
  const dim = shape.length === 0 ? 0 : b % shape.length;
  const size = shape[dim] ?? 1;
  const put = (result: Tensor, what: string) => machine.put(result, bound, `${name} ${what}`, true);
  switch (which % 8) {
    case 0:
      if (shape.length >= 2) put(value.transpose(dim, (dim + 1) % shape.length), 'transpose');
      return;
    case 1:
      if (size >= 2) put(value.narrow(dim, 1, size - 1), 'narrow');
      return;
    case 2:
      if (size >= 2 && shape.length > 0) put(value.narrow(dim, c % 2, Math.max(1, size >> 1)), 'half');
      return;
    case 3:
      if (shape.length > 0) put(value.select(dim, c % size), 'select');
      return;
    case 4:
      if (shape.length === 2) put(value.unsqueeze(0).expand([2, ...shape]), 'expand');
      else put(value.unsqueeze(0), 'unsqueeze');
      return;
    case 5:
      if (shape.length > 0 && size >= 2)
        put(value.slice(...shape.map((_, d) => (d === dim ? ([c % 2, null, 2] as const) : (':' as const)))), 'step');
      return;
    case 6:
      if (shape.length === 1 && size % 2 === 0) put(value.view([2, size / 2]), 'view');
      return;
    default:
      // May be a view or a copy; a disturbed one need not share memory, so it is taken as it is.
      put(value.reshape(c % 2 ? [-1] : [1, -1]), 'reshape');
  }
};

const reduction: Op = (machine, [a, which, dims, keeps], name) => {
  const x = machine.float(a, (shape) => shape.length > 0);
  if (!x) return;
  const { value, bound } = x;
  const rank = value.shape.length;
  const all = value.shape.map((_, d) => d);
  // Any of the dims: with three, the first and the last may be apart.
  const chosen = all.filter((d) => ((1 + (dims % (2 ** rank - 1))) >> d) & 1);
  const taken = count(chosen.map((d) => value.shape[d] ?? 1));
  const options = { keepDim: keeps % 2 === 1 };
  switch (which % 6) {
    case 0:
    case 1:
      if (bound * taken <= LARGEST) machine.put(value.sum(chosen, options), bound * taken, `${name} sum`);
      return;
    case 2:
      return machine.put(value.mean(chosen, options), bound, `${name} mean`);
    case 3:
      return machine.put(value.amax(chosen, options), bound, `${name} amax`);
    case 4:
      return machine.put(value.max(dims % rank, options).values, bound, `${name} max`);
    default:
      return machine.put(value.var(chosen, { ...options, correction: 0 }), bound * bound, `${name} var`);
  }
};

const rows: Op = (machine, [a, which, b, c], name) => {
  const x = machine.float(a, (shape) => shape.length > 0);
  if (!x) return;
  const { value } = x;
  const width = value.shape.at(-1) ?? 1;
  if (which % 3 === 0) return machine.put(value.softmax(b % value.ndim), 1, `${name} softmax`);
  if (which % 3 === 1) {
    if (x.bound < 30) machine.put(value.logSoftmax(b % value.ndim), 2 * x.bound + 5, `${name} logSoftmax`);
    return;
  }
  const row = (pick: number) =>
    pick % 3 === 0 ? undefined : machine.float(pick, (shape) => shape.length === 1 && shape[0] === width);
  const [weight, bias] = [row(b), row(c)];
  // A larger eps than usual: rows that hardly differ would make any rounding as large as one.
  const out = layerNorm(value, [width], { weight: weight?.value, bias: bias?.value, eps: 0.01 });
  machine.put(out, (weight?.bound ?? 1) * Math.sqrt(width) + (bias?.bound ?? 0), name);
};

const attend: Op = (machine, [a, b, c, which], name) => {
  const q = machine.float(a, (shape) => shape.length >= 2);
  if (!q) return;
  const batch = q.value.shape.slice(0, -2);
  const k = machine.float(
    b,
    (shape) => same(shape.slice(0, -2), batch) && shape.length >= 2 && shape.at(-1) === q.value.shape.at(-1),
  );
  const v = k && machine.float(c, (shape) => same(shape.slice(0, -1), k.value.shape.slice(0, -1)));
  if (!k || !v || q.bound * k.bound > 100) return;
  const options = { isCausal: which % 2 === 0, dropoutP: which % 5 === 0 ? 0.25 : 0 };
  if (which % 3) machine.put(scaledDotProductAttention(q.value, k.value, v.value, options), 2 * v.bound, name);
  else {
    const { output, weights } = attention(q.value, k.value, v.value, options);
    machine.put(output, 2 * v.bound, `${name} output`);
    machine.put(weights, 2, `${name} weights`);
  }
};

const integers: Op = (machine, [a, b, which], name) => {
  const x = machine.choose(a, ({ value }) => value.dtype === 'int32');
  const y =
    x && machine.choose(b, ({ value }) => value.dtype === 'int32' && together(value.shape, x.value.shape) !== null);
  if (!x || !y || x.bound + y.bound > 1000) return;
  const float = machine.float(b, (shape) => together(shape, x.value.shape) !== null);
  switch (which % 6) {
    case 0:
      return machine.put(x.value.add(y.value), x.bound + y.bound, `${name} add`);
    case 1:
      return machine.put(x.value.add(y.value).remainder(2), 1, `${name} remainder`);
    case 2:
      return machine.put(x.value.gt(y.value), 1, `${name} gt`);
    case 3:
      return machine.put(x.value.to({ dtype: machine.mode.dtype }), x.bound, `${name} cast`);
    case 4:
      if (float && float.bound < 100) machine.put(float.value.mul(x.value), float.bound * x.bound, `${name} mixed`);
      return;
    default:
      return machine.put(x.value.sum(), x.bound * x.value.numel(), `${name} sum`);
  }
};

const select: Op = (machine, [a, b, c, which], name) => {
  const condition = machine.choose(c, ({ value }) => value.dtype === 'bool');
  const x = condition && machine.float(a, (shape) => together(shape, condition.value.shape) !== null);
  if (!condition || !x) return;
  const shape = together(x.value.shape, condition.value.shape) ?? [];
  const y = machine.float(b, (other) => together(other, shape) !== null);
  if (which % 3 === 0 && same(shape, x.value.shape))
    machine.put(maskedFill(x.value, condition.value, 0.5), x.bound, `${name} maskedFill`);
  else if (y) machine.put(where(condition.value, x.value, y.value), Math.max(x.bound, y.bound), name);
};

const index: Op = (machine, [a, b, c, which], name) => {
  const x = machine.float(a, (shape) => shape.length > 0 && shape.every((size) => size >= 2));
  if (!x) return;
  const { value, bound } = x;
  const dim = c % value.ndim;
  if (which % 3 === 0) {
    const chosen = machine.choose(
      b,
      (each) => each.value.dtype === 'int32' && each.bound <= 1 && each.value.ndim === 1,
    );
    if (chosen) machine.put(indexSelect(value, dim, chosen.value), bound, `${name} indexSelect`);
    return;
  }
  const chosen = machine.choose(
    b,
    (each) =>
      each.value.dtype === 'int32' &&
      each.bound <= 1 &&
      each.value.ndim === value.ndim &&
      each.value.shape.every((size, d) => size <= (value.shape[d] ?? 0)),
  );
  if (!chosen) return;
  if (which % 3 === 1) return machine.put(gather(value, dim, chosen.value), bound, `${name} gather`);
  const added = machine.float(c, (shape) => same(shape, chosen.value.shape));
  const most = bound + (added?.bound ?? 0) * chosen.value.numel();
  if (added && most <= LARGEST)
    machine.put(scatterAdd(value, dim, chosen.value, added.value), most, `${name} scatterAdd`);
};

const join: Op = (machine, [a, b, which, c], name) => {
  const x = machine.float(a, (shape) => shape.length > 0);
  const y = x && machine.float(b, (shape) => same(shape, x.value.shape));
  if (!x || !y) return;
  const dim = c % x.value.ndim;
  const joined = which % 2 ? cat([x.value, y.value], dim) : stack([x.value, y.value], dim);
  machine.put(joined, Math.max(x.bound, y.bound), name);
};

/** Writes in place: what a pool holds of the same memory grows with it. */
const write: Op = (machine, [a, b, which, recorded], name) => {
  const x = machine.float(a, (_, each) => each.bound < 100);
  const y =
    x &&
    machine.float(b, (shape, each) => each.bound < 100 && same(together(shape, x.value.shape) ?? [-1], x.value.shape));
  if (!x || !y) return;
  const apply = (): void => {
    switch (which % 7) {
      case 0:
        x.value.add_(y.value);
        break;
      case 1:
        x.value.mul_(y.value);
        break;
      case 2:
        x.value.copy_(y.value);
        break;
      case 3:
        x.value.relu_();
        break;
      case 4:
        x.value.mul_(0.5);
        break;
      case 5:
        x.value.fill_(0.75);
        break;
      default:
        x.value.copy_(y.value.mul(0.5).add(0.125));
    }
  };
  if (recorded % 4 === 0) apply();
  else noGrad(apply);
  if (which % 7 === 1 || which % 7 === 0) {
    const most = which % 7 ? x.bound * y.bound : x.bound + y.bound;
    // Any may be a view of what was written.
    machine.pool = machine.pool.map((each) => ({ ...each, bound: Math.max(each.bound, most) }));
  }
  if (which % 7 === 2 || which % 7 === 6)
    machine.pool = machine.pool.map((each) => ({ ...each, bound: Math.max(each.bound, y.bound + 0.125) }));
  machine.note(`${name} written`);
};

const drop: Op = (machine, [a, p], name) => {
  const x = machine.float(a);
  if (x) machine.put(dropout(x.value, [0.25, 0.5, 0.75][p % 3] ?? 0.5), 4 * x.bound, name);
};

/** Gradients of one or two values with respect to some of what they may be made of. */
const differentiate: Op = (machine, [a, b, c, options], name) => {
  const y = machine.float(a, (_, { value }) => value.requiresGrad && !value.isLeaf);
  if (!y) return;
  const createGraph = options % 3 === 0;
  const retainGraph = createGraph || options % 4 !== 0;
  const older = machine.pool.slice(0, machine.pool.indexOf(y)).filter(({ value }) => value.requiresGrad);
  const inputs = [older.at(-1 - (b % (older.length + 1))), older[c % (older.length + 1)]];
  const chosen = [...new Set(inputs.flatMap((each) => (each && each !== y ? [each] : [])))];
  if (chosen.length === 0) return;
  const seed = machine.float(c, (shape) => same(shape, y.value.shape));
  const isSeeded = options % 5 === 0 && seed !== undefined;
  const outputs = isSeeded || y.value.numel() === 1 ? y.value : y.value.sum();
  const found = grad(
    outputs,
    chosen.map(({ value }) => value),
    { allowUnused: true, createGraph, retainGraph, ...(isSeeded && { gradients: [seed.value] }) },
  );
  for (const [i, each] of found.entries()) {
    if (each) machine.put(each, 100, `${name} d${chosen[i]?.name.split(' ')[0]}`);
    else machine.note(`${name} d${i} null`);
  }
};

const backward: Op = (machine, [a, options, read]) => {
  const y = machine.float(a, (_, { value }) => value.requiresGrad && !value.isLeaf);
  if (!y) return;
  const loss = y.value.numel() === 1 ? y.value : y.value.mean();
  loss.backward({ retainGraph: options % 2 === 0, createGraph: options % 6 === 0 });
  if (machine.mode.isStrict) for (const leaf of machine.leaves) leaf.grad?.compute();
  const leaf = machine.leaves[read % machine.leaves.length];
  if (leaf?.grad && read % 2) machine.put(leaf.grad.mul(1), 100, 'backward grad');
};

const release: Op = (machine, [a]) => {
  const x = machine.choose(a, ({ value }) => !machine.leaves.includes(value));
  if (x) machine.release(x);
};

const readNow: Op = (machine, [a], name) => {
  const x = machine.choose(a, () => true);
  if (x && !machine.readsLater) machine.read(x, ` at ${name}`);
};

const other: Op = (machine, [a, which], name) => {
  const x = machine.float(a);
  if (!x) return;
  switch (which % 5) {
    case 0:
      return machine.put(x.value.detach(), x.bound, `${name} detach`, true);
    case 1:
      return machine.put(x.value.clone(), x.bound, `${name} clone`);
    case 2:
      return machine.put(x.value.contiguous(), x.bound, `${name} contiguous`, true);
    case 3:
      return noGrad(() => machine.put(x.value.relu(), x.bound, `${name} unrecorded`));
    default: {
      // A leaf of its own, in the middle.
      const leaf = enableGrad(() => x.value.detach().clone().requiresGrad_());
      machine.put(leaf, x.bound, `${name} leaf`, true);
    }
  }
};

const OPS = {
  binary,
  unary,
  product,
  linear: linearOp,
  conv1d: convolution,
  view,
  reduction,
  rows,
  attend,
  integers,
  select,
  index,
  join,
  write,
  dropout: drop,
  grad: differentiate,
  backward,
  release,
  read: readNow,
  other,
} satisfies Record<string, Op>;

type OpName = keyof typeof OPS | 'scope';

const anything = fc.nat(255);
/** How often each instruction comes. */
const WEIGHTS: Readonly<Record<OpName, number>> = {
  binary: 5,
  unary: 6,
  product: 6,
  linear: 4,
  conv1d: 2,
  view: 6,
  reduction: 3,
  rows: 2,
  attend: 2,
  integers: 2,
  select: 1,
  index: 2,
  join: 2,
  write: 4,
  dropout: 1,
  grad: 3,
  backward: 2,
  release: 3,
  read: 2,
  other: 3,
  scope: 2,
};

/** Programs of up to so many instructions. */
export function programs(
  maxLength: number,
  only: readonly OpName[] = Object.keys(WEIGHTS) as OpName[],
): fc.Arbitrary<Program> {
  const op = fc.oneof(...only.map((name) => ({ weight: WEIGHTS[name], arbitrary: fc.constant(name) })));
  return fc.record({
    instructions: fc.array(fc.record({ op, picks: fc.tuple(anything, anything, anything, anything) }), {
      minLength: 1,
      maxLength,
      size: 'max',
    }),
    wants: fc.nat(255),
    seed: fc.nat(99),
    stride: fc.integer({ min: 0, max: 12 }),
  });
}

/** Runs a program and reads what is left of its values, and the gradients of its leaves; all that it made is released. */
export async function readingsOf(program: Program, mode: Mode): Promise<Reading[]> {
  const machine = new Machine(program, mode);
  scope(() => {
    machine.start(leafTensors(program, mode.dtype));
    machine.run(0, program.instructions.length);
    for (const entry of machine.rest()) machine.read(entry);
    for (const [i, leaf] of machine.leaves.entries())
      if (leaf.grad) machine.read({ value: leaf.grad, bound: 100, name: `leaf${i}.grad` });
  });
  const readings = await Promise.all(machine.readings);
  for (const { value } of machine.pool) value.dispose();
  return readings;
}

/** A program as a function of its leaves: what is left of its values at the end, and the gradients of its leaves. */
export function asFunction(program: Program): (...leaves: Tensor[]) => Tensor[] {
  return (...given) => {
    const machine = new Machine(program, { dtype: 'float32' }, true);
    machine.start(given);
    machine.run(0, program.instructions.length);
    const grads = machine.leaves.flatMap(({ grad }) => (grad ? [grad] : []));
    return [...machine.rest().map(({ value }) => value), ...grads];
  };
}

/** A program in words, for the message of a failure. */
export function describeProgram({ instructions, wants, seed, stride }: Program): string {
  return `${JSON.stringify({ wants, seed, stride })}\n${instructions.map(({ op, picks }, i) => `  ${i}: ${op} ${picks.join(',')}`).join('\n')}`;
}

// The instructions of random programs (`random-graphs.ts`): each chooses operands that fit from the pool, and puts its results there.
import {
  attention,
  cat,
  checkpoint,
  conv1d,
  crossEntropy,
  dropout,
  embedding,
  enableGrad,
  gather,
  grad,
  indexSelect,
  layerNorm,
  linear,
  maskedFill,
  matmul,
  noGrad,
  scaledDotProductAttention,
  scatterAdd,
  stack,
  type Tensor,
  where,
} from '@course/tensor';
import { count, LARGEST, type Op, same } from './graph-machine.js';

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
  if (which % 7 === 5 && same(x.value.shape, y.value.shape) && x.value.shape.at(-1) === x.value.shape.at(-2)) {
    machine.put(matmul(x.value, y.value), k * x.bound * y.bound, `${name} from the left`);
    machine.put(matmul(y.value, x.value), k * x.bound * y.bound, `${name} from the right`);
    return;
  }
  const half = (left.value.shape.at(-2) ?? 0) >> 1;
  if (which % 7 === 3 && half > 0) {
    // Two parts of one memory on the left.
    const parts = [0, half].map((start) => left.value.narrow(-2, start, half));
    for (const [i, part] of parts.entries())
      machine.put(matmul(part, right.value), k * x.bound * y.bound, `${name} part ${i}`);
    return;
  }
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
  const size = x.value.shape.at(-1);
  if (recorded % 8 === 1 && x.value.ndim >= 2 && x.value.shape.at(-2) === size && 2 * x.bound <= 100) {
    // What is read lies under what is written, in another order.
    noGrad(() => {
      const other = x.value.transpose(-2, -1).mul(0.5);
      if (machine.mode.isStrict) other.compute();
      x.value.add_(other);
    });
    machine.pool = machine.pool.map((each) => ({ ...each, bound: Math.max(each.bound, 2 * x.bound) }));
    return;
  }
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

/** A product and what follows it, whose handles are gone when the value is asked for. */
const chain: Op = (machine, [a, b, c, steps], name) => {
  const x = machine.float(a, (shape) => shape.length >= 2);
  const w = x && machine.float(b, (shape) => shape.length === 2 && shape[0] === x.value.shape.at(-1));
  if (!x || !w) return;
  let bound = (w.value.shape[0] ?? 1) * x.bound * w.bound;
  let value = matmul(x.value, w.value);
  const then = (next: Tensor, most: number): void => {
    if (next !== value) value.dispose();
    [value, bound] = [next, most];
  };
  for (let i = 0; i < 3; i++) {
    const { shape } = value;
    const other = machine.float(c + i, (s) => same(s, shape) || (s.length === 1 && s[0] === shape.at(-1)));
    switch ((steps >> (2 * i)) % 7) {
      case 0:
        if (other) then(value.add(other.value), bound + other.bound);
        break;
      case 1:
        then(value.relu(), bound);
        break;
      case 2:
        then(value.gelu(), bound);
        break;
      case 3:
        then(value.mul(0.5), bound / 2);
        break;
      case 4:
        then(dropout(value, 0.5), 2 * bound);
        break;
      case 5:
        if (other) then(value.mul(other.value), bound * other.bound);
        break;
    }
  }
  if (bound <= LARGEST) machine.put(value, bound, name);
  else value.dispose();
};

const further: Op = (machine, [a, which, b], name) => {
  const x = machine.float(a, (shape) => shape.length > 0);
  if (!x) return;
  const { value, bound } = x;
  const dim = b % value.ndim;
  const size = value.shape[dim] ?? 1;
  switch (which % 6) {
    case 0:
      if (bound * size <= LARGEST) machine.put(value.cumsum(dim), bound * size, `${name} cumsum`);
      return;
    case 1:
      return machine.put(value.sort(dim).values, bound, `${name} sort`);
    case 2: {
      const target = machine.choose(
        b,
        (each) =>
          each.value.dtype === 'int32' &&
          each.bound <= 1 &&
          each.value.ndim === 1 &&
          each.value.numel() === value.shape[0],
      );
      if (target && value.ndim === 2 && (value.shape[1] ?? 0) >= 2 && bound < 30)
        machine.put(crossEntropy(value, target.value), 2 * bound + 5, `${name} crossEntropy`);
      return;
    }
    case 3: {
      const indices = machine.choose(b, (each) => each.value.dtype === 'int32' && each.bound <= 1);
      if (indices && value.ndim === 2 && (value.shape[0] ?? 0) >= 2)
        machine.put(embedding(indices.value, value), bound, `${name} embedding`);
      return;
    }
    case 4:
      return machine.put(
        checkpoint((v: Tensor) => v.mul(0.5).gelu().mul(v), value),
        bound * bound,
        `${name} checkpoint`,
      );
    default:
      return machine.put(value.tril(), bound, `${name} tril`);
  }
};

/** What changes gradients on their way, or where they go. */
const gradients: Op = (machine, [a, which, b]) => {
  const x = machine.float(a, (_, { value }) => value.requiresGrad);
  const leaf = machine.leaves[b % machine.leaves.length];
  switch (which % 4) {
    case 0:
      x?.value.registerHook((gradient) => gradient.mul(0.5));
      return;
    case 1:
      x?.value.retainGrad();
      return;
    case 2:
      if (leaf) leaf.grad = null;
      return;
    default: {
      const y =
        x && machine.float(b, (shape, each) => same(shape, x.value.shape) && each.value.dtype === x.value.dtype);
      if (y && x.value.isLeaf) x.value.grad = noGrad(() => y.value.mul(0.5));
    }
  }
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

/** By their names; `scope` is the machine's own. */
export const OPS = {
  binary,
  unary,
  product,
  chain,
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
  further,
  dropout: drop,
  grad: differentiate,
  backward,
  gradients,
  release,
  read: readNow,
  other,
} satisfies Record<string, Op>;

export type OpName = keyof typeof OPS | 'scope';

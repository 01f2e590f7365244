// Random expressions of pointwise ops: operands of several dtypes in every kind of layout (broadcast, transposed, sliced at any offset,
// stepped, expanded), values used more than once, some of them read too, and writes in place into views. All values are multiples of 1/4 of at most
// 24 bits, whatever is computed of them, so that results must be equal, not close, on every device and however kernels are cut.
import { type DType, type Index, type Tensor, tensor, where } from '@course/tensor';
import { noise } from '../webgpu/gpu.js';
import { broadcastable, type Draw } from './random-ops.js';

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** A function that makes the same values on any device: what it returns is to be read. */
export type Expression = () => Tensor[];

const DTYPES: readonly DType[] = ['float32', 'float32', 'float32', 'int32', 'bool', 'uint8'];

/** A tensor of a shape, seen through some view of its memory, and all of that memory. */
function leaf(
  draw: Draw,
  shape: readonly number[],
  dtype: DType,
  canExpand = true,
): () => [view: Tensor, whole: Tensor] {
  const make = (stored: readonly number[], seed: number) => () => {
    const values = noise(count(stored), seed).map((value) =>
      dtype === 'float32'
        ? Math.trunc(value * 16) / 4
        : dtype === 'int32'
          ? Math.trunc(value * 9)
          : dtype === 'uint8'
            ? Math.trunc((value + 1) * 9)
            : Number(value > 0),
    );
    return tensor(values, { shape: stored, dtype });
  };
  const through =
    (whole: () => Tensor, view: (x: Tensor) => Tensor): (() => [Tensor, Tensor]) =>
    () => {
      const stored = whole();
      return [view(stored), stored];
    };
  const seed = draw(1, 1000);
  const dim = draw(0, Math.max(0, shape.length - 1));
  const size = shape[dim] ?? 1;
  switch (shape.length === 0 ? 0 : draw(0, canExpand ? 4 : 3)) {
    case 1: {
      const other = draw(0, shape.length - 1);
      const turned = shape.with(dim, shape[other] ?? 1).with(other, size);
      return through(make(turned, seed), (x) => x.transpose(dim, other));
    }
    case 2: {
      const start = draw(0, 5);
      const whole = make(shape.with(dim, start + size + draw(0, 5)), seed);
      return through(whole, (x) => x.narrow(dim, start, size));
    }
    case 3: {
      const [start, step] = [draw(0, 3), draw(2, 3)];
      const places = shape.map((_, d): Index => (d === dim ? [start, start + size * step, step] : ':'));
      return through(make(shape.with(dim, start + size * step), seed), (x) => x.slice(...places));
    }
    case 4: {
      return through(make(shape.with(dim, 1), seed), (x) => x.expand(shape));
    }
    default:
      return through(make(shape, seed), (x) => x);
  }
}

/** Kept to 24 bits: between -16 and 16, in quarters. */
const kept = (x: Tensor): Tensor => x.clamp({ min: -16, max: 16 }).mul(4).floor().div(4);

/** Of one, two or three values of any dtype. */
const STEPS: readonly ((a: Tensor, b: Tensor, c: Tensor, n: number) => Tensor)[] = [
  (a, b) => kept(a.to('float32').add(b)),
  (a, b) => kept(a.to('float32').sub(b)),
  (a, b) => kept(a.to('float32').mul(b)),
  (a, _, __, n) =>
    kept(
      a
        .to('float32')
        .mul(n / 4)
        .add(n),
    ),
  (a) => a.to('float32').relu(),
  (a) => a.to('float32').neg().abs(),
  (a) => a.to('int32'),
  (a, b) => a.to('int32').bitwiseAnd(b.to('int32')),
  (a, _, __, n) => a.to('int32').floorDivide(n === 0 ? 3 : n),
  (a, b) => a.lt(b),
  (a, _, __, n) => a.ge(n),
  (a, b, c) => where(a.to('bool'), b.to('float32'), c.to('float32')),
  (a, b) => a.to('bool').logicalAnd(b.to('bool')),
  (a, b) => a.to('float32').maximum(b.to('float32')),
];

export function randomProgram(draw: Draw): { readonly text: string; readonly run: Expression } {
  const rank = draw(0, 4);
  const shape = Array.from({ length: rank }, (_, d) =>
    d === rank - 1 ? ([1, 3, 4, 5, 8, 12, 16, 17][draw(0, 7)] ?? 1) : draw(1, 5),
  );
  const leaves = Array.from({ length: draw(1, 12) }, (_, i) =>
    leaf(draw, i === 0 ? shape : broadcastable(draw, shape), DTYPES[draw(0, DTYPES.length - 1)] ?? 'float32'),
  );
  const steps = Array.from({ length: draw(1, 24) }, (_, i) => ({
    op: draw(0, STEPS.length - 1),
    // The first of the operands is the newest value most of the time, so that programs grow deep.
    args: [
      draw(0, 3) > 0 ? leaves.length + i - 1 : draw(0, leaves.length + i - 1),
      draw(0, leaves.length + i - 1),
      draw(0, leaves.length + i - 1),
    ],
    number: draw(-8, 8),
  }));
  const alsoRead = Array.from({ length: draw(0, 3) }, () => draw(0, leaves.length + steps.length - 1));
  const target = draw(0, 1) === 1 ? leaf(draw, shape, 'float32', false) : undefined;
  const run = () => {
    const values = leaves.map((make) => make()[0]);
    for (const { op, args, number } of steps) {
      const [a, b, c] = args.map((i) => values[i] as Tensor) as [Tensor, Tensor, Tensor];
      values.push((STEPS[op] as (typeof STEPS)[number])(a, b, c, number));
    }
    const last = values.at(-1) as Tensor;
    const read = [last, ...alsoRead.map((i) => values[i] as Tensor)];
    if (target === undefined) return read;
    const [view, whole] = target();
    view.add_(last.to('float32'));
    return [whole, ...read];
  };
  return { text: JSON.stringify({ shape, steps, alsoRead }), run };
}

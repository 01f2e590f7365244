/** Reductions on the CPU. */
import type { ReduceRequest } from '../../requests.js';
import { ALIGNMENT } from '../allocator.js';
import type { Launcher } from '../launch.js';
import { ReduceCode, ReduceField } from '../layout.generated.js';

/** Columns of a work item. */
const COLUMN_GROUP = 256;
/** Elements of a work item when a long reduction is cut. */
const CHUNK = 16_384;
/** A reduction with fewer work items than this, each of two chunks or more, is cut. */
const FEW_ITEMS = 16;

type Op = ReduceRequest['op'];

/** What combines the results of chunks of floats. Products are not cut: their parts could overflow where the whole does not. */
const COMBINE: Partial<Record<Op, Op>> = {
  sum: 'sum',
  sumOfSquares: 'sum',
  max: 'max',
  min: 'min',
  any: 'any',
  all: 'all',
};
/** The same of integers and truth values, whose chunks give such again: products are modulo 2^32, as is the whole. */
const COMBINE_INTS: Partial<Record<Op, Op>> = {
  sum: 'sum',
  prod: 'prod',
  max: 'max',
  min: 'min',
  any: 'any',
  all: 'all',
};

function combining({ op, floatInput, floatOut, scale }: RawReduction): Op | undefined {
  if (floatInput) return COMBINE[op];
  return floatOut || scale !== 1 ? undefined : COMBINE_INTS[op];
}

/** A reduction whose operands are addresses: also the second half of kernels that leave partial sums. */
export interface RawReduction {
  readonly op: Op;
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  readonly scale: number;
  readonly input: number;
  readonly out: number;
  readonly floatInput: boolean;
  readonly floatOut: boolean;
}

/**
 * Reduces in one launch, or what is long in two: chunks of a length that depends on the shape alone, then their results. So there
 * is work for many threads, and sums are the same for any number of them.
 */
export function launchReduce(launcher: Launcher, reduction: RawReduction): void {
  const { outer, length, inner } = reduction;
  if (outer * inner === 0) return;
  const combine = combining(reduction);
  const columnGroup = Math.min(COLUMN_GROUP, inner);
  const items = outer * Math.ceil(inner / columnGroup);
  const chunk = Math.ceil(CHUNK / columnGroup);
  const isLong = items < FEW_ITEMS && length >= 2 * chunk;
  if (isLong && inner === 1 && (reduction.op === 'argmax' || reduction.op === 'argmin')) {
    placesOfChunks(launcher, reduction, chunk);
    return;
  }
  if (combine === undefined || !isLong) {
    launchChunks(launcher, reduction, Math.max(length, 1), 1);
    return;
  }
  const chunks = Math.ceil(length / chunk);
  const partials = launcher.take(outer * chunks * inner * 4);
  const address = partials.start * ALIGNMENT;
  // Truths are words, whatever they are about.
  const floatPartials = reduction.floatInput && combine !== 'any' && combine !== 'all';
  launchChunks(launcher, { ...reduction, scale: 1, out: address, floatOut: floatPartials }, chunk, chunks);
  launchChunks(
    launcher,
    { ...reduction, op: combine, length: chunks, input: address, floatInput: floatPartials },
    chunks,
    1,
  );
  launcher.give(partials);
}

/** The places of extremes in a few long rows: those of chunks first, among which the first of the best is looked for here. */
function placesOfChunks(launcher: Launcher, reduction: RawReduction, chunk: number): void {
  const { op, outer, length, input, out, floatInput } = reduction;
  const chunks = Math.ceil(length / chunk);
  const partials = launcher.take(outer * chunks * 4);
  launchChunks(launcher, { ...reduction, out: partials.start * ALIGNMENT }, chunk, chunks);
  const { i32, f32 } = launcher;
  const values = floatInput ? f32 : i32;
  for (let row = 0; row < outer; row++) {
    let place = -1;
    let best = 0;
    // The first NaN is beyond everything, as in the kernel.
    for (let c = 0; c < chunks && !Number.isNaN(best); c++) {
      const at = c * chunk + (i32[(partials.start * ALIGNMENT) / 4 + row * chunks + c] ?? 0);
      const value = values[input / 4 + row * length + at] ?? 0;
      const beyond = op === 'argmax' ? value > best : value < best;
      if (place < 0 || beyond || Number.isNaN(value)) [place, best] = [at, value];
    }
    i32[out / 4 + row] = place;
  }
  launcher.give(partials);
}

function launchChunks(launcher: Launcher, reduction: RawReduction, chunk: number, chunks: number): void {
  const { outer, length, inner } = reduction;
  const columnGroup = Math.min(COLUMN_GROUP, inner);
  const columnGroups = Math.ceil(inner / columnGroup);
  const record = launcher.record(ReduceField.length);
  const { i32, f32 } = launcher;
  i32[record + ReduceField.op] = ReduceCode[reduction.op];
  i32[record + ReduceField.outer] = outer;
  i32[record + ReduceField.count] = length;
  i32[record + ReduceField.inner] = inner;
  i32[record + ReduceField.chunk] = chunk;
  i32[record + ReduceField.chunks] = chunks;
  i32[record + ReduceField.columnGroup] = columnGroup;
  i32[record + ReduceField.columnGroups] = columnGroups;
  f32[record + ReduceField.scale] = reduction.scale;
  i32[record + ReduceField.input] = reduction.input;
  i32[record + ReduceField.out] = reduction.out;
  i32[record + ReduceField.floatInput] = Number(reduction.floatInput);
  i32[record + ReduceField.floatOut] = Number(reduction.floatOut);
  launcher.launch('reduce', record, outer * chunks * columnGroups, Math.ceil(CHUNK / (chunk * columnGroup)));
}

export function reduce(launcher: Launcher, request: ReduceRequest): void {
  const { op, outer, length, inner, scale, input, out } = request;
  launchReduce(launcher, {
    op,
    outer,
    length,
    inner,
    scale,
    input: launcher.pointer(input),
    out: launcher.pointer(out),
    floatInput: input.dtype === 'float32',
    floatOut: out.dtype === 'float32',
  });
}

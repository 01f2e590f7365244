/**
 * Reductions of the middle dim of [outer, length, inner]. One pass reduces strips of the length; passes follow until one strip
 * is left. An invocation (or, along contiguous rows on a GPU, a team) takes one strip of at most 1024 steps, in blocks of 32
 * that are added up on their own: errors grow like the logarithm of the length, and no order depends on timing. Steps are
 * vectors of four elements, side by side or along the length, where all is aligned.
 */
import type { Dense, DeviceBuffer, ReduceRequest } from '../../../requests.js';
import { groupsOf, type KernelContext } from '../../context.js';
import { lanesFor, rowGroups, type Team } from '../rows/rows.js';
import { type PlacesVariant, placesSource } from './places.js';
import { type ValuesVariant, valuesSource } from './values.js';

const LONGEST_STRIP = 1024;
const SHORTEST_STRIP = 16;
/** So many steps in one strip take no longer than a second pass would. */
const SHORT = 64;

/** The strips of one pass, in steps of the team's unit. */
interface Strips {
  readonly team: Team;
  readonly steps: number;
  readonly stripSteps: number;
  readonly count: number;
}

export function reduce(context: KernelContext, request: ReduceRequest): void {
  if (request.outer * request.inner === 0) return;
  if (request.op === 'argmax' || request.op === 'argmin') reducePlaces(context, request, request.op);
  else reduceValues(context, request, request.op);
}

function reduceValues(context: KernelContext, request: ReduceRequest, op: ValuesVariant['op']): void {
  const { outer, inner, out } = request;
  let source = request.input;
  let length = request.length;
  let step = op;
  for (;;) {
    // Columns go side by side, rows along their length.
    const fits = source.offset % 4 === 0 && (inner > 1 ? inner % 4 === 0 && out.offset % 4 === 0 : length % 4 === 0);
    const unit = fits ? 4 : 1;
    const across = inner > 1 ? unit : 1;
    const columns = (outer * inner) / across;
    const strips = stripsOf(context, inner === 1 ? length / unit : length, inner, columns, unit);
    const isLast = strips.count === 1;
    const target: Dense = isLast
      ? out
      : { buffer: context.temporary(outer * strips.count * inner * 4), dtype: out.dtype, offset: 0 };
    const { team } = strips;
    const variant: ValuesVariant = { op: step, input: source.dtype, out: out.dtype, isColumn: inner > 1, team };
    const key = `reduce|${step}|${source.dtype}|${out.dtype}|${variant.isColumn}|${unit}|${team.lanes}`;
    const kernel = context.kernel(key, () => valuesSource(variant));
    const rows = columns * strips.count;
    context.dispatch(
      kernel,
      { x: source.buffer, out: target.buffer },
      {
        rows,
        length: strips.steps,
        inner: inner / across,
        strips: strips.count,
        stripLength: strips.stripSteps,
        xOffset: source.offset / unit,
        outOffset: target.offset / across,
        scale: isLast ? request.scale : 1,
      },
      groupsFor(team, rows),
    );
    if (isLast) return;
    // The squares have been taken; what is left is a sum.
    if (step === 'sumOfSquares') step = 'sum';
    source = target;
    length = strips.count;
  }
}

function reducePlaces(context: KernelContext, request: ReduceRequest, op: PlacesVariant['op']): void {
  const { outer, inner, input, out } = request;
  let places: DeviceBuffer | undefined;
  let length = request.length;
  for (;;) {
    const columns = outer * inner;
    const strips = stripsOf(context, length, inner, columns, 1);
    const isLast = strips.count === 1;
    const target = isLast ? out : { buffer: context.temporary(columns * strips.count * 4), offset: 0 };
    const { team } = strips;
    const isFollowUp = places !== undefined;
    const variant: PlacesVariant = { op, input: input.dtype, isFollowUp, team };
    const kernel = context.kernel(`reduce|${op}|${input.dtype}|${isFollowUp}|${team.lanes}`, () =>
      placesSource(variant),
    );
    const rows = columns * strips.count;
    context.dispatch(
      kernel,
      { x: input.buffer, places, out: target.buffer },
      {
        rows,
        length,
        inner,
        strips: strips.count,
        stripLength: strips.stripSteps,
        wholeLength: request.length,
        xOffset: input.offset,
        outOffset: target.offset,
      },
      groupsFor(team, rows),
    );
    if (isLast) return;
    places = target.buffer;
    length = strips.count;
  }
}

/** Strips long enough to be worth an invocation, and short enough to keep all of them busy and errors small. */
function stripsOf({ tuning }: KernelContext, steps: number, inner: number, columns: number, unit: 1 | 4): Strips {
  const isRow = inner === 1 && tuning.rows.lanes > 1;
  const workgroupSize = isRow ? tuning.rows.workgroupSize : tuning.reduce.workgroupSize;
  const lanes = isRow ? lanesFor(tuning.rows.lanes, steps) : 1;
  const isShort = lanes === 1 && steps <= SHORT;
  const wanted = isShort ? 1 : Math.max(1, Math.ceil(tuning.reduce.invocations / (columns * lanes)));
  const even = Math.ceil(steps / wanted);
  const stripSteps = Math.max(1, Math.min(Math.max(even, SHORTEST_STRIP * lanes), LONGEST_STRIP * lanes));
  return { team: { workgroupSize, lanes, unit }, steps, stripSteps, count: Math.max(1, Math.ceil(steps / stripSteps)) };
}

function groupsFor(team: Team, rows: number): number {
  return team.lanes > 1 ? rowGroups(team, rows) : groupsOf(rows, team.workgroupSize);
}

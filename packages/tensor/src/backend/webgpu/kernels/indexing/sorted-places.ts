/**
 * Places in the order of their keys, equal keys in their own: what lets sums by index be made in parallel and yet with the same bits every time.
 * A few places find their position by counting those before them. More are sorted by some bits of their keys at a time, from the lowest: each
 * invocation counts the digits of its block of places, a running sum over the counts says where a block's places with a digit end, and each
 * invocation moves its block there. No invocation writes where another does, so nothing depends on who is first.
 */
import type { DeviceBuffer } from '../../../requests.js';
import { groupsOf, type KernelContext } from '../../context.js';
import { type FaultParameters, reportsFaults } from '../../faults.js';
import { type BindingSource, type KernelSource, read, u32, write } from '../wgsl/source.js';

/** Which key a place has, from 0 to `keys`; those that take no part have `keys`, and come last. */
export interface PlaceKeys {
  readonly indices: DeviceBuffer;
  readonly places: number;
  readonly keys: number;
  /** Keys are indices, or, where each column has indices of its own, column * size + index. */
  readonly hasColumns: boolean;
  /** What the text of `keyOf` (below) reads. */
  readonly params: Readonly<Record<string, number>>;
  readonly faults: FaultParameters;
}

/** Both of as many words as there are places. */
export interface SortedPlaces {
  readonly keys: DeviceBuffer;
  readonly order: DeviceBuffer;
}

/** Up to so many places are compared with each other. */
const COMPARED = 512;
/** Fewest places of a block, and most bits that a pass sorts by. */
const SHORTEST_BLOCK = 64;
const MOST_BITS = 8;

export const KEY_PARAMS = ['size', 'count', 'inner', 'indexOffset', 'outerStride', 'placeStride', 'innerStride'];

/** `keyOf(place)`: faults are noted, not reported, since a call in a loop costs software adapters more than all else in it. */
const keySource = (hasColumns: boolean): string => `var<private> faulty = 0xffffffffu;

fn keyOf(place: u32) -> u32 {
${
  hasColumns
    ? `  let column = place / p.count;
  let o = column / p.inner;
  let i = column % p.inner;
  let index = indices[p.indexOffset + o * p.outerStride + (place % p.count) * p.placeStride + i * p.innerStride];`
    : '  let index = indices[p.indexOffset + place * p.placeStride];'
}
  // A negative index is a huge unsigned one: also outside.
  if (u32(index) >= p.size) {
    faulty = min(faulty, u32(index));
    return p.keys;
  }
  if (index == p.paddingIndex) {
    return p.keys;
  }
  return ${hasColumns ? 'column * p.size + u32(index)' : 'u32(index)'};
}`;

const REPORT = `
      if (faulty != 0xffffffffu) {
        reportFault(faulty, p.size);
      }`;

/** The places in order, and their keys, until the end of the request. */
export function sortedPlaces(context: KernelContext, request: PlaceKeys): SortedPlaces {
  const { places } = request;
  const sorted = (): SortedPlaces => ({ keys: context.temporary(places * 4), order: context.temporary(places * 4) });
  if (places <= COMPARED) return compare(context, request, sorted());
  const bits = Math.floor(Math.log2(request.keys)) + 1;
  const passes = Math.ceil(bits / MOST_BITS);
  const digitBits = Math.ceil(bits / passes);
  let source: SortedPlaces | undefined;
  let spare: SortedPlaces | undefined;
  for (let pass = 0; pass < passes; pass++) {
    const target = spare ?? sorted();
    spare = source;
    sortBy(context, request, source, target, pass * digitBits, digitBits);
    source = target;
  }
  return source ?? sorted();
}

/** What every kernel that takes keys from indices binds and is told. */
const keyed = ({ indices, params, keys, places, faults }: PlaceKeys, context: KernelContext) => ({
  buffers: { indices, faults: context.faults.buffer },
  params: { ...params, keys, places, ...faults },
});

function compare(context: KernelContext, request: PlaceKeys, target: SortedPlaces): SortedPlaces {
  const { workgroupSize } = context.tuning.reduce;
  const { hasColumns, places } = request;
  const kernel = context.kernel(`placesCompared|${hasColumns}`, () => compareSource(hasColumns, workgroupSize));
  const { buffers, params } = keyed(request, context);
  context.dispatch(kernel, { ...buffers, ...target }, params, groupsOf(places, workgroupSize));
  return target;
}

function compareSource(hasColumns: boolean, workgroupSize: number): KernelSource {
  return reportsFaults({
    label: 'places: compare',
    about: 'Each invocation finds the position of one place: the number of places that come before it.',
    bindings: [read('indices', 'i32'), write('keys', 'u32'), write('order', 'u32')],
    params: { ...u32('places', 'keys', ...KEY_PARAMS), paddingIndex: 'i32' },
    workgroupSize,
    declarations: keySource(hasColumns),
    each: ['at', 'p.places'],
    main: `
      let key = keyOf(at);${REPORT}
      var position = 0u;
      for (var other = 0u; other < p.places; other++) {
        let otherKey = keyOf(other);
        position += u32(otherKey < key || (otherKey == key && other < at));
      }
      keys[position] = key;
      order[position] = at;`,
  });
}

/** One stable pass by the bits from `shift` on. The first takes keys and places as they come. */
function sortBy(
  context: KernelContext,
  request: PlaceKeys,
  source: SortedPlaces | undefined,
  target: SortedPlaces,
  shift: number,
  bits: number,
): void {
  const { workgroupSize, invocations } = context.tuning.reduce;
  const { hasColumns, places } = request;
  const isFirst = source === undefined;
  const blockLength = Math.max(SHORTEST_BLOCK, Math.ceil(places / invocations));
  const blocks = Math.ceil(places / blockLength);
  const digits = 2 ** bits;
  const counts = context.temporary(digits * blocks * 4);
  const variant = `${isFirst}|${isFirst && hasColumns}`;
  const { buffers, params } = isFirst ? keyed(request, context) : { buffers: {}, params: { places } };
  const own = { ...params, blocks, blockLength, shift, mask: digits - 1 };
  const given = { ...buffers, givenKeys: source?.keys, givenOrder: source?.order };
  const groups = groupsOf(blocks, workgroupSize);
  const count = context.kernel(`placesCount|${variant}`, () => countSource(isFirst, hasColumns, workgroupSize));
  context.dispatch(count, { ...given, givenOrder: undefined, counts }, own, groups);
  const ends = runningSums(context, counts, digits * blocks);
  const move = context.kernel(`placesMove|${variant}`, () => moveSource(isFirst, hasColumns, workgroupSize));
  context.dispatch(move, { ...given, ...target, ends }, own, groups);
}

/** The text that both kernels of a pass begin with: `key` of a place. */
function blockSource(
  isFirst: boolean,
  hasColumns: boolean,
): Pick<KernelSource, 'bindings' | 'params'> & { declarations: string } {
  const params = u32('places', 'blocks', 'blockLength', 'shift', 'mask');
  return isFirst
    ? {
        bindings: [read('indices', 'i32')],
        params: { ...params, ...u32('keys', ...KEY_PARAMS), paddingIndex: 'i32' },
        declarations: keySource(hasColumns),
      }
    : {
        bindings: [read('givenKeys', 'u32')],
        params,
        declarations: 'fn keyOf(place: u32) -> u32 {\n  return givenKeys[place];\n}',
      };
}

function countSource(isFirst: boolean, hasColumns: boolean, workgroupSize: number): KernelSource {
  const { bindings, params, declarations } = blockSource(isFirst, hasColumns);
  const source: KernelSource = {
    label: 'places: count',
    about: 'Each invocation counts the digits of the keys of one block of places.',
    bindings: [...bindings, write('counts', 'u32')],
    params,
    workgroupSize,
    declarations,
    each: ['at', 'p.blocks'],
    main: `
      for (var digit = 0u; digit <= p.mask; digit++) {
        counts[digit * p.blocks + at] = 0u;
      }
      let end = min((at + 1u) * p.blockLength, p.places);
      for (var place = at * p.blockLength; place < end; place++) {
        counts[((keyOf(place) >> p.shift) & p.mask) * p.blocks + at] += 1u;
      }${isFirst ? REPORT : ''}`,
  };
  return isFirst ? reportsFaults(source) : source;
}

function moveSource(isFirst: boolean, hasColumns: boolean, workgroupSize: number): KernelSource {
  const { bindings, params, declarations } = blockSource(isFirst, hasColumns);
  const given: BindingSource[] = isFirst ? [] : [read('givenOrder', 'u32')];
  const source: KernelSource = {
    label: 'places: move',
    about:
      'Each invocation moves one block of places, from the last to the first, to where those with their digits end.',
    bindings: [...bindings, ...given, write('ends', 'u32'), write('keys', 'u32'), write('order', 'u32')],
    params,
    workgroupSize,
    declarations,
    each: ['at', 'p.blocks'],
    main: `
      let begin = at * p.blockLength;
      for (var next = min(begin + p.blockLength, p.places); next > begin; next--) {
        let place = next - 1u;
        let key = keyOf(place);
        let slot = ((key >> p.shift) & p.mask) * p.blocks + at;
        let position = ends[slot] - 1u;
        ends[slot] = position;
        keys[position] = key;
        order[position] = ${isFirst ? 'place' : 'givenOrder[place]'};
      }`,
  };
  return isFirst ? reportsFaults(source) : source;
}

const COUNTS = { params: u32('length', 'strips', 'stripLength'), each: ['at', 'p.strips'] } as const;

/** The sums of all counts up to each, itself among them. */
function runningSums(context: KernelContext, counts: DeviceBuffer, length: number): DeviceBuffer {
  const { workgroupSize } = context.tuning.reduce;
  // Strips and their number are alike: an invocation adds up those before its own, and then goes through it.
  const stripLength = Math.ceil(Math.sqrt(length));
  const strips = Math.ceil(length / stripLength);
  const totals = context.temporary(strips * 4);
  const params = { length, strips, stripLength };
  const groups = groupsOf(strips, workgroupSize);
  const total = context.kernel('placesTotals', () => ({
    ...COUNTS,
    workgroupSize,
    label: 'places: totals',
    about: 'Each invocation adds up one strip of counts.',
    bindings: [read('counts', 'u32'), write('totals', 'u32')],
    main: `
      let end = min((at + 1u) * p.stripLength, p.length);
      var sum = 0u;
      for (var i = at * p.stripLength; i < end; i++) {
        sum += counts[i];
      }
      totals[at] = sum;`,
  }));
  context.dispatch(total, { counts, totals }, params, groups);
  const walk = context.kernel('placesEnds', () => ({
    ...COUNTS,
    workgroupSize,
    label: 'places: ends',
    about: 'Each invocation turns the counts of one strip into running sums.',
    bindings: [read('totals', 'u32'), write('counts', 'u32')],
    main: `
      var sum = 0u;
      for (var strip = 0u; strip < at; strip++) {
        sum += totals[strip];
      }
      let end = min((at + 1u) * p.stripLength, p.length);
      for (var i = at * p.stripLength; i < end; i++) {
        sum += counts[i];
        counts[i] = sum;
      }`,
  }));
  context.dispatch(walk, { totals, counts }, params, groups);
  return counts;
}

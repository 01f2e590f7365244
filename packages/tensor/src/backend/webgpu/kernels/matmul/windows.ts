/**
 * Convolutions and their gradients as products whose right operand is windows of a signal (`Windows` in requests.ts). The matrix of windows has
 * every place of the signal as often as a window has taps; instead of making it, kernels find each element where it lies. All that
 * differs from a product of matrices is where a line starts and how four neighbours of it are loaded: so every tile, epilogue and slicing
 * of k serves convolutions as well. What lies past the ends of the signal counts as zeros, by a comparison in place of a padded copy.
 *
 * A line of windows is two numbers: where its channel starts, and the place of its tap for window (or, of `input`, place) 0; that place may lie before
 * the signal, and wraps around to far past its end.
 */
import type { Matrices, Windows } from '../../../requests.js';
import { f32, u32 } from '../wgsl/source.js';
import type { MatmulVariant } from './matmul.js';

/** What the text of a kernel depends on. */
export interface WindowsVariant {
  readonly of: Windows['of'];
  /** Whether the steps of k, and the output's columns, are too many to be divided by a product in float32. */
  readonly isLong: boolean;
}

/** Numbers up to here are divided by their divisor's reciprocal: `quotient` is then off by less than half of the distance to the next. */
const SHORT = 2 ** 21;

export function windowsVariant({ of }: Windows, k: number, n: number): WindowsVariant {
  return { of, isLong: Math.max(k, n) >= SHORT };
}

/** All of it, as a number from 1 on. */
export function windowsFlags({ of, isLong }: WindowsVariant): number {
  return { output: 1, input: 2, weight: 3 }[of] + 4 * Number(isLong);
}

/** Which operands' lines go along the output, and how far they are apart. */
export function windowsLayout({ of }: Windows, a: Matrices, b: Matrices) {
  return { transposeA: of === 'input', transposeB: of === 'weight', rowA: a.rowStride, rowB: b.rowStride };
}

/** Windows of an item, where they are summed over: as many more of zeros as make whole vectors of four, so that none is of two items. */
function paddedCount({ count }: Windows): number {
  return Math.ceil(count / 4) * 4;
}

/** Steps of k. */
export function windowsSteps(windows: Windows, k: number): number {
  return windows.of === 'weight' ? windows.items * paddedCount(windows) : k;
}

export const windowsParams = {
  ...u32(
    'taps',
    'tapStep',
    'firstTap',
    'windowStride',
    'places',
    'windows',
    'paddedWindows',
    'aChannel',
    'aItem',
    'bItem',
  ),
  ...f32('halfTap', 'halfItem'),
};

/** Adds their values, in this order; `unitA` is how many elements of `a` are read as one. */
export function bringWindows(windows: Windows, a: Matrices, unitA: number, params: number[]): void {
  const { of, taps, stride, dilation, padding, length, count, itemStrides } = windows;
  const padded = paddedCount(windows);
  // The window whose tap t lies at place i begins at i - t * dilation, and is number that + padding.
  if (of === 'input') params.push(taps, -dilation, padding, stride, count);
  else params.push(taps, dilation, -padding, stride, length);
  params.push(count, padded, a.columnStride, itemStrides[0] / unitA, itemStrides[1], 0.5 / taps, 0.5 / padded);
}

/** Where a line of an operand starts: line `index` from `aStart` or `bStart` on. */
export function lineOf({ windows }: MatmulVariant, name: 'A' | 'B', index: string): string {
  const start = `${name.toLowerCase()}Start`;
  if (windows && (name === 'B' || windows.of === 'input')) return `line${name}(${start}, ${index})`;
  return `${start} + ${/^\w+(\(.*\))?$/.test(index) ? index : `(${index})`} * p.${name.toLowerCase()}Row`;
}

/**
 * `loadA` or `loadB`, which load four neighbours of a line, with the functions beside it; undefined for operands that are plain matrices.
 * Kernels that stage their operands pass the line's last element too, which needs no care here.
 */
export function windowLoader(
  { windows, vectorA }: MatmulVariant,
  name: 'A' | 'B',
  isStaged = false,
): string | undefined {
  if (!windows) return undefined;
  const last = isStaged ? ', last: u32' : '';
  const channel = quotient(windows, 'index', 'taps', 'halfTap');
  const item = quotient(windows, 'at', 'paddedWindows', 'halfItem');
  if (name === 'A') {
    if (windows.of === 'input')
      return isStaged ? tapsOfRows(channel, last) : `${tapsOfRows(channel, last)}\n\n${ONE_TAP}`;
    if (windows.of === 'output') return undefined;
    const rows = rowsOfWindows(vectorA, item, last);
    return isStaged ? rows : `${rows}\n\n${oneOf('A', 'u32')}`;
  }
  if (windows.of === 'weight')
    return [lineOfWindows(channel), alongWindows(item, last), ...(isStaged ? [] : [oneOf('B', 'vec2<u32>')])].join(
      '\n\n',
    );
  const step = windows.of === 'output' ? ' * p.windowStride' : '';
  const four = 'at + vec4<u32>(0u, 1u, 2u, 3u)';
  return [
    lineOfWindows(channel),
    `fn loadB(line: vec2<u32>, at: u32${last}) -> vec4<f32> {
${placesOf('vec4<u32>', `(${four})${step} + line.y`)}
  let i = line.x + select(vec4<u32>(), places, isInside);
  return select(vec4<f32>(), vec4<f32>(b[i.x], b[i.y], b[i.z], b[i.w]), isInside);
}`,
    ...(isStaged
      ? []
      : [
          `fn oneB(line: vec2<u32>, at: u32) -> f32 {
${placesOf('u32', `at${step} + line.y`)}
  return select(0.0, b[line.x + select(0u, places, isInside)], isInside);
}`,
        ]),
  ].join('\n\n');
}

/**
 * A whole number divided by a parameter. Adapters have no instruction for that, and software ones divide element by element; so it is a product:
 * (2 x + 1 - d) / (2 d) lies closer to the quotient than to any other whole number, and is rounded to it by adding 1.5 * 2 ** 23, behind
 * which a float has no digits. With one addition, since compilers may add constants up first.
 */
function quotient({ isLong }: WindowsVariant, value: string, divisor: 'taps' | 'paddedWindows', half: string): string {
  if (isLong) return `${value} / p.${divisor}`;
  return `bitcast<u32>(f32(i32(2u * ${value} + 1u - p.${divisor})) * p.${half} + 12582912.0) & 0x3fffffu`;
}

function lineOfWindows(channel: string): string {
  return `// Where the channel of line \`index\` starts, and the place of its tap.
fn lineB(start: u32, index: u32) -> vec2<u32> {
  let channel = ${channel};
  return vec2<u32>(start + channel * p.bRow, (index - channel * p.taps) * p.tapStep + p.firstTap);
}`;
}

/** `places`, and whether they are any of the signal's. */
function placesOf(type: 'u32' | 'vec4<u32>', value: string): string {
  return `  let places = ${value};
  let isInside = places < ${type}(p.places);`;
}

/** Four windows of one tap, for as many steps of k. */
function alongWindows(item: string, last: string): string {
  return `fn loadB(line: vec2<u32>, at: u32${last}) -> vec4<f32> {
  let item = ${item};
  let windows = at - item * p.paddedWindows + vec4<u32>(0u, 1u, 2u, 3u);
  let places = windows * p.windowStride + line.y;
  let isInside = (places < vec4<u32>(p.places)) & (windows < vec4<u32>(p.windows));
  let i = line.x + item * p.bItem + select(vec4<u32>(), places, isInside);
  return select(vec4<f32>(), vec4<f32>(b[i.x], b[i.y], b[i.z], b[i.w]), isInside);
}`;
}

/** Four windows of a row of A. */
function rowsOfWindows(isVector: boolean, item: string, last: string): string {
  const head = `fn loadA(line: u32, at: u32${last}) -> vec4<f32> {
  let item = ${item};`;
  if (isVector) return `${head}\n  return a[line + item * p.aItem + (at - item * p.paddedWindows) / 4u];\n}`;
  return `${head}
  let windows = at - item * p.paddedWindows + vec4<u32>(0u, 1u, 2u, 3u);
  let i = line + item * p.aItem + windows.x;
  return select(vec4<f32>(), vec4<f32>(a[i], a[i + 1u], a[i + 2u], a[i + 3u]), windows < vec4<u32>(p.windows));
}`;
}

function oneOf(name: 'A' | 'B', line: string): string {
  return `fn one${name}(line: ${line}, at: u32) -> f32 {
  return load${name}(line, at & ~3u)[at & 3u];
}`;
}

/** One tap of a channel for four rows, whose taps lie `aRow` apart. */
function tapsOfRows(channel: string, last: string): string {
  return `// The tap of step \`index\`, of row 0.
fn lineA(start: u32, index: u32) -> u32 {
  let channel = ${channel};
  return start + channel * p.aChannel + index - channel * p.taps;
}

fn loadA(line: u32, at: u32${last}) -> vec4<f32> {
  let i = line + at * p.aRow;
  return vec4<f32>(a[i], a[i + p.aRow], a[i + 2u * p.aRow], a[i + 3u * p.aRow]);
}`;
}

const ONE_TAP = `fn oneA(line: u32, at: u32) -> f32 {
  return a[line + at * p.aRow];
}`;

/**
 * How a workgroup brings a slice of an operand into its memory, for the matmul kernel of GPUs. Each invocation loads its share into registers and
 * stores it later, so that a kernel with two slices in its memory can compute between the two. A slice lies as [depth][extent / 4] vectors
 * along the extent (rows of A, columns of B), whichever way the operand is stored.
 *
 * Nothing is checked on the way but the end of k, and that in the last slice alone: lines past the edge of the output are those of the
 * edge once more, since what they yield is never stored.
 */

import { indent, lines } from '../wgsl/source.js';
import type { MatmulVariant } from './matmul.js';
import { lineOf, windowLoader } from './windows.js';

/** Vectors that workgroup memory serves at once: neighbours within so many lie in banks of their own. */
const BANKS = 8;

export interface Staging {
  /** Statements before the loop: the places of this invocation's share, and the registers for it. */
  readonly begin: string;
  /** Loads the slice from step `k` on. */
  load(k: string): string;
  /** Puts out what lies past the last step, where the slice from `k` on reaches there. */
  cut(k: string): string;
  /** Stores the slice at line `at` of the tile. */
  store(at: string): string;
  /** By what the place of a vector in line `deep` (a multiple of four) is turned, as an operand of XOR: '' if by nothing. */
  readonly turn: string;
  /** The function that loads four neighbours. */
  readonly loader: string;
  /** Invocations that have a share, where it is not all. */
  readonly busy: number;
}

/** The staging of an operand by the invocations from `firstLane` on. */
export function stagingOf(variant: MatmulVariant, name: 'A' | 'B', firstLane = 0): Staging {
  const { rows, columns, groupRows, groupColumns, depth } = variant.tile;
  const isA = name === 'A';
  const [extent, group] = isA ? [rows * groupRows, groupRows] : [columns * groupColumns, groupColumns];
  const invocations = groupRows * groupColumns;
  const quads = extent / 4;
  const isStraight = isA ? variant.transposeA : !variant.transposeB;
  // Along the extent, one vector an item; along k, a block of 4x4, turned between loading and storing.
  const items = isStraight ? quads * depth : (quads * depth) / 4;
  const slots = Math.ceil(items / invocations);
  const [first, size] = isA ? ['firstRow', 'p.m'] : ['firstColumn', 'p.n'];
  const deeps = depth / 4;
  const isTurned = !isStraight && group % BANKS === 0 && deeps > 1 && deeps <= BANKS;
  const every = (piece: (s: number) => string) => lines(slots, piece);
  /** Only the invocations that have an item in slot `s`. */
  const guarded = (s: number, text: string) =>
    items - s * invocations >= invocations ? text : `if (item${name}${s} < ${items}u) {\n${indent(text)}\n}`;

  const item = (s: number) => {
    const from = s * invocations - firstLane;
    return `let item${name}${s} = lane${from === 0 ? '' : from > 0 ? ` + ${from}u` : ` - ${-from}u`};`;
  };
  const share = (s: number) => {
    const id = `${name}${s}`;
    if (isStraight) {
      return [
        item(s),
        `let deep${id} = item${id} / ${quads}u;`,
        `let place${id} = item${id} % ${quads}u;`,
        `let along${id} = ${first} + place${id} * 4u;`,
        `var next${id} = vec4<f32>();`,
      ].join('\n');
    }
    // Lines of the tile lie a multiple of the banks apart: without the turn, blocks of one line of storage would be stored in the same banks.
    const quad = `item${id} / ${deeps}u`;
    return [
      item(s),
      `let deep${id} = (item${id} % ${deeps}u) * 4u;`,
      `let place${id} = ${isTurned ? `(${quad}) ^ (${turnOf(`deep${id}`, depth)})` : quad};`,
      lines(4, (j) => {
        const line = `${first} + (${quad}) * 4u${j > 0 ? ` + ${j}u` : ''}`;
        return `let line${id}_${j} = ${lineOf(variant, name, `min(${line}, ${size} - 1u)`)};`;
      }),
      lines(4, (j) => `var next${id}_${j} = vec4<f32>();`),
    ].join('\n');
  };

  return {
    begin: every(share),
    load: (k) =>
      every((s) => {
        const id = `${name}${s}`;
        return guarded(
          s,
          isStraight
            ? `next${id} = load${name}(${lineOf(variant, name, `min(${k} + deep${id}, lastK)`)}, along${id}, ${size} - 1u);`
            : lines(4, (j) => `next${id}_${j} = load${name}(line${id}_${j}, ${k} + deep${id}, lastK);`),
        );
      }),
    cut: (k) =>
      every((s) => {
        const id = `${name}${s}`;
        if (isStraight) return `next${id} = select(vec4<f32>(), next${id}, ${k} + deep${id} < endK);`;
        return [
          `let isInside${id} = vec4<u32>(${k} + deep${id}) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(endK);`,
          lines(4, (j) => `next${id}_${j} = select(vec4<f32>(), next${id}_${j}, isInside${id});`),
        ].join('\n');
      }),
    store: (at) =>
      every((s) => {
        const id = `${name}${s}`;
        const line = (j: number) => `tile${name}[${at}deep${id}${j > 0 ? ` + ${j}u` : ''}][place${id}]`;
        const turned = (j: number) => [0, 1, 2, 3].map((i) => `next${id}_${i}[${j}]`).join(', ');
        return guarded(
          s,
          isStraight ? `${line(0)} = next${id};` : lines(4, (j) => `${line(j)} = vec4<f32>(${turned(j)});`),
        );
      }),
    turn: isTurned ? turnOf('deep', depth) : '',
    loader: windowLoader(variant, name, true) ?? loader(name, isA ? variant.vectorA : variant.vectorB),
    busy: Math.min(items, invocations),
  };
}

/** A line's blocks of four steps go to banks as far apart as there are, by `deep`, their first step. */
function turnOf(deep: string, depth: number): string {
  const apart = Math.floor(BANKS / (depth / 4));
  return apart >= 4 ? deep : `${deep} / ${4 / apart}u`;
}

/** `loadA(line, at, last)`: four neighbours of a line from element `at` (a multiple of four) on; past the last element, that one or its vector. */
function loader(name: 'A' | 'B', isVector: boolean): string {
  const array = name.toLowerCase();
  const head = `fn load${name}(line: u32, at: u32, last: u32) -> vec4<f32> {\n`;
  if (isVector) return `${head}  return ${array}[line + min(at, last) / 4u];\n}`;
  const element = (i: number) => `${array}[line + min(at${i > 0 ? ` + ${i}u` : ''}, last)]`;
  return `${head}  return vec4<f32>(${[0, 1, 2, 3].map(element).join(', ')});\n}`;
}

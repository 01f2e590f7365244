/** What the matmul kernels without shared memory have in common: loads straight from storage, and the last steps of k. */

import { lines } from '../wgsl/source.js';
import type { MatmulVariant } from './matmul.js';
import { lineOf, windowLoader } from './windows.js';

/** Names the lines of A and B that are contiguous along k: `a0`, … for each row, `b0`, … for each column of the invocation. */
export function lineStarts(variant: MatmulVariant): string[] {
  const { tile, transposeA, transposeB } = variant;
  const a = (r: number) => `let a${r} = ${lineOf(variant, 'A', `min(row + ${r}u, p.m - 1u)`)};`;
  const b = (c: number) => `let b${c} = ${lineOf(variant, 'B', `min(column + ${c}u, p.n - 1u)`)};`;
  return [...(transposeA ? [] : [lines(tile.rows, a)]), ...(transposeB ? [lines(tile.columns, b)] : [])];
}

/** `loadA` and `loadB` read four neighbours in storage; `oneA` and `oneB` a single element. */
export function loaders(variant: MatmulVariant): string {
  const loader = (name: 'A' | 'B', array: string, isVector: boolean) =>
    windowLoader(variant, name) ??
    (isVector
      ? `// Four elements from a place that counts vectors, plus \`at\` elements (a multiple of four).
fn load${name}(start: u32, at: u32) -> vec4<f32> {
  return ${array}[start + at / 4u];
}

fn one${name}(start: u32, at: u32) -> f32 {
  return ${array}[start + at / 4u][at % 4u];
}`
      : `fn load${name}(start: u32, at: u32) -> vec4<f32> {
  let i = start + at;
  return vec4<f32>(${array}[i], ${array}[i + 1u], ${array}[i + 2u], ${array}[i + 3u]);
}

fn one${name}(start: u32, at: u32) -> f32 {
  return ${array}[start + at];
}`);
  return `${loader('A', 'a', variant.vectorA)}\n\n${loader('B', 'b', variant.vectorB)}`;
}

/**
 * Four columns of B at four steps of k from `at` on: `${name}_0` to `${name}_3`. Where B is stored [n, k], four lines are
 * loaded along k and turned.
 */
export function stepsOfB(variant: MatmulVariant, q: number, name: string, at: string): string {
  const line = (kk: number) => lineOf(variant, 'B', kk === 0 ? at : `${at} + ${kk}u`);
  if (!variant.transposeB) return lines(4, (kk) => `let ${name}_${kk} = loadB(${line(kk)}, column + ${4 * q}u);`);
  const turned = (kk: number) => [0, 1, 2, 3].map((c) => `${name}t${c}[${kk}]`).join(', ');
  return [
    lines(4, (c) => `let ${name}t${c} = loadB(b${4 * q + c}, ${at});`),
    lines(4, (kk) => `let ${name}_${kk} = vec4<f32>(${turned(kk)});`),
  ].join('\n');
}

/** One step of k, element by element. */
export function singleStep(variant: MatmulVariant): string {
  const { tile, transposeA, transposeB } = variant;
  const { rows, columns } = tile;
  const text: string[] = [];
  for (let q = 0; q < columns / 4; q++) {
    const parts = [0, 1, 2, 3].map((c) =>
      transposeB
        ? `oneB(b${4 * q + c}, k)`
        : `oneB(${lineOf(variant, 'B', 'k')}, min(column + ${4 * q + c}u, p.n - 1u))`,
    );
    text.push(`let z${q} = vec4<f32>(${parts.join(', ')});`);
  }
  for (let r = 0; r < rows; r++) {
    text.push(
      `let x${r} = ${transposeA ? `oneA(${lineOf(variant, 'A', 'k')}, min(row + ${r}u, p.m - 1u))` : `oneA(a${r}, k)`};`,
    );
    for (let q = 0; q < columns / 4; q++) text.push(`sum${r}_${q} += x${r} * z${q};`);
  }
  return text.join('\n');
}

/** One assignment for four steps of k: in a loop each costs a software adapter as much as several multiply-adds. */
export function addProducts(sum: string, x: (kk: number) => string, z: (kk: number) => string): string {
  return `${sum} += ${[0, 1, 2, 3].map((kk) => `${x(kk)} * ${z(kk)}`).join(' + ')};`;
}

/** Four steps of k, from `k` on. */
export function fourSteps(variant: MatmulVariant): string {
  const { rows, columns } = variant.tile;
  const a = stepsOfA(variant);
  const text = [a.loads];
  for (let q = 0; q < columns / 4; q++) {
    text.push(stepsOfB(variant, q, `z${q}`, 'k'));
    text.push(
      lines(rows, (r) =>
        addProducts(
          `sum${r}_${q}`,
          (kk) => a.element(r, kk),
          (kk) => `z${q}_${kk}`,
        ),
      ),
    );
  }
  return text.join('\n');
}

/** The rows of A at four steps of k, and what their elements are called. */
function stepsOfA(variant: MatmulVariant): { loads: string; element: (r: number, kk: number) => string } {
  const { rows } = variant.tile;
  if (!variant.transposeA) {
    return { loads: lines(rows, (r) => `let x${r} = loadA(a${r}, k);`), element: (r, kk) => `x${r}[${kk}]` };
  }
  const line = (kk: number) => lineOf(variant, 'A', `k + ${kk}u`);
  // Stored [k, m]: four rows at a time, where tiles begin at multiples of four.
  if (rows % 4 === 0) {
    return {
      loads: lines(4, (kk) => lines(rows / 4, (g) => `let y${kk}_${g} = loadA(${line(kk)}, row + ${4 * g}u);`)),
      element: (r, kk) => `y${kk}_${r >> 2}[${r & 3}]`,
    };
  }
  return {
    loads: lines(4, (kk) => lines(rows, (r) => `let y${kk}_${r} = oneA(${line(kk)}, min(row + ${r}u, p.m - 1u));`)),
    element: (r, kk) => `y${kk}_${r}`,
  };
}

/**
 * Products with few outputs and a long k, as gradients of weights are: their tiles alone would leave most of an adapter idle. So k is cut
 * into slices, each a workgroup's, which leave partial products behind; a second kernel adds these up in order, the same at every run, and
 * does the epilogue.
 */
import type { MatmulTile, Tuning } from '../../tuning.js';
import { type Element, f32, indent, type KernelSource, lines, read, u32 } from '../wgsl/source.js';
import { biasPlace, matmulStore, storeBindings } from './common.js';
import type { MatmulVariant } from './matmul.js';
import { stepsParams } from './steps.js';

/** Steps of k below which a slice is not worth a workgroup, a second kernel and what goes through memory between the two. */
const SHORTEST_SLICE = 256;
/** Of tiles of GPUs: there a dispatch more costs as much as hundreds of steps. */
const SHORTEST_SHARED = 512;
/** Of tiles of a row or a few: they wait for memory, so that all that counts is how many ask for it at once. */
const SHORTEST_OF_ROWS = 32;
/** More slices would cost more in the second kernel than they bring. */
const MOST_SLICES = 32;

/** The slices of k, and the length of each: a multiple of `unit`, so that all begin on a vector, or a tile. */
export function slicesOf(
  k: number,
  tiles: number,
  workgroups: number,
  unit = 4,
  shortest = SHORTEST_SLICE,
): { slices: number; slice: number } {
  const wanted = Math.min(Math.ceil(workgroups / tiles), Math.floor(k / shortest), MOST_SLICES);
  if (wanted < 2) return { slices: 1, slice: k };
  const slice = Math.ceil(k / wanted / unit) * unit;
  return { slices: Math.ceil(k / slice), slice };
}

/** The slices of a product of so many tiles. */
export function slicesOfTiles(
  k: number,
  tiles: number,
  { memory, depth, mostRows }: MatmulTile,
  { workgroups, sliced = workgroups }: Tuning['matmul'],
): { slices: number; slice: number } {
  if (mostRows !== undefined) return slicesOf(k, tiles, sliced, 4, SHORTEST_OF_ROWS);
  return memory === 'shared' ? slicesOf(k, tiles, sliced, depth, SHORTEST_SHARED) : slicesOf(k, tiles, sliced);
}

/** The second kernel: four columns an invocation. */
export function sumOfSlicesSource(variant: MatmulVariant, workgroupSize: number): KernelSource {
  const { vectorOut, steps } = variant;
  const element: Element = vectorOut ? 'vec4<f32>' : 'f32';
  const load = vectorOut
    ? '  sum += partial[at];'
    : lines(4, (c) => `  sum[${c}] += partial[at + min(${c}u, p.n - 1u - column)];`);
  return {
    label: 'matmul, sum of slices',
    about: 'An invocation adds up the partial products of four columns of a row, and does the epilogue.',
    bindings: [read('partial', element), ...storeBindings(variant)],
    params: {
      ...u32('m', 'n', 'slices', 'invocations', 'outOffset', 'biasOffset', 'residualOffset'),
      ...f32('alpha'),
      ...(variant.bias === 'rows' ? u32('biasRows') : {}),
      ...(steps ? stepsParams(steps) : {}),
    },
    workgroupSize,
    declarations: matmulStore(variant),
    each: ['i', 'p.invocations'],
    main: `
      let quads = (p.n + 3u) / 4u;
      let column = (i % quads) * 4u;
      let row = (i / quads) % p.m;
      let batch = i / (quads * p.m);
${indent(biasPlace(variant).join('\n'), '      ')}
      let size = p.m * p.n${vectorOut ? ' / 4u' : ''};
      var at = batch * p.slices * size + (row * p.n + column)${vectorOut ? ' / 4u' : ''};
      var sum = vec4<f32>();
      for (var slice = 0u; slice < p.slices; slice++) {
      ${load.trim()}
        at += size;
      }
      store(batch * size, row, column, sum);`,
  };
}

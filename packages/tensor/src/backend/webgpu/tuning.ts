/**
 * What suits which kind of adapter, in one table. On software adapters barriers and shared memory cost more than they save and
 * loads are dear, so an invocation does a whole row, or a large tile in registers; on a GPU a workgroup shares the row or the tile.
 */
import type { AdapterKind } from './adapter.js';

export interface MatmulTile {
  /**
   * `registers`: each invocation loads what it needs; `shared`: a workgroup stages tiles of both operands in shared memory;
   * `subgroups`: a workgroup is one subgroup, whose lanes load A for one another.
   */
  readonly memory: 'registers' | 'shared' | 'subgroups';
  /** Rows and columns an invocation computes; columns in multiples of 4. */
  readonly rows: number;
  readonly columns: number;
  /** Invocations of a workgroup, down and across the output; with `subgroups` 1, and the size of the adapter's subgroups. */
  readonly groupRows: number;
  readonly groupColumns: number;
  /** Depth of a staged tile, a multiple of 4; unused with `registers`. */
  readonly depth: number;
}

/** Rows of an invocation, and invocations of a workgroup down and across a tile of scores. */
export interface AttentionTile {
  readonly rows: number;
  readonly groupRows: number;
  readonly groupColumns: number;
}

export interface Tuning {
  /** Invocations of a workgroup, and vectors an invocation handles, in pointwise kernels. */
  readonly pointwise: { readonly workgroupSize: number; readonly perInvocation: number };
  /** Row kernels (softmax, layer norm, …): invocations of a workgroup, and the most that share one row. */
  readonly rows: { readonly workgroupSize: number; readonly lanes: number };
  /** Reductions: fewer independent elements than this are split up along the reduced dim. */
  readonly reduce: { readonly workgroupSize: number; readonly invocations: number };
  /** From the smallest to the largest; the selector takes the largest that leaves enough workgroups. */
  readonly matmul: { readonly tiles: readonly MatmulTile[]; readonly workgroups: number };
  /** Attention: the tile, and the one for so few queries (or keys, in the backward) that it holds them all. */
  readonly attention: {
    readonly tile: AttentionTile;
    readonly few: AttentionTile;
    /** The most vectors of sums that an invocation keeps; its rows are fewer where heads are wide. */
    readonly sums: number;
  };
}

const shared = (rows: number, columns: number, group: number, depth: number): MatmulTile => ({
  memory: 'shared',
  rows,
  columns,
  groupRows: group,
  groupColumns: group,
  depth,
});

const hardware: Tuning = {
  pointwise: { workgroupSize: 256, perInvocation: 1 },
  rows: { workgroupSize: 256, lanes: 256 },
  reduce: { workgroupSize: 256, invocations: 8192 },
  matmul: { tiles: [shared(4, 4, 8, 16), shared(4, 4, 16, 16), shared(8, 8, 16, 16)], workgroups: 128 },
  attention: {
    tile: { rows: 4, groupRows: 8, groupColumns: 8 },
    few: { rows: 1, groupRows: 1, groupColumns: 64 },
    sums: 32,
  },
};

export const tuningTable: Readonly<Record<AdapterKind, Tuning>> = {
  discrete: hardware,
  integrated: { ...hardware, matmul: { tiles: [shared(4, 4, 8, 16), shared(4, 4, 16, 16)], workgroups: 32 } },
  apple: { ...hardware, matmul: { tiles: [shared(4, 4, 8, 16), shared(4, 4, 16, 16)], workgroups: 64 } },
  software: {
    pointwise: { workgroupSize: 64, perInvocation: 4 },
    rows: { workgroupSize: 16, lanes: 1 },
    reduce: { workgroupSize: 16, invocations: 256 },
    matmul: {
      tiles: [
        { memory: 'registers', rows: 1, columns: 4, groupRows: 1, groupColumns: 4, depth: 0 },
        { memory: 'registers', rows: 4, columns: 4, groupRows: 4, groupColumns: 4, depth: 0 },
        { memory: 'registers', rows: 8, columns: 4, groupRows: 4, groupColumns: 8, depth: 0 },
        { memory: 'subgroups', rows: 8, columns: 4, groupRows: 1, groupColumns: 4, depth: 0 },
      ],
      workgroups: 16,
    },
    attention: {
      tile: { rows: 8, groupRows: 1, groupColumns: 4 },
      few: { rows: 1, groupRows: 1, groupColumns: 4 },
      sums: 64,
    },
  },
};

/** The tuning as an adapter can follow it: with its size of subgroups (0 if it has none, or none that is fixed). */
export function tuningFor(tuning: Tuning, subgroupSize: number): Tuning {
  const tiles = tuning.matmul.tiles.flatMap((tile) => {
    if (tile.memory !== 'subgroups') return [tile];
    return subgroupSize % 4 === 0 && subgroupSize > 0 ? [{ ...tile, groupRows: 1, groupColumns: subgroupSize }] : [];
  });
  return { ...tuning, matmul: { ...tuning.matmul, tiles } };
}

/**
 * What suits which kind of adapter, in one table; `npm run bench -- tune` measures candidates for a row. On software adapters barriers and
 * shared memory cost more than they save and loads are dear, so an invocation does a whole row, or a large tile in registers; on a GPU a
 * workgroup shares the row or the tile.
 */
import type { AdapterKind } from './adapter.js';

export interface MatmulTile {
  /**
   * `registers`: each invocation loads what it needs; `shared`: a workgroup stages tiles of both operands in shared memory;
   * `subgroups`: a workgroup is one subgroup, whose lanes load A for one another; `quads`: one subgroup, whose quads swap rows of A
   * around; `lanes`: one subgroup, whose lanes split k, for B that lies along it.
   */
  readonly memory: 'registers' | 'shared' | 'subgroups' | 'quads' | 'lanes';
  /**
   * Rows and columns an invocation computes; columns in multiples of 4, with `subgroups` rows too, with `quads` rows in multiples of 16;
   * with `lanes` 1 and 4.
   */
  readonly rows: number;
  readonly columns: number;
  /** Invocations of a workgroup, down and across the output; with `subgroups`, `quads` and `lanes` 1, and the size of the adapter's subgroups. */
  readonly groupRows: number;
  readonly groupColumns: number;
  /** A multiple of 4: with `shared` the depth of a staged tile, with `quads` the steps of k in a turn of the loop. */
  readonly depth: number;
  /** With `shared`: slices in workgroup memory, 2 to load the next one while one is multiplied. Default 1. */
  readonly stages?: 1 | 2;
  /** Fewest workgroups with which it is taken, where they are not the table's. */
  readonly workgroups?: number;
  /** For tiles whose long text takes a while to compile: fewest multiply-adds of a request, and whether all of it must lie in vectors. */
  readonly least?: number;
  readonly inVectors?: boolean;
  /** Most rows of the output: for tiles of vectors and matrices of a few rows. */
  readonly mostRows?: number;
  /** Fewest rows of the output: for tiles of which most would lie past its edge. */
  readonly leastRows?: number;
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
  readonly matmul: {
    /** From the smallest to the largest; the selector takes the largest that leaves enough workgroups. */
    readonly tiles: readonly MatmulTile[];
    /** Enough workgroups: fewer leave much of the adapter idle. */
    readonly workgroups: number;
    /** Where there are fewer than this, k is cut into slices until there are so many. Default `workgroups`. */
    readonly sliced?: number;
  };
  /** Attention: the tile, and the one for so few queries (or keys, in the backward) that it holds them all. */
  readonly attention: {
    readonly tile: AttentionTile;
    readonly few: AttentionTile;
    /** The most vectors of sums that an invocation keeps; its rows are fewer where heads are wide. */
    readonly sums: number;
    /** Rows of a tile of one subgroup, in place of both tiles where the adapter has subgroups; and their size, which it tells. */
    readonly subgroups?: { readonly rows: number; readonly size: number };
    /**
     * Bytes that weights and their gradients each may take, where arithmetic is dear beside memory: the backward pass (and with `scoresFrom`
     * long forward passes) is then made of products, a part of the batch at a time. Absent or too few for a matrix, the weights never leave the
     * kernels, and those of the backward pass compute them twice.
     */
    readonly scratch?: number;
    /**
     * Fewest multiply-adds of a request's scores from which these are products as well: where the tile that matmul takes then is so much
     * better than those of attention that writing scores down and reading them again is made up for. In the forward pass that is
     * three dispatches instead of one, for which only texts longer than those of usual models are long enough.
     */
    readonly scoresFrom?: { readonly forward: number; readonly backward: number };
  };
}

const shared = (
  rows: number,
  columns: number,
  group: number,
  depth: number,
  rest: Partial<MatmulTile> = {},
): MatmulTile => ({ memory: 'shared', rows, columns, groupRows: group, groupColumns: group, depth, ...rest });

/** A tile of subgroups, to be completed with the adapter's size of them. */
const subgroup = (
  memory: 'subgroups' | 'quads' | 'lanes',
  rows: number,
  columns: number,
  rest: Partial<MatmulTile> = {},
) => ({
  memory,
  rows,
  columns,
  groupRows: 1,
  groupColumns: 4,
  depth: 0,
  ...rest,
});

const registers = (
  rows: number,
  columns: number,
  groupRows: number,
  groupColumns: number,
  rest: Partial<MatmulTile> = {},
): MatmulTile => ({ memory: 'registers', rows, columns, groupRows, groupColumns, depth: 0, ...rest });

/** One row of the output, or a few: nothing to share but B, which is read along its lines. */
const vectors: readonly MatmulTile[] = [
  registers(1, 4, 1, 64, { mostRows: 4 }),
  subgroup('lanes', 1, 4, { mostRows: 4 }),
];

/**
 * GPUs, by reckoning: no card was at hand to measure them on, and `npm run bench -- tune` does on yours.
 *
 * An invocation that computes 4 x 4 sums reads two vectors of workgroup memory for 16 multiply-adds, one that computes 8 x 8 four for 64.
 * A multiprocessor of 128 lanes hands out 128 bytes a cycle, so that the former keeps half of its lanes at work and the latter all of
 * them. 32 x 32 a workgroup is for outputs too small for anything else; 64 x 64 asks the cache for a byte per 16 operations, 128 x 128 for
 * one per 32, which large products of a fast card need, and are worth it from some rounds of workgroups on, since the last round is seldom
 * full.
 *
 * A workgroup that waits for each slice (some 500 cycles) spends less time multiplying it (some 256), so at batch one, with two or three
 * workgroups on a multiprocessor, two stages pay. They take some 25 registers of 128 and must fit 16 KiB, the least that every device
 * has: hence slices of 8 steps where tiles are large.
 */
const hardware: Tuning = {
  pointwise: { workgroupSize: 256, perInvocation: 1 },
  rows: { workgroupSize: 256, lanes: 256 },
  reduce: { workgroupSize: 256, invocations: 8192 },
  matmul: {
    tiles: [
      ...vectors,
      shared(4, 4, 8, 16, { stages: 2 }),
      shared(8, 8, 8, 8, { stages: 2 }),
      shared(8, 8, 16, 8, { stages: 2, workgroups: 256 }),
    ],
    workgroups: 64,
    sliced: 128,
  },
  attention: {
    tile: { rows: 4, groupRows: 8, groupColumns: 8 },
    few: { rows: 1, groupRows: 1, groupColumns: 64 },
    sums: 32,
  },
};

/** Fewer multiprocessors, with fewer registers an invocation: Intel's compilers give 16 lanes 64 each, which two stages, or 8 x 8 sums, would overflow. */
const integrated: Tuning = {
  ...hardware,
  matmul: { tiles: [...vectors, shared(4, 4, 8, 16), shared(4, 4, 16, 16)], workgroups: 32 },
};

/** Registers for 8 x 8 sums, but not for two stages beside them; a dozen subgroups a core hide what one waits for. */
const apple: Tuning = {
  ...hardware,
  matmul: { tiles: [...vectors, shared(4, 4, 8, 16), shared(8, 8, 8, 8)], workgroups: 24, sliced: 64 },
};

/** SwiftShader: vectors of four invocations. A load costs as much as twenty multiply-adds, a barrier more than it saves. */
const swiftshader: Tuning = {
  pointwise: { workgroupSize: 256, perInvocation: 1 },
  rows: { workgroupSize: 16, lanes: 1 },
  reduce: { workgroupSize: 16, invocations: 256 },
  matmul: {
    tiles: [
      registers(1, 4, 1, 4),
      registers(4, 4, 4, 4),
      subgroup('subgroups', 8, 4),
      subgroup('quads', 16, 4, { depth: 4, leastRows: 9 }),
      subgroup('quads', 32, 8, { depth: 8, least: 2 ** 22, leastRows: 32, inVectors: true }),
    ],
    workgroups: 16,
  },
  attention: {
    tile: { rows: 8, groupRows: 1, groupColumns: 4 },
    few: { rows: 1, groupRows: 1, groupColumns: 4 },
    sums: 64,
    subgroups: { rows: 8, size: 4 },
    scratch: 2 ** 24,
    scoresFrom: { forward: 2 ** 28, backward: 2 ** 23 },
  },
};

export const tuningTable: Readonly<Record<AdapterKind, Tuning>> = {
  discrete: hardware,
  integrated,
  apple,
  swiftshader,
  /**
   * Mesa's: vectors of eight invocations, compiled well; loads are dear there too, broadcasts are not. A workgroup costs as
   * much as many vectors, so each does much. Attention with 16 rows a subgroup would take a third less time, but three times as long to compile.
   */
  lavapipe: {
    ...swiftshader,
    pointwise: { workgroupSize: 64, perInvocation: 16 },
    matmul: {
      tiles: [
        registers(1, 4, 1, 8),
        registers(4, 4, 4, 4),
        subgroup('subgroups', 8, 4),
        subgroup('subgroups', 16, 4, { inVectors: true }),
      ],
      workgroups: 16,
    },
    attention: {
      ...swiftshader.attention,
      subgroups: { rows: 8, size: 8 },
      scoresFrom: { forward: Number.POSITIVE_INFINITY, backward: Number.POSITIVE_INFINITY },
    },
  },
};

/** Bytes of workgroup memory that a tile takes. */
export function workgroupBytes({
  memory,
  rows,
  columns,
  groupRows,
  groupColumns,
  depth,
  stages = 1,
}: MatmulTile): number {
  return memory === 'shared' ? 4 * depth * stages * (rows * groupRows + columns * groupColumns) : 0;
}

/** What tiles of matmul must keep to. */
export interface TileLimits {
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
}

/**
 * The tuning as an adapter can follow it: with its size of subgroups (0 if it has none, or none that is fixed: a kernel that counts on one would
 * then be wrong), and without tiles past its limits.
 */
export function tuningFor(tuning: Tuning, subgroupSize: number, limits: TileLimits): Tuning {
  const tiles = tuning.matmul.tiles.flatMap((tile) => {
    if (workgroupBytes(tile) > limits.maxComputeWorkgroupStorageSize) return [];
    if (tile.groupRows * tile.groupColumns > limits.maxComputeInvocationsPerWorkgroup) return [];
    if (tile.memory === 'registers' || tile.memory === 'shared') return [tile];
    return subgroupSize % 4 === 0 && subgroupSize > 0 ? [{ ...tile, groupRows: 1, groupColumns: subgroupSize }] : [];
  });
  const { subgroups, ...attention } = tuning.attention;
  const hasFixed = subgroups !== undefined && subgroupSize > 0;
  return {
    ...tuning,
    matmul: { ...tuning.matmul, tiles },
    attention: { ...attention, ...(hasFixed && { subgroups: { ...subgroups, size: subgroupSize } }) },
  };
}

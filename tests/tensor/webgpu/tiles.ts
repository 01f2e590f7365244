// Every tile of the tuning table, each to be taken on its own: for suites of kernels that tiles are for.
import { type MatmulTile, tuningTable, workgroupBytes } from '../../../packages/tensor/src/backend/webgpu/tuning.js';
import type { Gpu } from './gpu.js';

/** What WebGPU promises of every device. */
export const LEAST = { maxComputeWorkgroupStorageSize: 16_384, maxComputeInvocationsPerWorkgroup: 256 };

const { swiftshader, lavapipe, ...hardware } = tuningTable;
const hardwareTiles = Object.values(hardware).flatMap(({ matmul }) => matmul.tiles);
/** A tile of the other number of stages too, where that many slices fit. */
const staged = (tile: MatmulTile): MatmulTile[] => {
  if (tile.memory !== 'shared') return [tile];
  const stages = ([1, 2] as const).map((count) => ({ ...tile, stages: count }));
  return stages.filter((each) => workgroupBytes(each) <= LEAST.maxComputeWorkgroupStorageSize);
};
// Software adapters compile the tiles that are made for each other very slowly.
export const own = process.env.COURSE_ADAPTER === 'lavapipe' ? lavapipe : swiftshader;
export const listed = [...hardwareTiles, ...own.matmul.tiles];
export const keyOf = ({ memory, rows, columns, groupRows, groupColumns, depth, stages = 1 }: MatmulTile) =>
  [memory, rows, columns, groupRows, groupColumns, depth, stages].join();
export const tiles = [
  ...new Map(
    listed
      .flatMap(staged)
      // Tiles for a few rows are used for as many as there are here.
      .map(({ least: _, leastRows: __, mostRows: ___, workgroups: ____, ...tile }) => [keyOf(tile), tile] as const),
  ).values(),
];
/** Time for a test whose kernels a busy machine's software adapter may have to compile first, in ms. */
export const COMPILING = 180_000;

/** One tile, taken for every product. */
export const only = (tile: MatmulTile, sliced = 1) => ({
  ...tuningTable.swiftshader,
  matmul: { tiles: [tile], workgroups: 1, sliced },
});

/** Whether the device can follow the tile: with `COURSE_LIMITS=default` there are no subgroups, and the selector would have none to take. */
export const isFollowed = ({ backend }: Gpu) => backend.tuning.matmul.tiles.length > 0;

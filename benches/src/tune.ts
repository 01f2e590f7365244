// `npm run bench -- tune [--adapter NAME] [--out FILE]`: measures candidates for a row of the tuning table on the adapter at hand and prints the
// row that won, to be pasted into packages/tensor/src/backend/webgpu/tuning.ts. Which candidates there are, one knob after the other, and what a
// row is made of; `contest.ts` measures them.
import { accessSync, constants, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { dirname } from 'node:path';
import { inspect } from 'node:util';
import { WebGpuBackend } from '../../packages/tensor/dist/backend/webgpu/backend.js';
import {
  type AttentionTile,
  type MatmulTile,
  type Tuning,
  workgroupBytes,
} from '../../packages/tensor/dist/backend/webgpu/tuning.js';
import { attend, contest, gelu, product, type Request, ROUNDS, rowSoftmax, total } from './contest.js';

/** Workgroup memory that every device has: a row must fit them all. */
const WORKGROUP_MEMORY = 16_384;

const registers = (rows: number, columns: number, groupRows: number, groupColumns: number): MatmulTile => ({
  ...{ memory: 'registers', rows, columns, groupRows, groupColumns, depth: 0 },
});
/** A tile of workgroup memory with one slice of k and with two, in slices of 8 and 16 steps, as far as they fit. */
const shared = (rows: number, columns: number, group: number): MatmulTile[] =>
  [{ depth: 16 }, { depth: 8, stages: 2 as const }, { depth: 8 }, { depth: 16, stages: 2 as const }]
    .map((rest) => ({
      ...{ memory: 'shared' as const, rows, columns, groupRows: group, groupColumns: group },
      ...rest,
    }))
    .filter((tile) => workgroupBytes(tile) <= WORKGROUP_MEMORY);
const subgroups = (
  memory: 'subgroups' | 'quads',
  rows: number,
  columns: number,
  size: number,
  depth = 0,
): MatmulTile => ({
  ...{ memory, rows, columns, groupRows: 1, groupColumns: size, depth },
  // As in the table: where the text of an invocation is long, it is compiled for vectors alone, and for much work.
  ...(rows * columns >= 64 && { inVectors: true }),
  ...(rows * columns >= 256 && { least: 2 ** 22 }),
  ...(memory === 'quads' && { leastRows: rows > 16 ? rows : 9 }),
});

/** Candidates for tiles of square products, by how much of the output a workgroup makes. */
const matmulTiles = (size: number, isSoftware: boolean): MatmulTile[] => [
  ...[registers(4, 4, 4, 4), registers(8, 4, 4, 8), registers(4, 4, 8, 8)],
  // Software adapters compile each for seconds, and have no use for them: one of either number of stages tells.
  ...[shared(4, 4, 8), shared(4, 4, 16), shared(8, 4, 8), shared(8, 8, 8), shared(8, 8, 16)].flatMap((tiles) =>
    isSoftware ? tiles.slice(0, 2) : tiles,
  ),
  ...(size > 0
    ? [
        ...[
          subgroups('subgroups', 8, 4, size),
          subgroups('subgroups', 16, 4, size),
          subgroups('subgroups', 16, 8, size),
        ],
        ...[subgroups('quads', 16, 4, size, 4), subgroups('quads', 16, 8, size, 8), subgroups('quads', 32, 8, size, 8)],
      ]
    : []),
];

const labelOf = ({ memory, rows, columns, groupRows, groupColumns, depth, stages = 1 }: MatmulTile): string =>
  `${memory} ${rows}x${columns}x${groupRows}x${groupColumns}${depth > 0 ? `, ${depth} steps` : ''}${stages === 2 ? ' twice' : ''}`;

const areaOf = ({ rows, columns, groupRows, groupColumns }: MatmulTile): number =>
  rows * groupRows * columns * groupColumns;

const attentionTiles: readonly AttentionTile[] = [
  { rows: 8, groupRows: 1, groupColumns: 4 },
  { rows: 4, groupRows: 4, groupColumns: 4 },
  { rows: 4, groupRows: 8, groupColumns: 8 },
  { rows: 8, groupRows: 4, groupColumns: 8 },
];

/** Products that decide between many small workgroups and few large ones: BERT-base reading a text, where the adapter is fast enough for it. */
const decisive = (isSoftware: boolean): Request[] =>
  isSoftware
    ? [product(64, 64, 64), product(128, 256, 256), product(256, 256, 256)]
    : [product(128, 768, 768), product(128, 3072, 768), product(128, 768, 3072), product(512, 768, 768)];

/**
 * Measures, says what it finds, and writes the row, to a file if one is named.
 *
 * @throws Error when the file could not be written: before anything is measured.
 */
export async function tune(say: (line: string) => void, out: string | undefined): Promise<void> {
  if (out !== undefined) accessSync(dirname(out), constants.W_OK);
  const first = await WebGpuBackend.create({ allowSoftware: true });
  const { adapter: name, software: isSoftware } = first.info();
  const { subgroupSize, adapterKind: kind } = first;
  let row = first.tuning;
  first.destroy();
  say(
    `${name}: the row '${kind}'${subgroupSize > 0 ? `, subgroups of ${subgroupSize}` : ''}; best of ${ROUNDS} runs each, in ms`,
  );

  const [load = 0] = loadavg();
  if (load > cpus().length / 4)
    say(`The machine is busy (load ${load.toFixed(1)}): measure again when it is not, before you believe the row`);

  const choose = async (
    what: string,
    variants: readonly (readonly [string, Tuning])[],
    requests: readonly Request[],
  ) => {
    const present = JSON.stringify(row);
    const named = [['present', row] as const, ...variants.filter(([, tuning]) => JSON.stringify(tuning) !== present)];
    const { best, times } = await contest(
      named.map(([, tuning]) => tuning),
      requests,
    );
    const shown = named.map(([label, tuning], i) => `${tuning === best ? '*' : ''}${label} ${times[i]?.toFixed(2)}`);
    say(`${what}: ${shown.join(', ')}`);
    row = best;
  };

  const groups = [16, 64, 256];
  await choose(
    'pointwise, invocations x vectors',
    groups.flatMap((workgroupSize) =>
      [1, 4, 16].map(
        (perInvocation) =>
          [`${workgroupSize}x${perInvocation}`, { ...row, pointwise: { workgroupSize, perInvocation } }] as const,
      ),
    ),
    [gelu],
  );
  await choose(
    'rows, invocations / a row',
    groups.flatMap((workgroupSize) =>
      [1, 16, 256]
        .filter((lanes) => lanes <= workgroupSize)
        .map((lanes) => [`${workgroupSize}/${lanes}`, { ...row, rows: { workgroupSize, lanes } }] as const),
    ),
    [rowSoftmax],
  );
  await choose(
    'reductions, invocations of a workgroup, of all',
    groups.flatMap((workgroupSize) =>
      [256, 8192].map(
        (invocations) =>
          [`${workgroupSize}, ${invocations}`, { ...row, reduce: { workgroupSize, invocations } }] as const,
      ),
    ),
    [total],
  );

  // The best tile of each size of product; the row's list holds them from the smallest to the largest.
  const winners: MatmulTile[] = [];
  const candidates = matmulTiles(subgroupSize, isSoftware);
  const sizes = isSoftware ? [64, 256] : [128, 512, 2048];
  for (const [i, size] of sizes.entries()) {
    const { times } = await contest(
      candidates.map((tile) => ({ ...row, matmul: { tiles: [tile], workgroups: 1 } })),
      [product(size, size, size)],
    );
    const fastest = (is: (tile: MatmulTile) => boolean = () => true) => {
      const among = candidates.flatMap((tile, i) =>
        is(tile) ? [{ tile, time: times[i] ?? Number.POSITIVE_INFINITY }] : [],
      );
      return among.sort((a, b) => a.time - b.time)[0]?.tile;
    };
    const best = fastest();
    const figures = candidates.map(
      (tile, i) => `${tile === best ? '*' : ''}${labelOf(tile)} ${times[i]?.toFixed(isSoftware ? 2 : 3)}`,
    );
    say(`matmul ${size}: ${figures.join(', ')}`);
    if (best === undefined || winners.some((tile) => labelOf(tile) === labelOf(best))) continue;
    // A tile that wins at a size and not at the one before is taken from halfway between on.
    const from = Math.sqrt(size * (sizes[i - 1] ?? size));
    const workgroups = Math.ceil((from * from) / areaOf(best));
    // Where the winner needs more rows than a product may have, the fastest that does not takes its place: no larger, and before it in the list, so
    // that it does so nowhere else.
    const { leastRows = 1 } = best;
    const instead = fastest((tile) => (tile.leastRows ?? 1) < leastRows && areaOf(tile) <= areaOf(best));
    if (i === 0 && instead !== undefined) winners.push(instead);
    winners.push(i === 0 || best.least !== undefined ? best : { ...best, workgroups });
  }
  const smallest = row.matmul.tiles.find(({ mostRows }) => mostRows === undefined);
  const all = [...winners, ...(smallest === undefined ? [] : [smallest])];
  const tiles = [
    // Those for a row or a few stay in front, in their order.
    ...row.matmul.tiles.filter(({ mostRows }) => mostRows !== undefined),
    ...[...new Map(all.map((tile) => [labelOf(tile), tile])).values()].sort((a, b) => areaOf(a) - areaOf(b)),
  ];
  await choose(
    'matmul, workgroups that fill the adapter, and that slices of k aim at',
    [4, 16, 64, 128].flatMap((workgroups) =>
      [1, 2, 4].map((more) => {
        const sliced = workgroups * more;
        return [`${workgroups}, ${sliced}`, { ...row, matmul: { tiles, workgroups, sliced } }] as const;
      }),
    ),
    decisive(isSoftware),
  );

  const withAttention = (attention: Partial<Tuning['attention']>): Tuning => ({
    ...row,
    attention: { ...row.attention, ...attention },
  });
  await choose(
    'attention, rows x group',
    [
      ...attentionTiles.map((tile) => {
        const { subgroups: _, ...rest } = row.attention;
        const label = `${tile.rows}x${tile.groupRows}x${tile.groupColumns}`;
        return [label, { ...row, attention: { ...rest, tile } }] as const;
      }),
      ...(subgroupSize > 0
        ? [4, 8, 16].map(
            (rows) => [`${rows} a subgroup`, withAttention({ subgroups: { rows, size: subgroupSize } })] as const,
          )
        : []),
    ],
    // Shorter on software adapters, whose rows make longer attention of matrix products (`scoresFrom`): no tile would change its time.
    [attend(isSoftware ? 64 : 128), attend(37)],
  );

  const text = inspect(row, { depth: null, breakLength: 110, compact: 3, maxArrayLength: null });
  const lines = `// ${name}, by \`npm run bench -- tune\`: in place of the row '${kind}', or of its own.\nconst measured: Tuning = ${text};\n`;
  if (out === undefined) console.log(lines);
  else writeFileSync(out, lines);
}

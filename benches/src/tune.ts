// `npm run bench -- tune [--adapter NAME] [--out FILE]`: measures candidates for a row of the tuning table on the adapter at hand and prints the
// row that won, to be pasted into packages/tensor/src/backend/webgpu/tuning.ts. Candidates of one knob take turns, and the minimum counts, so
// that other work on the machine disturbs all alike; the present row takes part, and a candidate must win clearly to replace it.
import { accessSync, constants, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { dirname } from 'node:path';
import { inspect } from 'node:util';
// A backend's own files: no program needs them, and a tuner cannot do without.
import type { KernelRequest, Strided } from '../../packages/tensor/dist/backend/requests.js';
import { WebGpuBackend } from '../../packages/tensor/dist/backend/webgpu/backend.js';
import {
  type AttentionTile,
  type MatmulTile,
  type Tuning,
  workgroupBytes,
} from '../../packages/tensor/dist/backend/webgpu/tuning.js';
import { Program } from '../../packages/tensor/dist/fuse/program.js';

/** What a candidate must save to take the place of the present row's. */
const CLEARLY = 0.95;
const ROUNDS = 7;
/** A round of a candidate repeats its requests for so long, in ms: a GPU is done with one before a clock notices. */
const ROUND = 4;
/** Workgroup memory that every device has: a row must fit them all. */
const WORKGROUP_MEMORY = 16_384;

type Request = (backend: WebGpuBackend) => KernelRequest;

const operand = (backend: WebGpuBackend, ...shape: number[]): Strided => {
  const strides = shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));
  const count = shape.reduce((a, b) => a * b, 1);
  const buffer = backend.allocate(count * 4);
  backend.write(buffer, 0, numbers(count));
  return { buffer, dtype: 'float32', offset: 0, strides };
};

/** The same numbers for all, in [-1, 1]; made once for each length. */
const made = new Map<number, Uint32Array>();
const numbers = (count: number): Uint32Array => {
  const known = made.get(count);
  if (known !== undefined) return known;
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = ((i * 7919) % 9973) / 4986 - 1;
  const words = new Uint32Array(values.buffer);
  made.set(count, words);
  return words;
};

const product =
  (m: number, n: number, k: number): Request =>
  (backend) => {
    const matrix = (rows: number, columns: number) => ({
      ...operand(backend, rows, columns),
      rowStride: columns,
      columnStride: 1,
      batchStrides: [],
    });
    const [a, b, out] = [matrix(m, k), matrix(k, n), operand(backend, m, n)];
    return { kind: 'matmul', batch: [], m, n, k, a, b, alpha: 1, activation: 'none', out };
  };

const rowSoftmax: Request = (backend) => {
  const shape = [1024, 512];
  return {
    kind: 'softmax',
    shape,
    log: false,
    scale: 1,
    input: operand(backend, ...shape),
    out: operand(backend, ...shape),
  };
};

const attend =
  (queries: number): Request =>
  (backend) => {
    const [batch, keys, width] = [[2, 4], 128, 64];
    const of = (rows: number) => operand(backend, ...batch, rows, width);
    return {
      kind: 'attention',
      ...{ batch, queries, keys, width, valueWidth: width, scale: 0.125, isCausal: false },
      ...{ query: of(queries), key: of(keys), value: of(keys), out: of(queries) },
    };
  };

const total: Request = (backend) => ({
  kind: 'reduce',
  op: 'sum',
  ...{ outer: 1, length: 2 ** 20, inner: 1, scale: 1 },
  input: operand(backend, 2 ** 20),
  out: operand(backend, 4),
});

const gelu: Request = (backend) => {
  const shape = [2 ** 20];
  const program = new Program({
    inputs: ['float32'],
    scalars: [],
    steps: [{ op: 'gelu', type: 'float32', dtype: 'float32', args: [0] }],
    outputs: [1],
  });
  return {
    kind: 'pointwise',
    program,
    shape,
    scalars: [],
    inputs: [operand(backend, ...shape)],
    outputs: [operand(backend, ...shape)],
  };
};

/** Runs of a candidate, on a backend of its own. */
class Contestant {
  /** Of the requests once, at best. */
  time = Number.POSITIVE_INFINITY;
  #repetitions = 1;

  private constructor(
    readonly backend: WebGpuBackend,
    private readonly requests: readonly KernelRequest[],
  ) {}

  static async enter(tuning: Tuning, requests: readonly Request[]): Promise<Contestant> {
    const backend = await WebGpuBackend.create({ allowSoftware: true, tuning });
    const contestant = new Contestant(
      backend,
      requests.map((request) => request(backend)),
    );
    // The first run compiles, the second tells how long one takes.
    await contestant.run();
    contestant.time = Number.POSITIVE_INFINITY;
    await contestant.run();
    contestant.#repetitions = Math.max(1, Math.min(100, Math.ceil(ROUND / contestant.time)));
    contestant.time = Number.POSITIVE_INFINITY;
    return contestant;
  }

  async run(): Promise<void> {
    const start = performance.now();
    for (let i = 0; i < this.#repetitions; i++) for (const request of this.requests) this.backend.run(request);
    await this.backend.synchronize();
    this.time = Math.min(this.time, (performance.now() - start) / this.#repetitions);
  }
}

/** The best of several tunings, of which the first is the present one, and their times. */
async function contest(
  tunings: readonly Tuning[],
  requests: readonly Request[],
): Promise<{ best: Tuning; times: number[] }> {
  const contestants: Contestant[] = [];
  for (const tuning of tunings) contestants.push(await Contestant.enter(tuning, requests));
  for (let round = 0; round < ROUNDS; round++) {
    const best = Math.min(...contestants.map(({ time }) => time));
    // Who is far behind need not run again.
    for (const contestant of contestants) if (round === 0 || contestant.time < 2 * best) await contestant.run();
  }
  for (const { backend } of contestants) backend.destroy();
  const times = contestants.map(({ time }) => time);
  const present = times[0] ?? Number.POSITIVE_INFINITY;
  const fastest = Math.min(...times);
  const chosen = fastest < present * CLEARLY ? times.indexOf(fastest) : 0;
  return { best: tunings[chosen] as Tuning, times };
}

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
    const best = candidates[times.indexOf(Math.min(...times))];
    const figures = candidates.map(
      (tile, i) => `${tile === best ? '*' : ''}${labelOf(tile)} ${times[i]?.toFixed(isSoftware ? 2 : 3)}`,
    );
    say(`matmul ${size}: ${figures.join(', ')}`);
    if (best === undefined || winners.some((tile) => labelOf(tile) === labelOf(best))) continue;
    // A tile that wins at a size and not at the one before is taken from halfway between on.
    const from = Math.sqrt(size * (sizes[i - 1] ?? size));
    const workgroups = Math.ceil((from * from) / areaOf(best));
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
    [attend(128), attend(37)],
  );

  const text = inspect(row, { depth: null, breakLength: 110, compact: 3, maxArrayLength: null });
  const lines = `// ${name}, by \`npm run bench -- tune\`: in place of the row '${kind}', or of its own.\nconst measured: Tuning = ${text};\n`;
  if (out === undefined) console.log(lines);
  else writeFileSync(out, lines);
}

/** Matrix products on the CPU: chooses the kernel and the blocks that it works in. The choice depends on shapes and strides alone. */
import type { Activation, Dense, MatmulRequest } from '../../requests.js';
import { ALIGNMENT, type Block } from '../allocator.js';
import type { Launcher } from '../launch.js';
import { ActivationCode, ItemSize, MatmulField, PackField, ThinField, TransposeField } from '../layout.generated.js';
import { SCRATCH_BYTES } from '../scratch.js';
import type { Expressions } from './expression.js';
import { followingBytes, runFollowing, writeFollowing } from './following.js';

const ACTIVATIONS: Readonly<Record<Activation, ActivationCode>> = {
  none: ActivationCode.none,
  relu: ActivationCode.relu,
  gelu: ActivationCode.gelu,
  geluTanh: ActivationCode.geluTanh,
};

/** Columns of a panel of the kernel. */
const PANEL = 8;
/** The longest block of k: a panel of it is 24 KiB, half of a newer core's L1, and most widths of models are multiples. */
const LONGEST_DEPTH = 768;
/** Columns of a block of b: with the depth above 384 KiB, which stay in L2. */
const WIDEST_GROUP = 128;
const ROW_GROUP = 256;
/** Groups that are halved for the sake of threads keep at least so many rows, columns: copying b costs one part in 64 then. */
const FEWEST_ROWS = 64;
const FEWEST_COLUMNS = 32;
/** Where b is copied beforehand, smaller groups cost nothing but a little of the way through memory. */
const FEWEST_PACKED_ROWS = 32;
/** Up to so many rows a copy of b that is kept saves something: for more rows, copying is less than a hundredth of the work. */
const KEEP_ROWS = 1024;
/** Elements whose copying makes a piece of work for a thread. */
const PACK_GRAIN = 16_384;
/** Columns of a work item of copying. */
const PACK_GROUP = 64;
/** Work items for each thread, so that the last round leaves few threads idle; more where an item costs nothing beside its work. */
const ITEMS_EACH = 3;
const PACKED_ITEMS_EACH = 6;
/** Up to so many rows, packing b costs more than it brings; long dot products hold out longer. */
const FEW = 7;
const FEW_LONG = 16;
/** From here on the sums across lanes at the end of a dot product hardly count. */
const LONG = 64;
/** Columns of a work item of a product with few rows, at most and at least. */
const THIN_GROUP = 256;
const THINNEST_GROUP = 64;
/** From so many groups of columns on, rows that are not dense along k are turned once for all instead of by each. */
const TURN_GROUPS = 3;
/** Multiplications that make a piece of work for a thread. */
const GRAIN = 131_072;
/** Bytes of scratch memory that steps behind a product may take; the rest is for copies of a and b. */
const MOST_FOLLOWING = 131_072;

const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);

/** One side of a product: where it starts, and its strides in elements. */
interface Side {
  readonly operand: Dense;
  readonly row: number;
  readonly column: number;
  readonly batch: readonly number[];
}

/** Sizes and operands as the kernels take them. */
interface Product {
  readonly request: MatmulRequest;
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Side;
  readonly b: Side;
}

export function matmul(launcher: Launcher, request: MatmulRequest, expressions: Expressions): void {
  if (request.more) {
    const { more, ...first } = request;
    matmul(launcher, first, expressions);
    for (const each of more) matmul(launcher, { ...first, ...each }, expressions);
    return;
  }
  const { n, k } = request;
  const { batch, m, rowStride } = foldBatch(request);
  if (product(batch) * m * n === 0) return;
  const a = {
    operand: request.a,
    row: rowStride,
    column: request.a.columnStride,
    batch: request.a.batchStrides,
  };
  const b = {
    operand: request.b,
    row: request.b.rowStride,
    column: request.b.columnStride,
    batch: request.b.batchStrides,
  };
  const problem: Product = { request, batch, m, n, k, a, b };
  if (m <= (isDot(problem) && k >= LONG ? FEW_LONG : FEW) && fitsThin(problem))
    launchThin(launcher, problem, false, expressions);
  else if (n <= FEW && m > FEW) {
    // outᵀ = bᵀ aᵀ: few rows again, where a is dense along k or the output is a single row.
    const exchanged: Product = { ...problem, m: n, n: m, a: turned(b), b: turned(a) };
    if (fitsThin(exchanged) && (n === 1 || isDot(exchanged))) launchThin(launcher, exchanged, true, expressions);
    else launchBlocks(launcher, problem, expressions);
  } else launchBlocks(launcher, problem, expressions);
}

/** Rows of all matrices as one matrix, where b is the same for all and the rows of a are evenly spaced. */
function foldBatch({ batch, m, a, b }: MatmulRequest): { batch: readonly number[]; m: number; rowStride: number } {
  let rows = m;
  let { rowStride } = a;
  for (let d = batch.length - 1; d >= 0; d--) {
    const size = batch[d] ?? 1;
    if (size === 1) continue;
    const step = a.batchStrides[d] ?? 0;
    // The step from one single row to the next is the row stride to be.
    if (rows === 1) rowStride = step;
    if (b.batchStrides[d] !== 0 || step !== rows * rowStride) return { batch, m, rowStride: a.rowStride };
    rows *= size;
  }
  return { batch: [], m: rows, rowStride };
}

function turned({ operand, row, column, batch }: Side): Side {
  return { operand, row: column, column: row, batch };
}

/** Whether b's columns are dense along k, so that outputs are dot products. A single column has no row to be dense along. */
function isDot({ b, n, k }: Product): boolean {
  return n === 1 ? b.row === 1 : b.column !== 1 && (b.row === 1 || k === 1);
}

/** Whether the kernel for few rows takes these strides; for dot products it makes the rows of a dense in scratch memory. */
function fitsThin(problem: Product): boolean {
  const { m, n, k, a, b } = problem;
  if (isDot(problem)) return a.column === 1 || m * k * 4 + 64 <= SCRATCH_BYTES;
  return b.column === 1 || n === 1;
}

function launchThin(launcher: Launcher, problem: Product, exchanged: boolean, expressions: Expressions): void {
  const { request, batch, m, n, k, a, b } = problem;
  const wanted = launcher.threads > 1 ? wantedItems(launcher, problem) : 1;
  let columnGroup = Math.min(THIN_GROUP, n);
  while (product(batch) * Math.ceil(n / columnGroup) < wanted && columnGroup > THINNEST_GROUP)
    columnGroup = Math.ceil(columnGroup / 8) * 4;
  const columnGroups = Math.ceil(n / columnGroup);
  const record = launcher.record(ThinField.length);
  const batchAt = writeBatch(launcher, problem);
  const { i32, f32 } = launcher;
  i32[record + ThinField.m] = m;
  i32[record + ThinField.n] = n;
  i32[record + ThinField.k] = k;
  i32[record + ThinField.a] = launcher.pointer(a.operand);
  i32[record + ThinField.aRowStride] = a.row * 4;
  i32[record + ThinField.aColumnStride] = a.column * 4;
  i32[record + ThinField.b] = launcher.pointer(b.operand);
  i32[record + ThinField.bRowStride] = b.row * 4;
  i32[record + ThinField.bColumnStride] = b.column * 4;
  i32[record + ThinField.out] = launcher.pointer(request.out);
  i32[record + ThinField.outRowStride] = exchanged ? 4 : n * 4;
  i32[record + ThinField.outColumnStride] = exchanged ? m * 4 : 4;
  f32[record + ThinField.alpha] = request.alpha;
  i32[record + ThinField.bias] = launcher.pointer(request.bias);
  i32[record + ThinField.activation] = ACTIVATIONS[request.activation];
  i32[record + ThinField.residual] = launcher.pointer(request.residual);
  i32[record + ThinField.columnGroup] = columnGroup;
  i32[record + ThinField.columnGroups] = columnGroups;
  i32[record + ThinField.dots] = Number(isDot(problem));
  i32[record + ThinField.exchanged] = Number(exchanged);
  i32[record + ThinField.batchRank] = batch.length;
  i32[record + ThinField.batchSizes] = batchAt * 4;
  i32[record + ThinField.aBatchStrides] = (batchAt + batch.length) * 4;
  i32[record + ThinField.bBatchStrides] = (batchAt + 2 * batch.length) * 4;
  launcher.launch(
    'matmulThin',
    record,
    product(batch) * columnGroups,
    Math.ceil(GRAIN / (m * columnGroup * Math.max(k, 1))),
  );
  // So little is computed at a time here that steps would cost more between than behind.
  if (request.steps) runFollowing(launcher, request, expressions);
}

/** Work items that a product should have at least. Their number changes no bit: sums depend on k alone. */
function wantedItems(launcher: Launcher, { batch, m, n, k }: Product, each = ITEMS_EACH): number {
  return Math.min(launcher.threads * each, Math.floor((product(batch) * m * n * k) / GRAIN));
}

/** Rows and columns of a work item: as many as the caches hold, or fewer where threads would go idle. */
function chooseGroups(
  launcher: Launcher,
  problem: Product,
  isPacked: boolean,
): { rowGroup: number; columnGroup: number } {
  const { batch, m, n, a } = problem;
  const wanted = launcher.threads > 1 ? wantedItems(launcher, problem, isPacked ? PACKED_ITEMS_EACH : ITEMS_EACH) : 1;
  const fewestRows = isPacked ? FEWEST_PACKED_ROWS : FEWEST_ROWS;
  let rowGroup = Math.min(ROW_GROUP, m);
  let columnGroup = Math.min(WIDEST_GROUP, Math.ceil(n / PANEL) * PANEL);
  // Rows that are not dense along k are copied anew for every group of columns: those stay wide.
  const rowsFirst = a.row === 1 && a.column !== 1;
  while (product(batch) * Math.ceil(m / rowGroup) * Math.ceil(n / columnGroup) < wanted) {
    // The rows of a tile are four, its columns eight.
    if ((rowsFirst || rowGroup > columnGroup) && rowGroup > fewestRows) rowGroup = Math.ceil(rowGroup / 8) * 4;
    else if (columnGroup > FEWEST_COLUMNS) columnGroup = Math.ceil(columnGroup / (2 * PANEL)) * PANEL;
    else if (rowGroup > fewestRows) rowGroup = Math.ceil(rowGroup / 8) * 4;
    else break;
  }
  return { rowGroup, columnGroup };
}

function launchBlocks(launcher: Launcher, given: Product, expressions: Expressions): void {
  const rows = turnedRows(launcher, given);
  const problem = rows ? { ...given, a: { ...given.a, row: given.k, column: 1 } } : given;
  const { request, batch, m, n, k, a, b } = problem;
  const depth = Math.max(1, Math.ceil(k / Math.ceil(Math.max(k, 1) / LONGEST_DEPTH)));
  const kept = keptPanels(launcher, problem, depth);
  let { rowGroup, columnGroup } = chooseGroups(launcher, problem, kept !== undefined);
  // Several threads would each copy the same columns for rows of their own: they copy all of b first, together.
  const shared =
    kept === undefined && launcher.threads > 1 && batch.length === 0 && rowGroup < m && k > 0
      ? launcher.takeSpare(panelBytes(problem))
      : undefined;
  let packed = kept ?? 0;
  if (shared) {
    packed = shared.start * ALIGNMENT;
    ({ rowGroup, columnGroup } = chooseGroups(launcher, problem, true));
    packPanels(launcher, problem, depth, packed);
  }
  const columnGroups = Math.ceil(n / columnGroup);
  const rowGroups = Math.ceil(m / rowGroup);
  // Steps over parts of rows would go through memory in leaps, which takes longer than a pass of their own.
  const wanted = request.steps && columnGroups === 1 ? followingBytes(launcher, request.steps, expressions) : 0;
  const [steps, bytes] = wanted > 0 && wanted <= MOST_FOLLOWING ? [request.steps, wanted] : [undefined, 0];
  const record = launcher.record(MatmulField.length);
  const batchAt = writeBatch(launcher, problem);
  const following = steps ? writeFollowing(launcher, steps, request.out, expressions) : 0;
  const { i32, f32 } = launcher;
  i32[record + MatmulField.following] = following;
  i32[record + MatmulField.followingBytes] = bytes;
  i32[record + MatmulField.m] = m;
  i32[record + MatmulField.n] = n;
  i32[record + MatmulField.k] = k;
  i32[record + MatmulField.a] = rows ? rows.start * ALIGNMENT : launcher.pointer(a.operand);
  i32[record + MatmulField.aRowStride] = a.row * 4;
  i32[record + MatmulField.aColumnStride] = a.column * 4;
  i32[record + MatmulField.b] = launcher.pointer(b.operand);
  i32[record + MatmulField.bRowStride] = b.row * 4;
  i32[record + MatmulField.bColumnStride] = b.column * 4;
  i32[record + MatmulField.out] = launcher.pointer(request.out);
  f32[record + MatmulField.alpha] = request.alpha;
  i32[record + MatmulField.bias] = launcher.pointer(request.bias);
  i32[record + MatmulField.activation] = ACTIVATIONS[request.activation];
  i32[record + MatmulField.residual] = launcher.pointer(request.residual);
  i32[record + MatmulField.rowGroup] = rowGroup;
  i32[record + MatmulField.columnGroup] = columnGroup;
  i32[record + MatmulField.rowGroups] = rowGroups;
  i32[record + MatmulField.columnGroups] = columnGroups;
  i32[record + MatmulField.depth] = depth;
  i32[record + MatmulField.packed] = packed;
  i32[record + MatmulField.batchRank] = batch.length;
  i32[record + MatmulField.batchSizes] = batchAt * 4;
  i32[record + MatmulField.aBatchStrides] = (batchAt + batch.length) * 4;
  i32[record + MatmulField.bBatchStrides] = (batchAt + 2 * batch.length) * 4;
  launcher.start(
    'matmul',
    record,
    product(batch) * columnGroups * rowGroups,
    Math.ceil(GRAIN / (rowGroup * columnGroup * Math.max(k, 1))),
  );
  if (shared) launcher.give(shared);
  if (rows) launcher.give(rows);
  if (request.steps && !steps) runFollowing(launcher, request, expressions);
}

/** All of a with its rows dense along k, as a block of memory, where many groups of columns would each turn them: weight gradients. */
function turnedRows(launcher: Launcher, { batch, m, n, k, a }: Product): Block | undefined {
  if (batch.length > 0 || a.row !== 1 || a.column === 1 || m <= FEW || k <= 1) return undefined;
  if (n <= (TURN_GROUPS - 1) * WIDEST_GROUP) return undefined;
  const block = launcher.takeSpare(m * k * 4);
  if (!block) return undefined;
  const record = launcher.record(TransposeField.length);
  const { i32 } = launcher;
  i32[record + TransposeField.source] = launcher.pointer(a.operand);
  i32[record + TransposeField.target] = block.start * ALIGNMENT;
  i32[record + TransposeField.columns] = k;
  i32[record + TransposeField.columnStride] = a.column;
  i32[record + TransposeField.rows] = m;
  i32[record + TransposeField.rowStride] = k;
  i32[record + TransposeField.rank] = 0;
  const tile = ItemSize.transposeTile;
  launcher.launch('transpose', record, Math.ceil(m / tile) * Math.ceil(k / tile), 16);
  return block;
}

/** Bytes of all of b in panels. */
function panelBytes({ n, k }: Product): number {
  return Math.ceil(n / PANEL) * PANEL * k * 4;
}

/** The address of b in panels where it is a matrix that is used again and again. */
function keptPanels(launcher: Launcher, problem: Product, depth: number): number | undefined {
  const { batch, m, n, k, b } = problem;
  if (batch.length > 0 || m > KEEP_ROWS || k === 0) return undefined;
  const layout = { offset: b.operand.offset, k, n, rowStride: b.row, columnStride: b.column };
  const kept = launcher.packings.use(b.operand.buffer, layout, panelBytes(problem));
  if (kept?.isNew) packPanels(launcher, problem, depth, kept.address);
  return kept?.address;
}

/** Copies all of b into panels. */
function packPanels(launcher: Launcher, { n, k, b }: Product, depth: number, address: number): void {
  const columnGroups = Math.ceil(n / PACK_GROUP);
  const record = launcher.record(PackField.length);
  const { i32 } = launcher;
  i32[record + PackField.n] = n;
  i32[record + PackField.k] = k;
  i32[record + PackField.b] = launcher.pointer(b.operand);
  i32[record + PackField.bRowStride] = b.row * 4;
  i32[record + PackField.bColumnStride] = b.column * 4;
  i32[record + PackField.out] = address;
  i32[record + PackField.depth] = depth;
  i32[record + PackField.columnGroup] = PACK_GROUP;
  i32[record + PackField.columnGroups] = columnGroups;
  const items = Math.ceil(k / depth) * columnGroups;
  launcher.launch('pack', record, items, Math.ceil(PACK_GRAIN / (PACK_GROUP * depth)));
}

/** Sizes of the batch dims, then the strides in bytes of a and of b. */
function writeBatch(launcher: Launcher, { batch, a, b }: Product): number {
  const at = launcher.more(3 * batch.length);
  const { i32 } = launcher;
  for (let d = 0; d < batch.length; d++) {
    i32[at + d] = batch[d] ?? 1;
    i32[at + batch.length + d] = (a.batch[d] ?? 0) * 4;
    i32[at + 2 * batch.length + d] = (b.batch[d] ?? 0) * 4;
  }
  return at;
}

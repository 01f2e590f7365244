/** Matrix products on the CPU: chooses the blocks that the kernel works in. Their sizes depend on the shapes alone. */
import type { Activation, MatmulRequest } from '../../requests.js';
import type { Launcher } from '../launch.js';
import { ActivationCode, MatmulField } from '../layout.generated.js';

const ACTIVATIONS: Readonly<Record<Activation, ActivationCode>> = {
  none: ActivationCode.none,
  relu: ActivationCode.relu,
  gelu: ActivationCode.gelu,
  geluTanh: ActivationCode.geluTanh,
};

/** Columns of a panel of the kernel. */
const PANEL = 8;
/** The longest block of k: a panel of it is 16 KiB, half of L1. */
const LONGEST_DEPTH = 512;
/** Columns of a block of b: with the depth above 256 KiB, which stay in L2. */
const WIDEST_GROUP = 128;
const ROW_GROUP = 256;

const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);

/** Rows of all matrices as one matrix, where b is the same for all and the rows of a are evenly spaced. */
function foldBatch(request: MatmulRequest): { batch: readonly number[]; m: number } {
  const { batch, m, a, b } = request;
  if (batch.length === 0 || m === 0) return { batch, m };
  let step = m * a.rowStride;
  for (let d = batch.length - 1; d >= 0; d--) {
    const size = batch[d] ?? 1;
    if (size === 1) continue;
    if (
      b.batchStrides[d] !== 0 ||
      (m > 1 ? a.batchStrides[d] !== step : a.batchStrides[d] !== a.rowStride * product(batch.slice(d + 1)))
    ) {
      return { batch, m };
    }
    step *= size;
  }
  return { batch: [], m: m * product(batch) };
}

export function matmul(launcher: Launcher, request: MatmulRequest): void {
  const { n, k, a, b } = request;
  const { batch, m } = foldBatch(request);
  const matrices = product(batch);
  if (matrices * m * n === 0) return;
  const depth = Math.max(1, Math.ceil(k / Math.ceil(Math.max(k, 1) / LONGEST_DEPTH)));
  const columnGroup = Math.min(WIDEST_GROUP, Math.ceil(n / PANEL) * PANEL);
  const rowGroup = Math.min(ROW_GROUP, m);
  const columnGroups = Math.ceil(n / columnGroup);
  const rowGroups = Math.ceil(m / rowGroup);
  const record = launcher.record(MatmulField.length);
  const sizesAt = launcher.more(batch.length);
  const aStridesAt = launcher.more(batch.length);
  const bStridesAt = launcher.more(batch.length);
  const { i32, f32 } = launcher;
  i32[record + MatmulField.m] = m;
  i32[record + MatmulField.n] = n;
  i32[record + MatmulField.k] = k;
  i32[record + MatmulField.a] = launcher.pointer(a);
  i32[record + MatmulField.aRowStride] = a.rowStride * 4;
  i32[record + MatmulField.aColumnStride] = a.columnStride * 4;
  i32[record + MatmulField.b] = launcher.pointer(b);
  i32[record + MatmulField.bRowStride] = b.rowStride * 4;
  i32[record + MatmulField.bColumnStride] = b.columnStride * 4;
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
  i32[record + MatmulField.batchRank] = batch.length;
  i32[record + MatmulField.batchSizes] = sizesAt * 4;
  i32[record + MatmulField.aBatchStrides] = aStridesAt * 4;
  i32[record + MatmulField.bBatchStrides] = bStridesAt * 4;
  for (const [d, size] of batch.entries()) {
    i32[sizesAt + d] = size;
    i32[aStridesAt + d] = (a.batchStrides[d] ?? 0) * 4;
    i32[bStridesAt + d] = (b.batchStrides[d] ?? 0) * 4;
  }
  launcher.launch('matmul', record, matrices * columnGroups * rowGroups, 1);
}

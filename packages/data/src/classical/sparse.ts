/** A matrix that is mostly zeros, row after row: what counting words gives. */
import { type Tensor, tensor } from '@course/tensor';

/** A matrix in compressed rows (CSR), as `scipy.sparse.csr_matrix`: row i has `indices` and `data` from `indptr[i]` to `indptr[i + 1]`. */
export class SparseMatrix {
  constructor(
    /** [rows, columns]. */
    readonly shape: readonly [rows: number, columns: number],
    readonly indptr: Int32Array,
    /** Columns, ascending in each row. */
    readonly indices: Int32Array,
    readonly data: Float64Array,
  ) {}

  /** A matrix of rows, each a map from column to value. */
  static fromRows(rows: readonly ReadonlyMap<number, number>[], columns: number): SparseMatrix {
    const indptr = new Int32Array(rows.length + 1);
    for (const [i, row] of rows.entries()) indptr[i + 1] = (indptr[i] ?? 0) + row.size;
    const indices = new Int32Array(indptr[rows.length] ?? 0);
    const data = new Float64Array(indices.length);
    let at = 0;
    for (const row of rows) {
      for (const [column, value] of [...row].sort(([a], [b]) => a - b)) {
        indices[at] = column;
        data[at++] = value;
      }
    }
    return new SparseMatrix([rows.length, columns], indptr, indices, data);
  }

  /** The columns and values of a row that are stored. */
  *row(i: number): IterableIterator<[column: number, value: number]> {
    for (let at = this.indptr[i] ?? 0; at < (this.indptr[i + 1] ?? 0); at++)
      yield [this.indices[at] ?? 0, this.data[at] ?? 0];
  }

  /** The shape, and how many values are stored. */
  toString(): string {
    return `SparseMatrix(shape: [${this.shape.join(', ')}], stored: ${this.data.length})`;
  }

  /** What `console.log` shows in Node. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /** All values, zeros too. */
  toArray(): number[][] {
    return Array.from({ length: this.shape[0] }, (_, i) => {
      const row = new Array<number>(this.shape[1]).fill(0);
      for (const [column, value] of this.row(i)) row[column] = value;
      return row;
    });
  }

  /** A dense float32 tensor of shape [rows, columns]. */
  toTensor(): Tensor {
    const [rows, columns] = this.shape;
    const dense = new Float32Array(rows * columns);
    for (let i = 0; i < rows; i++) for (const [column, value] of this.row(i)) dense[i * columns + column] = value;
    return tensor(dense, { shape: [rows, columns] });
  }
}

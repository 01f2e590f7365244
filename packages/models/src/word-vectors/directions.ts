/**
 * The directions of vectors: scaled to length 1, so that a dot product is a cosine. Those of a whole vocabulary lie on the device, put there at the
 * first question and once, and a question about all words is one matmul; only the similarities come back.
 */
import { device, keep, scope, type Tensor, tensor } from '@course/tensor';

/** Scales a vector to length 1, in place; one of zeros stays. */
export function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(dot(vector, vector));
  if (length > 0) for (let k = 0; k < vector.length; k++) vector[k]! /= length;
  return vector;
}

export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}

/** The directions of some rows, on the device in use. */
export class Directions {
  #unit: Tensor | undefined;

  constructor(
    /** [rows, width]. */
    readonly vectors: Float32Array,
    readonly width: number,
  ) {}

  /** The cosine of each query with every row: one product [queries, width] times [width, rows]. Queries are of length 1. */
  async cosines(queries: readonly Float32Array[]): Promise<Float32Array[]> {
    if (queries.length === 0) return [];
    const { width } = this;
    const columns = new Float32Array(queries.length * width);
    for (const [i, query] of queries.entries()) columns.set(query, i * width);
    const product = scope(() =>
      tensor(columns, { shape: [queries.length, width] }).matmul(this.#onDevice().transpose(0, 1)),
    );
    const flat = (await product.data()) as Float32Array;
    product.dispose();
    const rows = this.vectors.length / width;
    return queries.map((_, i) => flat.subarray(i * rows, (i + 1) * rows));
  }

  /** Forgets what is on the device; the next question puts it there again. */
  forget(): void {
    this.#unit?.dispose();
    this.#unit = undefined;
  }

  #onDevice(): Tensor {
    const { vectors, width } = this;
    if (this.#unit && (this.#unit.isDisposed || this.#unit.device !== device.kind)) this.forget();
    if (!this.#unit) {
      const rows = vectors.slice();
      for (let at = 0; at < rows.length; at += width) unit(rows.subarray(at, at + width));
      this.#unit = keep(tensor(rows, { shape: [rows.length / width, width] }));
    }
    return this.#unit;
  }
}

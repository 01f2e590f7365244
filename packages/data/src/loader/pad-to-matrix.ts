/** The rows, none longer than `length`, one after the other with padding on one side. */
export function padToMatrix(
  rows: readonly ArrayLike<number>[],
  length: number,
  value: number,
  side: 'left' | 'right',
): Int32Array {
  const data = new Int32Array(rows.length * length).fill(value);
  for (const [i, row] of rows.entries()) data.set(row, i * length + (side === 'left' ? length - row.length : 0));
  return data;
}

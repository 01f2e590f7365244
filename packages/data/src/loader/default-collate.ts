/** A batch without a collator: columns, of which tensors are stacked, as `default_collate` of PyTorch does. */
import { scope, stack, Tensor } from '@course/tensor';
import { toColumns } from '../datasets/columns.js';

/** The columns of some rows: arrays, or for a column of tensors one tensor with a batch dimension. */
export type DefaultBatch<Row> = { [Name in keyof Row]: Row[Name] extends Tensor ? Tensor : Row[Name][] };

/** Rows as columns; tensors of one shape become one of shape [rows, ...shape], and are freed. */
export function defaultCollate<Row>(rows: readonly Row[]): DefaultBatch<Row> {
  const entries = Object.entries(toColumns(rows)).map(([name, values]) => [name, stacked(values as unknown[])]);
  return Object.fromEntries(entries) as DefaultBatch<Row>;
}

function stacked(values: unknown[]): unknown {
  const tensors = values.filter((value) => value instanceof Tensor);
  const shape = tensors[0]?.shape.join();
  if (tensors.length !== values.length || tensors.some((tensor) => tensor.shape.join() !== shape)) return values;
  const whole = scope(() => stack(tensors));
  for (const tensor of tensors) tensor.dispose();
  return whole;
}

/** Tables with a row for each token, made longer or shorter in place, so that whatever shares them goes on sharing them. */
import type { Parameter } from '@course/nn';
import { cat, noGrad, scope, type Tensor } from '@course/tensor';

/** Gives a table [rows, ...] another number of rows; new ones are the mean of those there were, or 0. Its gradient is forgotten. */
export function resizeRows(table: Parameter, rows: number, fill: 'mean' | 'zero'): void {
  const before = table.size(0);
  if (rows === before) return;
  table.grad = null;
  scope(() =>
    noGrad(() => {
      const shape = [rows - before, ...table.shape.slice(1)];
      const more = (): Tensor =>
        fill === 'mean' ? table.mean(0, { keepDim: true }).expand(shape) : table.newFull(shape, 0);
      const resized = rows < before ? table.narrow(0, 0, rows).clone() : cat([table.detach(), more()]);
      table.replaceData(resized, { allowResize: true });
    }),
  );
}

/** Looking rows up in a table, and the gradient that adds the rows back. */
import { record } from '../autograd/record.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { placeOfCall } from '../place.js';
import { formatShape, numel } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { checkDTypes, checkFloats, commonBackend, dense, emptyOn } from './operands.js';

/** Options of {@link embedding}. */
export interface EmbeddingOptions {
  /** Rows of this index get no gradient; negative counts from the end. */
  readonly paddingIdx?: number | null;
}

/** `weight[indices]`: indices int32 of any shape, weight [rows, width], as `torch.nn.functional.embedding`. */
export function embedding(indices: Tensor, weight: Tensor, { paddingIdx }: EmbeddingOptions = {}): Tensor {
  const [tableRows = 0, width = 0] = weight.shape;
  if (weight.shape.length !== 2)
    throw new ShapeError(`embedding: 'weight' must be 2-D, got ${formatShape(weight.shape)}`);
  checkDTypes('embedding', 'indices', indices, ['int32', 'uint8']);
  checkFloats('embedding', { weight });
  if (paddingIdx !== undefined && paddingIdx !== null && (paddingIdx < -tableRows || paddingIdx >= tableRows))
    throw new ArgumentError(
      `embedding: paddingIdx must be within the ${tableRows} rows of the weight, got ${paddingIdx}`,
    );
  const padding =
    paddingIdx === undefined || paddingIdx === null ? -1 : paddingIdx < 0 ? paddingIdx + tableRows : paddingIdx;
  return record('embedding', gather(indices, weight), [weight], [indices], (grad, [kept]) => [
    () => scatter(grad, kept, tableRows, width, padding),
  ]);
}

function gather(indices: Tensor, weight: Tensor): Tensor {
  const backend = commonBackend('embedding', weight, indices);
  const [tableRows = 0, width = 0] = weight.shape;
  const { tensor, operand } = emptyOn(backend, weight.dtype, {
    name: 'embedding',
    shape: [...indices.shape, width],
    from: [indices.shape, weight.shape],
  });
  backend.run({
    kind: 'gatherRows',
    rows: numel(indices.shape),
    width,
    tableRows,
    table: dense(weight),
    indices: dense(indices),
    out: operand,
    ...placeOfCall(),
  });
  return tensor;
}

/** The sum of the gradient rows of each index. */
function scatter(grad: Tensor, indices: Tensor, tableRows: number, width: number, paddingIndex: number): Tensor {
  const backend = grad.storage.backend;
  const { tensor, operand } = emptyOn(backend, grad.dtype, { name: 'embedding', shape: [tableRows, width] });
  backend.run({
    kind: 'scatterAddRows',
    rows: numel(indices.shape),
    width,
    tableRows,
    paddingIndex,
    grad: dense(grad),
    indices: dense(indices),
    out: operand,
  });
  return record('embeddingBackward', tensor, [grad], [indices], (again, [kept]) => [
    () => {
      const rows = gather(kept, again);
      return paddingIndex < 0 ? rows : rows.maskedFill(kept.eq(paddingIndex).unsqueeze(-1), 0);
    },
  ]);
}

/** Several data sets as one. */
import { ArgumentError } from '@course/tensor';
import { Dataset } from './dataset.js';

/**
 * The rows of several data sets with the same columns, one after the other, as
 * [concatenate_datasets](https://huggingface.co/docs/datasets/package_reference/main_classes#datasets.concatenate_datasets).
 *
 * @throws ArgumentError when there is none, or their columns differ.
 * @example
 * concatenateDatasets([dataset, dataset.take(1)]).length === dataset.length + 1; // true
 */
export function concatenateDatasets<Row>(datasets: readonly Dataset<Row>[]): Dataset<Row> {
  const [first] = datasets;
  if (first === undefined) throw new ArgumentError('concatenateDatasets: no data sets');
  const names = [...first.columns].sort().join(', ');
  for (const [i, { columns }] of datasets.entries()) {
    if ([...columns].sort().join(', ') === names) continue;
    throw new ArgumentError(
      `concatenateDatasets: data set ${i} has the columns ${columns.join(', ')}, the first has ${first.columns.join(', ')}`,
    );
  }
  return Dataset.concatenate(datasets);
}

/** Tokenized texts as blocks of one length, for models that predict every next token. */
import { ArgumentError } from '@course/tensor';

/** The columns of tokenized texts, or of the blocks made of them. */
export type TokenColumns = { [name: string]: ArrayLike<number>[] };

/** The blocks of some columns, and `labels` where there are `inputIds`. */
export type GroupedColumns<Given> = { [Name in keyof Given]: number[][] } & (Given extends {
  readonly inputIds: unknown;
}
  ? { labels: number[][] }
  : unknown);

/**
 * A function for `map` with `batched`: joins the texts of a batch, cuts them into blocks of `blockSize` tokens and leaves out the rest, as
 * `group_texts` of Hugging Face's
 * [run_clm.py](https://github.com/huggingface/transformers/blob/main/examples/pytorch/language-modeling/run_clm.py). `labels` are the tokens
 * themselves: the model shifts them.
 *
 * @throws ArgumentError when `blockSize` is no positive whole number, or a row's columns differ in length.
 * @example
 * groupTexts(3)({ inputIds: [[1, 2], [3, 4, 5]] }); // { inputIds: [[1, 2, 3]], labels: [[1, 2, 3]] }
 */
export function groupTexts(blockSize: number): <Given extends TokenColumns>(columns: Given) => GroupedColumns<Given> {
  if (!(Number.isInteger(blockSize) && blockSize > 0))
    throw new ArgumentError(`groupTexts: blockSize must be a positive whole number, got ${blockSize}`);
  return <Given extends TokenColumns>(columns: Given) => {
    const joined = Object.entries(columns).map(
      ([name, rows]) => [name, rows.flatMap((row) => Array.from(row))] as const,
    );
    const [first] = joined;
    for (const [name, tokens] of joined) {
      if (tokens.length === first?.[1].length) continue;
      throw new ArgumentError(
        `groupTexts: ${name} has ${tokens.length} values, ${first?.[0]} has ${first?.[1].length}`,
      );
    }
    const blocks = (tokens: readonly number[]): number[][] =>
      Array.from({ length: Math.floor(tokens.length / blockSize) }, (_, i) =>
        tokens.slice(i * blockSize, (i + 1) * blockSize),
      );
    const grouped = Object.fromEntries(joined.map(([name, tokens]) => [name, blocks(tokens)]));
    const { inputIds } = grouped;
    const labels = inputIds?.map((block) => [...block]);
    return { ...grouped, ...(labels && { labels }) } as GroupedColumns<Given>;
  };
}

/** Merges as files and programs give them, checked against the vocabulary. */
import { FormatError } from '@course/tensor';

/** A pair of tokens that are joined, as `merges.txt` has it or in two parts. */
export type Merge = string | readonly [first: string, second: string];

/** A merge in two parts. */
export function splitMerge(merge: Merge): readonly [first: string, second: string] {
  if (typeof merge !== 'string') return merge;
  const [first, second, ...rest] = merge.split(' ');
  if (first && second && rest.length === 0) return [first, second];
  throw new FormatError(`merge ${JSON.stringify(merge)}: expected two tokens with a blank between them`);
}

/** A merge whose parts and whole are tokens; `where` is the place that errors name. */
export function checkedMerge(
  merge: Merge,
  vocab: ReadonlyMap<string, number>,
  where: string,
): [first: string, second: string] {
  let parts: readonly [string, string];
  try {
    parts = splitMerge(merge);
  } catch (error) {
    throw new FormatError(`${where}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
  const [first, second] = parts;
  for (const token of [first, second, first + second]) {
    if (!vocab.has(token)) {
      throw new FormatError(`${where}: the merge of ${first} and ${second} needs ${token}, which is no token`);
    }
  }
  return [first, second];
}

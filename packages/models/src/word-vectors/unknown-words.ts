/** What to say about a word that a model does not know: those of its words that are spelt nearly so. */

/** Words more edits away are no help. */
const MOST_EDITS = 2;

/** The message about an unknown word. */
export function unknownWord(owner: string, word: string, words: readonly string[]): string {
  const near = similarWords(word, words);
  const hint = near.length > 0 ? `; near it: ${near.map((each) => `'${each}'`).join(', ')}` : '';
  return `${owner}: the word '${word}' is not among the ${words.length} of the vocabulary${hint}`;
}

/** At most three words that differ from `word` by case, or by one or two letters; the nearest first, then those that stand first. */
export function similarWords(word: string, words: readonly string[]): string[] {
  const found: { readonly word: string; readonly edits: number }[] = [];
  const lower = word.toLowerCase();
  // Of a short word two changed letters leave nothing.
  const most = Math.min(MOST_EDITS, Math.floor(word.length / 2));
  for (const other of words) {
    if (Math.abs(other.length - word.length) > most) continue;
    const edits = other.toLowerCase() === lower ? 0 : editDistance(word, other, most);
    if (edits <= most) found.push({ word: other, edits });
  }
  return found
    .sort((a, b) => a.edits - b.edits)
    .slice(0, 3)
    .map((each) => each.word);
}

/** Letters to insert, delete, replace, or swap with their neighbour; `most + 1` for whatever is more. */
function editDistance(a: string, b: string, most: number): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let edits = Math.min(replaced, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        edits = Math.min(edits, (beforeLast[j - 2] ?? 0) + 1);
      row.push(edits);
    }
    if (Math.min(...row) > most) return most + 1;
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? 0;
}

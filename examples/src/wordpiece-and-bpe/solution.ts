// Byte-pair encoding by hand, filled in: count the pairs, join the most frequent one, again and again.

/** A word in pieces, and how often the texts have it. */
export interface CountedPieces {
  readonly pieces: readonly string[];
  readonly count: number;
}

/** How often every two pieces stand beside each other; keys are `first second`. */
export function countPairs(words: readonly CountedPieces[]): Map<string, number> {
  const pairs = new Map<string, number>();
  for (const { pieces, count } of words)
    for (let i = 0; i + 1 < pieces.length; i++) {
      const pair = `${pieces[i]} ${pieces[i + 1]}`;
      pairs.set(pair, (pairs.get(pair) ?? 0) + count);
    }
  return pairs;
}

/** The words with a pair made one piece wherever it stands, from left to right. */
export function joinPair(words: readonly CountedPieces[], pair: string): CountedPieces[] {
  const [first, second] = pair.split(' ');
  return words.map(({ pieces, count }) => {
    const joined: string[] = [];
    for (const piece of pieces) {
      if (joined.at(-1) === first && piece === second) joined.push(`${joined.pop()}${piece}`);
      else joined.push(piece);
    }
    return { pieces: joined, count };
  });
}

/** From word pieces back to text, as the WordPiece decoder of the Rust tokenizers and `transformers` on top of it do. */

/** How word pieces are joined. */
export interface JoinOptions {
  /** What a token starts with that continues a word. */
  readonly prefix: string;
  /** Clean up token by token: the blank before `.` or `'s` goes. */
  readonly decoderCleanUp: boolean;
  /** Clean up the joined text too, which also mends `don ' t`. */
  readonly cleanUp: boolean;
}

/** Joins tokens: a continuation sticks to the token before it, any other token has a blank before it. */
export function joinWordPieces(tokens: readonly string[], options: JoinOptions): string {
  const { prefix, decoderCleanUp, cleanUp } = options;
  const pieces = tokens.map((token, i) => {
    const piece = i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
    return decoderCleanUp ? cleanUpSpaces(piece.replaceAll(' do not', " don't")) : piece;
  });
  const text = pieces.join('');
  return cleanUp ? cleanUpSpaces(text) : text;
}

/** `clean_up_tokenization` of `transformers`: blanks before punctuation and in English contractions go. */
export function cleanUpSpaces(text: string): string {
  return text
    .replaceAll(' .', '.')
    .replaceAll(' ?', '?')
    .replaceAll(' !', '!')
    .replaceAll(' ,', ',')
    .replaceAll(" ' ", "'")
    .replaceAll(" n't", "n't")
    .replaceAll(" 'm", "'m")
    .replaceAll(" 's", "'s")
    .replaceAll(" 've", "'ve")
    .replaceAll(" 're", "'re");
}

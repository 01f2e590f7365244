/**
 * BERT's tokenizer: clean-up, split into words, WordPiece, `[CLS] A [SEP] B [SEP]`. It gives the ids, offsets and masks
 * that Hugging Face's `BertTokenizerFast` gives, so that published weights mean what they meant in training.
 */
import { FormatError } from '@course/tensor';
import { writeTexts } from '#platform';
import { type AddedToken, AddedTokenMatcher } from './added-tokens.js';
import { loadBert, saveBert } from './bert-files.js';
import type { BertTokenizerOptions, BertTokenizerOverrides, ResolvedBertOptions } from './bert-options.js';
import { joinWordPieces } from './decode.js';
import { NormalizedText } from './normalized-text.js';
import { BertNormalizer } from './normalizer.js';
import { splitWords } from './pre-tokenizer.js';
import type { Template, TemplatePiece } from './template.js';
import type { TokenBuffer } from './token-buffer.js';
import { Tokenizer } from './tokenizer.js';
import { Vocab, vocabEntries } from './vocab.js';
import { WordPiece } from './wordpiece.js';

/**
 * The tokenizer of BERT and its family (DistilBERT, MiniLM, …), cased and uncased; equal to
 * [BertTokenizerFast](https://huggingface.co/docs/transformers/model_doc/bert#transformers.BertTokenizerFast).
 *
 * @example
 * const tokenizer = new BertTokenizer({ vocab: ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'token', '##izer', '##s'] });
 * tokenizer.tokenize('Tokenizers'); // ['token', '##izer', '##s']
 * tokenizer.encode('Tokenizers').inputIds; // [2, 5, 6, 7, 3]
 */
export class BertTokenizer extends Tokenizer {
  readonly unkToken: string;
  readonly clsToken: string;
  readonly sepToken: string;
  readonly maskToken: string;
  /** The options in force, defaults filled in. */
  readonly options: ResolvedBertOptions;
  readonly #normalizer: BertNormalizer;
  readonly #wordPiece: WordPiece;
  readonly #rawMatcher: AddedTokenMatcher;
  readonly #normalizedMatcher: AddedTokenMatcher;
  readonly #normalized = new NormalizedText();

  /**
   * @throws FormatError when the vocabulary lacks the unknown, classification, separator or padding token.
   */
  constructor(options: BertTokenizerOptions) {
    const { unkToken = '[UNK]', clsToken = '[CLS]', sepToken = '[SEP]', padToken = '[PAD]' } = options;
    const { maskToken = '[MASK]', continuingSubwordPrefix = '##', maxCharsPerWord = 100, lowercase = true } = options;
    const model = vocabEntries(options.vocab);
    const added = withSpecials(model, options.addedTokens ?? [], [padToken, unkToken, clsToken, sepToken, maskToken]);
    const vocab = new Vocab(model, added, unkToken);
    for (const [role, token] of Object.entries({ clsToken, sepToken, padToken })) {
      if (!vocab.ids.has(token)) {
        throw new FormatError(`vocabulary: the ${role} ${JSON.stringify(token)} is not among the ${vocab.size} tokens`);
      }
    }
    const template = options.template ?? bertTemplate(vocab.requireId(clsToken), vocab.requireId(sepToken));
    super(vocab, template, padToken, options);
    this.unkToken = unkToken;
    this.clsToken = clsToken;
    this.sepToken = sepToken;
    this.maskToken = maskToken;
    this.options = {
      unkToken,
      clsToken,
      sepToken,
      padToken,
      maskToken,
      continuingSubwordPrefix,
      maxCharsPerWord,
      lowercase,
      stripAccents: options.stripAccents,
      handleChineseChars: options.handleChineseChars ?? true,
      cleanText: options.cleanText ?? true,
      decoderCleanUp: options.decoderCleanUp ?? true,
      cleanUpTokenizationSpaces: this.cleanUpTokenizationSpaces,
      paddingSide: this.paddingSide,
      truncationSide: this.truncationSide,
      addedTokens: added,
      template,
    };
    this.#normalizer = new BertNormalizer({
      cleanText: this.options.cleanText,
      handleChineseChars: this.options.handleChineseChars,
      stripAccents: options.stripAccents ?? lowercase,
      lowercase,
    });
    this.#wordPiece = new WordPiece(model, {
      unkId: vocab.requireId(unkToken),
      continuingSubwordPrefix,
      maxCharsPerWord,
    });
    this.#rawMatcher = new AddedTokenMatcher(
      added.filter((token) => !token.normalized).map((token) => [token.content, token]),
    );
    this.#normalizedMatcher = new AddedTokenMatcher(
      added.filter((token) => token.normalized).map((token) => [this.normalize(token.content), token]),
    );
  }

  /**
   * Loads a tokenizer from a folder with `tokenizer.json` or `vocab.txt` (and `tokenizer_config.json`), from one of those
   * files, or makes it from a vocabulary.
   *
   * @param source A path, or `{ vocab, lowercase, … }`.
   * @param overrides What to change of what the files say.
   * @throws FormatError when there are no such files, or they are malformed or of another kind of tokenizer.
   * @example
   * const tokenizer = await BertTokenizer.fromPretrained('./bert-base-cased');
   */
  static async fromPretrained(
    source: string | BertTokenizerOptions,
    overrides: BertTokenizerOverrides = {},
  ): Promise<BertTokenizer> {
    if (typeof source !== 'string') return new BertTokenizer({ ...source, ...overrides });
    const options = await loadBert(source);
    try {
      return new BertTokenizer({ ...options, ...overrides });
    } catch (error) {
      if (error instanceof FormatError) throw new FormatError(`${source}: ${error.message}`, { cause: error });
      throw error;
    }
  }

  get unkTokenId(): number {
    return this.vocab.requireId(this.unkToken);
  }

  get clsTokenId(): number {
    return this.vocab.requireId(this.clsToken);
  }

  get sepTokenId(): number {
    return this.vocab.requireId(this.sepToken);
  }

  /** @throws ArgumentError when the vocabulary has no mask token. */
  get maskTokenId(): number {
    return this.vocab.requireId(this.maskToken);
  }

  /** Whether text is converted to lower case. */
  get lowercase(): boolean {
    return this.options.lowercase;
  }

  /** The text as WordPiece sees it: cleaned, and lowered and without accents where the model is uncased. */
  normalize(text: string): string {
    const normalized = new NormalizedText();
    normalized.reset(text);
    this.#normalizer.normalize(normalized, 0, text.length);
    return normalized.slice(0, normalized.length);
  }

  /** The vocabulary: ids by token, added tokens included. */
  getVocab(): ReadonlyMap<string, number> {
    return this.vocab.ids;
  }

  /**
   * The files of this tokenizer by name: `vocab.txt`, `tokenizer.json`, `tokenizer_config.json` and
   * `special_tokens_map.json`, as Hugging Face's libraries read them.
   */
  toFiles(): Record<string, string> {
    return saveBert(this.vocab, this.options, this.modelMaxLength);
  }

  /** Writes the files of this tokenizer into a folder, which is made if need be. */
  async save(folder: string): Promise<void> {
    await writeTexts(folder, this.toFiles());
  }

  override toString(): string {
    const { unkToken, sepToken, padToken, clsToken, maskToken } = this;
    const specials = Object.entries({ unkToken, sepToken, padToken, clsToken, maskToken })
      .filter(([, token]) => this.vocab.ids.has(token))
      .map(([role, token]) => `${role}: '${token}' (${this.vocab.idOf(token)})`);
    return [
      `BertTokenizer(vocabSize: ${this.vocabSize}, modelMaxLength: ${this.modelMaxLength ?? 'none'}, ` +
        `lowercase: ${this.lowercase}, paddingSide: '${this.paddingSide}', truncationSide: '${this.truncationSide}',`,
      `  specialTokens: { ${specials.join(', ')} })`,
    ].join('\n');
  }

  protected override tokenizeInto(text: string, out: TokenBuffer): void {
    const normalized = this.#normalized;
    normalized.reset(text);
    for (const { token, from, to } of this.#rawMatcher.split(text)) {
      if (token !== undefined) {
        out.push(token.id, from, to);
        out.endWord();
        continue;
      }
      normalized.length = 0;
      this.#normalizer.normalize(normalized, from, to);
      this.#tokenizeNormalized(normalized, out);
    }
  }

  protected override joinTokens(tokens: readonly string[], cleanUp: boolean): string {
    const { continuingSubwordPrefix, decoderCleanUp } = this.options;
    return joinWordPieces(tokens, { prefix: continuingSubwordPrefix, decoderCleanUp, cleanUp });
  }

  #tokenizeNormalized(text: NormalizedText, out: TokenBuffer): void {
    const tokenizeWords = (from: number, to: number): void =>
      splitWords(text.units, from, to, (start, end) => this.#wordPiece.tokenizeWord(text, start, end, out));
    if (this.#normalizedMatcher.isEmpty) {
      tokenizeWords(0, text.length);
      return;
    }
    for (const { token, from, to } of this.#normalizedMatcher.split(text.slice(0, text.length))) {
      if (token === undefined) {
        tokenizeWords(from, to);
      } else {
        out.push(token.id, text.startOf(from), text.endOf(to - 1));
        out.endWord();
      }
    }
  }
}

/** The added tokens together with those special tokens that the vocabulary has and the list lacks, by id. */
function withSpecials(
  model: readonly (readonly [token: string, id: number])[],
  added: readonly AddedToken[],
  specials: readonly string[],
): AddedToken[] {
  const ids = new Map(model);
  const known = new Set(added.map((token) => token.content));
  const all = [...added];
  for (const content of new Set(specials)) {
    const id = ids.get(content);
    if (id === undefined || known.has(content)) continue;
    all.push({ id, content, singleWord: false, lstrip: false, rstrip: false, normalized: false, special: true });
  }
  return all.sort((a, b) => a.id - b.id);
}

function bertTemplate(cls: number, sep: number): Template {
  const first: TemplatePiece[] = [
    { special: cls, typeId: 0 },
    { sequence: 0, typeId: 0 },
    { special: sep, typeId: 0 },
  ];
  return { single: first, pair: [...first, { sequence: 1, typeId: 1 }, { special: sep, typeId: 1 }] };
}

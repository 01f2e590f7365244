/**
 * BERT's tokenizer: clean-up, split into words, WordPiece, `[CLS] A [SEP] B [SEP]`. It gives the ids, offsets and masks
 * that Hugging Face's `BertTokenizerFast` gives, so that published weights mean what they meant in training.
 */
import { FormatError } from '@course/tensor';
import type { AddedToken } from './added-tokens.js';
import { loadBert, saveBert } from './bert-files.js';
import { BertModel, type BertModelOptions } from './bert-model.js';
import type { BertTokenizerOptions, BertTokenizerOverrides, ResolvedBertOptions } from './bert-options.js';
import type { ModelInputName } from './call.js';
import { joinWordPieces } from './decode.js';
import type { EncoderRecipe } from './recipe.js';
import type { PrintedSections } from './sections.js';
import { namingSource, type PretrainedSource } from './source.js';
import type { Template, TemplatePiece } from './template.js';
import { Tokenizer } from './tokenizer.js';
import { Vocab, vocabEntries } from './vocab.js';

const MODEL_INPUTS: readonly ModelInputName[] = ['inputIds', 'tokenTypeIds', 'attentionMask'];

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
  readonly #fixed: Omit<ResolvedBertOptions, 'addedTokens' | SpecialTokenOption>;
  readonly #model: BertModel;
  readonly #modelOptions: BertModelOptions;

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
    const { handleChineseChars = true, cleanText = true, decoderCleanUp = true } = options;
    const modelOptions = {
      tokens: model,
      unkId: vocab.requireId(unkToken),
      continuingSubwordPrefix,
      maxCharsPerWord,
      cleanText,
      handleChineseChars,
      stripAccents: options.stripAccents ?? lowercase,
      lowercase,
    };
    const textModel = new BertModel(modelOptions);
    const { cleanUpTokenizationSpaces = true, modelInputNames = MODEL_INPUTS } = options;
    super(
      { vocab, model: textModel, template },
      { unkToken, clsToken, sepToken, padToken, maskToken },
      { ...options, cleanUpTokenizationSpaces, modelInputNames },
    );
    this.#model = textModel;
    this.#modelOptions = modelOptions;
    this.#fixed = {
      continuingSubwordPrefix,
      maxCharsPerWord,
      lowercase,
      stripAccents: options.stripAccents,
      handleChineseChars,
      cleanText,
      decoderCleanUp,
      cleanUpTokenizationSpaces,
      paddingSide: this.paddingSide,
      truncationSide: this.truncationSide,
      padTokenTypeId: this.padTokenTypeId,
      modelInputNames,
      template,
    };
  }

  /**
   * Loads a tokenizer from a folder or model id with `tokenizer.json` or `vocab.txt` (and `tokenizer_config.json`), from one of
   * those files, or makes it from a vocabulary.
   *
   * @param source A path, an id, or `{ vocab, lowercase, … }`.
   * @param overrides What to change of what the files say, and where to look for them.
   * @throws FormatError when there are no such files, or they are malformed or of another kind of tokenizer.
   * @example
   * const tokenizer = await BertTokenizer.fromPretrained('./bert-base-cased');
   */
  static async fromPretrained(
    source: string | BertTokenizerOptions,
    overrides: BertTokenizerOverrides & PretrainedSource = {},
  ): Promise<BertTokenizer> {
    if (typeof source !== 'string') return new BertTokenizer({ ...source, ...overrides });
    const { options, additionalSpecialTokens } = await loadBert(source, overrides);
    return namingSource(source, () => {
      const tokenizer = new BertTokenizer({ ...options, ...overrides });
      tokenizer.addSpecialTokens({ additionalSpecialTokens: tokenizer.unlisted(additionalSpecialTokens) });
      return tokenizer;
    });
  }

  /** The options in force, defaults filled in. */
  get options(): ResolvedBertOptions {
    const { unkToken, clsToken, sepToken, padToken, maskToken } = this;
    return { ...this.#fixed, unkToken, clsToken, sepToken, padToken, maskToken, addedTokens: this.vocab.added };
  }

  get unkToken(): string {
    return this.specialTokens.unkToken ?? '[UNK]';
  }

  get clsToken(): string {
    return this.specialTokens.clsToken ?? '[CLS]';
  }

  get sepToken(): string {
    return this.specialTokens.sepToken ?? '[SEP]';
  }

  get maskToken(): string {
    return this.specialTokens.maskToken ?? '[MASK]';
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
    return this.#fixed.lowercase;
  }

  /** The text as WordPiece sees it: cleaned, and lowered and without accents where the model is uncased. */
  normalize(text: string): string {
    return this.#model.normalize(text);
  }

  protected override files(sections: PrintedSections): Record<string, string> {
    return saveBert(this, this.vocab, this.options, sections);
  }

  override toString(): string {
    return this.describe('BertTokenizer', { lowercase: this.lowercase });
  }

  protected override recipe(): EncoderRecipe {
    const model = { kind: 'bert' as const, options: this.#modelOptions };
    return { model, added: this.vocab.added, template: this.#fixed.template };
  }

  protected override joinTokens(tokens: readonly string[], cleanUp: boolean): string {
    const { continuingSubwordPrefix, decoderCleanUp } = this.#fixed;
    return joinWordPieces(tokens, { prefix: continuingSubwordPrefix, decoderCleanUp, cleanUp });
  }
}

type SpecialTokenOption = 'unkToken' | 'clsToken' | 'sepToken' | 'padToken' | 'maskToken';

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

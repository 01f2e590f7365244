/** `AutoTokenizer`: the tokenizer class that the files of a model ask for. */
import { FormatError } from '@course/tensor';
import { BertTokenizer } from './bert-tokenizer.js';
import { GPT2Tokenizer } from './gpt2-tokenizer.js';
import { type PretrainedSource, TokenizerFolder } from './source.js';
import type { Tokenizer } from './tokenizer.js';
import { TokenizerConfig } from './tokenizer-config.js';
import { modelKind } from './tokenizer-json.js';

/**
 * Loads a tokenizer whose kind its files tell, after
 * [AutoTokenizer](https://huggingface.co/docs/transformers/model_doc/auto#transformers.AutoTokenizer).
 *
 * @example
 * const tokenizer = await AutoTokenizer.fromPretrained('./distilbert-base-uncased');
 */
export const AutoTokenizer = {
  /**
   * @param source A folder or model id with `tokenizer.json`, `vocab.txt`, or `vocab.json` and `merges.txt`.
   * @param where Where to look for the files of an id.
   * @throws FormatError when there is none, or it asks for a kind of tokenizer that is not here.
   */
  async fromPretrained(source: string, where: PretrainedSource = {}): Promise<Tokenizer> {
    const folder = await TokenizerFolder.open(source, where);
    const json = await folder.readJson('tokenizer.json');
    if (json !== undefined) {
      const kind = modelKind(json);
      if (kind === 'WordPiece') return BertTokenizer.fromPretrained(source, where);
      if (kind === 'BPE') return GPT2Tokenizer.fromPretrained(source, where);
      throw new FormatError(
        `${json.where}: unsupported tokenizer model ${JSON.stringify(kind)}; supported: "WordPiece", "BPE"`,
      );
    }
    if ((await folder.read('vocab.txt')) !== undefined) return BertTokenizer.fromPretrained(source, where);
    if ((await folder.read('merges.txt')) !== undefined) return GPT2Tokenizer.fromPretrained(source, where);
    const { tokenizerClass } = await TokenizerConfig.read(folder);
    throw folder.nothingHere(
      'tokenizer.json',
      'vocab.txt',
      `vocab.json with merges.txt${tokenizerClass === undefined ? '' : ` (tokenizer_config.json asks for ${tokenizerClass})`}`,
    );
  },
};

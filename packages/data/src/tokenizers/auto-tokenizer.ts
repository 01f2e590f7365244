/** `AutoTokenizer`: the tokenizer class that the files of a model ask for. */
import { FormatError } from '@course/tensor';
import { JsonNode, readText } from '../text-file.js';
import { BertTokenizer } from './bert-tokenizer.js';
import type { Tokenizer } from './tokenizer.js';
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
   * @param folder A folder with `tokenizer.json` or `vocab.txt`.
   * @throws FormatError when there is none, or it asks for a kind of tokenizer that is not here.
   */
  async fromPretrained(folder: string): Promise<Tokenizer> {
    const file = `${folder.replace(/[/\\]$/, '')}/tokenizer.json`;
    const text = await readText(file);
    if (text !== undefined) {
      const kind = modelKind(JsonNode.parse(text, file));
      if (kind !== 'WordPiece') {
        throw new FormatError(`${file}: unsupported tokenizer model ${JSON.stringify(kind)}; supported: "WordPiece"`);
      }
    }
    return BertTokenizer.fromPretrained(folder);
  },
};

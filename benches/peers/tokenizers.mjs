// Hugging Face's tokenizers in JavaScript, on the texts and the tokenizer.json that ours wrote.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { serve } from './harness.mjs';

const json = (name) => JSON.parse(readFileSync(join(process.env.COURSE_BENCH_FOLDER ?? '', name), 'utf8'));

function encoding(kind) {
  return () => {
    const texts = json('texts.json');
    const tokenizer = new Tokenizer(json(`${kind}/tokenizer.json`), json(`${kind}/tokenizer_config.json`));
    return () => {
      for (const text of texts) tokenizer.encode(text);
    };
  };
}

await serve({
  'tokenizer WordPiece': encoding('WordPiece'),
  'tokenizer WordPiece, batch': encoding('WordPiece'),
  'tokenizer WordPiece, threads': encoding('WordPiece'),
  'tokenizer BPE': encoding('BPE'),
});

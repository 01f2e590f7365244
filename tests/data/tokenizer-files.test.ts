// Tokenizers on disk: what is saved is loaded again, by us and (tokenizer-oracle.test.ts) by the Rust library; what is malformed is
// refused by name.
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AutoTokenizer, BertTokenizer } from '@course/data';
import { FormatError } from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { failure, temporaryFolder } from './support/files.js';
import { smallVocab } from './support/vocabulary.js';

const { folder, write } = temporaryFolder();
const sample = 'Héllo, the unaffable [MASK] 一丁 world! <new>';
const added = {
  id: smallVocab.length,
  content: '<new>',
  singleWord: false,
  lstrip: true,
  rstrip: false,
  normalized: false,
  special: false,
};

describe('save', () => {
  it.each([
    ['uncased', new BertTokenizer({ vocab: smallVocab })],
    ['cased', new BertTokenizer({ vocab: smallVocab, lowercase: false, modelMaxLength: 64 })],
    [
      'odd',
      new BertTokenizer({
        vocab: smallVocab,
        stripAccents: false,
        handleChineseChars: false,
        paddingSide: 'left',
        truncationSide: 'left',
        addedTokens: [added],
        cleanUpTokenizationSpaces: false,
      }),
    ],
    [
      'own special tokens',
      new BertTokenizer({
        vocab: smallVocab.map((token) => token.replace(/^\[(.*)\]$/, '<$1>')),
        unkToken: '<UNK>',
        clsToken: '<CLS>',
        sepToken: '<SEP>',
        padToken: '<PAD>',
        maskToken: '<MASK>',
      }),
    ],
  ])('keeps an %s tokenizer whole, in tokenizer.json and in vocab.txt', async (name, tokenizer) => {
    const whole = join(folder, name, 'nested');
    await tokenizer.save(whole);
    expect(readdirSync(whole).sort()).toEqual([
      'special_tokens_map.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'vocab.txt',
    ]);
    const old = join(folder, `${name}-vocab-only`);
    mkdirSync(old);
    for (const file of ['vocab.txt', 'tokenizer_config.json']) cpSync(join(whole, file), join(old, file));
    for (const source of [whole, `${whole}/`, old]) {
      const loaded = await BertTokenizer.fromPretrained(source);
      expect(loaded.encode(sample, { pair: 'in' })).toEqual(tokenizer.encode(sample, { pair: 'in' }));
      expect(String(loaded)).toBe(String(tokenizer));
      expect(loaded.toFiles()).toEqual(tokenizer.toFiles());
    }
    const auto = await AutoTokenizer.fromPretrained(whole);
    expect(auto.encode(sample)).toEqual(tokenizer.encode(sample));
  });

  it('writes a token a line, in the order of ids', async () => {
    await new BertTokenizer({ vocab: smallVocab }).save(join(folder, 'lines'));
    expect(readFileSync(join(folder, 'lines/vocab.txt'), 'utf8')).toBe(`${smallVocab.join('\n')}\n`);
  });

  it('says what stands in the way', async () => {
    const file = write('a-file', '');
    const error = await failure(new BertTokenizer({ vocab: smallVocab }).save(join(file, 'inside')));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toContain('a-file');
  });
});

describe('fromPretrained', () => {
  const json = new BertTokenizer({ vocab: smallVocab }).toFiles()['tokenizer.json'] ?? '';
  const changed = (name: string, change: (content: Record<string, Record<string, unknown>>) => void): string => {
    const content = JSON.parse(json);
    change(content);
    return write(name, JSON.stringify(content));
  };

  it('reads single files, and a vocabulary given outright', async () => {
    const vocabFile = write('vocab.txt', `\ufeff${smallVocab.join('\r\n')}`);
    const ids = new BertTokenizer({ vocab: smallVocab }).encode(sample).inputIds;
    for (const source of [vocabFile, write('tokenizer.json', json), { vocab: smallVocab }]) {
      expect((await BertTokenizer.fromPretrained(source)).encode(sample).inputIds).toEqual(ids);
    }
    const cased = await BertTokenizer.fromPretrained(vocabFile, { lowercase: false });
    expect(cased.tokenize('Hello')).toEqual(['Hello']);
  });

  it('reads files of old: BertProcessing, no decoder, no added tokens, missing flags', async () => {
    const old = changed('old.json', (content) => {
      content.post_processor = { type: 'BertProcessing', sep: ['[SEP]', 3], cls: ['[CLS]', 2] };
      delete content.decoder;
      delete content.added_tokens;
      content.truncation = { max_length: 3, strategy: 'LongestFirst', stride: 0 };
    });
    const tokenizer = await BertTokenizer.fromPretrained(old);
    expect(tokenizer.encode('the world [MASK]', { pair: 'in' })).toEqual(
      new BertTokenizer({ vocab: smallVocab }).encode('the world [MASK]', { pair: 'in' }),
    );
  });

  it('lets tokenizer_config.json overrule tokenizer.json', async () => {
    const both = join(folder, 'both');
    mkdirSync(both);
    writeFileSync(join(both, 'tokenizer.json'), json);
    writeFileSync(
      join(both, 'tokenizer_config.json'),
      '{"do_lower_case": false, "model_max_length": 1000000000000000019884624838656, "mask_token": {"content": "[MASK]"}}',
    );
    const tokenizer = await BertTokenizer.fromPretrained(both);
    expect(tokenizer.lowercase).toBe(false);
    expect(tokenizer.modelMaxLength).toBeUndefined();
  });

  it.each<[string, () => string, RegExp]>([
    ['no folder', () => join(folder, 'bert-base-cased'), /bert-base-cased: no such folder to load a tokenizer from$/],
    [
      'an empty folder',
      () => mkdirSync(join(folder, 'empty', 'inner'), { recursive: true }) ?? '',
      /no tokenizer here: neither tokenizer.json nor vocab.txt$/,
    ],
    ['no file', () => join(folder, 'none.json'), /none.json: no such file$/],
    ['an empty vocabulary', () => write('empty.txt', '\n'), /empty.txt: the vocabulary is empty$/],
    [
      'a vocabulary that is not UTF-8',
      () => write('latin.txt', Uint8Array.of(0x61, 0x0a, 0xe9)),
      /latin.txt: not UTF-8 text$/,
    ],
    [
      'a vocabulary without [CLS]',
      () => write('short.txt', '[PAD]\n[UNK]\n[SEP]\n'),
      /short.txt: vocabulary: the clsToken "\[CLS\]" is not among the 3 tokens/,
    ],
    ['broken JSON', () => write('broken.json', json.slice(0, 500)), /broken.json: not valid JSON: /],
    [
      'a number where a flag belongs',
      () => changed('flag.json', (c) => (c.normalizer = { ...c.normalizer, lowercase: 1 })),
      /flag.json: normalizer: lowercase: expected true or false, found 1$/,
    ],
    [
      'a token without a number',
      () => changed('id.json', (c) => (c.model = { ...c.model, vocab: { '[UNK]': '0' } })),
      /model: vocab: \[UNK\]: expected a number, found "0"$/,
    ],
    [
      'another model',
      () => changed('bpe.json', (c) => (c.model = { type: 'BPE' })),
      /bpe.json: model: unsupported type "BPE"; a BERT tokenizer has WordPiece$/,
    ],
    [
      'another normalizer',
      () => changed('nfc.json', (c) => (c.normalizer = { type: 'NFC' })),
      /normalizer: unsupported type "NFC"/,
    ],
    [
      'another splitter',
      () => changed('bytes.json', (c) => (c.pre_tokenizer = { type: 'ByteLevel' })),
      /pre_tokenizer: unsupported type "ByteLevel"/,
    ],
    [
      'another frame',
      () => changed('roberta.json', (c) => (c.post_processor = { type: 'RobertaProcessing' })),
      /post_processor: unsupported type "RobertaProcessing"/,
    ],
    [
      'a frame with an undeclared token',
      () => changed('frame.json', (c) => (c.post_processor = { ...c.post_processor, special_tokens: {} })),
      /not one of the special tokens/,
    ],
    ['an array', () => write('array.json', '[]'), /array.json: expected an object, found \[\]$/],
  ])('refuses %s', async (_, path, message) => {
    const error = await failure(BertTokenizer.fromPretrained(path()));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(message);
  });

  it('names the kind of tokenizer that AutoTokenizer does not have', async () => {
    const t5 = join(folder, 't5');
    mkdirSync(t5);
    writeFileSync(join(t5, 'tokenizer.json'), '{"model": {"type": "Unigram"}}');
    const error = await failure(AutoTokenizer.fromPretrained(t5));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toContain('unsupported tokenizer model "Unigram"; supported: "WordPiece", "BPE"');
  });
});

// The byte-level tokenizer by hand: what it makes of text, files, special tokens, and what is refused. Equality with the reference on
// any text is gpt2-oracle.test.ts.
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AutoTokenizer, BertTokenizer, type FileRequest, GPT2Tokenizer, trainByteLevelBpe } from '@course/data';
import { ArgumentError, FormatError } from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { failure, temporaryFolder } from './support/files.js';

const { folder, write } = temporaryFolder();
const corpus = ["low low low lower lowest newer newest wider don't", 'naïve 😀 你好 aaaaaaaaaaaaaaaa'];
const tokenizer = trainByteLevelBpe(corpus, { vocabSize: 320, minFrequency: 1, modelMaxLength: 64 });
const sample = "Lower <|endoftext|> don't  naïve\n\n😀 你好 <new>";

describe('GPT2Tokenizer', () => {
  it('has tokens for every text, and gives every text back', () => {
    for (const text of [
      '',
      ' ',
      'lowest',
      ' \n\n\t x ',
      'Смысл',
      '👩‍👩‍👧',
      'a\u0000b',
      '\ufeffbom',
      'e\u0301',
      "'s 'S",
    ]) {
      expect(tokenizer.decode(tokenizer.encode(text).inputIds)).toBe(text);
    }
    // A lone surrogate cannot be written in UTF-8.
    expect(tokenizer.decode(tokenizer.encode('a\ud800b').inputIds)).toBe('a\ufffdb');
    expect(tokenizer.decode([tokenizer.convertTokensToIds('Ã')])).toBe('\ufffd');
  });

  it('takes the blank before a word into its token', () => {
    expect(tokenizer.tokenize('low lower')).toEqual(['low', 'Ġlower']);
    const { offsets, wordIds } = tokenizer.encode('low 😀 low');
    expect([offsets[0], offsets.at(-1)]).toEqual([
      [0, 3],
      [6, 10],
    ]);
    expect(wordIds.at(-1)).toBe(2);
  });

  it('joins what was learned first, the leftmost of equals', () => {
    const vocab = ['a', 'b', 'c', 'bc', 'ab', 'abc'];
    const one = new GPT2Tokenizer({ vocab, merges: ['b c', 'a b', 'ab c'] });
    expect(one.tokenize('abc')).toEqual(['a', 'bc']);
    const other = new GPT2Tokenizer({
      vocab,
      merges: [
        ['a', 'b'],
        ['b', 'c'],
        ['ab', 'c'],
      ],
    });
    expect(other.tokenize('abcabbc')).toEqual(['abc', 'ab', 'bc']);
    // Bytes without a token are left out, as in the reference.
    expect(other.tokenize('axb')).toEqual(['ab']);
  });

  it('stays within n log n, whatever the text consists of', () => {
    // A quadratic path takes minutes on these; the suite's time limit is the only clock.
    for (const unit of [
      'a',
      ' ',
      '.',
      '\n',
      "'",
      "'s",
      'é',
      '你',
      '😀',
      '\u0001',
      '\ud800',
      '<|endoftext',
      'a ',
      '  x',
    ]) {
      const text = unit.repeat(2 ** 20 / unit.length);
      expect(tokenizer.encodeBatch([`é${text}`]).length).toBe(1);
    }
  });

  it('has no padding token until it is given one', () => {
    const fresh = trainByteLevelBpe(corpus, { vocabSize: 300 });
    expect(() => fresh.encode('a', { padding: true })).toThrow(ArgumentError);
    expect(() => fresh.padTokenId).toThrow('this tokenizer has no padToken: name one with addSpecialTokens');
    expect(fresh.addSpecialTokens({ padToken: fresh.eosToken ?? '' })).toBe(0);
    expect(fresh.padTokenId).toBe(fresh.eosTokenId);
    expect(fresh.encode('low', { padding: 'max_length', maxLength: 3 }).tokens.at(-1)).toBe('<|endoftext|>');
    expect(fresh.addSpecialTokens({ padToken: '<pad>' })).toBe(1);
    expect(fresh.padTokenId).toBe(fresh.vocabSize - 1);
    expect(() => new GPT2Tokenizer({ vocab: ['a'], merges: [] }).convertTokensToIds('zz')).toThrow(ArgumentError);
  });

  it('prints itself', () => {
    const end = tokenizer.eosTokenId;
    expect(String(tokenizer)).toBe(
      `GPT2Tokenizer(vocabSize: ${tokenizer.vocabSize}, modelMaxLength: 64, addPrefixSpace: false, paddingSide: 'right', truncationSide: 'right',\n` +
        `  specialTokens: { bosToken: '<|endoftext|>' (${end}), eosToken: '<|endoftext|>' (${end}), unkToken: '<|endoftext|>' (${end}) })`,
    );
  });
});

describe('files', () => {
  it.each([
    ['plain', {}],
    ['prefixed', { addPrefixSpace: true, trimOffsets: true, truncationSide: 'left' as const }],
    ['unsplit', { useRegex: false, cleanUpTokenizationSpaces: true }],
  ])('keep a %s tokenizer whole', async (name, options) => {
    const original = trainByteLevelBpe(corpus, { vocabSize: 300, minFrequency: 1, ...options });
    original.addTokens(['<new>']);
    original.addSpecialTokens({ padToken: '<pad>', additionalSpecialTokens: ['<user>'] });
    const whole = join(folder, name, 'nested');
    await original.save(whole);
    expect(readdirSync(whole).sort()).toEqual([
      'merges.txt',
      'special_tokens_map.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'vocab.json',
    ]);
    for (const loaded of [await GPT2Tokenizer.fromPretrained(whole), await AutoTokenizer.fromPretrained(whole)]) {
      expect(loaded.encode(`${sample}<user>`)).toEqual(original.encode(`${sample}<user>`));
      expect(String(loaded)).toBe(String(original));
      expect(loaded.toFiles()).toEqual(original.toFiles());
    }
  });

  it('of old are enough: vocab.json, merges.txt and what stands beside them', async () => {
    const whole = join(folder, 'whole');
    await tokenizer.save(whole);
    const old = join(folder, 'old');
    mkdirSync(old);
    for (const file of ['vocab.json', 'merges.txt', 'special_tokens_map.json'])
      cpSync(join(whole, file), join(old, file));
    const next = tokenizer.vocabSize;
    write('old/added_tokens.json', JSON.stringify({ '<new>': next }));
    write('old/merges.txt', readFileSync(join(whole, 'merges.txt'), 'utf8').replaceAll('\n', '\r\n'));
    for (const loaded of [await GPT2Tokenizer.fromPretrained(old), await AutoTokenizer.fromPretrained(old)]) {
      expect(loaded.encode('low <new>').inputIds.at(-1)).toBe(next);
      expect(loaded.encode("Lower <|endoftext|> don't").inputIds).toEqual(
        tokenizer.encode("Lower <|endoftext|> don't").inputIds,
      );
      expect(loaded.decode(tokenizer.encode(sample).inputIds, { skipSpecialTokens: true })).not.toContain('endoftext');
    }
  });

  it('come from wherever a resolver finds them', async () => {
    await tokenizer.save(join(folder, 'cache'));
    const asked: FileRequest[] = [];
    const resolveFile = async (request: FileRequest): Promise<string | undefined> => {
      asked.push(request);
      const path = join(folder, 'cache', request.file);
      return readdirSync(join(folder, 'cache')).includes(request.file) ? path : undefined;
    };
    const loaded = await AutoTokenizer.fromPretrained('someone/tiny-gpt', { resolveFile, revision: 'v2' });
    expect(loaded.toFiles()).toEqual(tokenizer.toFiles());
    expect(asked[0]).toEqual({ repo: 'someone/tiny-gpt', file: 'tokenizer.json', revision: 'v2' });
    const none = await failure(BertTokenizer.fromPretrained('someone/nothing', { resolveFile: async () => undefined }));
    expect(none.message).toBe('someone/nothing: no tokenizer here: neither tokenizer.json nor vocab.txt');
    expect((await failure(AutoTokenizer.fromPretrained('./someone/nowhere'))).message).toContain('no such folder');
  });

  const json = tokenizer.toFiles()['tokenizer.json'] ?? '';
  const changed = (name: string, change: (content: Record<string, Record<string, unknown>>) => void): string => {
    const content = JSON.parse(json);
    change(content);
    return write(name, JSON.stringify(content));
  };

  it('of RoBERTa and of newer libraries are understood', async () => {
    const end = tokenizer.eosTokenId;
    const roberta = changed('roberta.json', (c) => {
      c.post_processor = {
        type: 'RobertaProcessing',
        sep: ['<|endoftext|>', end],
        cls: ['<|endoftext|>', end],
        trim_offsets: true,
        add_prefix_space: false,
      };
      const merges = (c.model?.merges ?? []) as string[];
      c.model = { ...c.model, merges: merges.map((merge) => merge.split(' ')) };
      c.padding = {
        strategy: 'BatchLongest',
        direction: 'Left',
        pad_id: end,
        pad_type_id: 0,
        pad_token: '<|endoftext|>',
      };
    });
    const loaded = await GPT2Tokenizer.fromPretrained(roberta);
    const { inputIds, offsets } = loaded.encode('low low', { pair: 'low' });
    const [low, spaced] = tokenizer.convertTokensToIds(['low', 'Ġlow']);
    expect(inputIds).toEqual([end, low, spaced, end, end, low, end]);
    expect(offsets[2]).toEqual([4, 7]);
    expect([loaded.paddingSide, loaded.padTokenId]).toEqual(['left', end]);
  });

  it.each([
    [
      'a merge of something that is no token',
      () => changed('m.json', (c) => (c.model = { ...c.model, merges: ['l o', 'zz y'] })),
      /m.json: model: merges\[1\]: the merge of zz and y needs zz, which is no token$/,
    ],
    [
      'a merge of three',
      () => changed('m3.json', (c) => (c.model = { ...c.model, merges: ['a b c'] })),
      /merges\[0\]: merge "a b c": expected two tokens/,
    ],
    [
      'another split',
      () => changed('split.json', (c) => (c.pre_tokenizer = { type: 'Sequence' })),
      /pre_tokenizer: unsupported type "Sequence"; a byte-level BPE tokenizer has ByteLevel$/,
    ],
    [
      'a normalizer',
      () => changed('nfc.json', (c) => (c.normalizer = { type: 'NFC' })),
      /normalizer: unsupported type "NFC"/,
    ],
    [
      'dropout',
      () => changed('dropout.json', (c) => (c.model = { ...c.model, dropout: 0.1 })),
      /model: dropout: unsupported value 0.1/,
    ],
    [
      'a word-piece model',
      () => changed('wp.json', (c) => (c.model = { type: 'WordPiece' })),
      /model: unsupported type "WordPiece"/,
    ],
    [
      'a sequence it cannot follow',
      () =>
        changed('seq.json', (c) => (c.post_processor = { type: 'Sequence', processors: [{ type: 'BertProcessing' }] })),
      /unsupported sequence of BertProcessing/,
    ],
    ['no such file', () => join(folder, 'absent.json'), /absent.json: no such file$/],
  ])('are refused for %s', async (_, path, message) => {
    const error = await failure(GPT2Tokenizer.fromPretrained(path()));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(message);
  });

  it('are refused for a merges.txt with a line that is none, by its number', async () => {
    const bad = join(folder, 'bad');
    await tokenizer.save(bad);
    cpSync(join(bad, 'vocab.json'), join(folder, 'bad2', 'vocab.json'), { recursive: true });
    write('bad2/merges.txt', '#version: 0.2\nl o\nlo  w\n');
    const error = await failure(GPT2Tokenizer.fromPretrained(join(folder, 'bad2')));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(/merges.txt, line 3: merge "lo {2}w": expected two tokens/);
  });
});

describe('trainByteLevelBpe', () => {
  it('joins the most frequent pairs first, from all 256 bytes on', () => {
    const small = trainByteLevelBpe(['hug '.repeat(10), 'pug '.repeat(5), 'hugs'], { vocabSize: 260, minFrequency: 2 });
    const tokens = [...small.getVocab().keys()];
    expect(tokens[0]).toBe('<|endoftext|>');
    expect(new Set(tokens.slice(1, 257)).size).toBe(256);
    // u g 16 times; then Ġ h 9 (a line starts without a blank): " hug" ten times a line but the first.
    expect(tokens.slice(257)).toEqual(['ug', 'hug', 'Ġhug']);
  });

  it('refuses nothing to learn from, and options that are no whole numbers', () => {
    expect(() => trainByteLevelBpe([])).toThrow('the texts hold nothing to learn from');
    expect(() => trainByteLevelBpe(['a'], { vocabSize: 1.5 })).toThrow(ArgumentError);
  });
});

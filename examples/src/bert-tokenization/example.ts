// What BERT reads: text in pieces of words, by number. The tokenizer is one of `--model` (bert-base-cased, bert-base-uncased, …), or
// one whose vocabulary is learned from the book that comes with the examples.
import { AutoTokenizer, type Tokenizer, trainWordPiece } from '@course/data';
import { check } from '../course/gap.js';
import { defineExample, type Lesson } from '../course/lesson.js';
import { textsFor } from '../texts/from-option.js';
import * as exercise from './exercise.js';
import * as solution from './solution.js';

/** Words of two letters at least, as a bag of words takes them. */
function wordTok(text: string): string[] {
  return text.match(/[\p{L}\p{N}_]{2,}/gu) ?? [];
}

async function tokenizerFor({ options }: Lesson, texts: readonly string[]): Promise<Tokenizer> {
  if (options.model !== undefined) return AutoTokenizer.fromPretrained(options.model);
  return trainWordPiece(texts, { vocabSize: options.quick ? 500 : 3000, lowercase: false, modelMaxLength: 512 });
}

/** The pieces of a text in a table: what tokenizers are seen to do. */
function drawTokens({ report }: Lesson, tokenizer: Tokenizer, text: string): void {
  const { tokens, inputIds, offsets, wordIds, specialTokensMask } = tokenizer.encode(text);
  report.table({
    title: text,
    head: ['token', 'id', 'stands for', 'word'],
    numbers: [1, 3],
    rows: tokens.map((token, i) => [
      token,
      String(inputIds[i]),
      specialTokensMask[i] === 1 ? '(special)' : text.slice(...(offsets[i] ?? [0, 0])),
      String(wordIds[i] ?? ''),
    ]),
  });
}

export const example = defineExample({
  title: 'What BERT reads',
  about: 'Frequent words are a token each, rare ones are put together from pieces.',
  pictures: ['Different tokens in the first texts'],
  solution,
  exercise,
  async run(lesson, { wholeAndSplit, sharedPieces, vocabularyGrowth }) {
    const all = await textsFor(lesson);
    const texts = lesson.options.quick ? all.slice(0, 60) : all;
    const tokenizer = await tokenizerFor(lesson, texts);
    lesson.say(`${String(tokenizer)}\n`);

    // Lesson 3. There is a typo in "neural".
    const encoding = tokenizer.encode('In this course we unravel the mysteries of nevral networks.');
    await lesson.show('encoding.tokens', encoding.tokens);

    // AICC303, 3: a sentence as numbers, and back.
    const encoded = tokenizer.encode('Transformer models are powerful.');
    await lesson.show('Token IDs', encoded.inputIds);
    await lesson.show('Decoded Tokens', tokenizer.convertIdsToTokens(encoded.inputIds));

    // UCI, 1.1: without the special tokens around it.
    const text = 'Transformers are a type of deeeep learning model used for NLP tasks. Epehmeral. Anachronism.';
    const tokens = tokenizer.tokenize(text);
    const tokenIds = tokenizer.convertTokensToIds(tokens);
    await lesson.show('Tokens', tokens);
    await lesson.show('Token IDs of the tokens', tokenIds);
    await lesson.show('Decoded Text', tokenizer.decode(tokenIds));

    // UCI, 1.2: all of one length. What is too long is cut, what is too short is padded.
    const cut = tokenizer.encode(text, { padding: 'max_length', truncation: true, maxLength: 10 });
    const padded = tokenizer.encode('A dog.', { padding: 'max_length', truncation: true, maxLength: 10 });
    for (const [name, { inputIds, tokenTypeIds, attentionMask }] of Object.entries({ cut, padded })) {
      await lesson.show(`Encoded Sequence, ${name}`, { inputIds, tokenTypeIds, attentionMask });
      await lesson.show(`Decoded, ${name}`, tokenizer.decode(inputIds));
    }

    // Lesson 3, exercises.
    const words = [...new Set(texts.flatMap(wordTok))].filter((word) => /^\p{Ll}{4,}$/u.test(word));
    const show = (word: string) => `${word} → ${tokenizer.tokenize(word).join(' ')}`;
    const [whole, split] = wholeAndSplit(tokenizer, words);
    check(whole.length === 2 && whole.every((word) => tokenizer.tokenize(word).length === 1), 'two words of one token');
    check(
      split.length === 2 && split.every((word) => tokenizer.tokenize(word).length === 2),
      'two words of two tokens',
    );
    await lesson.show('Words that have their own tokens', whole.map(show));
    await lesson.show('Words that are split in two', split.map(show));
    const [start, end] = sharedPieces(tokenizer, words);
    for (const [pair, side] of [[start, 0] as const, [end, -1] as const]) {
      const pieces = new Set(pair.map((word) => tokenizer.tokenize(word).at(side)));
      check(
        new Set(pair).size === 2 && pieces.size === 1,
        `two words that share their ${side ? 'last' : 'first'} piece`,
      );
    }
    await lesson.show('Words with the same first piece', start.map(show));
    await lesson.show('Words with the same last piece', end.map(show));

    const wordGrowth = vocabularyGrowth(texts, wordTok);
    const pieceGrowth = vocabularyGrowth(texts, (each) => tokenizer.encode(each).tokens);
    check(
      wordGrowth.at(-1)?.[1] === new Set(texts.flatMap(wordTok)).size,
      'after the last text, the vocabulary holds every word of the texts',
    );
    // From the end back to the last place where there were no more words than pieces.
    const last = wordGrowth.findLastIndex(([, count], i) => count <= (pieceGrowth[i]?.[1] ?? 0));
    const crossover = last + 1 < texts.length ? last + 2 : null;
    await lesson.show('Different words and different tokens in all texts', [
      wordGrowth.at(-1)?.[1] ?? 0,
      pieceGrowth.at(-1)?.[1] ?? 0,
    ]);
    await lesson.show(
      'Texts from which on BERT needs fewer tokens than there are words',
      crossover ?? `more than the ${texts.length} at hand`,
    );

    const { report } = lesson;
    report.section('Texts in pieces');
    drawTokens(lesson, tokenizer, 'In this course we unravel the mysteries of nevral networks.');
    drawTokens(lesson, tokenizer, 'Transformer models are powerful.');
    report.section('How vocabularies grow').lines({
      title: 'Different tokens in the first texts',
      note:
        crossover === null
          ? `There are more pieces than words up to ${texts.length} texts.`
          : `From ${crossover} texts on there are more words than pieces: names, rare words and typos never end, pieces do.`,
      xName: 'texts',
      yName: 'different tokens',
      curves: [
        { name: 'words', points: wordGrowth },
        { name: 'WordPiece', points: pieceGrowth },
        ...(crossover === null
          ? []
          : [{ name: 'crossover', points: [wordGrowth[crossover - 1] ?? [0, 0]] as const, look: 'marks' as const }]),
      ],
    });
  },
});

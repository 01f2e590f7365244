// How vocabularies of pieces are made: pairs that are frequent become one piece, until there are enough. First by hand on five words,
// then with the trainers on a book.
import { trainByteLevelBpe, trainWordPiece } from '@course/data';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import { textsFor } from '../texts/from-option.js';
import * as exercise from './exercise.js';
import * as solution from './solution.js';

const TOY = { hug: 10, pug: 5, pun: 12, bun: 4, hugs: 5 };

export const example = defineExample({
  title: 'WordPiece and BPE, trained',
  about: 'A vocabulary begins with letters; the most frequent pair becomes a new piece, again and again.',
  pictures: ['Pieces a word'],
  solution,
  exercise,
  async run(lesson, { countPairs, joinPair }) {
    // By hand: five words, of which a text has so many.
    let words: readonly solution.CountedPieces[] = Object.entries(TOY).map(([word, count]) => ({
      pieces: [...word],
      count,
    }));
    const merges: string[] = [];
    const rows: string[][] = [];
    for (let step = 0; step < 3; step++) {
      const [pair, count] = [...countPairs(words)].reduce((best, each) => (each[1] > best[1] ? each : best), ['', 0]);
      words = joinPair(words, pair);
      merges.push(pair);
      const now = words.map(({ pieces }) => pieces.join(' ')).join(', ');
      rows.push([String(step + 1), pair, String(count), now]);
      lesson.say(`${pair} occurs ${count} times: ${now}`);
    }
    lesson.say();
    await lesson.show('Joined pairs', merges);

    // The same from the library, which starts with all bytes instead of the letters at hand.
    const toy = Object.entries(TOY).flatMap(([word, count]) => new Array<string>(count).fill(word));
    const library = trainByteLevelBpe(toy, { vocabSize: 1 + 256 + 3, minFrequency: 1 });
    const learned = library.convertIdsToTokens([257, 258, 259]);
    await lesson.show('Learned by trainByteLevelBpe', learned);
    check(learned.join() === merges.map((pair) => pair.replace(' ', '')).join(), 'both learn the same pieces');
    lesson.report.table({
      title: 'By hand: hug 10 times, pug 5, pun 12, bun 4, hugs 5',
      head: ['step', 'pair', 'times', 'the words then'],
      numbers: [0, 2],
      rows,
    });

    // On a book: the larger the vocabulary, the fewer pieces a word needs.
    const all = await textsFor(lesson);
    const texts = lesson.options.quick ? all.slice(0, 40) : all;
    const sizes = lesson.options.quick ? [300, 600] : [300, 500, 1000, 2000, 4000, 8000];
    const wordCount = texts.join(' ').split(/\s+/).length;
    const sample = ['harpoon', 'whaleman', 'unspeakable', 'leviathanic'];
    const perWord: Record<'WordPiece' | 'byte-level BPE', [size: number, pieces: number][]> = {
      WordPiece: [],
      'byte-level BPE': [],
    };
    const cuts: string[][] = [];
    const bar = lesson.bar('vocabularies', sizes.length);
    for (const vocabSize of sizes) {
      const wordPiece = trainWordPiece(texts, { vocabSize });
      const bpe = trainByteLevelBpe(texts, { vocabSize });
      perWord.WordPiece.push([vocabSize, count(texts, (text) => wordPiece.tokenize(text)) / wordCount]);
      perWord['byte-level BPE'].push([vocabSize, count(texts, (text) => bpe.tokenize(text)) / wordCount]);
      for (const word of sample)
        cuts.push([String(vocabSize), word, wordPiece.tokenize(word).join(' '), bpe.tokenize(` ${word}`).join(' ')]);
      bar.advance(1, `${vocabSize} pieces`);
    }
    bar.stop();
    await lesson.show('Pieces a word by size of the vocabulary', perWord);

    // What the two do with what no book has: WordPiece gives up on the word, bytes spell it.
    const strange = 'a whale 🐳 emoji';
    const wordPiece = trainWordPiece(texts, { vocabSize: 600 });
    const bpe = trainByteLevelBpe(texts, { vocabSize: 600 });
    await lesson.show('WordPiece, there and back', wordPiece.decode(wordPiece.encode(strange).inputIds));
    await lesson.show('BPE, there and back', bpe.decode(bpe.encode(strange).inputIds));

    lesson.report
      .section('Trained on a book')
      .lines({
        title: 'Pieces a word',
        note: 'With the letters alone a word is some four pieces, with thousands of tokens most words are one. Punctuation counts, too.',
        xName: 'size of the vocabulary',
        yName: 'pieces a word',
        curves: Object.entries(perWord).map(([name, points]) => ({ name, points, look: 'marks' })),
      })
      .table({
        title: 'The same words with larger and larger vocabularies (Ġ is the blank before a word)',
        head: ['vocabulary', 'word', 'WordPiece', 'byte-level BPE'],
        numbers: [0],
        rows: sample.flatMap((word) => cuts.filter((row) => row[1] === word)),
      });
  },
});

function count(texts: readonly string[], tokenize: (text: string) => readonly string[]): number {
  return texts.reduce((sum, text) => sum + tokenize(text).length, 0);
}

// A text as numbers, a character each: the smallest vocabulary that can write anything the text could.
import { ArgumentError, randint, stack, type Tensor, tensor } from '@course/tensor';
import { readText } from '@course/tensor/files';
import type { Lesson } from '../course/lesson.js';
import { bookChapters } from './book.js';

/** The characters of a text, in order, and their numbers. */
export class Characters {
  readonly #characters: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(text: string) {
    this.#characters = [...new Set(text)].sort();
    this.#numbers = new Map(this.#characters.map((character, i) => [character, i]));
  }

  get size(): number {
    return this.#characters.length;
  }

  /** @throws ArgumentError for a character that the text does not have. */
  encode(text: string): number[] {
    return Array.from(text, (character) => {
      const number = this.#numbers.get(character);
      if (number === undefined)
        throw new ArgumentError(`the text that was learned from has no '${character}', so there is no number for it`);
      return number;
    });
  }

  decode(numbers: ArrayLike<number>): string {
    return Array.from(numbers, (number) => this.#characters[number] ?? '').join('');
  }
}

/** The text of `--data`, a file, else the book; in two parts, the last tenth to judge a model by. */
export async function splitText({ options }: Lesson): Promise<{ train: string; test: string; all: string }> {
  const all =
    options.data === undefined
      ? (await bookChapters()).map((chapter) => chapter.join('\n')).join('\n\n')
      : await readText(options.data);
  const part = options.quick ? all.slice(0, 20_000) : all;
  const cut = Math.floor(part.length * 0.9);
  return { train: part.slice(0, cut), test: part.slice(cut), all: part };
}

/** Something that the text has, for a model to go on from. */
export function beginning(text: string): string {
  return ['The whale', 'ROMEO:', 'Call me'].find((words) => text.includes(words)) ?? text.slice(0, 9);
}

/** Rows of consecutive characters from random places of a text, and the characters that follow each: [batch, length] both. */
export function randomRows(ids: Tensor, batch: number, length: number): [input: Tensor, target: Tensor] {
  const starts = randint(0, ids.size(0) - length, [batch, 1], { dtype: 'int32' });
  const places = starts.add(ids.newArange(length)); // [batch, length]
  const take = (at: Tensor): Tensor => ids.indexSelect(0, at.reshape([-1])).view([batch, length]);
  return [take(places), take(places.add(1))];
}

/** As many rows as a text has, one behind the other, and the characters that follow each. */
export function allRows(ids: readonly number[], length: number): [input: Tensor, target: Tensor] {
  const count = Math.min(64, Math.floor((ids.length - 1) / length));
  const rows = (shift: number): Tensor =>
    stack(
      Array.from({ length: count }, (_, i) =>
        tensor(ids.slice(i * length + shift, (i + 1) * length + shift), { dtype: 'int32' }),
      ),
    );
  return [rows(0), rows(1)];
}

/** What the next character costs, in nats, for one who has only counted which character follows which. */
export function bigramLoss(train: readonly number[], test: readonly number[], size: number): number {
  // One more of everything, so that nothing is impossible.
  const counts = new Float64Array(size * size).fill(1);
  for (let i = 1; i < train.length; i++) {
    const place = (train[i - 1] ?? 0) * size + (train[i] ?? 0);
    counts[place] = (counts[place] ?? 0) + 1;
  }
  let sum = 0;
  for (let i = 1; i < test.length; i++) {
    const row = (test[i - 1] ?? 0) * size;
    const total = counts.subarray(row, row + size).reduce((all, count) => all + count, 0);
    sum -= Math.log((counts[row + (test[i] ?? 0)] ?? 1) / total);
  }
  return sum / (test.length - 1);
}

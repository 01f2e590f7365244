// Texts to measure on: where real ones lie (COURSE_DATA, or shared/data beside the project), generated ones for where there are none, and
// the folder through which peers get what is measured; they are started before.
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const folder = join(tmpdir(), `course-bench-${process.pid}`);
process.env.COURSE_BENCH_FOLDER = folder;
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

export const data = process.env.COURSE_DATA ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url));

/** Texts whose words are as frequent as in language (Zipf), with capitals and punctuation; `words(i)` is the length of the i-th. */
export function generatedTexts(count: number, words: (i: number) => number): string[] {
  let seed = 1;
  const random = (): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const syllables = 'ba co di fu ge ha in jo ka lu me no or pi qua re si to un ve wa yo zi ing er ly th st'.split(' ');
  const lexicon = Array.from({ length: 20_000 }, () =>
    Array.from({ length: 1 + Math.floor(random() * 4) }, () => syllables[Math.floor(random() * syllables.length)]).join(
      '',
    ),
  );
  const word = (): string => lexicon[Math.floor(lexicon.length ** random()) - 1] ?? 'the';
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: words(i) }, () => {
      const chance = random();
      if (chance < 0.06) return `${word()},`;
      return chance < 0.12 ? `${word()}. ${word().toUpperCase()}` : word();
    }).join(' '),
  );
}

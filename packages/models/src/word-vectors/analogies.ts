/** Analogies as a test of word vectors: a is to b as c is to d (Mikolov et al. 2013), many questions in one matmul. */
import { ArgumentError } from '@course/tensor';
import type { KeyedVectors } from './keyed-vectors.js';
import { largest } from './largest.js';

/** a is to b as c is to d. */
export type Analogy = readonly [a: string, b: string, c: string, d: string];

/** Analogies of one kind. */
export interface AnalogySection {
  readonly section: string;
  readonly questions: readonly Analogy[];
}

/** How a section was answered. */
export interface AnalogyResult {
  readonly section: string;
  readonly correct: readonly Analogy[];
  readonly incorrect: readonly Analogy[];
  /** With a word that is not in the vocabulary: neither right nor wrong. */
  readonly unknown: readonly Analogy[];
}

/** How all were answered. */
export interface AnalogyReport {
  /** Right ones among those whose words are known, in [0, 1]; 0 when there are none. */
  readonly accuracy: number;
  readonly sections: readonly AnalogyResult[];
}

/** Similarities that one matmul may bring back. */
const MOST_RESULTS = 4_000_000;

/** See {@link KeyedVectors.evaluateWordAnalogies}. */
export async function evaluateAnalogies(
  vectors: KeyedVectors,
  sections: readonly AnalogySection[],
): Promise<AnalogyReport> {
  const results: AnalogyResult[] = [];
  let [right, asked] = [0, 0];
  for (const { section, questions } of sections) {
    const known = questions.filter((question) => question.every((word) => vectors.has(word)));
    const [correct, incorrect]: [Analogy[], Analogy[]] = [[], []];
    const step = Math.max(1, Math.floor(MOST_RESULTS / vectors.length));
    for (let from = 0; from < known.length; from += step) {
      const some = known.slice(from, from + step);
      const similarities = await vectors.similarities(some.map((question) => direction(vectors, question)));
      for (const [i, question] of some.entries()) {
        const given = new Set(question.slice(0, 3).map((word) => vectors.getIndex(word)));
        const [best] = largest(similarities[i] ?? new Float32Array(), 1, vectors.length, given);
        (best === vectors.getIndex(question[3]) ? correct : incorrect).push(question);
      }
    }
    right += correct.length;
    asked += known.length;
    const unknown = questions.filter((question) => !question.every((word) => vectors.has(word)));
    results.push({ section, correct, incorrect, unknown });
  }
  return { accuracy: asked === 0 ? 0 : right / asked, sections: results };
}

/** b - a + c, of directions. */
function direction(vectors: KeyedVectors, [a, b, c]: Analogy): Float32Array {
  const [x, y, z] = [a, b, c].map((word) => vectors.getVector(word, { norm: true }));
  return Float32Array.from(y ?? [], (value, k) => value - (x?.[k] ?? 0) + (z?.[k] ?? 0));
}

/**
 * The questions of a file like word2vec's `questions-words.txt`: lines of four words, sections after a line that begins with a colon.
 *
 * @throws ArgumentError that names a line of another form.
 * @example
 * parseAnalogies(': capitals\nparis france rome italy')[0]?.section; // 'capitals'
 */
export function parseAnalogies(text: string): AnalogySection[] {
  const sections: { section: string; questions: Analogy[] }[] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const words = line.trim().split(/\s+/);
    if (line.startsWith(':')) sections.push({ section: line.slice(1).trim(), questions: [] });
    else if (words.length === 4) {
      if (sections.length === 0) sections.push({ section: '', questions: [] });
      sections.at(-1)?.questions.push(words as unknown as Analogy);
    } else if (line.trim() !== '')
      throw new ArgumentError(`parseAnalogies: line ${i + 1}: an analogy has four words, got ${words.length}`);
  }
  return sections;
}

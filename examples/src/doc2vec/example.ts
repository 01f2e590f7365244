// Doc2Vec: a vector for each document, learned with its words; documents about the same lie together, and new ones find their place.
import { Doc2Vec, type TaggedDocument } from '@course/models';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import { pca } from '../word-vectors/pca.js';
import { TrainingCurve } from '../word-vectors/show.js';
import { worldSentences } from '../word-vectors/world.js';

/** What a document is about, by words that only such sentences have. */
const subjects = {
  places: ['capital', 'parliament', 'border', 'mayor', 'trams', 'city', 'army', 'farmers', 'streets'],
  people: ['he', 'she', 'his', 'her', 'himself', 'herself'],
  work: ['we', 'they', 'you'],
} as const;

function subjectOf(words: readonly string[]): string {
  const found = Object.entries(subjects).find(([, marks]) => marks.some((mark) => words.includes(mark)));
  return found?.[0] ?? 'qualities';
}

export const example = defineExample({
  title: 'Doc2Vec',
  about: 'Documents of eight sentences about one subject each; nothing but their words says which.',
  pictures: ['Documents by PV-DBOW'],
  solution: {},
  async run(lesson) {
    const seed = lesson.seed(1);
    const { quick, epochs = quick ? 20 : 40 } = lesson.options;
    const bySubject = new Map<string, string[][]>();
    for (const sentence of worldSentences(quick ? 2000 : 8000)) {
      const subject = subjectOf(sentence);
      bySubject.set(subject, [...(bySubject.get(subject) ?? []), sentence]);
    }
    const documents: TaggedDocument[] = [];
    for (const [subject, sentences] of bySubject)
      for (let i = 0; i + 8 <= Math.min(sentences.length, quick ? 160 : 800); i += 8)
        documents.push({ words: sentences.slice(i, i + 8).flat(), tags: [`${subject} ${i / 8 + 1}`] });
    lesson.say(`${documents.length} documents of ${bySubject.size} subjects: ${[...bySubject.keys()].join(', ')}\n`);

    const kind = (tag: string): string => tag.split(' ')[0] ?? '';
    for (const [name, dm] of [
      ['PV-DBOW', false],
      ['PV-DM', true],
    ] as const) {
      const curve = new TrainingCurve(lesson, name);
      const model = await Doc2Vec.fit(documents, {
        vectorSize: 24,
        window: 4,
        minCount: 2,
        dm,
        dbowWords: true,
        epochs,
        alpha: 0.05,
        seed,
        computeLoss: true,
        onProgress: curve.onProgress,
      });
      const { dv } = model;
      let right = 0;
      for (const tag of dv.indexToKey) {
        const [nearest] = await dv.mostSimilar({ positive: tag, topn: 1 });
        if (kind(nearest?.[0] ?? '') === kind(tag)) right++;
      }
      const share = right / dv.length;
      await lesson.show(`${name}: nearest document about the same subject`, Number(share.toFixed(3)));
      if (!dm) check(share > 0.6, 'most documents must lie beside one about the same subject');

      const text = 'the queen took her crown and she herself would see to the palace of the realm'.split(' ');
      const found = await dv.similarByVector(model.inferVector(text, { epochs: 200 }), 5);
      await lesson.show(
        `${name}: nearest to a new text about a queen`,
        found.map(([tag]) => tag),
      );

      const vectors = dv.toTensor();
      const { projected } = await pca(vectors);
      vectors.dispose();
      lesson.report.section(name).scatter({
        title: `Documents by ${name}`,
        note: `${(100 * share).toFixed(0)} % have a nearest neighbour of the same subject.`,
        xName: 'first component',
        yName: 'second component',
        groups: [...bySubject.keys()].map((subject) => ({
          name: subject,
          points: projected
            .filter((_, i) => kind(dv.indexToKey[i] ?? '') === subject)
            .map(([x = 0, y = 0]) => [x, y] as const),
        })),
      });
      dv.dispose();
    }
  },
});
